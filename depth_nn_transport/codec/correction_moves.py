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
How far pixels are moved.

A pixel at an edge belongs to one of two surfaces, so its move is told by where it lies between
those of its neighbours that are known to be within the threshold.
"""

from __future__ import annotations

import math

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.correction_flags import Counts, Nodes, PHASES
from depth_nn_transport.codec.correction_surroundings import (
    Bits,
    Bytes,
    distance_around,
    Floats,
    octave_class,
    Surroundings,
)
import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.intp]

# Step of corrections that need keep no bound, in thresholds.
LOOSE_STEP = 1.5
# What a correction has to save, in the squared error that is left for each of the frame's bits:
# about the bits that it takes. Less shortens the tail at the cost of the mean.
WORTH = 7
# Quanta by which an uncorrected pixel may pass the threshold: less than a half, so that it is
# within once it is rounded to a whole quantum.
LEEWAY = 0.5 - 2.0**-8
# Pixels that a move looks around for the longest one, and its table: that one's length, how many
# neighbours are trusted, and the signed distance from their mean, two classes an octave.
REACH = 2
LENGTH_CLASSES = 4
TRUST_CLASSES = 3
DISTANCE_CLASSES = 21
LEAST_DISTANCE = -5
# Weight of the four nearest neighbours in that mean.
NEAR_WEIGHT = 2
# Stands for a move that is not known yet.
UNKNOWN = -(1 << 31)


def worthwhile_threshold(residual: Floats, valid: Bits, size: int, greatest: int) -> int:
    """
    Find the threshold past which corrections are worth their bits.

    A correction removes a squared error of about the threshold's square. It takes a few bits,
    which the frame's own would use to save as much as what is left of the error to them.

    :param residual: float32 (H, W), original minus restored plane in quanta.
    :param valid: bool (H, W).
    :param size: bytes of the frame.
    :param greatest: quanta, that the threshold must not pass.
    :returns: quanta, 1 to the greatest.
    """
    counts = _count_errors(residual, valid, greatest + 1)
    thresholds = np.arange(1, greatest + 1)
    # Of an error in whole quanta that passes the threshold, halfway to it.
    squares = (thresholds + 0.5) ** 2
    within = np.cumsum(counts[1:-1] * thresholds * thresholds)
    # Corrected pixels keep an error too, spread evenly over half a step on either side.
    left = within + (counts.sum() - np.cumsum(counts)[1:-1]) * squares * (LOOSE_STEP ** 2 / 12)
    worthwhile = squares * (8 * size) >= WORTH * left
    return int(thresholds[np.argmax(worthwhile)]) if worthwhile.any() else greatest


def loose_step(threshold: int) -> int:
    """Step, in quanta, of corrections past a threshold that need keep no bound."""
    return math.ceil(LOOSE_STEP * threshold)


@compiled
def _count_errors(residual: Floats, valid: Bits, most: int) -> Positions:
    """Count the errors of valid pixels by size, rounded to quanta, the last for all beyond."""
    counts = np.zeros(most + 1, np.intp)
    limit = np.float32(most)
    for y in range(len(residual)):
        for x in range(residual.shape[1]):
            size = abs(residual[y, x]) + np.float32(0.5)
            if valid[y, x]:
                counts[int(size if size < limit else limit)] += 1
    return counts


@compiled
def find_moves(
    residual: Floats, valid: Bits, threshold: int, step: int
) -> tuple[Nodes, Counts]:
    """
    Find the moves, in steps, of all pixels that are off by more than T and the leeway.

    They leave them half a step and the leeway off, or less.

    :returns: the pixels that move, and their moves, int32 (N,).
    """
    limit = np.float32(threshold + LEEWAY)
    counts = np.empty(len(residual), np.int32)
    for y in range(len(residual)):
        moving = np.int32(0)
        for x in range(residual.shape[1]):
            moving += np.int32((abs(residual[y, x]) > limit) & valid[y, x])
        counts[y] = moving
    pixels, moves = np.empty((counts.sum(), 2), np.int32), np.empty(counts.sum(), np.int32)
    count = 0
    for y in np.flatnonzero(counts):
        for x in range(residual.shape[1]):
            size = abs(residual[y, x])
            if valid[y, x] and size > limit:
                length = math.ceil((size - step / 2 - LEEWAY) / step)
                pixels[count, 0], pixels[count, 1] = y, x
                moves[count] = length if residual[y, x] > 0 else -length
                count += 1
    return pixels, moves


@compiled
def in_phase(phase: int, pixels: Nodes) -> Positions:
    """Tell which pixels belong to a phase."""
    row, column = PHASES[phase]
    positions = np.empty(len(pixels), np.intp)
    count = 0
    for k in range(len(pixels)):
        if pixels[k, 0] % 2 == row and pixels[k, 1] % 2 == column:
            positions[count] = k
            count += 1
    return positions[:count]


@compiled
def forget(moves: Counts, pixels: Nodes) -> None:
    """Mark the moves of some pixels, all that there are, as not known yet."""
    for k in range(len(pixels)):
        moves[pixels[k, 0], pixels[k, 1]] = UNKNOWN


@compiled
def move_contexts(
    moves: Counts, pixels: Nodes, surroundings: Surroundings, step: int
) -> Bytes:
    """
    Table of each pixel's move, from what is known around.

    :param moves: (H, W), those known so far, `UNKNOWN` where they are not, zero where none is
        made.
    :param pixels: whose moves are to be coded.
    :param surroundings: of the frame.
    :param step: quanta.
    """
    index = np.empty(len(pixels), np.uint8)
    for k in range(len(pixels)):
        longest = _longest_move(moves, pixels[k, 0], pixels[k, 1])
        length = (longest > 0) + (longest > 1) + (longest > 3)
        distance, trusted = _distance_from_trusted(
            moves, pixels[k, 0], pixels[k, 1], surroundings.plane, step
        )
        trust = (trusted > 0) + (trusted > 2)
        index[k] = (
            (length * TRUST_CLASSES + trust) * DISTANCE_CLASSES
            + _distance_class(distance + distance, step)
        )
    return index


@compiled
def _longest_move(moves: Counts, row: int, column: int) -> int:
    """Length of the longest move known in the 5x5 around a pixel."""
    longest = 0
    for y in range(max(row - REACH, 0), min(row + REACH + 1, moves.shape[0])):
        for x in range(max(column - REACH, 0), min(column + REACH + 1, moves.shape[1])):
            if moves[y, x] != UNKNOWN:
                longest = max(longest, abs(moves[y, x]))
    return longest


@compiled
def _distance_from_trusted(
    moves: Counts, row: int, column: int, plane: Floats, step: int
) -> tuple[np.float32, int]:
    """
    Distance of a restored value from the mean of its trusted neighbours, once they are moved.

    Trusted are the valid ones of the eight whose move is known, or that make none. Where there is
    none, it is the mean of all valid ones in the 3x3 as they are restored.

    :returns: quanta; and the number of trusted neighbours.
    """
    total, weights, trusted = np.float32(0), np.float32(0), 0
    for y in range(max(row - 1, 0), min(row + 2, moves.shape[0])):
        for x in range(max(column - 1, 0), min(column + 2, moves.shape[1])):
            value = plane[y + 1, x + 1]
            if value == value and moves[y, x] != UNKNOWN:  # noqa: PLR0124
                weight = np.float32(NEAR_WEIGHT if y == row or x == column else 1)
                total += weight * (value + np.float32(step * moves[y, x]))
                weights += weight
                trusted += 1
    if trusted == 0:
        return distance_around(plane, row, column), 0
    return plane[row + 1, column + 1] - total / weights, trusted


@compiled
def _distance_class(distance: np.float32, step: int) -> int:
    """Class of a signed distance by how many steps it has, 0..20; 10 is none."""
    middle = DISTANCE_CLASSES // 2
    if distance == 0:
        return middle
    greatest = LEAST_DISTANCE + middle - 1
    size = octave_class(distance, step, LEAST_DISTANCE, greatest) - LEAST_DISTANCE + 1
    return middle + size if distance > 0 else middle - size


@compiled
def put(grid: Counts, pixels: Nodes, values: Counts) -> None:
    """Set some pixels of a grid."""
    for k in range(len(pixels)):
        grid[pixels[k, 0], pixels[k, 1]] = values[k]
