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
"""Clean depth steps, taken out of the plane before the transform and put back after it.

Where an object ends in front of a far background, an 8x8 block holds two surfaces hundreds of
quanta apart. A transform spends most of its bits on such blocks and still blurs their edge. So a
block whose values fall into two groups with a wide gap between them is coded as one surface: the
smaller group is moved to the level of the larger one, and which pixel belongs to which group is
sent as a binary map, together with the height of the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from depth_nn_transport.codec.fill import fill_holes
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Blocks = NDArray[np.float32]
Bits = NDArray[np.bool_]
Scalar = TypeVar('Scalar', bound=np.generic)

BLOCK = 8
# Quanta; below this the transform is the cheaper way.
MIN_GAP = 32.0
# Pairs of valid pixels on both sides of the step, at most REACH apart; where a band of holes parts
# the surfaces, the hole mask shows the edge already.
MIN_CONTACTS = 2
REACH = 3
HEIGHT_UNIT = 4.0


@dataclass(frozen=True)
class Steps:
    """The steps of one plane.

    Attributes:
        near: bool (H, W), pixels of the nearer surface in blocks with a step, false elsewhere.
        heights: int32 (n,), near minus far level in units of 4 quanta, for each block in which
            ``near`` is set somewhere, row by row.

    """

    near: Bits
    heights: NDArray[np.int32]

    def remove(self, plane: Plane, valid: Bits) -> Plane:
        """Move the smaller group of each block to the level of the larger: (H, W) -> (H, W)."""
        return plane - self._offset(valid)

    def restore(self, plane: Plane, valid: Bits) -> Plane:
        """Undo `remove`."""
        return plane + self._offset(valid)

    def _offset(self, valid: Bits) -> Plane:
        near = to_blocks(self.near)
        index = np.flatnonzero(near.any(1))
        near, valid = near[index], to_blocks(valid)[index]
        near_is_larger = 2 * (near & valid).sum(1) > valid.sum(1)
        moved = near ^ near_is_larger[:, None]
        height = np.where(near_is_larger, -HEIGHT_UNIT, HEIGHT_UNIT) * self.heights
        offset = np.zeros((self.near.size // BLOCK**2, BLOCK**2), np.float32)
        offset[index] = moved * height[:, None]
        return from_blocks(offset, self.near.shape)


def find_steps(plane: Plane, valid: Bits) -> Steps:
    """Find the blocks that hold two clearly parted surfaces.

    Args:
        plane: float32 (H, W) quanta, holes filled; H and W multiples of 8.
        valid: bool (H, W).

    """
    index = np.flatnonzero(_block_range(plane) > MIN_GAP)
    blocks, known = _take_blocks(plane, index), _take_blocks(valid, index)
    threshold, clear = _widest_gap(blocks, known)
    near = blocks > threshold[:, None]
    height, contacts = _height(blocks, near, known)
    chosen = clear & (contacts >= MIN_CONTACTS) & (height > MIN_GAP / 2)
    labels = np.zeros((plane.size // BLOCK**2, BLOCK**2), bool)
    labels[index[chosen]] = near[chosen]
    heights = np.rint(height[chosen] / HEIGHT_UNIT).astype(np.int32)
    return Steps(from_blocks(labels, plane.shape), heights)


def take_out_steps(plane: Plane, valid: Bits) -> tuple[Steps, Plane]:
    """Find the steps of a plane and take them out, its holes filled anew; see `find_steps`."""
    steps = find_steps(plane, valid)
    if len(steps.heights) == 0:
        return steps, plane
    return steps, fill_holes(steps.remove(plane, valid), valid)


def to_blocks(image: NDArray[Scalar]) -> NDArray[Scalar]:
    """(H, W) -> (blocks, 64), row by row."""
    height, width = image.shape
    grid = image.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return grid.swapaxes(1, 2).reshape(-1, BLOCK**2)


def from_blocks(blocks: NDArray[Scalar], shape: tuple[int, ...]) -> NDArray[Scalar]:
    """Inverse of `to_blocks`."""
    height, width = shape
    grid = blocks.reshape(height // BLOCK, width // BLOCK, BLOCK, BLOCK)
    return grid.swapaxes(1, 2).reshape(height, width)


def _block_range(plane: Plane) -> Plane:
    """Span of each block's values, row by row."""
    rows = plane.reshape(-1, BLOCK, plane.shape[1])
    top, bottom = rows.max(1).reshape(-1, BLOCK), rows.min(1).reshape(-1, BLOCK)
    span: Plane = top.max(1) - bottom.min(1)
    return span


def _take_blocks(image: NDArray[Scalar], index: NDArray[np.intp]) -> NDArray[Scalar]:
    """Take some of the blocks of `to_blocks`: (n,) -> (n, 64)."""
    height, width = (n // BLOCK for n in image.shape)
    grid = image.reshape(height, BLOCK, width, BLOCK)
    return grid[index // width, :, index % width].reshape(-1, BLOCK**2)


def _widest_gap(blocks: Blocks, known: Bits) -> tuple[Plane, Bits]:
    """Middle of the widest gap between valid values, and whether it parts two tight groups."""
    # Holes repeat a valid value, which opens no gap; a block of holes alone has none either.
    anchor = np.where(known, blocks, -np.inf).max(1, keepdims=True)
    values = np.sort(np.where(known, blocks, np.where(np.isfinite(anchor), anchor, 0)), 1)
    gaps = np.diff(values, axis=1)
    rows, k = np.arange(len(values)), gaps.argmax(1)
    gap = gaps[rows, k]
    below, above = values[rows, k], values[rows, k + 1]
    widest_group = np.maximum(below - values[:, 0], values[:, -1] - above)
    return (below + above) / 2, gap > np.maximum(widest_group, MIN_GAP)


def _height(blocks: Blocks, near: Bits, known: Bits) -> tuple[Plane, NDArray[np.intp]]:
    """Mean difference of valid pixels across the step, and the number of their pairs."""
    total = np.zeros(len(blocks), np.float32)
    contacts = np.zeros(len(blocks), np.intp)
    for axis, reach in product((1, 2), range(1, REACH + 1)):
        a, b = _pairs(blocks, axis, reach)
        near_a, near_b = _pairs(near, axis, reach)
        known_a, known_b = _pairs(known, axis, reach)
        contact = (near_a ^ near_b) & known_a & known_b
        total += (np.abs(a - b) * contact).sum((1, 2))
        contacts += contact.sum((1, 2))
    return total / np.maximum(contacts, 1), contacts


def _pairs(
    blocks: NDArray[Scalar], axis: int, reach: int
) -> tuple[NDArray[Scalar], NDArray[Scalar]]:
    """All pixels of blocks that have another one this far along an axis, and the other ones."""
    grid = blocks.reshape(-1, BLOCK, BLOCK)
    return (
        np.take(grid, np.arange(BLOCK - reach), axis), np.take(grid, np.arange(reach, BLOCK), axis)
    )
