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
"""Measuring the error of a frame at its sender."""

from __future__ import annotations

from types import SimpleNamespace

from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.nodes.error_sample import compare, ErrorSample

import numpy as np

CONSTANT = 640_000
STEPS = np.arange(200, 600)
DEPTH = np.tile(np.rint(CONSTANT / STEPS), (4, 1)).astype(np.uint16)
ENCODED = SimpleNamespace(lattice=Lattice(CONSTANT, True))


def test_equal_frames_have_no_error():
    sample = compare(DEPTH, DEPTH, ENCODED)
    assert sample.max_quanta == sample.max_mm == sample.changed_holes == 0


def test_one_step_of_the_sensor_is_a_quantum():
    sample = compare(DEPTH[:, :-1], DEPTH[:, 1:], ENCODED)
    assert sample.mean_quanta == sample.max_quanta == 1
    assert sample.max_mm == DEPTH[0, 0] - DEPTH[0, 1]


def test_metres_are_compared_in_millimetres():
    metres = np.where(DEPTH > 2000, np.nan, DEPTH / 1000).astype(np.float32)
    sample = compare(metres, metres + np.float32(0.002), ENCODED)
    assert abs(sample.mean_mm - 2) < 1e-3


def test_changed_holes_are_counted_apart():
    restored = DEPTH.copy()
    restored[0, :3] = 0
    sample = compare(DEPTH, restored, ENCODED)
    assert sample.changed_holes == 3
    assert sample.max_mm == 0


def test_metres_beyond_all_measure_have_a_finite_error():
    metres = np.full((4, 4), np.finfo(np.float32).max)
    assert compare(metres, metres, ENCODED).max_mm == 0
    assert compare(metres, np.full_like(metres, 1000), ENCODED).max_mm == 0


def test_a_frame_that_became_nothing_but_holes_has_no_error():
    sample = compare(DEPTH, np.zeros_like(DEPTH), ENCODED)
    assert sample == ErrorSample(0.0, 0.0, 0.0, 0.0, DEPTH.size)
