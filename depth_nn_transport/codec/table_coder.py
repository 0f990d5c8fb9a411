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
Range coding of integers whose distributions come from shipped tables.

A table holds the probabilities of the integers ``-radius .. radius`` and of an escape. Symbols
are grouped by table, so that a whole group is coded by one call. Both directions share one
interface: ``code`` takes the symbols to an encoder and brings them from a decoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import constriction
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.words import bytes_to_words, coded_bytes
import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]
Models = Sequence[constriction.stream.model.Model]

# Past this probability of zero a symbol is not coded at all: it is taken to be zero.
CERTAIN = 0.9985
ESCAPE_RANGE = 1 << 16
# Probabilities are multiples of this, so that float32 holds them and their sums exactly.
PROBABILITY_STEP = 2.0**-22
# Symbols of a group that are decoded by one call, at most.
MAX_BULK = 1 << 20
WORD_BYTES = 4

_BERNOULLI = constriction.stream.model.Bernoulli(perfect=False)
_UNIFORM = constriction.stream.model.Uniform()
# Symbols of which one comparison each tells whether all are certain.
_STRETCH = 256


class Tables:
    """
    Distributions by index.

    :ivar certain: bool (tables,), whether the symbol is taken to be zero.
    """

    def __init__(self, probabilities: Sequence[NDArray[np.float32]]) -> None:
        """Prepare tables of ``2 * radius + 2`` probabilities each, the last one the escape's."""
        self.radius = np.array([(len(p) - 2) // 2 for p in probabilities], np.int32)
        self.certain = np.array(
            [p[r] > CERTAIN for p, r in zip(probabilities, self.radius, strict=True)]
        )
        spread = np.array(
            [
                np.abs(np.arange(-r, r + 1)) @ p[: 2 * r + 1]
                for p, r in zip(probabilities, self.radius, strict=True)
            ]
        )
        self._log_spread = np.where(self.certain, np.inf, np.log(spread + 1e-3))
        self.models = [
            constriction.stream.model.Categorical(p, perfect=False) for p in probabilities
        ]
        self._probabilities = probabilities

    def seen(self, index: NDArray[np.uint8], symbols: Integers) -> Integers:
        """Tell what a decoder will see of symbols (N,): zero where a table calls that certain."""
        return _seen(index, symbols, self.certain)

    def costs(self, units: int) -> Integers:
        """Tabulate what symbols take, in this share of a bit: int32 (tables, 2 R + 1)."""
        reach = int(self.radius.max())
        costs = np.empty((len(self), 2 * reach + 1), np.int32)
        for k, (table, radius) in enumerate(zip(self._probabilities, self.radius, strict=True)):
            bits = -np.log2(table.astype(np.float64))
            costs[k] = np.rint(units * (bits[-1] + np.log2(ESCAPE_RANGE)))
            costs[k, reach - radius:reach + radius + 1] = np.rint(units * bits[:-1])
        return costs

    def __len__(self) -> int:
        return len(self.models)

    def nearest_spread(self, spread: float) -> int:
        """Index of the table whose mean absolute symbol is nearest and that is not certain."""
        return int(np.argmin(np.abs(self._log_spread - np.log(spread + 1e-3))))


def in_steps(probabilities: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round probabilities to multiples of `PROBABILITY_STEP`, no less than that."""
    steps = np.maximum(np.rint(probabilities / PROBABILITY_STEP), 1)
    rounded: NDArray[np.float32] = (steps * PROBABILITY_STEP).astype(np.float32)
    return rounded


@compiled
def _seen(
    index: NDArray[np.uint8], symbols: Integers, certain: NDArray[np.bool_]
) -> Integers:
    seen = np.empty(len(symbols), np.int32)
    for n in range(len(symbols)):
        seen[n] = 0 if certain[index[n]] else symbols[n]
    return seen


@compiled
def sort_by_table(
    index: NDArray[np.uint8], values: Integers, tables: int
) -> tuple[Integers, Integers]:
    """Sort values (N,) by their tables (N,), stable, by counting; with each table's end."""
    ends = np.zeros(tables, np.int32)
    for table in index:
        ends[table] += 1
    place = np.zeros(tables, np.int32)
    for table in range(1, tables):
        place[table] = ends[table - 1]
        ends[table] += ends[table - 1]
    ordered = np.empty(len(values), np.int32)
    for n in range(len(values)):
        table = index[n]
        ordered[place[table]] = values[n]
        place[table] += 1
    return ordered, ends


@compiled
def _order_by_table(
    index: NDArray[np.uint8], certain: NDArray[np.bool_]
) -> tuple[Integers, Integers]:
    """Sort the symbols that are not certain: their order, and each table's end."""
    # Tables are shipped narrowest first, so that the certain ones are the first ones and a
    # comparison, which is vectorised, passes over whole stretches of their symbols.
    first = 0
    while first < len(certain) and certain[first]:
        first += 1
    least = np.uint8(first)
    positions, tables = np.empty(len(index), np.int32), np.empty(len(index), np.uint8)
    count = 0
    for start in range(0, len(index), _STRETCH):
        stretch = index[start:start + _STRETCH]
        found = False
        for n in range(len(stretch)):
            found |= stretch[n] >= least
        if found:
            for n in range(len(stretch)):
                if not certain[stretch[n]]:
                    positions[count], tables[count] = start + n, stretch[n]
                    count += 1
    return sort_by_table(tables[:count], positions[:count], len(certain))


@compiled
def _pick(
    symbols: Integers, index: NDArray[np.uint8], certain: NDArray[np.bool_], radius: Integers
) -> tuple[Integers, Integers, Integers, Integers]:
    """
    Sort symbols by table.

    :returns: the symbols as their tables count them; each table's end; what escapes from the
        tables; and all symbols (N,) as a decoder will see them.
    """
    order, ends = _order_by_table(index, certain)
    shifted, escaped = np.empty(len(order), np.int32), np.empty(len(order), np.int32)
    seen = np.zeros(len(symbols), np.int32)
    count = 0
    for n in range(len(order)):
        symbol, reach = symbols[order[n]], radius[index[order[n]]]
        seen[order[n]] = symbol
        shifted[n] = symbol + reach
        if abs(symbol) > reach:
            shifted[n] = 2 * reach + 1
            escaped[count] = symbol + ESCAPE_RANGE // 2
            count += 1
    return shifted, ends, escaped[:count], seen


@compiled
def _put_back(
    shifted: Integers, order: Integers, index: NDArray[np.uint8], radius: Integers
) -> tuple[Integers, Integers]:
    """Undo `_pick`, but for escaped symbols, of which it tells the positions."""
    symbols, escaped = np.zeros(len(index), np.int32), np.empty(len(order), np.int32)
    count = 0
    for n in range(len(order)):
        reach = radius[index[order[n]]]
        symbols[order[n]] = shifted[n] - reach
        if shifted[n] > 2 * reach:
            escaped[count] = order[n]
            count += 1
    return symbols, escaped[:count]


class TableEncoder:
    """Writes symbols."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()

    def code(self, tables: Tables, index: NDArray[np.uint8], symbols: Integers) -> Integers:
        """
        Encode symbols (N,) under the tables of index (N,).

        :returns: the symbols as the decoder will see them: zero where a table calls that certain.
        """
        shifted, ends, escaped, seen = _pick(symbols, index, tables.certain, tables.radius)
        self.groups(shifted, ends, tables.models)
        self.raw(escaped, ESCAPE_RANGE)
        return seen

    def groups(self, symbols: Integers, ends: Integers, models: Models) -> None:
        """Encode symbols (N,) in groups with these ends, each under its own model."""
        start = 0
        for model, end in zip(models, ends.tolist(), strict=True):
            if end > start:
                self.bulk(symbols[start:end], model)
                start = end

    def raw(self, values: Integers, size: int | Integers) -> None:
        """Encode values (N,) in 0..size-1, all equally likely; one size, or one for each value."""
        if len(values):
            sizes = np.full(len(values), size, np.int32)
            self._coder.encode(values.astype(np.int32), _UNIFORM, sizes)

    def bulk(self, symbols: Integers, model: constriction.stream.model.Model) -> None:
        """Encode symbols (N,), all under one model."""
        self._coder.encode(symbols, model)

    def bits(self, probability: NDArray[np.float32], bits: NDArray[np.uint8]) -> None:
        """Encode ones and zeros (N,), each with its probability of a one, float32 (N,)."""
        if len(bits):
            self._coder.encode(bits.astype(np.int32), _BERNOULLI, probability)

    @property
    def size(self) -> int:
        """Bytes so far, to within a word."""
        return int(self._coder.num_words()) * WORD_BYTES

    def to_bytes(self) -> bytes:
        """Return what was written."""
        return coded_bytes(self._coder)


class TableDecoder:
    """Reads what a `TableEncoder` wrote."""

    def __init__(self, data: bytes) -> None:
        self._coder = constriction.stream.queue.RangeDecoder(bytes_to_words(data))

    def code(self, tables: Tables, index: NDArray[np.uint8]) -> Integers:
        """
        Decode symbols (N,) under the tables of index (N,).

        :raises CorruptStreamError: if the bytes cannot have been encoded with these tables.
        """
        order, ends = _order_by_table(index, tables.certain)
        shifted = self.groups(ends, tables.models)
        symbols, escaped = _put_back(shifted, order, index, tables.radius)
        if len(escaped):
            symbols[escaped] = self.raw(len(escaped), ESCAPE_RANGE) - ESCAPE_RANGE // 2
        return symbols

    def groups(
        self, ends: Integers, models: Models, kind: type[np.integer] = np.int32
    ) -> NDArray[Any]:
        """
        Decode symbols (N,) in groups with these ends, each under its own model.

        :raises CorruptStreamError: if the bytes cannot have been encoded with these models.
        """
        symbols = np.empty(ends[-1], kind)
        start = 0
        for model, end in zip(models, ends.tolist(), strict=True):
            # In parts, as a forged group may be all that memory holds.
            for place in range(start, end, MAX_BULK):
                part = symbols[place:min(place + MAX_BULK, end)]
                part[:] = self.bulk(model, len(part))
            start = end
        return symbols

    def raw(self, count: int, size: int | Integers) -> Integers:
        """
        Decode values in 0..size-1, all equally likely; one size, or one for each value.

        :raises CorruptStreamError: if the bytes cannot have been encoded so.
        """
        return self.bulk(_UNIFORM, np.full(count, size, np.int32))

    def bits(self, probability: NDArray[np.float32]) -> NDArray[np.uint8]:
        """
        Decode ones and zeros, each with its probability of a one, float32 (N,).

        :raises CorruptStreamError: if the bytes cannot have been encoded so.
        """
        if len(probability) == 0:
            return np.zeros(0, np.uint8)
        return self.bulk(_BERNOULLI, probability).astype(np.uint8)

    def bulk(
        self, model: constriction.stream.model.Model, count: int | Integers | NDArray[np.float32]
    ) -> Integers:
        """
        Decode so many symbols of a model, or one symbol for each of its parameters.

        :raises CorruptStreamError: if the bytes cannot have been encoded with this model.
        """
        try:
            symbols: Integers = self._coder.decode(model, count)
        except AssertionError as error:
            raise CorruptStreamError(f'coded bytes do not fit their tables: {error}') from error
        return symbols
