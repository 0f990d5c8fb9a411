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
from typing import NamedTuple

import constriction
from depth_nn_transport.codec.compiled import borrowed, compiled, inlined
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.queue_coder import (
    decode_queues,
    draw,
    encode_queues,
    EXHAUSTED,
    Queues,
)
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Integers = NDArray[np.int32]
Longs = NDArray[np.int64]
Slots = NDArray[np.uint32]
Cases = tuple[int, ...]

VALUE_MAX = (1 << 16) - 1
# Pixels beyond the image that contexts look at.
ABOVE, BESIDE = 3, 4
# The known pixels that contexts look at: NEE is one row up and two columns to the right.
W, N, NW, NE, WW, NN, NNE, NEE, NWW, NNW, WWW, NNN, NNEE, NEEE = range(14)
# Room for these, in vectors of the processor.
SPACES = 16
# Lengths of runs of one level, from 0 to 15 and more, by class.
RUN_CLASS = np.array([0, 1, 2, 3, 4, 4, 5, 5, 5, 6, 6, 6, 6, 6, 6, 7], np.int64)
LONGEST_RUN = len(RUN_CLASS) - 1
# Classes of sizes: 0 to 5, to 8, 15, 40, and more.
SIZE_CLASS = np.repeat(np.arange(10), (1, 1, 1, 1, 1, 1, 3, 7, 25, 1))

