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
Which pixels are corrected: a quadtree of flags over 8x8 blocks, coarse to fine.

Each level goes in four phases, so that a pass is one call of the range coder. A flag's probability
is a logistic function of what both sides know exactly: holes around it, flags around it, the size
of the block's latents, the threshold, how many corrections the frame has, and how rough the
restored plane is there: corrections are made at its edges. It is a sum of small integers, the same
on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import NamedTuple

from depth_nn_transport.codec.compiled import compiled, inlined
from depth_nn_transport.codec.correction_surroundings import (
    bend_of,
    BLOCK,
    Bytes,
    distance_around,
    empty_levels,
    Floats,
    Levels,
    octave_class,
    SIZES,
    spread_of,
    Surroundings,
)
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder
import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int32]
# Rows and columns of nodes of one size, or of pixels, int32 (N, 2), in raster order.
Nodes = NDArray[np.int32]

PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))
DENSITIES = 10
BOUND_CLASSES = 8
HOLE_CLASSES = 5
PARENT_CLASSES = 4
FLAG_CLASSES = 5
# Classes of differences in the restored plane, two an octave; the first ends at 1/8 threshold.
ROUGHNESS_CLASSES = 16
LEAST_ROUGHNESS = -6
FEATURES = 8
LOGIT_STEPS = 8
LOGIT_LEVELS = 128


class Weights(NamedTuple):
    """
    Addends of a flag's log-odds, in steps of 1/8, int32.

    :ivar density: (level, density).
    :ivar bound: (level, bound), of the threshold.
    :ivar activity: (level, activity).
    :ivar holes: (level, holes).
    :ivar flags: (level, phase, parents, flags).
    :ivar bend: (level, bend).
    :ivar spread: (level, spread).
    """

    density: Counts
    bound: Counts
    activity: Counts
    holes: Counts
    flags: Counts
    bend: Counts
    spread: Counts


class FlagCoder:
    """Encoder and decoder of the flags."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Take the arrays that training made."""
        self._weights = Weights(
            *(np.ascontiguousarray(arrays[name], np.int32) for name in Weights._fields)
        )
        # Of each log-odds, (128,).
        self._probability = np.asarray(arrays['probability'], np.float32)

    def encode(
        self, pixels: Nodes, surroundings: Surroundings, density: int, threshold: int,
        encoder: TableEncoder,
    ) -> None:
        """Encode which pixels are flagged; see `tell_flags`."""
        features, bits = tell_flags(pixels, surroundings, threshold)
        encoder.bits(self._probabilities(features, density, threshold), bits)

    def decode(
        self, surroundings: Surroundings, density: int, threshold: int, decoder: TableDecoder
    ) -> Nodes:
        """
        Visit the quadtree of flags, pass by pass, and return the flagged pixels.

        :raises CorruptStreamError: if the bytes hold no flags.
        """
        shape = surroundings.activity.shape
        flags, parents = empty_levels(*shape), _all_parents(*shape)
        for level in range(len(SIZES)):
            for phase in range(len(PHASES)):
                nodes, features = _gather(level, phase, parents, flags, surroundings, threshold)
                bits = decoder.bits(self._probabilities(features, density, threshold))
                _set_flags(flags[level], nodes, bits)
            parents = _flagged_children(parents, flags[level])
        return parents

    def _probabilities(self, features: Bytes, density: int, threshold: int) -> Floats:
        bound = bound_class(threshold)
        return _look_up(features, density, bound, self._weights, self._probability)


