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
"""The poster's table on tiny frames, and the picture of edges."""

import json

from click.testing import CliRunner

import cv2

from depth_nn_transport.bench import hific, poster
from depth_nn_transport.bench.command import bench
from depth_nn_transport.bench.edge_picture import busiest_row, draw_edges, richest_window
from depth_nn_transport.bench.frames import Frame
from depth_nn_transport.codec.model_files import ModelFiles, MODELS
from depth_nn_transport.training.hific.weights import FULL, NETS, WITHOUT_ADVERSARIAL

import numpy as np

import pytest


@pytest.fixture
def tiny_picture(monkeypatch, synthetic_depth):
    """Draw the picture of one small frame."""
    class Stereo:
        depth = synthetic_depth(96, 128)

    monkeypatch.setattr(poster, 'simulate_stereo', lambda seed, frames: iter([Stereo()]))


def test_the_command_writes_tables_and_the_picture(tmp_path, synthetic_depth, tiny_picture):
    folder = tmp_path / 'recording'
    folder.mkdir()
    cv2.imwrite(str(folder / '0.png'), synthetic_depth(64, 96))
    out = tmp_path / 'out'
    result = CliRunner().invoke(bench, ['poster', str(folder), '--out', str(out)])
    assert result.exit_code == 0, result.output
    assert (out / 'poster.md').read_text() in result.output
    assert '| poster, fully trained | 50 | 97 | 0.32 |' in result.output
    report = json.loads((out / 'poster.json').read_text())
    codecs = [row['codec'] for row in report['operating_points']]
    assert codecs[:len(NETS)] == [net.name for net in NETS]
    assert set(codecs[len(NETS):]) == {'ours', 'jpegxl'}
    assert all(row['holes_exact'] == 1 for row in report['operating_points'])
    assert (out / poster.PICTURE).read_bytes().startswith(b'\x89PNG')


def test_an_empty_folder_is_told(tmp_path):
    result = CliRunner().invoke(bench, ['poster', str(tmp_path), '--out', str(tmp_path / 'out')])
    assert result.exit_code == 1
    assert 'no .png frames' in result.output


def test_the_setting_with_the_nearest_rate_is_chosen(synthetic_depth):
    frame = Frame.prepare(synthetic_depth())

    class Linear:
        settings = (1, 2, 4)

        def encode(self, frame, setting):
            return bytes(round(setting * frame.depth.size / 80))

    chosen = [poster.nearest_setting(Linear(), [frame], rate) for rate in (0.05, 0.19, 0.32)]
    assert chosen == [1, 2, 4]


def test_both_full_nets_send_the_same_bytes(synthetic_depth):
    nets = {codec.name: codec for codec in hific.load_peers('main')}
    frame = Frame.prepare(synthetic_depth())
    streams = [nets[net.name].encode(frame, 1) for net in (WITHOUT_ADVERSARIAL, FULL)]
    assert streams[0] == streams[1]


def test_the_window_is_where_the_edges_are():
    depth = np.full((200, 300), 2000, np.uint16)
    depth[90:120, 200:230] = 900
    rows, columns = richest_window(Frame.prepare(depth))
    assert rows.start <= 90 and rows.stop >= 120 and rows.stop - rows.start == 64
    assert columns.start <= 200 and columns.stop >= 230
    assert 90 <= busiest_row(depth) < 120


def test_the_picture_is_written(tmp_path, synthetic_depth):
    codec = hific.load_peers('main')[0]
    draw_edges(tmp_path / 'edges.png', [Frame.prepare(synthetic_depth())], {'one': (codec, 1)})
    assert (tmp_path / 'edges.png').read_bytes().startswith(b'\x89PNG')


def test_the_nets_are_small_and_described():
    folder = MODELS / 'hific'
    assert (folder / 'MODEL_CARD.md').read_text().startswith('# Model `hific`')
    files = {f'{run}.npz' for net in NETS for run in net.runs}
    assert {path.name for path in folder.glob('*.npz')} == files
    assert sum(path.stat().st_size for path in folder.glob('*.npz')) < 3e6


def test_the_codec_does_not_offer_the_nets():
    with pytest.raises(ValueError, match=r'known models: main$'):
        ModelFiles.load('no-such-model')
