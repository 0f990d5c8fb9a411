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

import itertools

from depth_nn_transport.codec.plane_choice import choose_levels
from hypothesis import given, settings, strategies as st
import numpy as np


def cost(levels, valid):
    """Cost of all borders, pixel by pixel as the module's text says."""
    padded = np.pad(np.where(valid, levels, -1), 1, constant_values=-1)
    total = 0
    for y, x in np.argwhere(valid) + 1:
        level, left, up, corner = (
            padded[y, x], padded[y, x - 1], padded[y - 1, x], padded[y - 1, x - 1])
        new_left, new_up = left not in (level, -1), up not in (level, -1)
        if new_left and new_up:
            total += 12
        elif new_left:
            total += 1 if up == level and corner == left else 8
        elif new_up:
            total += 1 if left == level and corner == up else 8
    return total


def choose(lowest, free, valid=None):
    valid = np.ones(lowest.shape, bool) if valid is None else valid
    return choose_levels(lowest.astype(np.int32), free, valid)


@st.composite
def planes(draw):
    """Draw lowest levels, freedom and validity of a small plane."""
    shape = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.integers(1, 4))
    return (random.integers(0, levels, shape), random.random(shape) < draw(st.floats(0, 1)),
            random.random(shape) < draw(st.floats(0.5, 1)))


@settings(max_examples=200)
@given(planes())
def test_levels_are_among_those_that_are_open_and_cost_no_more(drawn):
    lowest, free, valid = drawn
    levels = choose(lowest, free, valid)
    added = (levels - lowest)[valid]
    assert ((added == 0) | ((added == 1) & free[valid])).all()
    # Each row is at its best beside the others, once nothing changes any more.
    for simple in (lowest, lowest + free):
        for y in range(len(lowest)):
            other = levels.copy()
            other[y] = simple[y]
            assert cost(levels, valid) <= cost(other, valid)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=9))
def test_a_single_row_is_the_best_one(pixels):
    lowest = np.array([[low for low, _ in pixels]])
    free = np.array([[choice for _, choice in pixels]])
    valid = np.ones(lowest.shape, bool)
    best = min(
        cost(lowest + np.array([added]), valid)
        for added in itertools.product(*((0, 1) if choice else (0,) for _, choice in pixels)))
    assert cost(choose(lowest, free), valid) == best


def test_noise_on_an_even_surface_goes():
    rank = 99 + np.random.default_rng(0).integers(-1, 2, (40, 60))
    lowest, free = -((4 - rank) // 4), rank % 4 == 0
    assert len(np.unique(choose(lowest, free))) == 1


def test_a_noisy_border_becomes_straight():
    random = np.random.default_rng(0)
    rank = np.where(np.arange(60) < 30, 2, 6) + random.integers(-2, 3, (40, 60))
    rank = np.where(np.arange(60) == 30, 4, rank)
    lowest, free = np.maximum(-((4 - rank) // 4), 0), (rank % 4 == 0) & (rank >= 4)
    levels = choose(lowest, free)
    assert cost(levels, np.ones(rank.shape, bool)) < 0.5 * cost(lowest, np.ones(rank.shape, bool))


def test_holes_have_no_borders():
    lowest = np.zeros((6, 8), int)
    lowest[:, 5:] = 3
    valid = np.ones(lowest.shape, bool)
    valid[:, 4:6] = False
    levels = choose(lowest, np.ones(lowest.shape, bool), valid)
    assert len(np.unique(levels[:, :4])) == 1 and len(np.unique(levels[:, 6:])) == 1
