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
Lossless coding of a plane of integers, pixel by pixel, by mixing what many contexts know.

Each valid pixel is told by binary decisions about its distance to a prediction: none? above or
below? by 1, by 2, ...? In every decision each of several contexts (how the pixels around compare
with the prediction, recent errors, holes, how long a level runs, whether rows or columns repeat)
holds a probability of its own, learned from the decisions before. A mixer weighs them together as
log-odds and learns which contexts to trust; a weight is a sum over several sets, each of which
takes its part by something else around the pixel. All of it starts from what it has learned on
training frames.

    pixels around ──► prediction ──► decision ◄── mixer ◄── probability of each context
                                        │            └───────────┘ learn from the outcome
                                        └──► queue of its probability ──► range coder, in bulk

The prediction blends simple predictors by their recent errors, as JPEG XL does (Alakuijala et al.
2019); the mixing is that of PAQ (Mahoney 2005, Adaptive Weighing of Context Models for Lossless
Data Compression). All of it is integers, and a decision's probability is rounded to that of one
of few queues, each of which the range coder takes in one call (see `queue_coder`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import constriction
from depth_nn_transport.codec.compiled import borrowed, compiled, inlined
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.queue_coder import (
    decode_queues,
    draw,
    encode_queues,
    EXHAUSTED,
    packed_table,
    Queues,
)
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder
from depth_nn_transport.codec.vectors import (
    at_most,
    equal,
    filled,
    lane,
    load,
    magnitudes,
    put,
    quotients,
    store,
    total,
    vector_of,
)
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Integers = NDArray[np.int32]
Longs = NDArray[np.int64]
# Of the type that `vectors` compiles.
Vector = Any
# Of a pixel in a row, unsigned: that spares tests for negative ones.
Place = np.uint64
Cases = tuple[int, ...]

VALUE_MAX = (1 << 16) - 1
# Pixels beyond the image that contexts look at.
ABOVE, BESIDE = 3, 4
# The known pixels that contexts look at: NEE is one row up and two columns to the right.
W, N, NW, NE, WW, NN, NNE, NEE, NWW, NNW, WWW, NNN, NNEE, NEEE = range(14)
# Lanes of a vector of these, or of what all contexts say and one constant, or a few and that.
LANES, FEW_LANES = 16, 8
# Lengths of runs of one level, from 0 to 15 and more, by class.
RUN_CLASS = np.array([0, 1, 2, 3, 4, 4, 5, 5, 5, 6, 6, 6, 6, 6, 6, 7], np.int64)
LONGEST_RUN = len(RUN_CLASS) - 1
# Classes of sizes: 0 to 5, to 8, 15, 40, and more.
SIZE_CLASS = np.repeat(np.arange(10), (1, 1, 1, 1, 1, 1, 3, 7, 25, 1))


def _places(*pixels: int) -> tuple[int, ...]:
    """Powers of three that the signs of some pixels are worth in a number, by lane."""
    worth = {pixel: 3**k for k, pixel in enumerate(pixels)}
    return tuple(worth.get(pixel, 0) for pixel in range(LANES))


# Pixels whose signs make a context or a case together.
AHEAD_AND_ABOVE = _places(W, N, NNE, NE, NNW, NN, NEE)
AHEAD = _places(N, NE, NEE, NEEE, NNEE, NNE, W)
BEHIND = _places(W, N, WW, WWW, NWW, NW, NNW)
NEAR = _places(NE, NW, WW, NN, NNE)
FAR = _places(NEE, WWW, NNN, NWW, NEEE)
NORTHEAST = _places(W, N, NNW, NE, NEE, NNEE)
ONE, TWO, THREE = Place(1), Place(2), Place(3)

# Predictions are in eighths, in vectors of so many lanes.
PREDICTORS, GUESSES = 6, 8
MAX_MISS = 1023
# A prediction that missed by m is trusted 1 + 2**23 / (m + 2)**2.
TRUST = 1 << 23

# Decisions: none, above, steps on either side, digits of longer ones.
NONE, HIGHER, STEP, DIGITS = 0, 1, 2, 12
STEPS, MAX_DIGITS = 5, 15
DECISIONS = DIGITS + MAX_DIGITS
MAX_SYMBOLS = 3 + STEPS + MAX_DIGITS

# Sizes of the contexts; the first few serve all decisions, the rest the first two. The last of
# the few is another one from the first step on: which of the nearest pixels have the value.
CONTEXT_SIZES = (486, 800, 1029, 1920, 1014, 2187, 2187, 2187, 2304, 4608, 2304, 15360)
FEW = 7
NEAREST, MAX_STEP_ENERGY = (1, 2, 4, 8, 16, 32), 2
CONTEXTS = len(CONTEXT_SIZES)
STARTS = np.cumsum((0, *CONTEXT_SIZES))
ALL_SIZE, FEW_SIZE = int(STARTS[CONTEXTS]), int(STARTS[FEW])
SLOTS = STEP * ALL_SIZE + (DECISIONS - STEP) * FEW_SIZE
# Sets of weights: each has some for every kind of decision in every case that it tells apart (see
# `_cases`); a weight is the sum of one of each set. Two kinds weigh all contexts, four the few.
KIND_SIZES = (LANES, LANES, FEW_LANES, FEW_LANES, FEW_LANES, FEW_LANES)
KIND_STARTS = np.cumsum((0, *KIND_SIZES))
CASE_SIZE = sum(KIND_SIZES)
MAX_ENERGY, MAX_ACTIVITY = 7, 7
CASES = (288, 1024, 243, 243, 392, 512, 256, 729)
SETS = len(CASES)
SET_STARTS = np.cumsum((0, *CASES)) * CASE_SIZE
WEIGHTS = int(SET_STARTS[SETS])

# A slot holds a probability, less one half, in 22 bits and, below, a count of decisions in 10.
COUNT_BITS = 10
COUNT_MASK = (1 << COUNT_BITS) - 1
HALF = 1 << 21
MAX_COUNT = 250
# A decision moves a probability by 10 / (10 n + 16) of its distance if n decisions came before.
FIRST_PACE = 10 << 16
# Upper bits of a slot that log-odds are found by.
ODDS_BITS = 12
# Log-odds are in 1 / 256, up to 8.
LOG_ODDS_MAX = 2047
WEIGHT_ONE = 1 << 16
# Log-odds of 1, which have weights as well: what is likely whatever the contexts say.
CONSTANT = 256
LEARNING_RATE = 2
# From a decision foreseen better than this, in 1 / 65536, weights learn nothing: it saves time.
MIN_SURPRISE = 300
# Decisions wait in a queue for each quarter of log-odds, those likelier than not inverted;
# numbers of 1 to 15 digits below the leading one in others behind.
QUEUES = 32
QUEUE_BITS = 6


class Tables(NamedTuple):
    """
    What is the same in all frames.

    :ivar stretch: int16 (4096,), log-odds of a probability, by its upper `ODDS_BITS` bits.
    :ivar squash: int32 (1024,), probability in 1 / 65536 of log-odds, by their upper 10 bits.
    """

    stretch: NDArray[np.int16]
    squash: Integers


class Memory(NamedTuple):
    """
    What is learned.

    :ivar slots: int32 (SLOTS,), probability that a decision is true, and how many it has seen.
    :ivar weights: int32 (WEIGHTS,), of the contexts' log-odds, 65536 for one: by set, case, kind
        of decision and lane.
    """

    slots: Integers
    weights: Integers


class Exchange(NamedTuple):
    """
    Where decisions go to or come from.

    :ivar decoding: whether they come from the queues.
    :ivar queues: what is drawn from.
    :ivar queue, symbols: uint8 and int32 (N,), what is written, and to which queue.
    :ivar counts: int64 (2,): symbols written, draws in vain.
    """

    decoding: bool
    queues: Queues
    queue: Bytes
    symbols: Integers
    counts: Longs


class PlaneCoder:
    """Encoder and decoder of planes of integers 0..65535."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """
        Prepare.

        :param arrays: as `training.plane_model` makes them.
        """
        self._tables = tables_of(arrays)
        self._memory = memory_of(arrays)
        self._models = [
            constriction.stream.model.Categorical(packed_table(float(p)), perfect=False)
            for p in np.asarray(arrays['unlikely'], np.float32)
        ] + [constriction.stream.model.Uniform(1 << digits) for digits in range(1, MAX_DIGITS + 1)]

    def encode(self, plane: Integers, valid: Bits) -> bytes:
        """Encode the valid pixels of a plane, int32 (H, W) of 0..65535."""
        index, symbols, told = tell(plane, valid, self._tables, self._fresh_memory())
        if not ((told == plane) | ~valid).all():
            raise AssertionError('the coded plane is not the given one')
        encoder = TableEncoder()
        encode_queues(index, symbols, self._models, encoder, QUEUES)
        return encoder.to_bytes()

    def decode(self, data: bytes, valid: Bits) -> Integers:
        """
        Decode what `encode` wrote; holes are filled with something.

        :raises CorruptStreamError: if the bytes are not of such a plane.
        """
        limit = MAX_SYMBOLS * int(np.count_nonzero(valid))
        queues = decode_queues(self._models, limit, TableDecoder(data), np.uint16, QUEUES)
        nothing = np.zeros(0, np.int32)
        exchange = Exchange(True, queues, nothing.astype(np.uint8), nothing, np.zeros(2, np.int64))
        unknown = np.zeros(valid.shape, np.int32)
        plane = _walk(unknown, valid, self._tables, self._fresh_memory(), exchange)
        if exchange.counts[1] > 0:
            raise CorruptStreamError('a plane needs more symbols than its queues hold')
        return plane

    def _fresh_memory(self) -> Memory:
        return Memory(self._memory.slots.copy(), self._memory.weights.copy())


def tables_of(arrays: Mapping[str, NDArray[np.generic]]) -> Tables:
    """Take the fixed tables from a model's arrays."""
    return Tables(
        np.asarray(arrays['stretch'], np.int16), np.asarray(arrays['squash'], np.int32)
    )


def memory_of(arrays: Mapping[str, NDArray[np.generic]]) -> Memory:
    """Take what was learned from a model's arrays."""
    probability = np.asarray(arrays['probability'], np.int32) - (1 << 15)
    slots = probability << 16 | np.asarray(arrays['count'], np.int32)
    return Memory(slots, np.asarray(arrays['weights'], np.int32))


def tell(
    plane: Integers, valid: Bits, tables: Tables, memory: Memory
) -> tuple[Bytes, Integers, Integers]:
    """
    Tell a plane by decisions, and learn from them.

    :param plane: int32 (H, W) of 0..65535.
    :param valid: bool (H, W).
    :param tables: what does not change.
    :param memory: what does.
    :returns: queue of each symbol, uint8 (N,); the symbols, int32 (N,); and the plane as it was
        told, int32 (H, W), its holes filled.
    """
    limit = MAX_SYMBOLS * int(np.count_nonzero(valid))
    nothing = np.zeros(0, np.int32)
    exchange = Exchange(
        False, Queues(nothing.astype(np.uint16), nothing, nothing, nothing),
        np.empty(limit, np.uint8),
        np.empty(limit, np.int32), np.zeros(2, np.int64),
    )
    told = _walk(plane, valid, tables, memory, exchange)
    count = exchange.counts[0]
    return exchange.queue[:count], exchange.symbols[:count], told


@compiled
def _clip(value: int, limit: int) -> int:
    return max(min(value, limit), -limit)


@compiled
def _digits(value: int) -> int:
    """Count the binary digits of a value >= 0."""
    count = 0
    while value > 0:
        value >>= 1
        count += 1
    return count


@inlined
def _size_class(size: int) -> int:
    """Class of a size: itself up to 5, then ever wider, up to 9."""
    known: int = SIZE_CLASS[np.uint64(min(size, len(SIZE_CLASS) - 1))]
    return known


@inlined
def _exchange(symbol: int, queue: int, exchange: Exchange) -> int:
    """Write a symbol, or draw one; of an exhausted queue 1, which ends every search."""
    if exchange.decoding:
        drawn = draw(exchange.queues, queue)
        if drawn == EXHAUSTED:
            exchange.counts[1] += 1
            return 1
        return drawn
    place = exchange.counts[0]
    exchange.queue[place] = queue
    exchange.symbols[place] = symbol
    exchange.counts[0] = place + 1
    return symbol


def _deciding(contexts: int) -> Callable[..., bool]:
    """
    Make the coding of decisions that so many contexts have a say in.

    Indices are unsigned where it matters, which spares a test for negative ones.
    """
    lanes = LANES if contexts == CONTEXTS else FEW_LANES

    @inlined
    def decide(
        truth: bool, start: int, kind: int, cases: Cases, slots_of: Longs, tables: Tables,
        memory: Memory, exchange: Exchange,
    ) -> bool:
        """
        Code a decision, which is the truth in the encoder, and learn from it.

        Start is the first slot of the decision, cases are what `_cases` tells.
        """
        found, opinions = filled(0, lanes), put(filled(0, lanes), contexts, CONSTANT)
        for k in range(contexts):
            slot = memory.slots[np.uint64(start + slots_of[k])]
            found = put(found, k, slot)
            level = (slot >> (32 - ODDS_BITS)) + (1 << (ODDS_BITS - 1))
            opinions = put(opinions, k, tables.stretch[np.uint64(level)])
        first = KIND_STARTS[kind]
        weights = load(memory.weights, cases[0] + first, lanes)
        for case in cases[1:]:
            weights = weights + load(memory.weights, case + first, lanes)
        # From 0 to 4095, 2048 for an even chance.
        odds = _clip(total(opinions * weights >> 4) >> 12, LOG_ODDS_MAX) + LOG_ODDS_MAX + 1
        level = odds >> QUEUE_BITS
        inverted = level >= QUEUES
        queue = level - QUEUES if inverted else QUEUES - 1 - level
        bit = _exchange(int(truth) ^ inverted, queue, exchange) ^ inverted
        surprise = (bit << 16) - tables.squash[np.uint64(odds >> 2)]
        if abs(surprise) >= MIN_SURPRISE:
            change = (opinions * (surprise * LEARNING_RATE) + (1 << 18)) >> 19
            for case in cases:
                learned = load(memory.weights, case + first, lanes) + change
                store(memory.weights, case + first, learned)
        found = _moved(found, bit)
        for k in range(contexts):
            memory.slots[np.uint64(start + slots_of[k])] = lane(found, k)
        return bit > 0

    return decide


@inlined
def _moved(slots: Vector, bit: int) -> Vector:
    """Move the probabilities in slots towards what came out, and count it."""
    count, probability = slots & COUNT_MASK, slots >> COUNT_BITS
    distance = (2 * HALF - 1) * bit - HALF - probability
    # Thirty-two bits hold this product.
    move = (distance >> 7) * quotients(FIRST_PACE, count * 10 + 16) >> 9
    return probability + move << COUNT_BITS | at_most(count + 1, MAX_COUNT)


_decide = _deciding(CONTEXTS)
_decide_by_few = _deciding(FEW)


@inlined
def _tell_distance(
    distance: int, around: Vector, energy: int, cases: Cases, slots_of: Longs, tables: Tables,
    memory: Memory, exchange: Exchange
) -> int:
    """Code the distance of a pixel from its prediction, in the encoder the one given."""
    if _decide(distance == 0, NONE * ALL_SIZE, 0, cases, slots_of, tables, memory, exchange):
        return 0
    higher = _decide(distance > 0, HIGHER * ALL_SIZE, 1, cases, slots_of, tables, memory, exchange)
    sign = 1 if higher else -1
    start = STEP * ALL_SIZE + (0 if higher else STEPS * FEW_SIZE)
    for step in range(1, STEPS + 1):
        slots_of[FEW - 1] = STARTS[FEW - 1] + _holders(around, sign * step, energy)
        if _decide_by_few(
            sign * distance == step, start, min(step + 1, 4), cases, slots_of, tables, memory,
            exchange
        ):
            return sign * step
        start += FEW_SIZE
    rest = sign * distance - STEPS
    start = STEP * ALL_SIZE + 2 * STEPS * FEW_SIZE
    slots_of[FEW - 1] = STARTS[FEW - 1] + higher
    length, digits = _digits(rest), 1
    while digits <= MAX_DIGITS and not _decide_by_few(
        length == digits, start, 5, cases, slots_of, tables, memory, exchange
    ):
        digits += 1
        start += FEW_SIZE
    leading = 1 << (digits - 1)
    if digits > 1:
        leading += _exchange(rest - leading, QUEUES + digits - 2, exchange)
    return sign * (STEPS + leading)


@inlined
def _holders(around: Vector, distance: int, energy: int) -> int:
    """Tell by a number which of the nearest pixels are that far from the prediction."""
    flags: int = total(equal(around, distance) & vector_of(NEAREST, LANES))
    return 3 * flags + min(energy, MAX_STEP_ENERGY)


@inlined
def _guesses(w: int, n: int, nw: int, ne: int) -> tuple[int, ...]:
    """Predict a value in eighths in several ways."""
    return (
        8 * w + 4 * (ne - n), 8 * n + 4 * (w - nw), 8 * (w + n - nw), 4 * (w + n), 8 * n,
        4 * (w + ne),
    )


class Workspace(NamedTuple):
    """
    What is known around a pixel; all but values, known and misses are int64.

    :ivar values: int32 (H + ABOVE, W + 2 BESIDE), the plane so far, its holes filled.
    :ivar known: uint8 (H + ABOVE + 1, W + 2 BESIDE), whether a pixel is valid.
    :ivar errors: (2, W + 2 BESIDE), distances from the prediction, in this row and the last.
    :ivar misses: int32 (2, (W + 2 BESIDE) * GUESSES), errors of each guess.
    :ivar copied_columns: (W + 2 BESIDE,), whether rows repeated the one above, latest in bit 0.
    :ivar ahead: (W + 2 BESIDE,), how many pixels after one above have its value.
    :ivar above: (W + 2 BESIDE,), how many pixels above have the value of the last.
    :ivar slots: (CONTEXTS,), which slot of each context, among those of all, a pixel has.
    """

    values: Integers
    known: Bytes
    errors: Longs
    misses: Integers
    copied_columns: Longs
    ahead: Longs
    above: Longs
    slots: Longs


def _walk(
    plane: Integers, valid: Bits, tables: Tables, memory: Memory, exchange: Exchange
) -> Integers:
    """Visit all pixels row by row: code the valid ones, fill the holes."""
    height, width = valid.shape
    stride = width + 2 * BESIDE
    known = np.zeros((height + ABOVE + 1, stride), np.uint8)
    known[ABOVE:-1, BESIDE:-BESIDE] = valid
    copied_columns, ahead, above = np.zeros((3, stride), np.int64)
    space = Workspace(
        np.zeros((height + ABOVE, stride), np.int32), known, np.zeros((2, stride), np.int64),
        np.zeros((2, stride * GUESSES), np.int32), copied_columns, ahead, above,
        np.zeros(CONTEXTS, np.int64),
    )
    _visit(plane, space, tables, memory, exchange)
    return space.values[ABOVE:, BESIDE:-BESIDE]


@compiled
def _visit(
    plane: Integers, space: Workspace, tables: Tables, memory: Memory, exchange: Exchange
) -> None:
    """Do what `_walk` says, with arrays whose uses in the loop are not counted."""
    copied_columns, slots_of = borrowed(space.copied_columns), borrowed(space.slots)
    run_ahead, run_above = borrowed(space.ahead), borrowed(space.above)
    tables = Tables(borrowed(tables.stretch), borrowed(tables.squash))
    memory = Memory(borrowed(memory.slots), borrowed(memory.weights))
    queues = exchange.queues
    exchange = Exchange(
        exchange.decoding,
        Queues(
            borrowed(queues.symbols), borrowed(queues.place), borrowed(queues.end),
            borrowed(queues.ahead),
        ),
        borrowed(exchange.queue), borrowed(exchange.symbols), borrowed(exchange.counts),
    )
    height, width = plane.shape
    for y in range(height):
        if exchange.counts[1] > 0:
            # Queues are exhausted: what comes would be worthless.
            break
        truth, rows = borrowed(plane[y]), _rows(space, y + ABOVE)
        rows.here[:BESIDE] = rows.above[BESIDE]
        _measure_ahead(rows.above, run_ahead)
        copied_row, behind = 0, 0
        for column in range(width):
            x = Place(column + BESIDE)
            west, east = x - ONE, x + ONE
            if not rows.known[x]:
                _pass_hole(rows, x)
                run_above[x], behind = 0, 0
                continue
            w, n, nw, ne = _nearest(rows, x)
            guesses = _guesses(w, n, nw, ne)
            low, high = min(w, n, nw, ne), max(w, n, nw, ne)
            eighths = min(max(_blend(guesses, _missed(rows, x)), 8 * low), 8 * high) + 4
            prediction = eighths >> 3
            around = _around(rows, x, w, n, nw, ne) - prediction
            surroundings = Surroundings(
                around, _signs(around), _size_class(_errors_around(rows, x)),
                _size_class(high - low), eighths & 7, _holes_around(rows, x),
                8 * RUN_CLASS[Place(run_ahead[x])] + RUN_CLASS[Place(behind)],
                RUN_CLASS[Place(run_above[x])], copied_columns[west], copied_columns[x],
                copied_columns[east], copied_row,
            )
            _note_slots(surroundings, slots_of)
            distance = _tell_distance(
                truth[column] - prediction, around, surroundings.energy, _cases(surroundings),
                slots_of, tables, memory, exchange
            )
            value = min(max(prediction + distance, 0), VALUE_MAX)
            _note_value(rows, x, value, distance, guesses)
            left, up, corner = rows.here[west], rows.above[x], rows.above[west]
            behind = min(behind + 1, LONGEST_RUN) if value == left else 0
            run_above[x] = min(run_above[x] + 1, LONGEST_RUN) if value == up else 0
            # Shifts by 0 or 1 instead of branches that nobody can predict.
            from_left, from_above = int(value == left), int(value == up)
            new_row = (1 - from_left) | int(up != corner)
            new_column = (1 - from_above) | int(left != corner)
            copied_row = copied_row << new_row | from_above & (1 - from_left)
            copied_columns[x] = (
                copied_columns[x] << new_column | from_left & (1 - from_above)
            )
        rows.here[width + BESIDE:] = rows.here[width + BESIDE - 1]


class Rows(NamedTuple):
    """
    Rows of a `Workspace`: the one that is visited, those above it and the one below.

    :ivar here, above, above2, above3: values.
    :ivar known, known_above, known_below: which are valid.
    :ivar errors, errors_above: distances from the prediction.
    :ivar misses, misses_above: errors of each guess.
    """

    here: Integers
    above: Integers
    above2: Integers
    above3: Integers
    known: Bytes
    known_above: Bytes
    known_below: Bytes
    errors: Longs
    errors_above: Longs
    misses: Integers
    misses_above: Integers


@inlined
def _rows(space: Workspace, y: int) -> Rows:
    """Take the rows around one, whose uses are not counted."""
    values, known, this, last = space.values, space.known, y & 1, 1 - y & 1
    return Rows(
        borrowed(values[y]), borrowed(values[y - 1]), borrowed(values[y - 2]),
        borrowed(values[y - 3]), borrowed(known[y]), borrowed(known[y - 1]),
        borrowed(known[y + 1]), borrowed(space.errors[this]), borrowed(space.errors[last]),
        borrowed(space.misses[this]), borrowed(space.misses[last]),
    )


@compiled
def _measure_ahead(row: Integers, ahead: Longs) -> None:
    """Count, for each pixel of a row with its border, how many after it have its value."""
    for x in range(len(row) - BESIDE - 1, BESIDE - 1, -1):
        ahead[x] = min(ahead[x + 1] + 1, LONGEST_RUN) if row[x] == row[x + 1] else 0


@inlined
def _pass_hole(rows: Rows, x: Place) -> None:
    """Fill a hole; nothing is known of a prediction there."""
    rows.here[x], rows.errors[x] = _filling(rows, x), 0
    store(rows.misses, GUESSES * x, load(rows.misses, GUESSES * (x - ONE), GUESSES))


@inlined
def _filling(rows: Rows, x: Place) -> int:
    """Value for a hole: of the pixel to the left or above, valid ones first, else the farther."""
    left, up = rows.here[x - ONE], rows.above[x]
    value: int = up if rows.known_above[x] else left
    if rows.known[x - ONE] and rows.known_above[x]:
        value = (left + up) >> 1 if abs(left - up) < 8 else min(left, up)
    return value


@inlined
def _nearest(rows: Rows, x: Place) -> tuple[int, int, int, int]:
    """Pixels to the left, above, and diagonally above; holes take after their neighbours."""
    west, east, known, known_above = x - ONE, x + ONE, rows.known, rows.known_above
    w, n, nw, ne = rows.here[west], rows.above[x], rows.above[west], rows.above[east]
    if known_above[x] and not known[west]:
        w = nw if known_above[west] else n
    elif known[west] and not known_above[x]:
        n = ne if known_above[east] else w
    if not known_above[east]:
        ne = n
    if not known_above[west]:
        nw = n
    return w, n, nw, ne


@inlined
def _missed(rows: Rows, x: Place) -> Vector:
    """Add up the errors that each guess made around."""
    west, east = GUESSES * (x - ONE), GUESSES * (x + ONE)
    return (
        load(rows.misses, west, GUESSES) + load(rows.misses_above, west, GUESSES)
        + load(rows.misses_above, GUESSES * x, GUESSES) + load(rows.misses_above, east, GUESSES)
    )


@inlined
def _errors_around(rows: Rows, x: Place) -> int:
    """Add up the distances from the prediction around."""
    errors: int = (
        rows.errors[x - ONE] + rows.errors_above[x - ONE] + rows.errors_above[x]
        + rows.errors_above[x + ONE]
    )
    return errors


@inlined
def _around(rows: Rows, x: Place, w: int, n: int, nw: int, ne: int) -> Vector:
    """Take the pixels around; the nearest four are those of `_nearest`."""
    return vector_of((
        w, n, nw, ne, rows.here[x - TWO], rows.above2[x], rows.above2[x + ONE],
        rows.above[x + TWO], rows.above[x - TWO], rows.above2[x - ONE], rows.here[x - THREE],
        rows.above3[x], rows.above2[x + TWO], rows.above[x + THREE],
    ), LANES)


@inlined
def _signs(around: Vector) -> Vector:
    """Return 0 below zero, 1 at zero, 2 above."""
    return (around >> 31) - (0 - around >> 31) + 1


@inlined
def _holes_around(rows: Rows, x: Place) -> int:
    """Flag the valid pixels around: left, three above, right, below."""
    flags: int = (
        rows.known[x - ONE] + 2 * rows.known_above[x] + 4 * rows.known_above[x + ONE]
        + 8 * rows.known_above[x - ONE] + 16 * rows.known[x + ONE] + 32 * rows.known_below[x]
    )
    return flags


@inlined
def _note_value(
    rows: Rows, x: Place, value: int, distance: int, guesses: tuple[int, ...]
) -> None:
    """Keep the value of a pixel, and what its predictions were off."""
    rows.here[x], rows.errors[x] = value, abs(distance)
    missed = at_most(magnitudes(8 * value - vector_of(guesses, GUESSES)), MAX_MISS)
    store(rows.misses, GUESSES * x, missed)


@inlined
def _blend(guesses: tuple[int, ...], misses: Vector) -> int:
    """Mean of the guesses, each weighed by how little it missed around."""
    size = at_most(misses, MAX_MISS) + 2
    trusts = quotients(TRUST, size * size) + 1
    trust, trusted = 0, 0
    for k in range(PREDICTORS):
        trust += lane(trusts, k)
        trusted += lane(trusts, k) * guesses[k]
    return (trusted + (trust >> 1)) // trust


class Surroundings(NamedTuple):
    """
    What is known around a pixel, less its prediction.

    :ivar around: pixels around, less the prediction.
    :ivar signs: of these: 0, 1 or 2.
    :ivar energy: size class of the errors around.
    :ivar activity: size class of the differences between the nearest pixels.
    :ivar eighths: digits of the prediction behind the point.
    :ivar holes: flags of the valid pixels to the left, above thrice, to the right and below.
    :ivar runs: classes of the runs ahead in the row above and behind.
    :ivar run_above: class of the run above.
    :ivar copied_west, copied, copied_east, copied_row: whether rows and columns repeated.
    """

    around: Vector
    signs: Vector
    energy: int
    activity: int
    eighths: int
    holes: int
    runs: int
    run_above: int
    copied_west: int
    copied: int
    copied_east: int
    copied_row: int


@inlined
def _nearest_signs(here: Surroundings) -> int:
    """Turn the signs to the left and above into one number, 0..8."""
    signs: int = 3 * lane(here.signs, W) + lane(here.signs, N)
    return signs


@inlined
def _other_predictions(around: Vector) -> tuple[int, int]:
    """Tell how far two more predictions, along either slope, are from the prediction."""
    w, n, nw, ne = lane(around, W), lane(around, N), lane(around, NW), lane(around, NE)
    return w + n - nw, w + ne - n


@inlined
def _note_slots(here: Surroundings, slots_of: Longs) -> None:
    """Describe what is around a pixel by one slot a context, of its `CONTEXT_SIZES`."""
    around, energy, activity, copied = here.around, here.energy, here.activity, here.copied
    w, n, ne = lane(around, W), lane(around, N), lane(around, NE)
    signs, (plane, antiplane) = _nearest_signs(here), _other_predictions(around)
    slots_of[0] = STARTS[0] + _pair(w, n, 4) + 81 * min(energy, 5)
    slots_of[1] = STARTS[1] + (energy * 10 + activity) * 8 + here.eighths
    slots_of[2] = STARTS[2] + (
        _pair(ne, n, 3) * 7 + _clip(lane(around, NNE), 3) + 3
    ) * 3 + lane(here.signs, NEE)
    slots_of[3] = STARTS[3] + (here.holes * 10 + energy) * 3 + _sign_class(w + n)
    slots_of[4] = STARTS[4] + _pair(plane, antiplane, 6) + 169 * min(activity, 5)
    slots_of[5] = STARTS[5] + _number(here.signs, AHEAD_AND_ABOVE)
    slots_of[6] = STARTS[6] + _number(here.signs, AHEAD)
    slots_of[7] = STARTS[7] + _number(here.signs, BEHIND)
    slots_of[8] = STARTS[8] + ((copied & 15) * 16 + (here.copied_row & 15)) * 9 + signs
    slots_of[9] = STARTS[9] + (8 * here.runs + here.run_above) * 9 + signs
    slots_of[10] = STARTS[10] + (
        (((here.copied_east & 7) * 8 + (here.copied_west & 7)) * 2 + (copied & 1)) * 2
        + (here.copied_row & 1)
    ) * 9 + signs
    slots_of[11] = STARTS[11] + (
        (8 * here.holes + here.run_above) * 10 + energy
    ) * 3 + lane(here.signs, W)


@inlined
def _cases(here: Surroundings) -> Cases:
    """Find the first weight of each set for the case that a pixel is in."""
    signs, (plane, antiplane) = _nearest_signs(here), _other_predictions(here.around)
    copied = 2 * (here.copied & 1) + (here.copied_row & 1)
    texture = 64 * min(here.activity, MAX_ACTIVITY) + here.runs
    history = (
        64 * (here.copied & 3) + 16 * (here.copied_row & 3) + 4 * (here.copied_east & 3)
        + (here.copied_west & 3)
    )
    return (
        _first_weight(0, (9 * min(here.energy, MAX_ENERGY) + signs) * 4 + copied),
        _first_weight(1, 2 * texture + (here.copied_east & 1)),
        _first_weight(2, _number(here.signs, NEAR)),
        _first_weight(3, _number(here.signs, FAR)),
        _first_weight(4, _pair(plane, antiplane, 3) * 8 + here.eighths),
        _first_weight(5, 8 * here.holes + here.run_above),
        _first_weight(6, history),
        _first_weight(7, _number(here.signs, NORTHEAST)),
    )


@inlined
def _first_weight(place: int, case: int) -> int:
    """Find the first weight of a case of the set at a place among the sets."""
    first: int = SET_STARTS[place] + case * CASE_SIZE
    return first


@inlined
def _number(signs: Vector, places: tuple[int, ...]) -> int:
    """Turn the signs of some pixels into one number, each worth a power of three."""
    number: int = total(signs * vector_of(places, LANES))
    return number


@compiled
def _sign_class(value: int) -> int:
    return (value > 0) - (value < 0) + 1


@compiled
def _pair(first: int, second: int, limit: int) -> int:
    """Turn two integers, each clipped to the limit, into one number."""
    return (_clip(first, limit) + limit) * (2 * limit + 1) + _clip(second, limit) + limit
