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
"""Corrections bound the error of any residual, and both sides agree on them."""

from depth_nn_transport.codec.correction_coder import CorrectionCoder
from depth_nn_transport.codec.correction_moves import (
    DISTANCE_CLASSES,
    LEEWAY,
    move_contexts,
    TRUST_CLASSES,
    UNKNOWN,
    worthwhile_threshold,
)
from depth_nn_transport.codec.correction_surroundings import bend_of, spread_of, Surroundings
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.model_files import MODELS
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

SHAPE = (37, 50)
GRID = (5, 7)


@pytest.fixture(scope='module')
def coder():
    with np.load(MODELS / 'main' / 'corrections.npz') as arrays:
        return CorrectionCoder(dict(arrays))


def make_frame(seed, scale=1.0, hole_share=0.2):
    """Residual of quanta with a heavy tail, plane, validity and latents (multiples of 1/8)."""
    random = np.random.default_rng(seed)
    residual = np.clip(scale * random.standard_t(2, SHAPE), -65534, 65534).astype(np.float32)
    valid = random.random(SHAPE) >= hole_share
    latents = np.rint(8 * random.laplace(0, 3, (*GRID, 64))).astype(np.float32) / 8
    plane = np.cumsum(random.standard_t(2, SHAPE), 1).clip(0, 9000).astype(np.float32)
    return residual, plane, valid, latents


def encode(coder, *frame):
    """Encode for itself: bytes, corrections."""
    encoder = TableEncoder()
    corrections = coder.encode(*frame, encoder)
    return encoder.to_bytes(), corrections


def decode(coder, data, plane, valid, latents):
    return coder.decode(plane, valid, latents, TableDecoder(data))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([0.01, 1.0, 30.0, 2000.0]),
    hole_share=st.sampled_from([0.0, 0.3, 0.99, 1.0]),
    threshold=st.sampled_from([1, 2, 3, 8, 16, 4095]),
    share=st.floats(1.5, 2),
)
def test_error_is_bounded_and_decoded_alike(coder, seed, scale, hole_share, threshold, share):
    residual, plane, valid, latents = make_frame(seed, scale, hole_share)
    step = round(share * threshold)
    data, corrections = encode(coder, residual, plane, valid, latents, threshold, step)
    np.testing.assert_array_equal(decode(coder, data, plane, valid, latents), corrections)
    assert np.abs((residual - corrections)[valid]).max(initial=0) <= threshold + LEEWAY
    assert not corrections[~valid].any()


@given(seed=st.integers(0, 2**32 - 1))
def test_whole_originals_stay_bounded_once_rounded(coder, seed):
    residual, _, valid, latents = make_frame(seed, 10)
    original = np.random.default_rng(seed).integers(500, 900, SHAPE).astype(np.float32)
    restored = original - residual
    _, corrections = encode(coder, original - restored, restored, valid, latents, 4, 8)
    found = np.rint(np.add(restored, corrections, dtype=np.float32))
    assert np.abs(found - original)[valid].max(initial=0) <= 4


@pytest.mark.parametrize('threshold, step', [(1, 2), (4, 6), (4, 8)])
def test_adversarial_residuals(coder, threshold, step):
    rows, columns = np.mgrid[:SHAPE[0], :SHAPE[1]]
    latents = np.full((*GRID, 64), 8191.0, np.float32)
    for residual in (
        np.where((rows + columns) % 2, 60000.0, -60000.0),
        np.full(SHAPE, threshold + LEEWAY),
        np.full(SHAPE, np.nextafter(np.float32(threshold + LEEWAY), np.float32(99))),
        np.full(SHAPE, 3 * threshold + 1.0),
        np.full(SHAPE, 1.5 * step + LEEWAY),
    ):
        single, valid = residual.astype(np.float32), np.ones(SHAPE, bool)
        plane = np.where(rows < 20, 0, single)
        data, corrections = encode(coder, single, plane, valid, latents, threshold, step)
        np.testing.assert_array_equal(decode(coder, data, plane, valid, latents), corrections)
        assert np.abs(single - corrections).max() <= threshold + LEEWAY


