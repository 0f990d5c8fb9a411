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
"""What encoder and decoder know of a frame before its corrections."""

from __future__ import annotations

import math
from typing import NamedTuple

from depth_nn_transport.codec.compiled import compiled
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bits = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
# A number of each node of the quadtree, coarsest level first: uint8 (H / size + 2, W / size + 2)
# with a margin of zeros. H, W: those of the frame, rounded up to multiples of 8.
Levels = tuple[Bytes, Bytes, Bytes, Bytes]

BLOCK = 8
SIZES = (8, 4, 2, 1)
ACTIVITIES = 20


class Surroundings(NamedTuple):
    """
    What encoder and decoder know of a frame before its corrections.

    :ivar plane: float32 (>= H + 2, >= W + 2) quanta, as every decoder restores it, from row and
        column 1 on, whole blocks with a margin; NaN in holes and outside, since no comparison
        with NaN holds.
    :ivar holes: number of holes in each node.
    :ivar activity: uint8 (H / 8, W / 8), class of each block's latents, 0..19.
    :ivar bend: float32 (H / 8, W / 8) quanta, that of each block, as of `bend_of`.
    :ivar spread: float32 (H / 8, W / 8) quanta, that of each block, as of `spread_of`.
    """

    plane: Floats
    holes: Levels
    activity: Bytes
    bend: Floats
    spread: Floats

    @classmethod
    def of(cls, plane: Floats, valid: Bits, latents: Floats) -> Surroundings:
        """
        Prepare a frame.

        :param plane: float32 (H, W) quanta, restored.
        :param valid: bool (H, W).
        :param latents: exact float32 (>= H/8, >= W/8, C).
        """
        holes, marked = _count_holes(valid), _mark(np.ascontiguousarray(plane), valid)
        activity = _classify_activity(latents, holes[0])
        return cls(marked, holes, activity, *_block_roughness(marked))


@compiled
def empty_levels(height: int, width: int) -> Levels:
    """Zeros for the nodes of a frame of so many blocks."""
    return (
        np.zeros((height + 2, width + 2), np.uint8),
        np.zeros((height * 2 + 2, width * 2 + 2), np.uint8),
        np.zeros((height * 4 + 2, width * 4 + 2), np.uint8),
        np.zeros((height * 8 + 2, width * 8 + 2), np.uint8),
    )


