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
Clean depth steps, taken out of the plane before the transform and put back after it.

Where an object ends in front of a far background, an 8x8 block holds two surfaces hundreds of
quanta apart. A transform spends most of its bits on such blocks and still blurs their edge. So a
block whose values fall into two groups with a wide gap between them is coded as one surface: the
smaller group is moved to the level of the larger one, and which pixel belongs to which group is
sent as a binary map, together with the height of the step.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.fill import fill_holes
from depth_nn_transport.codec.networks import BLOCK
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Bits = NDArray[np.bool_]
Heights = NDArray[np.int32]

# Quanta; below this the transform is the cheaper way, whatever the quality.
MIN_GAP = 32.0
# Pairs of valid pixels on both sides of the step, at most REACH apart; where a band of holes parts
# the surfaces, the hole mask shows the edge already.
MIN_CONTACTS = 2
REACH = 3
HEIGHT_UNIT = 4.0


@dataclass(frozen=True)
class Steps:
    """
    The steps of one plane.

    :ivar near: bool (H, W), pixels of the nearer surface in blocks with a step, false elsewhere.
    :ivar heights: int32 (n,), near minus far level in units of 4 quanta, for each block in which
        ``near`` is set somewhere, row by row.
    """

    near: Bits
    heights: Heights

    def remove(self, plane: Plane, valid: Bits) -> Plane:
        """Move the smaller group of each block to the level of the larger: (H, W) -> (H, W)."""
        return _shift(plane, self.near, -HEIGHT_UNIT * self.heights, valid)

    def restore(self, plane: Plane, valid: Bits) -> Plane:
        """Undo `remove`."""
        return _shift(plane, self.near, HEIGHT_UNIT * self.heights, valid)


def least_gap(quality: int) -> float:
    """Quanta from which a step is worth its bits, as measured: more at a low quality."""
    return max(MIN_GAP, 48 * math.pow(2, (50 - quality) / 30))


def find_steps(plane: Plane, valid: Bits, least: float = MIN_GAP) -> Steps:
    """
    Find the blocks that hold two clearly parted surfaces.

    :param plane: float32 (H, W) quanta, holes filled; H and W multiples of 8.
    :param valid: bool (H, W).
    :param least: gap between the surfaces, quanta.
    :raises ValueError: if the plane is not of whole blocks.
    """
    if plane.shape[0] % BLOCK or plane.shape[1] % BLOCK:
        raise ValueError(f'plane of {plane.shape}, expected multiples of {BLOCK}')
    near, heights = _find(plane, valid, least)
    return Steps(near, np.rint(heights / HEIGHT_UNIT).astype(np.int32))


def take_out_steps(
    plane: Plane, valid: Bits, least: float = MIN_GAP
) -> tuple[Steps, Plane]:
    """Find the steps of a plane and take them out, its holes filled anew; see `find_steps`."""
    steps = find_steps(plane, valid, least)
    if len(steps.heights) == 0:
        return steps, plane
    return steps, fill_holes(steps.remove(plane, valid), valid)


