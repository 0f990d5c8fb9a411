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

A pixel whose error passes a threshold of T quanta is moved by a multiple of a step, at most 2 T,
which leaves it at most half a step off. Which pixels are moved is a quadtree of flags over 8x8
blocks, coarse to fine and in four phases each, so that a pass is one call of the range coder. A
flag's probability is a logistic function of what both sides know exactly: holes around it, flags
around it, the size of the block's latents, the threshold, how many corrections the frame has, and
how rough the restored plane is there: corrections are made at its edges. It is a sum of small
integers, the same on every machine. A pixel at an edge belongs to one of two surfaces, so its move
is told by where it lies between those of its neighbours that are known to be within the threshold.

A step of 2 T takes the fewest bits to keep a bound. Most errors that pass a threshold do so by
little, so a step of 1.5 T leaves less error for next to no more bits.
"""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import NamedTuple

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bits = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Counts = NDArray[np.int32]
Positions = NDArray[np.intp]
# Rows and columns of nodes of one size, or of pixels, int32 (N, 2), in raster order.
Nodes = NDArray[np.int32]
# A number of each node of the quadtree, coarsest level first: uint8 (H / size + 2, W / size + 2)
# with a margin of zeros. H, W: those of the frame, rounded up to multiples of 8.
Levels = tuple[Bytes, Bytes, Bytes, Bytes]

BLOCK = 8
SIZES = (8, 4, 2, 1)
PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))
MAX_THRESHOLD = 1 << 12
MAX_STEP = 2 * MAX_THRESHOLD
# Step of corrections that need keep no bound, in thresholds.
LOOSE_STEP = 1.5
# What a correction has to save, in the squared error that is left for each of the frame's bits:
# about the bits that it takes. Less shortens the tail at the cost of the mean.
WORTH = 7
# Quanta by which an uncorrected pixel may pass the threshold: less than a half, so that it is
# within once it is rounded to a whole quantum.
LEEWAY = 0.5 - 2.0**-8

DENSITIES = 10
DENSITY_RANGE = 16
BOUNDS = 8
ACTIVITIES = 20
HOLE_CLASSES = 5
PARENT_CLASSES = 4
FLAG_CLASSES = 5
# Classes of differences in the restored plane, two an octave; the first ends at 1/8 threshold.
ROUGHNESS_CLASSES = 16
LEAST_ROUGHNESS = -6
FEATURES = 8
LOGIT_STEPS = 8
LOGIT_LEVELS = 128
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


class Surroundings(NamedTuple):
    """What encoder and decoder know of a frame before its corrections.

    Attributes:
        plane: float32 (>= H + 2, >= W + 2) quanta, as every decoder restores it, from row and
            column 1 on, whole blocks with a margin; NaN in holes and outside, since no comparison
            with NaN holds.
        holes: number of holes in each node.
        activity: uint8 (H / 8, W / 8), class of each block's latents, 0..19.
        bend: float32 (H / 8, W / 8) quanta, that of each block, as of `_bend`.
        spread: float32 (H / 8, W / 8) quanta, that of each block, as of `_spread`.

    """

    plane: Floats
    holes: Levels
    activity: Bytes
    bend: Floats
    spread: Floats

    @classmethod
    def of(cls, plane: Floats, valid: Bits, latents: Floats) -> Surroundings:
        """Prepare a frame.

        Args:
            plane: float32 (H, W) quanta, restored.
            valid: bool (H, W).
            latents: exact float32 (>= H/8, >= W/8, C).

        """
        holes, marked = _count_holes(valid), _mark(np.ascontiguousarray(plane), valid)
        activity = _classify_activity(latents, holes[0])
        return cls(marked, holes, activity, *_block_roughness(marked))


@compiled
def _empty_levels(height: int, width: int) -> Levels:
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
    levels = _empty_levels(-(-valid.shape[0] // BLOCK), -(-valid.shape[1] // BLOCK))
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
    """Bend and spread of each block, by whole rows, which is vectorised.

    Returns:
        Float32 (H / 8, W / 8) quanta each, the same as `_bend` and `_spread` of each block; 0 in
        blocks of holes.

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


class Weights(NamedTuple):
    """Addends of a flag's log-odds, in steps of 1/8, int32.

    Attributes:
        density: (level, density).
        bound: (level, bound), of the threshold.
        activity: (level, activity).
        holes: (level, holes).
        flags: (level, phase, parents, flags).
        bend: (level, bend).
        spread: (level, spread).

    """

    density: Counts
    bound: Counts
    activity: Counts
    holes: Counts
    flags: Counts
    bend: Counts
    spread: Counts


