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
"""The command ``train``: mistakes end in one line."""

from click.testing import CliRunner
import cv2
from depth_nn_transport.training.command import train
import numpy as np
import pytest


@pytest.mark.parametrize(('arguments', 'expected'), [
    (['maps'], 'holds no folder of depth PNGs'),
    (['plane'], 'holds no folder of depth PNGs'),
    (['corrections'], 'holds no folder of depth PNGs'),
    (['corrections', '--model', 'nonsense'], "no model 'nonsense'"),
])
def test_mistakes_end_in_one_line(arguments, expected, tmp_path):
    data = tmp_path / 'data'
    data.mkdir()
    folders = ['--data', str(data), '--out', str(tmp_path / 'model')]
    result = CliRunner().invoke(train, [*arguments, *folders])
    assert result.exit_code == 1
    assert result.output.startswith('Error: ')
    assert expected in result.output


def test_maps_without_steps_are_told(tmp_path):
    folder = tmp_path / 'data' / 'flat'
    folder.mkdir(parents=True)
    depth = np.full((64, 64), 1500, np.uint16)
    depth[:16] = 0
    cv2.imwrite(str(folder / '0.png'), depth)
    result = CliRunner().invoke(train, [
        'maps', '--data', str(folder.parent), '--out', str(tmp_path / 'out'), '--steps', '1'])
    assert result.exit_code == 1
    assert 'nothing to learn' in result.output
    assert not list((tmp_path / 'out').iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / 'file').touch()
    result = CliRunner().invoke(train, [
        'plane', '--data', str(tmp_path), '--out', str(tmp_path / 'file' / 'model')])
    assert result.exit_code == 1
    assert 'Error: ' in result.output and 'file' in result.output