@compiled
def _find(plane: Plane, valid: Bits, least: float) -> tuple[Bits, Plane]:
    """Label the near pixels of blocks with a step; measure the steps' heights in quanta."""
    height, width = plane.shape
    near = np.zeros((height, width), np.bool_)
    heights = np.empty(height * width // BLOCK**2, np.float32)
    values, known = np.empty((BLOCK, BLOCK), np.float32), np.empty((BLOCK, BLOCK), np.bool_)
    count = 0
    for row in range(0, height, BLOCK):
        for column in _wide_blocks(plane, row, least):
            for y in range(BLOCK):
                for x in range(BLOCK):
                    values[y, x] = plane[row + y, column + x]
                    known[y, x] = valid[row + y, column + x]
            threshold = _threshold(values, known, least)
            if threshold == np.inf:
                continue
            gap, contacts = _contacts(values, known, threshold)
            if contacts >= MIN_CONTACTS and gap > contacts * least / 2:
                for y in range(BLOCK):
                    for x in range(BLOCK):
                        near[row + y, column + x] = values[y, x] > threshold
                heights[count] = gap / contacts
                count += 1
    return near, heights[:count]


@compiled
def _wide_blocks(plane: Plane, row: int, least: float) -> NDArray[np.int64]:
    """Tell quickly in which columns of blocks the values, filled ones too, span a gap."""
    low, high = plane[row].copy(), plane[row].copy()
    for y in range(row + 1, row + BLOCK):
        line = plane[y]
        for x in range(len(line)):
            value = line[x]
            low[x] = value if value < low[x] else low[x]
            high[x] = value if value > high[x] else high[x]
    columns, count = np.empty(len(low) // BLOCK, np.int64), 0
    for column in range(0, len(low), BLOCK):
        lowest, highest = low[column], high[column]
        for x in range(column + 1, column + BLOCK):
            lowest = low[x] if low[x] < lowest else lowest
            highest = high[x] if high[x] > highest else highest
        columns[count] = column
        count += highest - lowest > least
    return columns[:count]


@compiled
def _threshold(block: Plane, known: Bits, least: float) -> float:
    """Middle of a wide gap that parts the valid values into two tight groups, else infinity."""
    lowest, highest = _span(block, known, -np.inf, np.inf)
    if not highest - lowest > least:
        return np.inf
    # A gap wider than the groups on its two sides holds the middle of all values.
    middle = (lowest + highest) / 2
    _, below = _span(block, known, -np.inf, middle)
    above, _ = _span(block, known, middle, np.inf)
    widest_group = max(below - lowest, highest - above)
    return (below + above) / 2 if above - below > max(widest_group, least) else np.inf


@compiled
def _span(
    block: Plane, known: Bits, over: float, up_to: float
) -> tuple[float, float]:
    """Least and greatest valid value of a range."""
    least, greatest = np.inf, -np.inf
    for y in range(BLOCK):
        for x in range(BLOCK):
            value = block[y, x]
            inside = known[y, x] and over < value <= up_to
            least = value if inside and value < least else least
            greatest = value if inside and value > greatest else greatest
    return least, greatest


@compiled
def _contacts(block: Plane, known: Bits, threshold: float) -> tuple[float, int]:
    """Sum up the differences of valid pixels across the step, and count them."""
    total, contacts = 0.0, 0
    for y in range(BLOCK):
        for x in range(BLOCK):
            for reach in range(1, REACH + 1):
                for other_y, other_x in ((y + reach, x), (y, x + reach)):
                    if other_y >= BLOCK or other_x >= BLOCK:
                        continue
                    if not (known[y, x] and known[other_y, other_x]):
                        continue
                    if (block[y, x] > threshold) != (block[other_y, other_x] > threshold):
                        total += abs(block[y, x] - block[other_y, other_x])
                        contacts += 1
    return total, contacts


@compiled
def _shift(plane: Plane, near: Bits, heights: Plane, valid: Bits) -> Plane:
    """Move the smaller group of each block with a step by its height, away from the far level."""
    shifted = plane.copy()
    index = 0
    for row in range(0, plane.shape[0], BLOCK):
        for column in _labelled_blocks(near, row):
            known_labels = known = 0
            for y in range(row, row + BLOCK):
                for x in range(column, column + BLOCK):
                    known += valid[y, x]
                    known_labels += near[y, x] & valid[y, x]
            near_is_larger = 2 * known_labels > known
            offset = np.float32(-heights[index] if near_is_larger else heights[index])
            for y in range(row, row + BLOCK):
                for x in range(column, column + BLOCK):
                    if near[y, x] != near_is_larger:
                        shifted[y, x] += offset
            index += 1
    return shifted


@compiled
def _labelled_blocks(near: Bits, row: int) -> NDArray[np.int64]:
    """Tell quickly in which columns of blocks there is a label."""
    some = near[row].copy()
    for y in range(row + 1, row + BLOCK):
        line = near[y]
        for x in range(len(line)):
            some[x] |= line[x]
    columns, count = np.empty(len(some) // BLOCK, np.int64), 0
    for column in range(0, len(some), BLOCK):
        labels = 0
        for x in range(column, column + BLOCK):
            labels += some[x]
        columns[count] = column
        count += labels > 0
    return columns[:count]