@compiled
def _count_holes(valid: Bits) -> Levels:
    """Count the holes in each node; what lies beyond the frame are holes."""
    levels = empty_levels(-(-valid.shape[0] // BLOCK), -(-valid.shape[1] // BLOCK))
    pixels = levels[-1]
    pixels[1:-1, 1:-1] = 1
    for y in range(valid.shape[0]):
        for x in range(valid.shape[1]):
            pixels[y + 1, x + 1] = not valid[y, x]
    for level in range(len(SIZES) - 2, -1, -1):
        _sum_up(levels[level + 1], levels[level])
    return levels


@compiled
def _sum_up(finer: Bytes, coarser: Bytes) -> None:
    """Sum up the numbers of each node's four children."""
    for row in range(1, coarser.shape[0] - 1):
        upper, lower = finer[2 * row - 1], finer[2 * row]
        for column in range(1, coarser.shape[1] - 1):
            x = 2 * column
            coarser[row, column] = upper[x - 1] + upper[x] + lower[x - 1] + lower[x]


@compiled
def _classify_activity(latents: Floats, holes: Bytes) -> Bytes:
    """Class of the magnitudes of each block's latents but the first, two an octave."""
    height, width = holes.shape[0] - 2, holes.shape[1] - 2
    activity = np.zeros((height, width), np.uint8)
    for row in range(height):
        for column in range(width):
            if holes[row + 1, column + 1] == BLOCK * BLOCK:
                continue
            here = latents[row, column]
            # In eighths, of which latents are multiples; below 2**24, which float32 holds.
            eighths = np.int32(0)
            for k in range(1, len(here)):
                eighths = np.int32(eighths + np.int32(abs(here[k]) * np.float32(8)))
            total = np.float32(eighths) * np.float32(1 / 8)
            exponent = math.frexp(total * total)[1]
            activity[row, column] = min(max(exponent, 0), ACTIVITIES - 1)
    return activity


@compiled
def _mark(plane: Floats, valid: Bits) -> Floats:
    """Copy the valid values, NaN elsewhere, into whole blocks with a margin of a pixel."""
    rows, columns = -(-plane.shape[0] // BLOCK), -(-plane.shape[1] // BLOCK)
    nothing = np.float32(np.nan)
    marked = np.full((rows * BLOCK + 2, columns * BLOCK + 2), nothing)
    for y in range(plane.shape[0]):
        line, known, inside = plane[y], valid[y], marked[y + 1, 1:plane.shape[1] + 1]
        # In float32 throughout, without a branch: so it is vectorised.
        for x in range(len(line)):
            value = line[x]
            inside[x] = value if known[x] else nothing
    return marked


@compiled
def _block_roughness(marked: Floats) -> tuple[Floats, Floats]:
    """
    Bend and spread of each block, by whole rows, which is vectorised.

    :returns: float32 (H / 8, W / 8) quanta each, the same as `bend_of` and `spread_of` of each; 0
        in blocks of holes.
    """
    rows, columns = (marked.shape[0] - 2) // BLOCK, (marked.shape[1] - 2) // BLOCK
    bends, spreads = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
    # Not one array taken apart, which is not known to be contiguous: that keeps loops from being
    # vectorised.
    width = columns * BLOCK
    bend, least = np.empty(width, np.float32), np.empty(width, np.float32)
    greatest = np.empty(width, np.float32)
    for row in range(rows):
        bend[:], least[:], greatest[:] = 0, np.inf, -np.inf
        for y in range(row * BLOCK + 1, (row + 1) * BLOCK + 1):
            _take_in(marked[y - 1], marked[y], marked[y + 1], bend, least, greatest)
        _sum_up_columns(bend, least, greatest, bends[row], spreads[row])
    return bends, spreads


@compiled
def _sum_up_columns(
    bend: Floats, least: Floats, greatest: Floats, bends: Floats, spreads: Floats
) -> None:
    """Bring the columns of a row of blocks down to blocks."""
    low, high = np.full(len(bends), np.float32(np.inf)), np.full(len(bends), np.float32(-np.inf))
    bends[:] = 0
    # Block by block in the inner loop, which is vectorised.
    for x in range(BLOCK):
        for column in range(len(bends)):
            place = column * BLOCK + x
            bends[column] = bend[place] if bend[place] > bends[column] else bends[column]
            low[column] = least[place] if least[place] < low[column] else low[column]
            high[column] = greatest[place] if greatest[place] > high[column] else high[column]
    for column in range(len(bends)):
        wide = high[column] > low[column]
        spreads[column] = high[column] - low[column] if wide else np.float32(0)


@compiled
def _take_in(
    above: Floats, here: Floats, below: Floats, bend: Floats, least: Floats, greatest: Floats
) -> None:
    """Take a row, with a margin, into the ranges and the second differences of its columns."""
    for x in range(len(bend)):
        value = here[x + 1]
        least[x] = value if value < least[x] else least[x]
        greatest[x] = value if value > greatest[x] else greatest[x]
        twice, most = value + value, bend[x]
        across = abs(here[x] + here[x + 2] - twice)
        along = abs(above[x + 1] + below[x + 1] - twice)
        most = across if across > most else most
        bend[x] = along if along > most else most


@compiled
def bend_of(plane: Floats, top: int, left: int, size: int) -> np.float32:
    """Greatest second difference, along rows or columns, at the pixels of a node."""
    greatest = np.float32(0)
    for y in range(top + 1, top + 1 + size):
        above, here, below = plane[y - 1], plane[y], plane[y + 1]
        for x in range(left + 1, left + 1 + size):
            twice = here[x] + here[x]
            across = abs(here[x - 1] + here[x + 1] - twice)
            along = abs(above[x] + below[x] - twice)
            greatest = across if across > greatest else greatest
            greatest = along if along > greatest else greatest
    return greatest


@compiled
def spread_of(plane: Floats, top: int, left: int, size: int) -> np.float32:
    """Greatest less least valid value of a node."""
    least, greatest = np.float32(np.inf), np.float32(-np.inf)
    for y in range(top + 1, top + 1 + size):
        for x in range(left + 1, left + 1 + size):
            value = plane[y, x]
            least = value if value < least else least
            greatest = value if value > greatest else greatest
    return greatest - least


@compiled
def distance_around(plane: Floats, row: int, column: int) -> np.float32:
    """Distance of a pixel's value from the mean of the valid ones in 3x3, its own among them."""
    total, count = np.float32(0), np.float32(0)
    for y in range(row, row + 3):
        for x in range(column, column + 3):
            value = plane[y, x]
            known = value == value  # noqa: PLR0124
            total += value if known else np.float32(0)
            count += np.float32(known)
    return np.float32(plane[row + 1, column + 1] - total / count)


@compiled
def octave_class(value: np.float32, unit: int, least: int, greatest: int) -> int:
    """Binary exponent of the square of a value in units, limited: two classes an octave."""
    ratio = value / np.float32(unit)
    # What `frexp` returns, but for subnormal numbers, which are below the least.
    exponent = (int(np.float32(ratio * ratio).view(np.int32)) >> 23) - 126
    return min(max(exponent, least), greatest)
