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
"""Planes as grids of 8x8 blocks, the positions that the transform works on."""

from __future__ import annotations

from typing import Literal, TypeVar

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.networks import Array, BASE_BLOCK, BASE_STEP, BLOCK
import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar('Scalar', bound=np.generic)

_SHIFT = np.float32(0.5 / BASE_BLOCK - 0.5)


def pad_to_base(image: NDArray[Scalar], mode: Literal['constant', 'edge']) -> NDArray[Scalar]:
    """Pad to multiples of the base block: (H, W) -> (H', W')."""
    margins = [(0, -n % BASE_BLOCK) for n in image.shape]
    return np.pad(image, margins, mode=mode) if any(m[1] for m in margins) else image


def base_of(plane: Array) -> Array:
    """Block means in steps of 16 quanta: (H, W) -> (H/32, W/32) integers."""
    # Rows first: sums along whole rows are the fast ones.
    rows = plane.reshape(-1, BASE_BLOCK, plane.shape[1]).sum(1)
    blocks = rows.reshape(len(rows), -1, BASE_BLOCK).sum(2)
    base: Array = np.rint(blocks * np.float32(1 / (BASE_BLOCK**2 * BASE_STEP)))
    return base


def to_blocks(plane: Array, base: Array) -> Array:
    """Subtract the interpolated base and cut into blocks: (H, W) -> (H/8, W/8, 64), quanta."""
    shape = (plane.shape[0] // BLOCK, plane.shape[1] // BLOCK, BLOCK**2)
    blocks = np.empty(shape, np.float32)
    _move(plane, _widen(base), blocks, cut=True)
    return blocks


def from_blocks(blocks: Array, base: Array) -> Array:
    """Inverse of `to_blocks`."""
    plane = np.empty((blocks.shape[0] * BLOCK, blocks.shape[1] * BLOCK), np.float32)
    _move(plane, _widen(base), blocks, cut=False)
    return plane


@compiled
def mask_blocks(valid: NDArray[np.bool_]) -> Array:
    """Cut a mask into blocks: bool (H, W) -> float32 (H/8, W/8, 64), 1 where true."""
    height, width = valid.shape[0] // BLOCK, valid.shape[1] // BLOCK
    blocks = np.empty((height, width, BLOCK**2), np.float32)
    for row in range(height):
        for column in range(width):
            for y in range(BLOCK):
                for x in range(BLOCK):
                    blocks[row, column, y * BLOCK + x] = valid[row * BLOCK + y, column * BLOCK + x]
    return blocks


def _widen(base: Array) -> Array:
    """Interpolate a base along its rows, in quanta: (h, w) -> (h, 32 w)."""
    place = np.arange(base.shape[1] * BASE_BLOCK, dtype=np.float32)
    place = np.maximum(place / np.float32(BASE_BLOCK) + _SHIFT, 0)
    left = place.astype(np.intp)
    right = np.minimum(left + 1, base.shape[1] - 1)
    weight = place - left.astype(np.float32)
    steps = np.float32(BASE_STEP) * base
    wide: Array = steps[:, left] + weight * (steps[:, right] - steps[:, left])
    return wide


@compiled
def _rows_around(wide: Array, y: int) -> tuple[Array, Array, np.float32]:
    """Rows of a widened base above and below a row of pixels, and the weight of the latter."""
    place = max(np.float32(y) / np.float32(BASE_BLOCK) + _SHIFT, np.float32(0))
    upper = int(place)
    lower = min(upper + 1, wide.shape[0] - 1)
    return wide[upper], wide[lower], np.float32(place - np.float32(upper))


@compiled
def _move(plane: Array, wide: Array, blocks: Array, cut: bool) -> None:
    """Cut a plane into blocks, less the base; or else join them."""
    for y in range(plane.shape[0]):
        upper, lower, weight = _rows_around(wide, y)
        line, row, first = plane[y], y // BLOCK, y % BLOCK * BLOCK
        for column in range(blocks.shape[1]):
            for x in range(BLOCK):
                place = column * BLOCK + x
                base = upper[place] + weight * (lower[place] - upper[place])
                if cut:
                    blocks[row, column, first + x] = line[place] - base
                else:
                    line[place] = blocks[row, column, first + x] + base