class CorrectionCoder:
    """Encoder and decoder of corrections.

    Attributes:
        moves: tables of the signed moves, by what is known around.

    """

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self._weights = Weights(
            *(np.ascontiguousarray(arrays[name], np.int32) for name in Weights._fields)
        )
        # Of each log-odds, (128,).
        self._probability = np.asarray(arrays['probability'], np.float32)
        self.moves = Tables(list(np.asarray(arrays['moves'], np.float32)))

    def encode(
        self, residual: Floats, plane: Floats, valid: Bits, latents: Floats, threshold: int,
        step: int, encoder: TableEncoder,
    ) -> Counts:
        """Encode corrections that leave no valid pixel more than the threshold off.

        Before rounding to whole quanta no error passes T + 1/2. Original ranks are whole, so that
        after rounding none passes T.

        Args:
            residual: float32 (H, W), original minus restored plane in quanta, below 65535.
            plane: float32 (H, W), the restored plane in quanta, as the decoder has it.
            valid: bool (H, W).
            latents: float32 (>= H/8, >= W/8, C), as the decoder has them.
            threshold: quanta, 1..4095.
            step: quanta that corrections are multiples of, 1.5 to 2 times the threshold.
            encoder: takes the corrections.

        Returns:
            The corrections in quanta, int32 (H, W), to be added to the restored plane.

        """
        corrections = np.zeros(valid.shape, np.int32)
        pixels, moves = find_moves(residual, valid, threshold, step)
        some = len(pixels) > 0
        encoder.raw(np.array([some], np.int32), 2)
        if not some:
            return corrections
        density = density_class(len(pixels), int(np.count_nonzero(valid)))
        encoder.raw(np.array([threshold], np.int32), MAX_THRESHOLD)
        encoder.raw(np.array([step], np.int32), MAX_STEP)
        encoder.raw(np.array([density], np.int32), DENSITY_RANGE)
        surroundings = Surroundings.of(plane, valid, latents)
        features, bits = tell_flags(pixels, surroundings, threshold)
        encoder.bits(self._probabilities(features, density, threshold), bits)
        forget(corrections, pixels)
        for phase in range(len(PHASES)):
            here = in_phase(phase, pixels)
            index = move_contexts(corrections, pixels[here], surroundings, step)
            put(corrections, pixels[here], encoder.code(self.moves, index, moves[here]))
        put(corrections, pixels, step * moves)
        return corrections

    def decode(
        self, plane: Floats, valid: Bits, latents: Floats, decoder: TableDecoder
    ) -> Counts:
        """Decode corrections in quanta, int32 (H, W), to be added to the restored plane.

        Raises:
            CorruptStreamError: if the bytes are no such corrections.

        """
        corrections = np.zeros(valid.shape, np.int32)
        (some,) = decoder.raw(1, 2)
        if not some:
            return corrections
        # No encoder writes a threshold or a step of 0.
        threshold = max(int(decoder.raw(1, MAX_THRESHOLD)[0]), 1)
        step = max(int(decoder.raw(1, MAX_STEP)[0]), 1)
        density = min(int(decoder.raw(1, DENSITY_RANGE)[0]), DENSITIES - 1)
        surroundings = Surroundings.of(plane, valid, latents)
        pixels = self._decode_flags(surroundings, density, threshold, decoder)
        moves = np.zeros(len(pixels), np.int32)
        forget(corrections, pixels)
        for phase in range(len(PHASES)):
            here = in_phase(phase, pixels)
            index = move_contexts(corrections, pixels[here], surroundings, step)
            moves[here] = decoder.code(self.moves, index)
            put(corrections, pixels[here], moves[here])
        put(corrections, pixels, step * moves)
        return corrections

    def _decode_flags(
        self, surroundings: Surroundings, density: int, threshold: int, decoder: TableDecoder
    ) -> Nodes:
        """Visit the quadtree of flags, pass by pass, and return the flagged pixels."""
        shape = surroundings.activity.shape
        flags, parents = _empty_levels(*shape), _all_parents(*shape)
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
    """Visit the quadtree of flags, pass by pass.

    Args:
        pixels: those that are flagged.
        surroundings: of the frame.
        threshold: quanta.

    Returns:
        Of each flag that is to be coded its features, as of `_gather`, and its value, uint8 (N,).

    """
    height, width = surroundings.activity.shape
    truth, flags = _empty_levels(height, width), _empty_levels(height, width)
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
    """Find the flags of a pass that are to be coded; set those that are certain.

    Returns:
        The nodes, and their features, uint8 (N, 8): level, phase, and classes of activity, holes,
        parents and flags around, bend and spread.

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
def _roughness(plane: Floats, top: int, left: int, size: int) -> tuple[np.float32, np.float32]:
    """Bend of a node, and its spread, or a pixel's distance from those around it; quanta."""
    bend = _bend(plane, top, left, size)
    if size == 1:
        return bend, _distance_around(plane, top, left)
    return bend, _spread(plane, top, left, size)


