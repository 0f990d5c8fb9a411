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
