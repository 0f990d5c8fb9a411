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
"""Filling of holes from their neighbourhood, so that the transform sees a continuous plane."""

from __future__ import annotations

from depth_nn_transport.codec.compiled import compiled
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def fill_holes(plane: Plane, valid: NDArray[np.bool_]) -> Plane:
    """Fill the holes of a plane by a pull-push pyramid (Gortler et al. 1996, The Lumigraph).

    Valid samples are averaged to ever coarser levels (pull) until every hole is covered; then
    each hole takes the interpolated value of the next coarser level (push).

    Args:
        plane: float32 (H, W); values in holes are ignored.
        valid: bool (H, W).

    Returns:
        float32 (H, W), equal to ``plane`` where valid; all zero if nothing is valid.

    """
    return _fill(plane, valid.astype(np.float32))


def _fill(value: Plane, weight: Plane) -> Plane:
    if weight.all():
        return value
    if weight.size == 1:
        return value * weight
    return _push(value, weight, _fill(*_pull(value, weight)))


@compiled
def _pull(value: Plane, weight: Plane) -> tuple[Plane, Plane]:
    """Average 2x2 samples by weight: (H, W) -> (H/2, W/2), rounded up."""
    height, width = value.shape
    shape = ((height + 1) // 2, (width + 1) // 2)
    coarse, mass = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for row in range(shape[0]):
        for column in range(shape[1]):
            total, share = np.float32(0), np.float32(0)
            for y in range(2 * row, min(2 * row + 2, height)):
                for x in range(2 * column, min(2 * column + 2, width)):
                    if weight[y, x] > 0:
                        total += weight[y, x] * value[y, x]
                        share += weight[y, x]
            mass[row, column] = np.float32(0.25) * share
            coarse[row, column] = total / share if share > 0 else np.float32(0)
    return coarse, mass


@compiled
def _push(value: Plane, weight: Plane, coarse: Plane) -> Plane:
    """Fill the samples without weight by bilinear interpolation of the coarser level."""
    height, width = value.shape
    filled = np.empty((height, width), np.float32)
    for y in range(height):
        row = y // 2
        other_row = min(max(row + 2 * (y % 2) - 1, 0), coarse.shape[0] - 1)
        for x in range(width):
            if weight[y, x] > 0:
                filled[y, x] = value[y, x]
                continue
            column = x // 2
            other_column = min(max(column + 2 * (x % 2) - 1, 0), coarse.shape[1] - 1)
            here = np.float32(3) * coarse[row, column] + coarse[row, other_column]
            beside = np.float32(3) * coarse[other_row, column] + coarse[other_row, other_column]
            filled[y, x] = (np.float32(3) * here + beside) * np.float32(1 / 16)
    return filled