@compiled
def _bend(plane: Floats, top: int, left: int, size: int) -> np.float32:
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
def _spread(plane: Floats, top: int, left: int, size: int) -> np.float32:
    """Greatest less least valid value of a node."""
    least, greatest = np.float32(np.inf), np.float32(-np.inf)
    for y in range(top + 1, top + 1 + size):
        for x in range(left + 1, left + 1 + size):
            value = plane[y, x]
            least = value if value < least else least
            greatest = value if value > greatest else greatest
    return greatest - least


@compiled
def _distance_around(plane: Floats, row: int, column: int) -> np.float32:
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
def _octave_class(value: np.float32, unit: int, least: int, greatest: int) -> int:
    """Binary exponent of the square of a value in units, limited: two classes an octave."""
    ratio = value / np.float32(unit)
    # What `frexp` returns, but for subnormal numbers, which are below the least.
    exponent = (int(np.float32(ratio * ratio).view(np.int32)) >> 23) - 126
    return min(max(exponent, least), greatest)


@compiled
def _roughness_class(value: np.float32, threshold: int) -> int:
    """Class of a difference in the plane, 0..15."""
    greatest = LEAST_ROUGHNESS + ROUGHNESS_CLASSES - 1
    return _octave_class(value, threshold, LEAST_ROUGHNESS, greatest) - LEAST_ROUGHNESS


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


def worthwhile_threshold(residual: Floats, valid: Bits, size: int, greatest: int) -> int:
    """Find the threshold past which corrections are worth their bits.

    A correction removes a squared error of about the threshold's square. It takes a few bits,
    which the frame's own would use to save as much as what is left of the error to them.

    Args:
        residual: float32 (H, W), original minus restored plane in quanta.
        valid: bool (H, W).
        size: bytes of the frame.
        greatest: quanta, that the threshold must not pass.

    Returns:
        Quanta, 1 to the greatest.

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
    """Find the moves, in steps, of all pixels that are off by more than T and the leeway.

    They leave them half a step and the leeway off, or less.

    Returns:
        The pixels that move, and their moves, int32 (N,).

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


def density_class(count: int, valid: int) -> int:
    """Class of the share of corrected pixels: one an octave below an eighth."""
    return min(max(round(-math.log2(count / valid)) - 3, 0), DENSITIES - 1)


def bound_class(threshold: int) -> int:
    """Class of a threshold, one an octave."""
    return min((threshold - 1).bit_length(), BOUNDS - 1)


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
    """Table of each pixel's move, from what is known around.

    Args:
        moves: (H, W), those known so far, `UNKNOWN` where they are not, zero where none is made.
        pixels: whose moves are to be coded.
        surroundings: of the frame.
        step: quanta.

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
    """Distance of a restored value from the mean of its trusted neighbours, once they are moved.

    Trusted are the valid ones of the eight whose move is known, or that make none. Where there is
    none, it is the mean of all valid ones in the 3x3 as they are restored.

    Returns:
        Quanta; and the number of trusted neighbours.

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
        return _distance_around(plane, row, column), 0
    return plane[row + 1, column + 1] - total / weights, trusted


@compiled
def _distance_class(distance: np.float32, step: int) -> int:
    """Class of a signed distance by how many steps it has, 0..20; 10 is none."""
    middle = DISTANCE_CLASSES // 2
    if distance == 0:
        return middle
    greatest = LEAST_DISTANCE + middle - 1
    size = _octave_class(distance, step, LEAST_DISTANCE, greatest) - LEAST_DISTANCE + 1
    return middle + size if distance > 0 else middle - size


@compiled
def put(grid: Counts, pixels: Nodes, values: Counts) -> None:
    """Set some pixels of a grid."""
    for k in range(len(pixels)):
        grid[pixels[k, 0], pixels[k, 1]] = values[k]
