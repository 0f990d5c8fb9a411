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
Choice among the planes of levels that a bound leaves open: one with few and straight borders.

Levels that lie closer together than twice the bound leave some pixels two of them. What takes bits
are borders between levels, most of all where they begin, end or bend, and noise bends them. So
of all such planes one is sought whose borders cost little: lines of pixels, rows and columns by
turns, take the levels that are best by what is around them, found by dynamic programming (A. J.
Viterbi, "Error bounds for convolutional codes", 1967), as iterated conditional modes do pixel by
pixel (J. Besag, "On the statistical analysis of dirty pictures", 1986).

Only encoders choose, and no decoder depends on how.
"""

from __future__ import annotations

from depth_nn_transport.codec.compiled import compiled, inlined
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Integers = NDArray[np.int32]

# Rows, columns, and so on.
_TURNS = 8
# Cost of a pixel with another level than the one to its left or the one above, where a border that
# is there already goes on, and of one with another level than both.
_BORDER, _SAME_BORDER, _CORNER = 8, 1, 12
_HOLE = -1


@compiled
def choose_levels(lowest: Integers, free: Bits, valid: Bits) -> Integers:
    """
    Choose the level of each pixel.

    :param lowest: int32 (H, W) >= 0, the lowest level within the bound.
    :param free: bool (H, W), whether the next level is within it as well.
    :param valid: bool (H, W).
    :returns: the levels, int32 (H, W); anything in holes.
    """
    # With a margin of holes.
    height, width = lowest.shape
    low = np.full((height + 2, width + 2), np.int32(_HOLE))
    choice = np.zeros((height + 2, width + 2), np.uint8)
    for y in range(height):
        for x in range(width):
            low[y + 1, x + 1] = lowest[y, x] if valid[y, x] else _HOLE
            choice[y + 1, x + 1] = free[y, x] & valid[y, x]
    levels = low.copy()
    _follow(levels, choice)
    # The last turn in which a pixel changed.
    changed = np.zeros(levels.shape, np.uint8)
    rows, columns = _find_pieces(choice), _find_pieces(choice.T)
    for turn in range(1, _TURNS + 1):
        if turn % 2:
            _improve(levels, low, rows, changed, turn)
        else:
            _improve(levels.T, low.T, columns, changed.T, turn)
    return levels[1:-1, 1:-1].copy()


@compiled
def _follow(levels: Integers, choice: Bytes) -> None:
    """Take the levels that are nearest to what the pixels to the left and above predict."""
    for y in range(1, levels.shape[0] - 1):
        above, here = levels[y - 1], levels[y]
        for x in range(1, levels.shape[1] - 1):
            if choice[y, x]:
                left, up, corner = here[x - 1], above[x], above[x - 1]
                if _HOLE in (left, up):
                    predicted = max(left, up)
                else:
                    slope = left + up - corner if corner != _HOLE else left
                    predicted = min(max(slope, min(left, up)), max(left, up))
                here[x] += predicted > here[x]


@compiled
def _find_pieces(choice: Bytes) -> Integers:
    """Find the pieces of rows where pixels have a choice: row, first column, and end, (N, 3)."""
    pieces = np.empty((choice.size // 2, 3), np.int32)
    count = 0
    for y in range(1, choice.shape[0] - 1):
        here, x = choice[y], 1
        while x < len(here) - 1:
            if here[x]:
                pieces[count, 0], pieces[count, 1] = y, x
                while here[x]:
                    x += 1
                pieces[count, 2] = x
                count += 1
            x += 1
    return pieces[:count]


@compiled
def _improve(
    levels: Integers, low: Integers, pieces: Integers, changed: Bytes, turn: int
) -> None:
    """Take the best levels of pieces of rows by those around, where these have changed since."""
    came_from = np.zeros((levels.shape[1], 2), np.uint8)
    for k in range(len(pieces)):
        y, first, end = pieces[k, 0], pieces[k, 1], pieces[k, 2]
        above, here, below = changed[y - 1], changed[y], changed[y + 1]
        since = turn <= 2
        for x in range(first - 1, end + 1):
            # The row below came after this one the last time.
            since |= (above[x] >= turn - 1) | (here[x] >= turn - 1) | (below[x] >= turn - 2)
        if since:
            _solve(
                levels[y - 1], levels[y], levels[y + 1], low[y], here, came_from, first, end, turn
            )


@inlined
def _solve(
    above: Integers, here: Integers, below: Integers, low: Integers, changed: Bytes,
    came_from: Bytes, first: int, end: int, turn: int,
) -> None:
    """Take the best levels of the pixels from the first to the one before the end."""
    # The least that levels cost up to a pixel, if it takes its lower level or its higher one.
    level, left = low[first], here[first - 1]
    to_low = _costs(level, left, above, below, first)
    to_high = _costs(level + 1, left, above, below, first)
    for x in range(first + 1, end):
        left, level = level, low[x]
        low_low = to_low + _costs(level, left, above, below, x)
        high_low = to_high + _costs(level, left + 1, above, below, x)
        low_high = to_low + _costs(level + 1, left, above, below, x)
        high_high = to_high + _costs(level + 1, left + 1, above, below, x)
        came_from[x, 0], came_from[x, 1] = high_low < low_low, high_high < low_high
        to_low, to_high = min(low_low, high_low), min(low_high, high_high)
    # The pixel at the end has one level.
    to_low += _costs(here[end], level, above, below, end)
    to_high += _costs(here[end], level + 1, above, below, end)
    higher = int(to_high < to_low)
    for x in range(end - 1, first - 1, -1):
        level = low[x] + higher
        if level != here[x]:
            here[x], changed[x] = level, turn
        higher = came_from[x, higher]


@inlined
def _costs(level: int, left: int, above: Integers, below: Integers, x: int) -> int:
    """Cost of a pixel with a level, behind another one, and of the one below it."""
    costs: int = (
        _cost(level, left, above[x], above[x - 1]) + _cost(below[x], below[x - 1], level, left)
    )
    return costs


@inlined
def _cost(level: int, left: int, up: int, corner: int) -> int:
    """Cost of a pixel's level by those to the left, above and diagonally above."""
    new_left, new_up = (left != level) & (left != _HOLE), (up != level) & (up != _HOLE)
    goes_on = new_left & (up == level) & (corner == left)
    goes_on |= new_up & (left == level) & (corner == up)
    cost = _CORNER if new_left & new_up else _BORDER
    cost = _SAME_BORDER if goes_on else cost
    return cost if (new_left | new_up) & (level != _HOLE) else 0