@pytest.mark.parametrize('shape', [(16, 16), (17, 23), SHAPE])
@pytest.mark.parametrize('hole_share', [0.0, 0.5, 0.99, 1.0])
def test_blocks_are_as_rough_as_their_pixels(shape, hole_share):
    random = np.random.default_rng(4)
    plane = random.normal(500, 50, shape).astype(np.float32)
    valid = random.random(shape) >= hole_share
    grid = (-(-shape[0] // 8), -(-shape[1] // 8))
    found = Surroundings.of(plane, valid, np.zeros((*grid, 64), np.float32))
    for row, column in np.ndindex(grid):
        block = (slice(8 * row, 8 * row + 8), slice(8 * column, 8 * column + 8))
        assert found.bend[row, column] == bend_of(found.plane, 8 * row, 8 * column, 8)
        if valid[block].any():
            spread = spread_of(found.plane, 8 * row, 8 * column, 8)
            assert found.spread[row, column] == spread


def table_of_move(moves):
    """Length, trust and distance class of the pixel in the middle of a flat frame."""
    flat, row, column = np.full(SHAPE, 500, np.float32), SHAPE[0] // 2, SHAPE[1] // 2
    around = Surroundings.of(flat, np.ones(SHAPE, bool), np.zeros((*GRID, 64), np.float32))
    grid = np.full(SHAPE, UNKNOWN, np.int32)
    for (y, x), move in moves.items():
        grid[row + y, column + x] = move
    (index,) = move_contexts(grid, np.array([[row, column]], np.int32), around, 8)
    return np.unravel_index(index, (4, TRUST_CLASSES, DISTANCE_CLASSES))


@pytest.mark.parametrize('move, length', [
    (0, 0), (1, 1), (-2, 2), (3, 2), (-4, 3), (5, 3), (90, 3)])
def test_the_table_of_a_move_goes_by_the_longest_one_around(move, length):
    assert table_of_move({(-2, 2): move, (2, 1): 0})[0] == length
    assert table_of_move({(-3, 2): move, (2, 3): move})[0] == 0


@pytest.mark.parametrize('known, trust', [(0, 0), (1, 1), (2, 1), (3, 2), (8, 2)])
def test_the_table_of_a_move_goes_by_the_neighbours_that_are_known(known, trust):
    places = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]
    assert table_of_move(dict.fromkeys(places[:known], 0))[1] == trust


def test_nothing_to_correct_takes_no_byte(coder):
    residual, plane, valid, latents = make_frame(1, 0.01)
    data, corrections = encode(coder, residual, plane, valid, latents, 8, 16)
    assert data == b'' and not corrections.any()
    assert not decode(coder, data, plane, valid, latents).any()


def test_few_corrections_take_few_bytes(coder):
    residual, plane, valid, latents = make_frame(2, 0.01)
    residual[10, 12] = 9 if valid[10, 12] else 0
    residual[20:24, 30:36] = -30
    data, _ = encode(coder, residual, plane, valid, latents, 8, 16)
    assert 0 < len(data) < 40


def test_a_smaller_step_leaves_less_error(coder):
    residual, plane, valid, latents = make_frame(4, 3.0, 0)
    errors = [
        np.square(residual - encode(coder, residual, plane, valid, latents, 4, step)[1]).mean()
        for step in (6, 8)
    ]
    assert errors[0] < 0.9 * errors[1]


def test_the_threshold_is_lower_where_bits_are_dear():
    residual, _, valid, _ = make_frame(5, 2.0)
    found = [worthwhile_threshold(residual, valid, size, 20) for size in (1, 50, 200, 10**6)]
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-1]) == (20, 1)


@pytest.mark.parametrize('error, lowest', [(3, 7), (-300, 20)])
def test_a_correction_is_worth_its_bits_from_some_size_on(error, lowest):
    # Each of 100 errors past a threshold T leaves (T + 1/2)^2 1.5^2 / 12, each up to it its own
    # square; 7 times what is left, shared among the frame's bits, must not pass (T + 1/2)^2.
    residual, valid = np.zeros(SHAPE, np.float32), np.ones(SHAPE, bool)
    residual[:10, :10] = error
    assert [worthwhile_threshold(residual, valid, size, 20) for size in (16, 17)] == [lowest, 1]


def test_the_threshold_of_a_frame_without_error_is_the_least():
    nothing, valid = np.zeros(SHAPE, np.float32), np.ones(SHAPE, bool)
    assert worthwhile_threshold(nothing, valid, 100, 25) == 1


@settings(max_examples=100)
@given(data=st.binary(min_size=1, max_size=300))
def test_hostile_bytes_give_corrections_or_a_typed_error(coder, data):
    _, plane, valid, latents = make_frame(3)
    try:
        corrections = decode(coder, data, plane, valid, latents)
    except CorruptStreamError:
        return
    assert corrections.shape == SHAPE and not corrections[~valid].any()
