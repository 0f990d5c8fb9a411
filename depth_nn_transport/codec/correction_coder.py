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
"""Corrections of the few pixels that a transform restores too badly.

A pixel whose error passes a threshold of T quanta is moved by a multiple of 2 T, which leaves
it at most T off. Which pixels are moved is a quadtree of flags over 8x8 blocks, coarse to fine
and in four phases each, so that a pass is one call of the range coder. A flag's probability is a
logistic function of what both sides know exactly: holes around it, flags around it, the size of
the block's latents, and how many corrections the frame has. It is a sum of small integers, the
same on every machine. The restored plane itself, which floating-point arithmetic rounds
differently on different machines, plays no part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
import math

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bits = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Counts = NDArray[np.int32]
Positions = NDArray[np.intp]

BLOCK = 8
SIZES = (8, 4, 2, 1)
PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))
MAX_THRESHOLD = 1 << 12
# Quanta by which an uncorrected pixel may pass the threshold before it is rounded to a whole
# quantum; the rest of half a quantum is spared for the rounding of floats.
LEEWAY = 0.25
# What lossy mode chooses from.
TAIL_THRESHOLDS = (6, 8, 12, 16, 24, 32, 48, 64)
# Longest move, in multiples of 2 T, that a decoder believes.
MAX_MOVE = 1 << 15

DENSITIES = 10
DENSITY_RANGE = 16
ACTIVITIES = 20
HOLE_CLASSES = 5
PARENT_CLASSES = 4
FLAG_CLASSES = 5
LOGIT_STEPS = 8
LOGIT_LEVELS = 128
WEIGHTS = ('phase', 'density', 'activity', 'holes', 'flags')
# Pixels that a move looks around, and its table: sign of most moves there, length of the longest.
REACH = 2
SIGN_CLASSES = 5
LENGTH_CLASSES = 4


@dataclass(frozen=True)
class Surroundings:
    """What encoder and decoder know of a frame before its corrections.

    Attributes:
        holes: number of holes in each node of the quadtree, by size of the node; uint8
            (H / size + 2, W / size + 2) with a margin of zeros. H, W: multiples of 8.
        activity: int32 (H / 8, W / 8), class of each block's latents, 0..19.

    """

    holes: dict[int, Bytes]
    activity: Counts

    @classmethod
    def of(cls, valid: Bits, latents: Floats) -> Surroundings:
        """Prepare a frame: valid, bool (H, W); latents, exact float32 (>= H/8, >= W/8, C)."""
        height, width = (-(-n // BLOCK) for n in valid.shape)
        hole = np.ones((height * BLOCK, width * BLOCK), np.uint8)
        hole[:valid.shape[0], :valid.shape[1]] = ~valid
        holes = {1: hole}
        for size in (2, 4, 8):
            finer = holes[size // 2]
            rows = finer[::2] + finer[1::2]
            holes[size] = rows[:, ::2] + rows[:, 1::2]
        # Multiples of 1/8 below 2**13: the sum is exact in float32, in any order.
        total = np.abs(latents[:height, :width, 1:]).sum(2)
        # Two classes an octave.
        activity = np.frexp(total * total)[1].clip(0, ACTIVITIES - 1)
        return cls({s: np.pad(h, 1) for s, h in holes.items()}, activity.astype(np.int32))

    def shape(self, size: int) -> tuple[int, int]:
        """Nodes of a size: rows, columns."""
        return self.activity.shape[0] * BLOCK // size, self.activity.shape[1] * BLOCK // size


@dataclass(frozen=True)
class Flags:
    """The flags of one pass that are not known beforehand.

    Attributes:
        rows, columns: int32 (N,), nodes within the level.
        features: uint8 (N, 4): activity, holes, parents and flags around, as classes.

    """

    rows: Counts
    columns: Counts
    features: Bytes


# Codes the flags of one pass, at a level and a phase, and returns them, uint8 (N,).
Exchange = Callable[[int, int, Flags], Bytes]


class CorrectionCoder:
    """Encoder and decoder of corrections.

    Attributes:
        weights: int32 addends of a flag's log-odds, in steps of 1/8: (level, phase), (level,
            density), (level, activity), (level, holes), (level, phase, parents, flags).
        probability: float32 (128,), of each log-odds.
        moves: tables of the signed moves, by the signs and lengths around.

    """

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self.weights = tuple(np.ascontiguousarray(arrays[name], np.int32) for name in WEIGHTS)
        self.probability = np.asarray(arrays['probability'], np.float32)
        self.moves = Tables(list(np.asarray(arrays['moves'], np.float32)))

    def encode(
        self, residual: Floats, valid: Bits, latents: Floats, threshold: int
    ) -> tuple[bytes, Counts]:
        """Encode corrections that leave no valid pixel more than the threshold off.

        Before rounding to whole quanta no error passes T + 1/4. Original ranks are whole, so that
        after rounding none passes T even where a decoder's restored plane differs from the
        encoder's by up to a quarter of a quantum.

        Args:
            residual: float32 (H, W), original minus restored plane in quanta, below 65535.
            valid: bool (H, W).
            latents: float32 (>= H/8, >= W/8, C), as the decoder has them.
            threshold: quanta, 1..4095.

        Returns:
            The bytes, none if nothing is to be corrected; and the corrections in quanta, int32
            (H, W), to be added to the restored plane.

        """
        moves = find_moves(residual, valid, threshold)
        count = int(np.count_nonzero(moves))
        if count == 0:
            return b'', moves
        surroundings = Surroundings.of(valid, latents)
        density = density_class(count, int(np.count_nonzero(valid)))
        encoder = TableEncoder()
        encoder.raw(np.array([threshold], np.int32), MAX_THRESHOLD)
        encoder.raw(np.array([density], np.int32), DENSITY_RANGE)
        truth = flag_tree(moves, surroundings)

        def exchange(level: int, phase: int, flags: Flags) -> Bytes:
            bits = truth[level][flags.rows, flags.columns]
            encoder.bits(self._probability(level, phase, density, flags), bits)
            return bits

        walk_tree(surroundings, exchange)
        known = np.zeros(padded_shape(moves.shape), np.int32)
        for rows, columns in pixel_phases(moves):
            index = move_contexts(known, rows, columns)
            known[rows + REACH, columns + REACH] = encoder.code(
                self.moves, index, moves[rows, columns]
            )
        return encoder.to_bytes(), 2 * threshold * moves

    def decode(self, data: bytes, valid: Bits, latents: Floats) -> Counts:
        """Decode corrections in quanta, int32 (H, W), to be added to the restored plane.

        Raises:
            CorruptStreamError: if the bytes are no such corrections.

        """
        if not data:
            return np.zeros(valid.shape, np.int32)
        decoder = TableDecoder(data)
        (threshold,) = decoder.raw(1, MAX_THRESHOLD)
        (density,) = decoder.raw(1, DENSITY_RANGE)
        density = min(int(density), DENSITIES - 1)

        def exchange(level: int, phase: int, flags: Flags) -> Bytes:
            return decoder.bits(self._probability(level, phase, density, flags))

        flags = walk_tree(Surroundings.of(valid, latents), exchange)
        known = np.zeros(padded_shape(valid.shape), np.int32)
        for rows, columns in pixel_phases(flags[:valid.shape[0], :valid.shape[1]]):
            index = move_contexts(known, rows, columns)
            moves = decoder.code(self.moves, index)
            known[rows + REACH, columns + REACH] = np.clip(moves, -MAX_MOVE, MAX_MOVE)
        inner = known[REACH:-REACH, REACH:-REACH]
        return 2 * int(threshold) * inner

    def _probability(self, level: int, phase: int, density: int, flags: Flags) -> Floats:
        index = _log_odds(level, phase, density, flags.features, *self.weights)
        return self.probability.take(index)


def walk_tree(surroundings: Surroundings, exchange: Exchange) -> Bits:
    """Visit the quadtree of flags, pass by pass.

    Args:
        surroundings: of the frame.
        exchange: codes the flags of a pass.

    Returns:
        The flags of the pixels, bool (H, W), H and W rounded up to multiples of 8.

    """
    parents = np.ones((1, 1), np.uint8)
    for level, size in enumerate(SIZES):
        height, width = surroundings.shape(size)
        flags = np.zeros((height + 2, width + 2), np.uint8)
        for k in range(len(PHASES)):
            count, rows, columns, features = _gather(
                size, k, parents, flags, surroundings.holes[size], surroundings.activity
            )
            found = Flags(rows[:count], columns[:count], features[:count])
            flags[found.rows + 1, found.columns + 1] = exchange(level, k, found)
        parents = flags
    return parents[1:-1, 1:-1].astype(bool)


@compiled
def _gather(
    size: int, phase: int, parents: Bytes, flags: Bytes, holes: Bytes, activity: Counts
) -> tuple[int, Counts, Counts, Bytes]:
    """Find the flags of a pass that are to be coded; set those that are certain."""
    height, width = flags.shape[0] - 2, flags.shape[1] - 2
    room = ((height + 1) // 2) * ((width + 1) // 2)
    rows, columns = np.empty(room, np.int32), np.empty(room, np.int32)
    features = np.empty((room, 4), np.uint8)
    count = 0
    for y in range(PHASES[phase][0], height, 2):
        for x in range(PHASES[phase][1], width, 2):
            if holes[y + 1, x + 1] == size * size:
                continue
            touching = 0
            if size < BLOCK:
                if parents[y // 2 + 1, x // 2 + 1] == 0:
                    continue
                if _is_last_hope(size * size, phase, y, x, flags, holes):
                    flags[y + 1, x + 1] = 1
                    continue
                touching = _parents_touched(parents, y, x)
            rows[count], columns[count] = y, x
            features[count, 0] = activity[y * size // BLOCK, x * size // BLOCK]
            features[count, 1] = _hole_class(holes, 9 * size * size, y, x)
            features[count, 2] = touching
            features[count, 3] = _flag_class(flags, y, x)
            count += 1
    return count, rows, columns, features


@compiled
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


@compiled
def _parents_touched(parents: Bytes, y: int, x: int) -> int:
    """Count the flags of the three other parents that a node touches."""
    row, column = y // 2 + 1, x // 2 + 1
    next_row, next_column = row + 2 * (y % 2) - 1, column + 2 * (x % 2) - 1
    touched: int = (
        parents[next_row, column] + parents[row, next_column] + parents[next_row, next_column]
    )
    return touched


@compiled
def _hole_class(holes: Bytes, area: int, y: int, x: int) -> int:
    """Class of the share of holes in the 3x3 nodes around a node, of this area."""
    count = 0
    for row in range(y, y + 3):
        for column in range(x, x + 3):
            count += holes[row, column]
    if count == 0:
        return 0
    return 1 + (16 * count > area) + (4 * count > area) + (2 * count > area)


@compiled
def _flag_class(flags: Bytes, y: int, x: int) -> int:
    """Count the flags known among the 3x3 nodes around a node, up to 4."""
    count = 0
    for row in range(y, y + 3):
        for column in range(x, x + 3):
            count += flags[row, column]
    return min(count, FLAG_CLASSES - 1)


@compiled
def _log_odds(
    level: int, phase: int, density: int, features: Bytes,
    by_phase: Counts, by_density: Counts, by_activity: Counts, by_holes: Counts, by_flags: Counts,
) -> Bytes:
    """Index of each flag's probability, from the features' addends: (N, 4) -> (N,)."""
    index = np.empty(len(features), np.uint8)
    start = LOGIT_LEVELS // 2 + by_phase[level, phase] + by_density[level, density]
    for k in range(len(features)):
        activity, holes, touching, around = features[k]
        log_odds = (
            start + by_activity[level, activity] + by_holes[level, holes]
            + by_flags[level, phase, touching, around]
        )
        index[k] = min(max(log_odds, 0), LOGIT_LEVELS - 1)
    return index


@compiled
def find_moves(residual: Floats, valid: Bits, threshold: int) -> Counts:
    """Signed multiples of 2 T that bring residuals within T and the leeway, int32 (H, W)."""
    moves = np.zeros(residual.shape, np.int32)
    for y in range(residual.shape[0]):
        for x in range(residual.shape[1]):
            size = abs(residual[y, x])
            if valid[y, x] and size > threshold + LEEWAY:
                length = math.ceil((size - threshold - LEEWAY) / (2 * threshold))
                moves[y, x] = length if residual[y, x] > 0 else -length
    return moves


def choose_threshold(
    residual: Floats, valid: Bits, price: float, tail_weight: float
) -> int | None:
    """Find the threshold above which corrections are worth their bits in lossy mode.

    Args:
        residual: float32 (H, W), original minus restored plane in quanta.
        valid: bool (H, W).
        price: bits that a quantum of one pixel's error is worth.
        tail_weight: weight of half the squared error beside the absolute one, 1 / quanta; as the
            transform was trained with.

    Returns:
        Quanta, or None if no threshold saves more than it costs.

    """
    size = np.abs(residual[valid])
    pixels = size.size
    size = size[size > TAIL_THRESHOLDS[0]]
    best, choice = 0.0, None
    for threshold in TAIL_THRESHOLDS:
        size = size[size > threshold + LEEWAY]
        if size.size == 0:
            break
        rest = np.abs(np.remainder(size - threshold, 2 * threshold) - threshold)
        saved = float((size - rest + tail_weight / 2 * (size * size - rest * rest)).sum())
        gain = price * saved - size.size * _bits_of_one(size.size / pixels)
        if gain > best:
            best, choice = gain, threshold
    return choice


def _bits_of_one(share: float) -> float:
    """Bits that a correction takes where this share of pixels is corrected, as measured."""
    return 4.2 + 0.6 * max(-math.log2(share) - 6, 0)


def density_class(count: int, valid: int) -> int:
    """Class of the share of corrected pixels: one an octave below an eighth."""
    return min(max(round(-math.log2(count / valid)) - 3, 0), DENSITIES - 1)


def flag_tree(moves: Counts, surroundings: Surroundings) -> list[Bytes]:
    """List the flags of all nodes, coarsest level first, of moves (H, W)."""
    flags = np.zeros(surroundings.shape(1), np.uint8)
    flags[:moves.shape[0], :moves.shape[1]] = moves != 0
    levels: list[Bytes] = [flags]
    for _ in SIZES[1:]:
        rows = levels[-1][::2] | levels[-1][1::2]
        levels.append(rows[:, ::2] | rows[:, 1::2])
    return levels[::-1]


def padded_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Shape with the margin that `move_contexts` looks into."""
    return shape[0] + 2 * REACH, shape[1] + 2 * REACH


def pixel_phases(flags: NDArray[np.generic]) -> Iterator[tuple[Positions, Positions]]:
    """Yield rows and columns of the flagged pixels, phase by phase."""
    for row, column in PHASES:
        rows, columns = np.nonzero(flags[row::2, column::2])
        yield 2 * rows + row, 2 * columns + column


@compiled
def move_contexts(known: Counts, rows: Positions, columns: Positions) -> Bytes:
    """Table of each move, from the signs and lengths of the known moves in 5x5 around it."""
    index = np.empty(len(rows), np.uint8)
    for k in range(len(rows)):
        balance, longest = 0, 0
        for y in range(rows[k], rows[k] + 2 * REACH + 1):
            for x in range(columns[k], columns[k] + 2 * REACH + 1):
                balance += (known[y, x] > 0) - (known[y, x] < 0)
                longest = max(longest, abs(known[y, x]))
        sign = min(max(balance, -2), 2) + 2
        length = (longest > 0) + (longest > 1) + (longest > 3)
        index[k] = sign * LENGTH_CLASSES + length
    return index
