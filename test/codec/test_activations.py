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
"""Activations are integers that hold the whole grid."""

from depth_nn_transport.codec.activations import saturate, to_activations, to_floats
from depth_nn_transport.codec.networks import ACTIVATION_MAX, ACTIVATION_STEP
from hypothesis import given
from hypothesis import strategies as st
import numpy as np

GRID = np.arange(-255, 256, dtype=np.float32) * np.float32(ACTIVATION_STEP)


def test_they_hold_the_whole_grid():
    activations = to_activations(GRID)
    np.testing.assert_array_equal(activations, np.arange(-255, 256, dtype=np.int16), strict=True)
    np.testing.assert_array_equal(to_floats(activations), GRID, strict=True)


def test_those_of_a_view_are_those_of_its_values():
    view = np.repeat(GRID[:, None], 3, axis=1)[::2]
    np.testing.assert_array_equal(to_floats(to_activations(view.T)), view.T)


@given(st.floats(-1e6, 1e6, width=32))
def test_what_is_saturated_is_the_nearest_of_the_grid(value):
    (found,) = to_floats(np.array([saturate(np.float32(value))], np.int16))
    within = np.clip(value, -ACTIVATION_MAX, ACTIVATION_MAX)
    assert abs(found - within) == np.abs(GRID - within).min()


def test_halves_are_rounded_to_even():
    halves = (np.array([0.5, 1.5, 2.5, -0.5, -1.5]) * ACTIVATION_STEP).astype(np.float32)
    found = np.array([saturate(half) for half in halves], np.int16)
    np.testing.assert_array_equal(
        found, np.array([0, 2, 2, 0, -2], np.int16))
