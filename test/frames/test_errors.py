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
"""Errors of a frame: over pixels valid on both sides, in mm and in quanta."""

import math

from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.frames.errors import FrameErrors, psnr_db, quanta_errors
import numpy as np
import pytest

LATTICE = Lattice(640_000, True)
SLOPE = np.rint(640_000 / np.arange(200, 600)).astype(np.uint16)[None]


def test_one_step_of_the_sensor_is_one_quantum():
    errors = FrameErrors.of(SLOPE[:, :-1], SLOPE[:, 1:], LATTICE)
    assert (errors.quanta == 1).all()
    assert np.array_equal(errors.mm, -np.diff(SLOPE[0].astype(int)))


def test_a_hole_on_one_side_is_counted_and_no_error():
    restored = SLOPE.copy()
    restored[0, :3] = 0
    for pair in ((SLOPE, restored), (restored, SLOPE)):
        errors = FrameErrors.of(*pair, LATTICE)
        assert (errors.changed_holes, len(errors.mm), errors.mm.max()) == (3, 397, 0)


def test_metres_have_the_errors_of_their_millimetres():
    metres = (SLOPE / 1000).astype(np.float32)
    metres[0, 0] = np.nan
    errors = FrameErrors.of(metres, metres + np.float32(0.002), LATTICE)
    assert errors.changed_holes == 0
    np.testing.assert_allclose(errors.mm, np.full(399, 2), atol=1e-3)


def test_errors_in_quanta_keep_their_place():
    errors = quanta_errors(SLOPE, np.roll(SLOPE, 1), LATTICE)
    assert errors.tolist() == [[399, *[1] * 399]]


def test_psnr_has_the_peak_of_16_bits():
    assert psnr_db(6553.5) == pytest.approx(20)
    assert psnr_db(0) == math.inf
