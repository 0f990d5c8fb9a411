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
# A mask, or shares of 0..1 of a coarser level.
Weight = NDArray[np.bool_] | Plane


def fill_holes(plane: Plane, valid: NDArray[np.bool_]) -> Plane:
    """
    Fill the holes of a plane by a pull-push pyramid (Gortler et al. 1996, The Lumigraph).

    Valid samples are averaged to ever coarser levels (pull) until every hole is covered; then
    each hole takes the interpolated value of the next coarser level (push).

    :param plane: float32 (H, W); values in holes are ignored.
    :param valid: bool (H, W).
    :returns: float32 (H, W), equal to ``plane`` where valid; all zero if nothing is valid.
    """
    return _fill(plane, valid)


def _fill(value: Plane, weight: Weight) -> Plane:
    if weight.all():
        return value
    if weight.size == 1:
        return value * weight
    return _push(value, weight, _fill(*_pull(value, weight)))


@compiled
def _pull(value: Plane, weight: Weight) -> tuple[Plane, Plane]:
    """Average 2x2 samples by weight: (H, W) -> (H/2, W/2), rounded up."""
    height, width = value.shape
    shape = ((height + 1) // 2, (width + 1) // 2)
    coarse, mass = np.empty(shape, np.float32), np.empty(shape, np.float32)
    # Sums of two rows; the column beyond an odd width keeps its weight of zero.
    total, share = np.zeros(2 * shape[1], np.float32), np.zeros(2 * shape[1], np.float32)
    for row in range(shape[0]):
        upper, lower = 2 * row, min(2 * row + 1, height - 1)
        both = np.float32(1 if lower > upper else 0)
        upper_value, lower_value = value[upper], value[lower]
        upper_weight, lower_weight = weight[upper], weight[lower]
        for x in range(width):
            above, below = np.float32(upper_weight[x]), both * np.float32(lower_weight[x])
            total[x] = above * upper_value[x] + below * lower_value[x]
            share[x] = above + below
        line, weights = coarse[row], mass[row]
        for x in range(shape[1]):
            both_shares = share[2 * x] + share[2 * x + 1]
            weights[x] = np.float32(0.25) * both_shares
            line[x] = (total[2 * x] + total[2 * x + 1]) / (
                both_shares if both_shares > 0 else np.float32(1))
    return coarse, mass


@compiled
def _push(value: Plane, weight: Weight, coarse: Plane) -> Plane:
    """Fill the samples without weight by bilinear interpolation of the coarser level."""
    height, width = value.shape
    filled = np.empty((height, width), np.float32)
    three, sixteenth = np.float32(3), np.float32(1 / 16)
    columns = coarse.shape[1]
    # Between the two coarse rows, with a repeated sample on either side.
    between = np.empty(columns + 2, np.float32)
    smooth = np.empty(2 * columns, np.float32)
    for y in range(height):
        row = y // 2
        other = min(max(row + 2 * (y % 2) - 1, 0), coarse.shape[0] - 1)
        here, there, inner = coarse[row], coarse[other], between[1:]
        for x in range(columns):
            inner[x] = three * here[x] + there[x]
        between[0], between[-1] = between[1], between[-2]
        after = between[2:]
        for x in range(columns):
            smooth[2 * x] = (three * inner[x] + between[x]) * sixteenth
            smooth[2 * x + 1] = (three * inner[x] + after[x]) * sixteenth
        line, mass, out = value[y], weight[y], filled[y]
        for x in range(width):
            out[x] = line[x] if mass[x] > 0 else smooth[x]
    return filled