@compiled
def tell_flags(
    pixels: Nodes, surroundings: Surroundings, threshold: int
) -> tuple[Bytes, Bytes]:
    """
    Visit the quadtree of flags, pass by pass.

    :param pixels: those that are flagged.
    :param surroundings: of the frame.
    :param threshold: quanta.
    :returns: of each flag that is to be coded its features, as of `_gather`, and its value, uint8
        (N,).
    """
    height, width = surroundings.activity.shape
    truth, flags = empty_levels(height, width), empty_levels(height, width)
    parents = _all_parents(height, width)
    room = len(PHASES) * (len(parents) + _flag_ancestors(pixels, truth))
    features, bits = np.empty((room, FEATURES), np.uint8), np.empty(room, np.uint8)
    count = 0
    for level in range(len(SIZES)):
        for phase in range(len(PHASES)):
            nodes, found = _gather(level, phase, parents, flags, surroundings, threshold)
            end = count + len(nodes)
            for k in range(len(nodes)):
                bits[count + k] = truth[level][nodes[k, 0] + 1, nodes[k, 1] + 1]
            features[count:end] = found
            _set_flags(flags[level], nodes, bits[count:end])
            count = end
        parents = _flagged_children(parents, flags[level])
    return features[:count], bits[:count]


@compiled
def _flag_ancestors(pixels: Nodes, flags: Levels) -> int:
    """Flag all nodes that hold one of the pixels, and count those larger than a pixel."""
    count = 0
    for k in range(len(pixels)):
        for level in range(len(SIZES)):
            y, x = pixels[k, 0] // SIZES[level] + 1, pixels[k, 1] // SIZES[level] + 1
            count += SIZES[level] > 1 and flags[level][y, x] == 0
            flags[level][y, x] = 1
    return count


@compiled
def _all_parents(height: int, width: int) -> Nodes:
    """List the parents of so many blocks."""
    rows, columns = (height + 1) // 2, (width + 1) // 2
    parents = np.empty((rows * columns, 2), np.int32)
    for k in range(len(parents)):
        parents[k, 0], parents[k, 1] = k // columns, k % columns
    return parents


@compiled
def _flagged_children(parents: Nodes, flags: Bytes) -> Nodes:
    """List the flagged children of some nodes."""
    children = np.empty((len(PHASES) * len(parents), 2), np.int32)
    count, start = 0, 0
    while start < len(parents):
        end = start
        while end < len(parents) and parents[end, 0] == parents[start, 0]:
            end += 1
        for y in range(2 * parents[start, 0], 2 * parents[start, 0] + 2):
            for k in range(start, end):
                for x in range(2 * parents[k, 1], 2 * parents[k, 1] + 2):
                    if flags[y + 1, x + 1]:
                        children[count, 0], children[count, 1] = y, x
                        count += 1
        start = end
    return children[:count]


@compiled
def _set_flags(flags: Bytes, nodes: Nodes, bits: Bytes) -> None:
    for k in range(len(nodes)):
        flags[nodes[k, 0] + 1, nodes[k, 1] + 1] = bits[k]


