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
"""Filling touches holes only, and invents nothing beyond the values around them."""

from depth_nn_transport.codec.fill import fill_holes
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=33)
planes = shapes.flatmap(lambda shape: st.tuples(
    hnp.arrays(np.float32, shape, elements=st.floats(0.5, 5000, width=32)),
    hnp.arrays(bool, shape),
))


@given(planes)
def test_fills_between_the_least_and_the_greatest_value(case):
    plane, valid = case
    filled = fill_holes(plane, valid)
    assert filled.dtype == np.float32 and filled.shape == plane.shape
    np.testing.assert_array_equal(filled[valid], plane[valid])
    known = plane[valid] if valid.any() else np.zeros(1)
    slack = 1e-5 * known.max()
    assert (filled >= known.min() - slack).all() and (filled <= known.max() + slack).all()


@given(planes)
def test_ignores_the_values_in_holes(case):
    plane, valid = case
    other = np.where(valid, plane, 7)
    np.testing.assert_array_equal(fill_holes(plane, valid), fill_holes(other, valid))


@pytest.mark.parametrize('shape', [(1, 1), (16, 16), (17, 31), (1, 40), (16, 1000)])
def test_one_valid_pixel_fills_everything(shape):
    valid = np.zeros(shape, bool)
    valid[-1, -1] = True
    np.testing.assert_allclose(fill_holes(np.full(shape, 640, np.float32), valid), 640, rtol=1e-6)


def test_a_hole_in_a_ramp_is_bridged():
    plane = np.tile(np.arange(64, dtype=np.float32), (64, 1))
    valid = np.ones((64, 64), bool)
    valid[24:40, 24:40] = False
    assert np.abs(fill_holes(plane, valid) - plane).max() < 8


@given(st.integers(0, 2**32 - 1))
def test_rows_and_columns_are_filled_alike(seed):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(5, 24, 2))
    plane, valid = random.uniform(1, 99, shape).astype(np.float32), random.random(shape) < 0.2
    np.testing.assert_allclose(
        fill_holes(plane.T.copy(), valid.T.copy()).T, fill_holes(plane, valid), rtol=1e-4)
