# Copyright 2026 depth_nn_transport contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
import json

from click.testing import CliRunner

import cv2

from depth_nn_transport.bench.command import bench

import pytest


def test_tables_have_a_line_for_each_folder(tmp_path, synthetic_depth):
    folders = [tmp_path / name for name in ('first', 'second')]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        cv2.imwrite(str(folder / '0.png'), synthetic_depth(48, 64, seed))
    out = tmp_path / 'out'
    result = CliRunner().invoke(bench, ['bounded', *map(str, folders), '--out', str(out)])
    assert result.exit_code == 0, result.output
    text = (out / 'bounded.md').read_text()
    assert text in result.output
    # Ratios, bits, errors and the lossless table; times have three lines for each.
    assert text.count('\n| first |') == text.count('\n| second |') == 4 + 3
    points = {
        (point['folder'], point['codec'], point['setting']): point
        for point in json.loads((out / 'bounded.json').read_text())['operating_points']}
    assert len(points) == 2 * (3 * 5 + 2)
    ours, peer = (points['first', codec, 2] for codec in ('ours-bounded', 'jpegxl-e7-rank'))
    assert ours['max_q'] <= 2
    ratios = next(line for line in text.splitlines() if line.startswith('| first |')).split('|')
    assert float(ratios[4].split('/')[0]) == pytest.approx(ours['bits'] / peer['bits'], abs=0.01)


def test_a_folder_without_frames_is_told(tmp_path):
    result = CliRunner().invoke(bench, ['bounded', str(tmp_path), '--out', str(tmp_path)])
    assert result.exit_code != 0
    assert 'no .png frames' in result.output