@compiled
def _gather(
    level: int, phase: int, parents: Nodes, flags: Levels, surroundings: Surroundings,
    threshold: int,
) -> tuple[Nodes, Bytes]:
    """
    Find the flags of a pass that are to be coded; set those that are certain.

    :returns: the nodes, and their features, uint8 (N, 8): level, phase, and classes of activity,
        holes, parents and flags around, bend and spread.
    """
    size, here, holes = SIZES[level], flags[level], surroundings.holes[level]
    plane = surroundings.plane
    height, width = here.shape[0] - 2, here.shape[1] - 2
    top, left = PHASES[phase]
    nodes = np.empty((len(parents), 2), np.int32)
    features = np.empty((len(parents), FEATURES), np.uint8)
    count = 0
    for k in range(len(parents)):
        y, x = 2 * parents[k, 0] + top, 2 * parents[k, 1] + left
        if y >= height or x >= width or holes[y + 1, x + 1] == size * size:
            continue
        touching = 0
        if level > 0:
            if _is_last_hope(size * size, phase, y, x, here, holes):
                here[y + 1, x + 1] = 1
                continue
            touching = _parents_touched(flags[level - 1], y, x)
        nodes[count, 0], nodes[count, 1] = y, x
        features[count, 0], features[count, 1] = level, phase
        features[count, 2] = surroundings.activity[y * size // BLOCK, x * size // BLOCK]
        features[count, 3] = _hole_class(holes, 9 * size * size, y, x)
        features[count, 4] = touching
        features[count, 5] = _flag_class(here, y, x)
        if level == 0:
            bend, spread = surroundings.bend[y, x], surroundings.spread[y, x]
        else:
            bend, spread = _roughness(plane, y * size, x * size, size)
        features[count, 6] = _roughness_class(bend, threshold)
        features[count, 7] = _roughness_class(spread, threshold)
        count += 1
    return nodes[:count], features[:count]


@inlined
def _is_last_hope(
    area: int, phase: int, y: int, x: int, flags: Bytes, holes: Bytes
) -> bool:
    """Tell whether a flagged parent has no other child that is, or may still be, flagged."""
    top, left = y - PHASES[phase][0] + 1, x - PHASES[phase][1] + 1
    for other in range(len(PHASES)):
        row, column = top + PHASES[other][0], left + PHASES[other][1]
        if flags[row, column] > 0 or (other > phase and holes[row, column] < area):
            return False
    return True


@inlined
def _parents_touched(parents: Bytes, y: int, x: int) -> int:
    """Count the flags of the three other parents that a node touches."""
    row, column = y // 2 + 1, x // 2 + 1
    next_row, next_column = row + 2 * (y % 2) - 1, column + 2 * (x % 2) - 1
    touched: int = (
        parents[next_row, column] + parents[row, next_column] + parents[next_row, next_column]
    )
    return touched


@inlined
def _hole_class(holes: Bytes, area: int, y: int, x: int) -> int:
    """Class of the share of holes in the 3x3 nodes around a node, of this area."""
    count = 0
    for row in range(y, y + 3):
        for column in range(x, x + 3):
            count += holes[row, column]
    if count == 0:
        return 0
    return 1 + (16 * count > area) + (4 * count > area) + (2 * count > area)


@inlined
def _flag_class(flags: Bytes, y: int, x: int) -> int:
    """Count the flags known among the 3x3 nodes around a node, up to 4."""
    count = 0
    for row in range(y, y + 3):
        for column in range(x, x + 3):
            count += flags[row, column]
    return min(count, FLAG_CLASSES - 1)


@inlined
def _roughness(plane: Floats, top: int, left: int, size: int) -> tuple[np.float32, np.float32]:
    """Bend of a node, and its spread, or a pixel's distance from those around it; quanta."""
    bend = bend_of(plane, top, left, size)
    if size == 1:
        return bend, distance_around(plane, top, left)
    return bend, spread_of(plane, top, left, size)


@inlined
def _roughness_class(value: np.float32, threshold: int) -> int:
    """Class of a difference in the plane, 0..15."""
    greatest = LEAST_ROUGHNESS + ROUGHNESS_CLASSES - 1
    return octave_class(value, threshold, LEAST_ROUGHNESS, greatest) - LEAST_ROUGHNESS


@compiled
def _look_up(
    features: Bytes, density: int, bound: int, weights: Weights, probability: Floats
) -> Floats:
    """Probability of each flag, by the sum of its features' addends: (N, 8) -> (N,)."""
    found = np.empty(len(features), np.float32)
    for k in range(len(features)):
        level, phase, activity, holes, touching, around, bend, spread = features[k]
        log_odds = (
            LOGIT_LEVELS // 2 + weights.density[level, density] + weights.bound[level, bound]
            + weights.activity[level, activity] + weights.holes[level, holes]
            + weights.flags[level, phase, touching, around]
            + weights.bend[level, bend] + weights.spread[level, spread]
        )
        found[k] = probability[min(max(log_odds, 0), LOGIT_LEVELS - 1)]
    return found


def density_class(count: int, valid: int) -> int:
    """Class of the share of corrected pixels: one an octave below an eighth."""
    return min(max(round(-math.log2(count / valid)) - 3, 0), DENSITIES - 1)


def bound_class(threshold: int) -> int:
    """Class of a threshold, one an octave."""
    return min((threshold - 1).bit_length(), BOUND_CLASSES - 1)