# Predictions are in eighths.
PREDICTORS = 6
MAX_MISS = 1023
TRUST = np.array([1 + (1 << 24) // (miss + 2) ** 2 for miss in range(MAX_MISS + 1)], np.int64)

# Decisions: none, above, steps on either side, digits of longer ones.
NONE, HIGHER, STEP, DIGITS = 0, 1, 2, 12
STEPS, MAX_DIGITS = 5, 15
DECISIONS = DIGITS + MAX_DIGITS
MAX_SYMBOLS = 3 + STEPS + MAX_DIGITS

# Sizes of the contexts; the first few serve all decisions, the rest the first two. The last of
# the few is another one from the first step on: which of the nearest pixels have the value.
CONTEXT_SIZES = (486, 800, 1029, 1920, 1014, 2187, 2187, 2187, 2304, 4608, 2304)
FEW = 4
NEAREST, MAX_STEP_ENERGY = 6, 2
CONTEXTS = len(CONTEXT_SIZES)
STARTS = np.cumsum((0, *CONTEXT_SIZES))
ALL_SIZE, FEW_SIZE = int(STARTS[CONTEXTS]), int(STARTS[FEW])
SLOTS = STEP * ALL_SIZE + (DECISIONS - STEP) * FEW_SIZE
# Sets of weights: each has some for every kind of decision in every case that it tells apart (see
# `_cases`); a weight is the sum of one of each set.
KINDS, MAX_ENERGY, MAX_ACTIVITY = 6, 7, 7
CASES = (288, 1024, 243, 243, 392)
SETS = len(CASES)
SET_STARTS = np.cumsum((0, *CASES)) * KINDS * CONTEXTS
WEIGHTS = int(SET_STARTS[SETS])

# A slot holds a probability in 22 bits and, below, a count of decisions in 10.
COUNT_BITS, PROBABILITY_BITS = 10, 22
COUNT_MASK = (1 << COUNT_BITS) - 1
MAX_COUNT = 250
# What a decision moves a probability by, in 1 / 65536, by the number of those before it.
PACE = np.array([655360 // (10 * n + 16) for n in range(MAX_COUNT + 1)], np.int64)
# Log-odds are in 1 / 256, up to 8.
LOG_ODDS_MAX = 2047
WEIGHT_ONE = 1 << 16
LEARNING_RATE = 3
# From a decision foreseen better than this, in 1 / 65536, weights learn nothing: it saves time.
MIN_SURPRISE = 1000
# Decisions wait in a queue for each quarter of log-odds, those likelier than not inverted;
# numbers of 1 to 15 digits below the leading one in others behind.
QUEUES = 32
QUEUE_BITS = 6


class Tables(NamedTuple):
    """
    What is the same in all frames.

    :ivar stretch: int16 (4096,), log-odds of a probability, by its upper 12 bits.
    :ivar squash: int32 (1024,), probability in 1 / 65536 of log-odds, by their upper 10 bits.
    """

    stretch: NDArray[np.int16]
    squash: Integers


class Memory(NamedTuple):
    """
    What is learned.

    :ivar slots: uint32 (SLOTS,), probability that a decision is true, and how many it has seen.
    :ivar weights: int32 (WEIGHTS,), of the contexts' log-odds, 65536 for one: by set, case, kind
        of decision and context.
    """

    slots: Slots
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


class Mixer(NamedTuple):
    """
    The contexts of one pixel, and what they say to one decision.

    :ivar contexts: int64 (CONTEXTS,), which slot of each context, among the slots of all.
    :ivar opinions: int64 (CONTEXTS,), log-odds found there.
    """

    contexts: Longs
    opinions: Longs


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
            constriction.stream.model.Categorical(np.array([1 - p, p]), perfect=False)
            for p in np.asarray(arrays['unlikely'], np.float32)
        ] + [constriction.stream.model.Uniform(1 << digits) for digits in range(1, MAX_DIGITS + 1)]

    def encode(self, plane: Integers, valid: Bits) -> bytes:
        """Encode the valid pixels of a plane, int32 (H, W) of 0..65535."""
        index, symbols, told = tell(plane, valid, self._tables, self._fresh_memory())
        if not ((told == plane) | ~valid).all():
            raise AssertionError('the coded plane is not the given one')
        encoder = TableEncoder()
        encode_queues(index, symbols, self._models, encoder)
        return encoder.to_bytes()

    def decode(self, data: bytes, valid: Bits) -> Integers:
        """
        Decode what `encode` wrote; holes are filled with something.

        :raises CorruptStreamError: if the bytes are not of such a plane.
        """
        limit = MAX_SYMBOLS * int(np.count_nonzero(valid))
        queues = decode_queues(self._models, limit, TableDecoder(data), np.uint16)
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
    probability = np.asarray(arrays['probability'], np.uint32)
    count = np.asarray(arrays['count'], np.uint32)
    slots = probability << np.uint32(32 - 16) | count
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

    @inlined
    def decide(
        truth: bool, start: int, kind: int, cases: Cases, mixer: Mixer, tables: Tables,
        memory: Memory, exchange: Exchange,
    ) -> bool:
        """
        Code a decision, which is the truth in the encoder, and learn from it.

        Start is the first slot of the decision, cases are what `_cases` tells.
        """
        total, offset = 0, kind * CONTEXTS
        for k in range(contexts):
            place = np.uint64(start + mixer.contexts[k])
            opinion = np.int64(tables.stretch[np.uint64(memory.slots[place] >> np.uint32(20))])
            mixer.opinions[k] = opinion
            weight = np.int64(0)
            for case in cases:
                weight += memory.weights[np.uint64(case + offset + k)]
            total += int(opinion * weight)
        # From 0 to 4095, 2048 for an even chance.
        odds = _clip(total >> 16, LOG_ODDS_MAX) + LOG_ODDS_MAX + 1
        level = odds >> QUEUE_BITS
        inverted = level >= QUEUES
        queue = level - QUEUES if inverted else QUEUES - 1 - level
        bit = _exchange(int(truth) ^ inverted, queue, exchange) ^ inverted
        surprise = (bit << 16) - tables.squash[np.uint64(odds >> 2)]
        if abs(surprise) >= MIN_SURPRISE:
            for k in range(contexts):
                change = (mixer.opinions[k] * surprise * LEARNING_RATE + (1 << 18)) >> 19
                for case in cases:
                    memory.weights[np.uint64(case + offset + k)] += change
        target = ((1 << PROBABILITY_BITS) - 1) * bit
        for k in range(contexts):
            place = np.uint64(start + mixer.contexts[k])
            slot = np.int64(memory.slots[place])
            count, probability = slot & COUNT_MASK, slot >> COUNT_BITS
            probability += ((target - probability) * PACE[np.uint64(count)]) >> 16
            memory.slots[place] = probability << COUNT_BITS | (count + (count < MAX_COUNT))
        return bit > 0

    return decide


_decide = _deciding(CONTEXTS)
_decide_by_few = _deciding(FEW)


@inlined
def _tell_distance(
    distance: int, around: Longs, energy: int, cases: Cases, mixer: Mixer, tables: Tables,
    memory: Memory, exchange: Exchange
) -> int:
    """Code the distance of a pixel from its prediction, in the encoder the one given."""
    if _decide(distance == 0, NONE * ALL_SIZE, 0, cases, mixer, tables, memory, exchange):
        return 0
    higher = _decide(distance > 0, HIGHER * ALL_SIZE, 1, cases, mixer, tables, memory, exchange)
    sign = 1 if higher else -1
    start = STEP * ALL_SIZE + (0 if higher else STEPS * FEW_SIZE)
    for step in range(1, STEPS + 1):
        mixer.contexts[FEW - 1] = STARTS[FEW - 1] + _holders(around, sign * step, energy)
        if _decide_by_few(
            sign * distance == step, start, min(step + 1, 4), cases, mixer, tables, memory,
            exchange
        ):
            return sign * step
        start += FEW_SIZE
    rest = sign * distance - STEPS
    start = STEP * ALL_SIZE + 2 * STEPS * FEW_SIZE
    mixer.contexts[FEW - 1] = STARTS[FEW - 1] + higher
    length, digits = _digits(rest), 1
    while digits <= MAX_DIGITS and not _decide_by_few(
        length == digits, start, 5, cases, mixer, tables, memory, exchange
    ):
        digits += 1
        start += FEW_SIZE
    leading = 1 << (digits - 1)
    if digits > 1:
        leading += _exchange(rest - leading, QUEUES + digits - 2, exchange)
    return sign * (STEPS + leading)


@inlined
def _holders(around: Longs, distance: int, energy: int) -> int:
    """Tell by a number which of the nearest pixels are that far from the prediction."""
    flags = 0
    for k in range(NEAREST):
        flags |= (around[k] == distance) << k
    return 3 * flags + min(energy, MAX_STEP_ENERGY)


@inlined
def _guess(guesses: Longs, w: int, n: int, nw: int, ne: int) -> None:
    """Predict a value in eighths in several ways."""
    guesses[0] = 8 * w + 4 * (ne - n)
    guesses[1] = 8 * n + 4 * (w - nw)
    guesses[2] = 8 * (w + n - nw)
    guesses[3] = 4 * (w + n)
    guesses[4] = 8 * n
    guesses[5] = 4 * (w + ne)


class Workspace(NamedTuple):
    """
    What is known around a pixel; all but values and known are int64.

    :ivar values: int32 (H + ABOVE, W + 2 BESIDE), the plane so far, its holes filled.
    :ivar known: uint8 (H + ABOVE + 1, W + 2 BESIDE), whether a pixel is valid.
    :ivar errors: (2, W + 2 BESIDE), distances from the prediction, in this row and the last.
    :ivar misses: (2, W + 2 BESIDE, PREDICTORS), errors of each guess.
    :ivar copied_columns: (W + 2 BESIDE,), whether rows repeated the one above, latest in bit 0.
    :ivar ahead: (W + 2 BESIDE,), how many pixels after one above have its value.
    :ivar above: (W + 2 BESIDE,), how many pixels above have the value of the last.
    :ivar guesses: (PREDICTORS,).
    :ivar around: (SPACES,), values around, less the prediction.
    :ivar classes: (SPACES,), their signs.
    """

    values: Integers
    known: Bytes
    errors: Longs
    misses: Longs
    copied_columns: Longs
    ahead: Longs
    above: Longs
    guesses: Longs
    around: Longs
    classes: Longs


def _walk(
    plane: Integers, valid: Bits, tables: Tables, memory: Memory, exchange: Exchange
) -> Integers:
    """Visit all pixels row by row: code the valid ones, fill the holes."""
    height, width = valid.shape
    stride = width + 2 * BESIDE
    known = np.zeros((height + ABOVE + 1, stride), np.uint8)
    known[ABOVE:-1, BESIDE:-BESIDE] = valid
    copied_columns, ahead, above = np.zeros((3, stride), np.int64)
    around, classes = np.zeros((2, SPACES), np.int64)
    space = Workspace(
        np.zeros((height + ABOVE, stride), np.int32), known, np.zeros((2, stride), np.int64),
        np.zeros((2, stride, PREDICTORS), np.int64), copied_columns, ahead, above,
        np.empty(PREDICTORS, np.int64), around, classes,
    )
    mixer = Mixer(np.zeros(CONTEXTS, np.int64), np.zeros(CONTEXTS, np.int64))
    _visit(plane, space, mixer, tables, memory, exchange)
    return space.values[ABOVE:, BESIDE:-BESIDE]


@compiled
def _visit(
    plane: Integers, space: Workspace, mixer: Mixer, tables: Tables, memory: Memory,
    exchange: Exchange,
) -> None:
    """Do what `_walk` says, with arrays whose uses in the loop are not counted."""
    plane = borrowed(plane)
    values, known, errors = borrowed(space.values), borrowed(space.known), borrowed(space.errors)
    misses, copied_columns = borrowed(space.misses), borrowed(space.copied_columns)
    ahead, above, guesses = borrowed(space.ahead), borrowed(space.above), borrowed(space.guesses)
    around, classes = borrowed(space.around), borrowed(space.classes)
    mixer = Mixer(borrowed(mixer.contexts), borrowed(mixer.opinions))
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
    for y in range(ABOVE, height + ABOVE):
        if exchange.counts[1] > 0:
            # Queues are exhausted: what comes would be worthless.
            break
        values[y, :BESIDE] = values[y - 1, BESIDE]
        _measure_ahead(values[y - 1], ahead)
        copied_row, behind = 0, 0
        for x in range(BESIDE, width + BESIDE):
            if not known[y, x]:
                values[y, x] = _fill(values, known, y, x)
                for k in range(PREDICTORS):
                    misses[y & 1, x, k] = misses[y & 1, x - 1, k]
                errors[y & 1, x], above[x], behind = 0, 0, 0
                continue
            w, n, nw, ne = _nearest(values, known, y, x)
            _guess(guesses, w, n, nw, ne)
            low, high = min(w, n, nw, ne), max(w, n, nw, ne)
            eighths = min(max(_blend(guesses, misses, y, x), 8 * low), 8 * high) + 4
            prediction = eighths >> 3
            energy = _size_class(
                errors[y & 1, x - 1] + errors[1 - y & 1, x - 1] + errors[1 - y & 1, x]
                + errors[1 - y & 1, x + 1]
            )
            _look_around(values, y, x, prediction, around)
            around[W], around[N] = w - prediction, n - prediction
            around[NW], around[NE] = nw - prediction, ne - prediction
            activity = _size_class(high - low)
            runs = 8 * RUN_CLASS[ahead[x]] + RUN_CLASS[behind]
            _note_contexts(
                mixer.contexts, around, classes, energy, activity, eighths & 7,
                _holes_around(known, y, x), 8 * runs + RUN_CLASS[above[x]], copied_columns, x,
                copied_row
            )
            cases = _cases(
                around, classes, energy, activity, eighths & 7, runs, copied_columns, x, copied_row
            )
            distance = _tell_distance(
                plane[y - ABOVE, x - BESIDE] - prediction, around, energy, cases, mixer, tables,
                memory, exchange
            )
            value = min(max(prediction + distance, 0), VALUE_MAX)
            values[y, x] = value
            errors[y & 1, x] = abs(distance)
            for k in range(PREDICTORS):
                misses[y & 1, x, k] = min(abs(8 * value - guesses[k]), MAX_MISS)
            behind = min(behind + 1, LONGEST_RUN) if value == values[y, x - 1] else 0
            above[x] = min(above[x] + 1, LONGEST_RUN) if value == values[y - 1, x] else 0
            left, up, corner = values[y, x - 1], values[y - 1, x], values[y - 1, x - 1]
            # Shifts by 0 or 1 instead of branches that nobody can predict.
            from_left, from_above = int(value == left), int(value == up)
            new_row = (1 - from_left) | int(up != corner)
            new_column = (1 - from_above) | int(left != corner)
            copied_row = copied_row << new_row | from_above & (1 - from_left)
            copied_columns[x] = (
                copied_columns[x] << new_column | from_left & (1 - from_above)
            )
        values[y, width + BESIDE:] = values[y, width + BESIDE - 1]


@compiled
def _measure_ahead(row: Integers, ahead: Longs) -> None:
    """Count, for each pixel of a row with its border, how many after it have its value."""
    for x in range(len(row) - BESIDE - 1, BESIDE - 1, -1):
        ahead[x] = min(ahead[x + 1] + 1, LONGEST_RUN) if row[x] == row[x + 1] else 0


@inlined
def _fill(values: Integers, known: Bytes, y: int, x: int) -> int:
    """Value for a hole: of the pixel to the left or above, valid ones first, else the farther."""
    left, up = values[y, x - 1], values[y - 1, x]
    filled: int = up if known[y - 1, x] else left
    if known[y, x - 1] and known[y - 1, x]:
        filled = (left + up) >> 1 if abs(left - up) < 8 else min(left, up)
    return filled


@inlined
def _nearest(values: Integers, known: Bytes, y: int, x: int) -> tuple[int, int, int, int]:
    """Pixels to the left, above, and diagonally above; holes take after their neighbours."""
    w, n = values[y, x - 1], values[y - 1, x]
    nw, ne = values[y - 1, x - 1], values[y - 1, x + 1]
    if known[y - 1, x] and not known[y, x - 1]:
        w = nw if known[y - 1, x - 1] else n
    elif known[y, x - 1] and not known[y - 1, x]:
        n = ne if known[y - 1, x + 1] else w
    if not known[y - 1, x + 1]:
        ne = n
    if not known[y - 1, x - 1]:
        nw = n
    return w, n, nw, ne


@inlined
def _look_around(values: Integers, y: int, x: int, prediction: int, around: Longs) -> None:
    """Compare the pixels around, but the nearest four, with the prediction."""
    row, first = np.uint64(y), np.uint64(x)
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    around[WW] = values[row, first - two] - prediction
    around[NN] = values[row - two, first] - prediction
    around[NNE] = values[row - two, first + one] - prediction
    around[NEE] = values[row - one, first + two] - prediction
    around[NWW] = values[row - one, first - two] - prediction
    around[NNW] = values[row - two, first - one] - prediction
    around[WWW] = values[row, first - three] - prediction
    around[NNN] = values[row - three, first] - prediction
    around[NNEE] = values[row - two, first + two] - prediction
    around[NEEE] = values[row - one, first + three] - prediction


@inlined
def _blend(guesses: Longs, misses: NDArray[np.int64], y: int, x: int) -> int:
    """Mean of the guesses, each weighed by how little it missed around."""
    here, above = y & 1, 1 - y & 1
    total, trusted = 0, 0
    for k in range(PREDICTORS):
        miss = (
            misses[here, x - 1, k] + misses[above, x - 1, k] + misses[above, x, k]
            + misses[above, x + 1, k]
        )
        trust = TRUST[min(miss, MAX_MISS)]
        total += trust
        trusted += trust * guesses[k]
    return (trusted + (total >> 1)) // total


@inlined
def _holes_around(known: Bytes, y: int, x: int) -> int:
    """Flag the valid pixels around: left, three above, right, below."""
    flags: int = (
        known[y, x - 1] + 2 * known[y - 1, x] + 4 * known[y - 1, x + 1]
        + 8 * known[y - 1, x - 1] + 16 * known[y, x + 1] + 32 * known[y + 1, x]
    )
    return flags


@compiled
def _sign_class(value: int) -> int:
    return (value > 0) - (value < 0) + 1


@inlined
def _note_contexts(
    contexts: Longs, around: Longs, classes: Longs, energy: int, activity: int, eighths: int,
    holes: int, runs: int, copied_columns: Longs, x: int, copied_row: int,
) -> None:
    """
    Describe what is around a pixel by one slot a context, among those of its `CONTEXT_SIZES`.

    Classes, int64 (SPACES,), is overwritten.
    """
    copied = copied_columns[x]
    signs = 3 * _sign_class(around[W]) + _sign_class(around[N])
    contexts[0] = (_pair(around[W], around[N], 4)) + 81 * min(energy, 5)
    contexts[1] = (energy * 10 + activity) * 8 + eighths
    contexts[2] = (
        _pair(around[NE], around[N], 3) * 7 + _clip(around[NNE], 3) + 3
    ) * 3 + _sign_class(around[NEE])
    contexts[3] = (holes * 10 + energy) * 3 + _sign_class(around[W] + around[N])
    plane, antiplane = around[W] + around[N] - around[NW], around[W] + around[NE] - around[N]
    contexts[4] = _pair(plane, antiplane, 6) + 169 * min(activity, 5)
    for k in range(SPACES):
        classes[k] = _sign_class(around[k])
    contexts[5] = _ternary(classes, (W, N, NNE, NE, NNW, NN, NEE))
    contexts[6] = _ternary(classes, (N, NE, NEE, NEEE, NNEE, NNE, W))
    contexts[7] = _ternary(classes, (W, N, WW, WWW, NWW, NW, NNW))
    contexts[8] = ((copied & 15) * 16 + (copied_row & 15)) * 9 + signs
    contexts[9] = runs * 9 + signs
    contexts[10] = (
        (((copied_columns[x + 1] & 7) * 8 + (copied_columns[x - 1] & 7)) * 2 + (copied & 1)) * 2
        + (copied_row & 1)
    ) * 9 + signs
    for k in range(CONTEXTS):
        contexts[k] += STARTS[k]


@inlined
def _cases(
    around: Longs, classes: Longs, energy: int, activity: int, eighths: int, runs: int,
    copied_columns: Longs, x: int, copied_row: int,
) -> Cases:
    """
    Find the first weight of each set for the case that a pixel is in.

    Classes are those of `_note_contexts`.
    """
    signs = 3 * classes[W] + classes[N]
    copied = 2 * (copied_columns[x] & 1) + (copied_row & 1)
    texture = 64 * min(activity, MAX_ACTIVITY) + runs
    plane, antiplane = around[W] + around[N] - around[NW], around[W] + around[NE] - around[N]
    return (
        _first_weight(0, (9 * min(energy, MAX_ENERGY) + signs) * 4 + copied),
        _first_weight(1, 2 * texture + (copied_columns[x + 1] & 1)),
        _first_weight(2, _ternary(classes, (NE, NW, WW, NN, NNE))),
        _first_weight(3, _ternary(classes, (NEE, WWW, NNN, NWW, NEEE))),
        _first_weight(4, _pair(plane, antiplane, 3) * 8 + eighths),
    )


@inlined
def _first_weight(place: int, case: int) -> int:
    """Find the first weight of a case of the set at a place among the sets."""
    first: int = SET_STARTS[place] + case * KINDS * CONTEXTS
    return first


@inlined
def _ternary(classes: Longs, pixels: tuple[int, ...]) -> int:
    """Turn the signs of some pixels into one number."""
    number = 0
    for k in pixels:
        number = 3 * number + classes[k]
    return number


@compiled
def _pair(first: int, second: int, limit: int) -> int:
    """Turn two integers, each clipped to the limit, into one number."""
    return (_clip(first, limit) + limit) * (2 * limit + 1) + _clip(second, limit) + limit
