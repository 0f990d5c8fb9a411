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
"""An hour of camera, extrapolated from a few frames."""

from __future__ import annotations

import json

from click.testing import CliRunner

import cv2

from depth_nn_transport.bag.depth_messages import depth_of, image_message, read_message
from depth_nn_transport.bag.message_types import COMPRESSED_IMAGE, make
from depth_nn_transport.bench.bag import FRAMES_AN_HOUR, PNG, to_transport
from depth_nn_transport.bench.command import bench

import numpy as np

import pytest

FRAME = np.tile(np.rint(640_000 / np.arange(400, 464)), (48, 1)).astype(np.uint16)


@pytest.mark.parametrize('form', ['png', 'rvl'])
def test_peers_are_what_the_bag_command_reads(form):
    stamp = make('builtin_interfaces/msg/Time', sec=1, nanosec=2)
    header = make('std_msgs/msg/Header', stamp=stamp, frame_id='camera')
    converted = to_transport(form, 0, image_message(FRAME, '16UC1', header))
    message = read_message(converted.data, COMPRESSED_IMAGE)
    np.testing.assert_array_equal(depth_of(message), FRAME)
    assert converted.pixels == FRAME.size and message.header == header


def test_sizes_and_times_are_those_of_an_hour(tmp_path):
    recording = tmp_path / 'recording'
    recording.mkdir()
    for number in range(3):
        cv2.imwrite(str(recording / f'{number}.png'), FRAME)
    result = CliRunner().invoke(bench, [
        'bag', str(recording), '--out', str(tmp_path / 'out'), '--threads', '1', '--json'])
    assert result.exit_code == 0, result.output
    rows = {row['way']: row for row in json.loads(result.stdout)['recordings']}
    assert rows['raw']['bytes_an_hour'] > FRAMES_AN_HOUR * FRAME.nbytes
    assert all(row['frames'] == 3 and row['frames_per_second'] > 0 for row in rows.values())
    assert all(row['bytes_an_hour'] < rows['raw']['bytes_an_hour'] for row in rows.values()
               if row['way'] != 'raw')
    table = (tmp_path / 'out' / 'bag.md').read_text()
    assert f'| {PNG} |' in table and '64x48, 3 frames' in table
    assert cv2.imread(str(tmp_path / 'out' / 'bag.png')).shape[1] == 1200


def test_frames_that_cannot_be_kept_are_told(tmp_path):
    recording = tmp_path / 'tiny'
    recording.mkdir()
    cv2.imwrite(str(recording / '0.png'), np.full((7, 7), 900, np.uint16))
    result = CliRunner().invoke(bench, [
        'bag', str(recording), '--out', str(tmp_path / 'out'), '--threads', '1'])
    assert result.exit_code == 1
    assert 'ours' in result.output and '7x7' in result.output
