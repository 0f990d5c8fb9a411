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
"""The command `demo`."""

from __future__ import annotations

from pathlib import Path
import re

from click.testing import CliRunner

import cv2

from depth_nn_transport.demo.command import demo
from depth_nn_transport.processes.environment import isolate

import numpy as np

import pytest


def write_frames(folder: Path, count: int) -> None:
    """Write 16-bit PNGs of a moving slope with a hole."""
    for index in range(count):
        depth = np.tile(np.rint(640000 / np.arange(300 + index, 460 + index)), (96, 1))
        depth[:20, :20] = 0
        cv2.imwrite(str(folder / f'{index}.png'), depth.astype(np.uint16))


@pytest.mark.dds
def test_recorded_frames_are_played(tmp_path):
    write_frames(tmp_path, 5)
    result = CliRunner().invoke(
        demo, ['--frames', str(tmp_path), '--rate', '5', '--out', str(tmp_path / 'out')])
    assert result.exit_code == 0, result.output
    # A slow machine may leave out frames that a newer one overtook.
    assert re.search(r'5 / [1-5]\b', result.output), result.output
    assert (tmp_path / 'out' / 'comparison.png').exists()


def test_a_folder_without_frames_is_an_error(tmp_path):
    result = CliRunner().invoke(demo, ['--frames', str(tmp_path)])
    assert result.exit_code == 1
    assert 'no *.png file in' in result.output


def test_a_picture_of_another_kind_is_an_error(tmp_path):
    cv2.imwrite(str(tmp_path / 'colour.png'), np.zeros((20, 20, 3), np.uint8))
    result = CliRunner().invoke(demo, ['--frames', str(tmp_path)])
    assert result.exit_code == 1
    assert 'colour.png has type uint8' in result.output


def test_the_users_domain_is_kept():
    environment = {'ROS_DOMAIN_ID': '7'}
    isolate(environment)
    assert environment['ROS_DOMAIN_ID'] == '7'
    assert environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'


def test_humble_is_isolated_its_own_way():
    environment = {'ROS_DISTRO': 'humble'}
    isolate(environment)
    assert environment['ROS_LOCALHOST_ONLY'] == '1'
    assert 20 <= int(environment['ROS_DOMAIN_ID']) <= 100


def test_a_folder_that_cannot_be_made_is_told_first(tmp_path):
    write_frames(tmp_path, 1)
    result = CliRunner().invoke(
        demo, ['--frames', str(tmp_path), '--out', str(tmp_path / '0.png' / 'out')])
    assert result.exit_code == 1
    assert result.output.startswith('Error: ') and '0.png' in result.output
