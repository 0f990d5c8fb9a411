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

"""The command `simulate` writes a sequence to a folder."""

import json

from click.testing import CliRunner

import cv2

from depth_nn_transport.simulator import simulate_sequence
from depth_nn_transport.simulator.command import simulate

import numpy as np

import pytest


def test_writes_png_frames_and_the_camera(tmp_path):
    """The files hold the very frames of the sequence."""
    out = tmp_path / 'new' / 'folder'
    result = CliRunner().invoke(
        simulate, ['--out', str(out), '--frames', '2', '--size', '64x48', '--seed', '7'])
    assert result.exit_code == 0, result.output
    assert result.output == ''
    assert sorted(p.name for p in out.iterdir()) == ['0000.png', '0001.png', 'camera.json']
    for index, frame in enumerate(simulate_sequence(7, 2, 64, 48)):
        depth = cv2.imread(str(out / f'{index:04}.png'), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16
        np.testing.assert_array_equal(depth, frame.depth)
    camera = json.loads((out / 'camera.json').read_text())
    assert camera['width'] == 64
    assert camera['lattice_constant'] == pytest.approx(
        32 * camera['fx'] * camera['baseline_mm'])


def test_stereo_writes_all_that_was_rendered(tmp_path):
    """Every folder has an image a frame, in its type."""
    result = CliRunner().invoke(simulate, [
        '--out', str(tmp_path), '--frames', '1', '--size', '160x96', '--stereo'])
    assert result.exit_code == 0, result.output
    kinds = {'.': np.uint16, 'left': np.uint8, 'right': np.uint8, 'colour': np.uint8,
             'truth': np.uint16}
    for folder, kind in kinds.items():
        image = cv2.imread(str(tmp_path / folder / '0000.png'), cv2.IMREAD_UNCHANGED)
        assert image.dtype == kind
        assert image.shape[:2] == (96, 160)
    assert json.loads((tmp_path / 'camera.json').read_text())['stereo']


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--size', '64'], 'is not WIDTHxHEIGHT'),
    (['--size', '64x8'], 'outside 16..4096'),
    (['--frames', '0'], '--frames'),
    (['--seed', '-1'], '--seed'),
    (['--fps', '0'], '--fps'),
    (['--fps', 'nan'], '--fps'),
    (['--out', __file__], 'is a file')])
def test_bad_arguments_are_explained(tmp_path, arguments, message):
    """A wrong option ends with a usage error that names it, and writes nothing."""
    result = CliRunner().invoke(simulate, ['--out', str(tmp_path / 'out'), *arguments])
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / 'out').exists()


def test_what_fails_on_the_way_is_one_line():
    """A folder that cannot be made is no crash."""
    result = CliRunner().invoke(simulate, [
        '--out', f'{__file__}/sub', '--frames', '1', '--size', '16x16'])
    assert result.exit_code == 1
    assert result.stderr.startswith('Error: ') and 'Not a directory' in result.stderr


def test_sequences_are_not_mixed(tmp_path):
    """A folder that holds frames is left as it is."""
    arguments = ['--out', str(tmp_path), '--frames', '1', '--size', '16x16']
    assert CliRunner().invoke(simulate, arguments).exit_code == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = CliRunner().invoke(simulate, [*arguments, '--seed', '5'])
    assert result.exit_code == 1
    assert 'holds frames already' in result.output
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_out_is_required():
    """There is no default folder."""
    assert 'Missing option' in CliRunner().invoke(simulate, []).output
