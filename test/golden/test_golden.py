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
"""
Stored streams keep their meaning: what one release wrote, the next one reads the same.

A changed image is a changed format or model: both need a new name or version, and then the files
beside this one are made anew by ``python test/golden/regenerate.py``.
"""

from pathlib import Path

from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.frames.files import read_depth
import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent
CONSTANT = 612000


def room():
    """Lattice frame (mm) of a wall, a box with its occlusion shadow, a ball and stray holes."""
    rows, columns = np.mgrid[:64, :96]
    disparity = 160 + 2 * rows + columns // 3
    disparity[16:44, 30:60] = 520 + rows[16:44, 30:60]
    ball = 150 - (rows - 40) ** 2 - (columns - 76) ** 2
    disparity = np.where(ball > 0, 380 + ball // 4, disparity)
    depth = (2 * CONSTANT + disparity) // (2 * disparity)
    depth[16:44, 24:30] = 0
    depth[(7919 * rows + 104729 * columns) % 37 == 0] = 0
    return depth.astype(np.uint16)


def filtered():
    """Frame (mm) off the lattice, as a smoothing filter leaves it; odd size, no holes."""
    rows, columns = np.mgrid[:61, :93]
    return (900 + 7 * columns + (rows * rows + 2 * rows * columns) // 9).astype(np.uint16)


def near():
    """Frame (mm) of a bowl nearer than the lattice shows, in a border of holes."""
    rows, columns = np.mgrid[:64, :96]
    depth = 240 + ((rows - 30) ** 2 + (columns - 50) ** 2) // 20
    depth[(rows < 3) | (columns > 88) | (rows + columns < 20)] = 0
    return depth.astype(np.uint16)


def speckled():
    """Lattice frame (mm) of a slope with noise; one pixel of six is off, by up to 60 quanta."""
    rows, columns = np.mgrid[:96, :128]
    noise = (rows * rows * 7919 + columns * columns * 104729 + rows * columns * 613) % 1009
    off = np.where(noise % 6 == 0, noise // 6 % 61, noise % 3)
    disparity = 200 + rows + columns // 2 + off
    return ((2 * CONSTANT + disparity) // (2 * disparity)).astype(np.uint16)


FRAMES = {
    'room': (room, 50), 'filtered': (filtered, 20), 'near': (near, 90), 'speckled': (speckled, 90),
}

GUARANTEED = {
    'room-lossless': (room, {'mode': 'lossless'}),
    'filtered-lossless': (filtered, {'mode': 'lossless'}),
    'room-bounded-1': (room, {'mode': 'bounded', 'max_error': 1}),
    'room-bounded-4': (room, {'mode': 'bounded', 'max_error': 4}),
    'speckled-bounded-2': (speckled, {'mode': 'bounded', 'max_error': 2}),
    'filtered-bounded-2': (filtered, {'mode': 'bounded', 'max_error': 2}),
    'filtered-bounded-8': (filtered, {'mode': 'bounded', 'max_error': 8}),
}


@pytest.fixture(scope='module')
def codec():
    return DepthCodec()


@pytest.fixture(scope='module', params=FRAMES)
def name(request):
    return request.param


@pytest.fixture
def stored(name):
    return EncodedDepth.from_bytes((FOLDER / f'{name}.dnt').read_bytes())


def test_bytes_are_written_as_they_were_read(name, stored):
    assert stored.to_bytes() == (FOLDER / f'{name}.dnt').read_bytes()


def test_every_machine_restores_the_same(codec, name, stored):
    np.testing.assert_array_equal(codec.decode(stored), read_depth(FOLDER / f'{name}.png'))


def test_encoding_again_costs_the_same(name, stored):
    make, quality = FRAMES[name]
    again = DepthCodec().encode(make(), quality=quality)
    assert len(again.to_bytes()) == pytest.approx(len(stored.to_bytes()), rel=0.02)


@pytest.mark.parametrize('guaranteed', GUARANTEED)
def test_promises_of_stored_streams_hold(codec, guaranteed):
    stored = EncodedDepth.from_bytes((FOLDER / f'{guaranteed}.dnt').read_bytes())
    make, _ = GUARANTEED[guaranteed]
    original, restored = make(), codec.decode(stored)
    lattice = Lattice(abs(stored.lattice_constant), stored.lattice_constant > 0)
    valid = original > 0
    np.testing.assert_array_equal(restored > 0, valid)
    error = np.abs(lattice.to_quanta(restored) - lattice.to_quanta(original))
    assert error[valid].max() <= stored.max_error + 1e-3
    if stored.max_error == 0:
        np.testing.assert_array_equal(restored, original)
