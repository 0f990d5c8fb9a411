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

from depth_nn_transport.codec import vectors
import numba
import numpy as np
import pytest

LANES = 8
RANDOM = np.random.default_rng(0)
ONE, OTHER = RANDOM.integers(-2**31, 2**31, (2, LANES)).astype(np.int32)


def of_two(calculate):
    """Compile a function of two vectors, and return one of two arrays."""
    calculate = numba.njit(calculate)

    @numba.njit
    def run(one, other, result):
        vectors.store(
            result, 1,
            calculate(vectors.load(one, 0, LANES), vectors.load(other, 0, LANES)),
        )

    def apply(one, other):
        result = np.full(LANES + 2, 7, np.int32)
        run(one, other, result)
        assert result[0] == result[-1] == 7
        return result[1:-1]

    return apply


@pytest.mark.parametrize('calculate', [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a & b,
    lambda a, b: a | b, lambda a, b: a << (b & 31), lambda a, b: a >> (b & 31),
    lambda a, b: a + 5, lambda a, b: 5 - b, lambda a, b: a * -3, lambda a, b: a >> 4,
], ids=['+', '-', '*', '&', '|', '<<', '>>', 'a+5', '5-b', 'a*-3', 'a>>4'])
def test_operators_are_those_of_32_bits(calculate):
    np.testing.assert_array_equal(of_two(calculate)(ONE, OTHER), calculate(ONE, OTHER))


FLOATS, OTHERS = RANDOM.normal(0, 1e4, (2, LANES)).astype(np.float32)


def of_floats(calculate, kind=np.float32):
    """Compile a function of two vectors of floats, and return one of two arrays."""
    calculate = numba.njit(calculate)

    @numba.njit
    def run(one, other, result):
        vector = calculate(vectors.load(one, 0, LANES), vectors.load(other, 0, LANES))
        vectors.store(result, 1, vector)

    def apply(one, other):
        result = np.full(LANES + 2, 7, kind)
        run(one, other, result)
        assert result[0] == result[-1] == 7
        return result[1:-1]

    return apply


@pytest.mark.parametrize('calculate', [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b,
    lambda a, b: np.float32(0.1) * a, lambda a, b: a - np.float32(3),
], ids=['+', '-', '*', '.1*a', 'a-3'])
def test_operators_of_floats_are_those_of_float32(calculate):
    np.testing.assert_array_equal(of_floats(calculate)(FLOATS, OTHERS), calculate(FLOATS, OTHERS))


def test_floats_are_limited_lane_by_lane_or_by_one_number():
    limited = of_floats(lambda a, b: vectors.at_least(vectors.at_most(a, b), np.float32(-5)))
    np.testing.assert_array_equal(
        limited(FLOATS, OTHERS), np.maximum(np.minimum(FLOATS, OTHERS), -5))


def test_floats_are_rounded_half_to_even():
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 3.49, 1e6 + 0.5, -7.51], np.float32)
    rounded = of_floats(lambda a, b: vectors.rounded(a))
    np.testing.assert_array_equal(rounded(halves, halves), np.rint(halves))
    whole = of_floats(lambda a, b: vectors.rounded(a), np.int16)
    np.testing.assert_array_equal(
        whole(halves[:6].repeat(2)[:LANES], OTHERS), [0, 0, 2, 2, 2, 2, 0, 0])


@pytest.mark.parametrize('kind', [np.int16, np.int32])
def test_integers_of_both_sizes_are_loaded_and_stored(kind):
    values = np.array([-2**15, 2**15 - 1, -1, 0, 1, 300, -300, 12345], kind)
    result = np.zeros(LANES, np.int16)
    floats = np.zeros(LANES, np.float32)

    @numba.njit
    def run(values, result, floats):
        vector = vectors.load(values, 0, LANES)
        vectors.store(result, 0, vector)
        vectors.store(floats, 0, vectors.as_floats(vector))

    run(values, result, floats)
    np.testing.assert_array_equal(result, values)
    np.testing.assert_array_equal(floats, values)


def test_pairs_are_multiplied_and_added_up():
    one, other = RANDOM.integers(-2**15 + 1, 2**15, (2, 2 * LANES)).astype(np.int16)
    products = (one.astype(np.int64) * other).reshape(-1, 2).sum(1)

    def multiplied(a, b):
        return vectors.paired_products(a, b)

    found = of_two(multiplied)(one.view(np.int32), other.view(np.int32))
    np.testing.assert_array_equal(found, products)


def test_lanes_are_put_and_taken():
    @numba.njit
    def run(place):
        vector = vectors.vector_of((3, 1, 4), LANES)
        vector = vectors.put(vector, place, -9)
        return [vectors.lane(vector, k) for k in range(LANES)]

    assert run(2) == [3, 1, -9, 0, 0, 0, 0, 0]
    assert run(7) == [3, 1, 4, 0, 0, 0, 0, -9]


def test_lanes_are_filled_compared_limited_and_added_up():
    @numba.njit
    def run(value):
        vector = vectors.vector_of((-7, 2, 5, 2), LANES)
        return (
            vectors.total(vectors.filled(value, LANES)), vectors.total(vector),
            vectors.total(vectors.equal(vector, value)),
            vectors.total(vectors.at_most(vector, value)),
            vectors.total(vectors.magnitudes(vector)),
        )

    assert run(2) == (2 * LANES, 2, -2, -1, 16)


@pytest.mark.parametrize('divided', [655360, 1 << 23, (1 << 23) - 1, 8191, 1, 0])
def test_quotients_are_those_of_integers(divided):
    @numba.njit
    def run(numbers, result):
        for first in range(0, len(numbers), LANES):
            vector = vectors.load(numbers, first, LANES)
            vectors.store(result, first, vectors.quotients(divided, vector))

    near = divided // np.arange(1, 3001)
    numbers = np.concatenate([
        np.arange(1, 20001), near, near + 1, RANDOM.integers(1, vectors.QUOTIENT_MAX, 100_000),
    ]).clip(1).astype(np.int32)
    result = np.empty_like(numbers)
    run(numbers, result)
    np.testing.assert_array_equal(result, divided // numbers)
