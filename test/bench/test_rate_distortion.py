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
"""Hull and ratio on curves whose bits are known."""

import math

from depth_nn_transport.bench.rate_distortion import compare, Curve, lower_hull

from hypothesis import given, strategies as st

import numpy as np

import pytest


def power_law(scale, exponent=-0.8, low=0.1, high=10.0, count=7):
    error = np.geomspace(low, high, count)
    return Curve.from_points(zip(error, scale * error**exponent, strict=True))


@given(st.floats(0.1, 10), st.floats(-2, -0.1))
def test_interpolation_is_exact_on_a_power_law(scale, exponent):
    error = np.geomspace(0.2, 9, 20)
    np.testing.assert_allclose(
        power_law(scale, exponent).bits_at(error), scale * error**exponent, rtol=1e-6)


def test_points_that_another_beats_are_left_out():
    curve = Curve.from_points([(2, 0.2), (1, 0.3), (1.5, 0.4), (0, 1.0), (math.nan, 1.0)])
    assert curve.error.tolist() == [1, 2]
    assert curve.bits.tolist() == [0.3, 0.2]


def test_hull_takes_the_best_peer_at_each_error():
    steep, flat = power_law(0.5, -1.5), power_law(0.5, -0.5)
    error = np.array([0.5, 2.0])
    np.testing.assert_allclose(
        lower_hull([steep, flat], error), [0.5 * 0.5**-0.5, 0.5 * 2**-1.5], rtol=1e-6)


def test_hull_is_nan_where_no_peer_reaches():
    assert np.isnan(lower_hull([power_law(1, low=1, high=2)], np.array([0.5, 4.0]))).all()
    assert np.isnan(lower_hull([], np.array([1.0]))).all()


def test_ratio_of_proportional_curves():
    comparison = compare(power_law(0.4), [power_law(0.5), power_law(0.8)], 0.5, 4)
    assert comparison.ratio == pytest.approx(0.8)
    assert (comparison.low, comparison.high) == (pytest.approx(0.5), pytest.approx(4))
    assert comparison.covered == 1


def test_ratio_tells_what_was_covered():
    comparison = compare(power_law(0.4, low=1, high=2), [power_law(0.5)], 0.5, 4)
    assert comparison.ratio == pytest.approx(0.8)
    assert 1 <= comparison.low < comparison.high <= 2
    assert comparison.covered == pytest.approx(1 / 3, abs=0.03)


def test_nothing_to_compare():
    comparison = compare(Curve.from_points([]), [power_law(1)], 0.5, 4)
    assert math.isnan(comparison.ratio)
    assert comparison.covered == 0
