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
"""Range coding of integers whose distributions come from shipped tables.

A table holds the probabilities of the integers ``-radius .. radius`` and of an escape. Symbols
are grouped by table, so that a whole group is coded by one call. Both directions share one
interface: ``code`` takes the symbols to an encoder and brings them from a decoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import constriction
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.words import bytes_to_words, words_to_bytes
import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]

# Past this probability of zero a symbol is not coded at all: it is taken to be zero.
CERTAIN = 0.9985
ESCAPE_RANGE = 1 << 16

_BERNOULLI = constriction.stream.model.Bernoulli(perfect=False)


class Tables:
    """Distributions by index.

    Attributes:
        certain: bool (tables,), whether the symbol is taken to be zero.

    """

    def __init__(self, probabilities: Sequence[NDArray[np.float32]]) -> None:
        """Prepare tables of ``2 * radius + 2`` probabilities each, the last one the escape's."""
        self.radius = np.array([(len(p) - 2) // 2 for p in probabilities], np.int32)
        self.certain = np.array(
            [p[r] > CERTAIN for p, r in zip(probabilities, self.radius, strict=True)]
        )
        self._spread = np.array(
            [
                np.abs(np.arange(-r, r + 1)) @ p[: 2 * r + 1]
                for p, r in zip(probabilities, self.radius, strict=True)
            ]
        )
        self.models = [
            constriction.stream.model.Categorical(p, perfect=False) for p in probabilities
        ]

    def __len__(self) -> int:
        return len(self.models)

    def nearest_spread(self, spread: float) -> int:
        """Index of the table whose mean absolute symbol is nearest and that is not certain."""
        distance = np.abs(np.log(self._spread + 1e-3) - np.log(spread + 1e-3))
        return int(np.argmin(np.where(self.certain, np.inf, distance)))


@compiled
def _sort_by_table(
    index: NDArray[np.uint8], certain: NDArray[np.bool_]
) -> tuple[Integers, Integers]:
    """Sort the symbols that are not certain by counting: their order, and each table's end."""
    counts = np.zeros(len(certain), np.int32)
    for table in index:
        counts[table] += 1
    for table in range(len(certain)):
        if certain[table]:
            counts[table] = 0
    ends = np.cumsum(counts).astype(np.int32)
    order = np.empty(ends[-1], np.int32)
    place = ends - counts
    for position, table in enumerate(index):
        if not certain[table]:
            order[place[table]] = position
            place[table] += 1
    return order, ends


def _runs(ends: Integers) -> list[tuple[int, slice]]:
    """Tables that have symbols, each with its run in the order."""
    starts = np.append(np.int32(0), ends[:-1])
    return [(int(k), slice(starts[k], ends[k])) for k in np.flatnonzero(ends > starts)]


@compiled
def _pick(
    symbols: Integers, order: Integers, ends: Integers, radius: Integers
) -> tuple[Integers, Integers]:
    """Sorted symbols as their tables count them, and what escapes from the tables."""
    shifted, escaped = np.empty(len(order), np.int32), np.empty(len(order), np.int32)
    count, n = 0, 0
    for table in range(len(ends)):
        reach = radius[table]
        while n < ends[table]:
            symbol = symbols[order[n]]
            shifted[n] = symbol + reach
            if abs(symbol) > reach:
                shifted[n] = 2 * reach + 1
                escaped[count] = symbol + ESCAPE_RANGE // 2
                count += 1
            n += 1
    return shifted, escaped[:count]


@compiled
def _count_escapes(shifted: Integers, ends: Integers, radius: Integers) -> int:
    count, n = 0, 0
    for table in range(len(ends)):
        while n < ends[table]:
            count += shifted[n] > 2 * radius[table]
            n += 1
    return count


@compiled
def _put_back(
    shifted: Integers, escaped: Integers, order: Integers, ends: Integers, radius: Integers,
    symbols: Integers,
) -> None:
    """Undo `_pick`."""
    count, n = 0, 0
    for table in range(len(ends)):
        reach = radius[table]
        while n < ends[table]:
            symbol = shifted[n] - reach
            if symbol > reach:
                symbol = escaped[count] - ESCAPE_RANGE // 2
                count += 1
            symbols[order[n]] = symbol
            n += 1


class TableEncoder:
    """Writes symbols."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()

    def code(self, tables: Tables, index: NDArray[np.uint8], symbols: Integers) -> Integers:
        """Encode symbols (N,) under the tables of index (N,).

        Returns:
            The symbols as the decoder will see them: zero where a table calls that certain.

        """
        order, ends = _sort_by_table(index, tables.certain)
        shifted, escaped = _pick(symbols, order, ends, tables.radius)
        for k, run in _runs(ends):
            self.bulk(shifted[run], tables.models[k])
        self.raw(escaped, ESCAPE_RANGE)
        seen = np.zeros_like(symbols)
        _put_back(shifted, escaped, order, ends, tables.radius, seen)
        return seen

    def raw(self, values: Integers, size: int) -> Integers:
        """Encode values (N,) in 0..size-1, all equally likely."""
        if len(values):
            self.bulk(values.astype(np.int32), constriction.stream.model.Uniform(size))
        return values

    def bulk(self, symbols: Integers, model: constriction.stream.model.Model) -> None:
        """Encode symbols (N,), all under one model."""
        self._coder.encode(symbols, model)

    def bits(self, probability: NDArray[np.float32], bits: NDArray[np.uint8]) -> None:
        """Encode ones and zeros (N,), each with its probability of a one, float32 (N,)."""
        if len(bits):
            self._coder.encode(bits.astype(np.int32), _BERNOULLI, probability)

    def to_bytes(self) -> bytes:
        """Return what was written."""
        return words_to_bytes(self._coder.get_compressed())


class TableDecoder:
    """Reads what a `TableEncoder` wrote."""

    def __init__(self, data: bytes) -> None:
        self._coder = constriction.stream.queue.RangeDecoder(bytes_to_words(data))

    def code(self, tables: Tables, index: NDArray[np.uint8]) -> Integers:
        """Decode symbols (N,) under the tables of index (N,).

        Raises:
            CorruptStreamError: if the bytes cannot have been encoded with these tables.

        """
        order, ends = _sort_by_table(index, tables.certain)
        shifted = np.empty(len(order), np.int32)
        for k, run in _runs(ends):
            shifted[run] = self.bulk(tables.models[k], run.stop - run.start)
        escaped = self.raw(_count_escapes(shifted, ends, tables.radius), ESCAPE_RANGE)
        symbols = np.zeros(len(index), np.int32)
        _put_back(shifted, escaped, order, ends, tables.radius, symbols)
        return symbols

    def raw(self, count: int, size: int) -> Integers:
        """Decode values in 0..size-1, all equally likely."""
        return self.bulk(constriction.stream.model.Uniform(size), count)

    def bits(self, probability: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Decode ones and zeros, each with its probability of a one, float32 (N,)."""
        if len(probability) == 0:
            return np.zeros(0, np.uint8)
        return self.bulk(_BERNOULLI, probability).astype(np.uint8)

    def bulk(
        self, model: constriction.stream.model.Model, count: int | NDArray[np.float32]
    ) -> Integers:
        """Decode so many symbols of a model, or one symbol for each of its parameters.

        Raises:
            CorruptStreamError: if the bytes cannot have been encoded with this model.

        """
        try:
            symbols: Integers = self._coder.decode(model, count)
        except AssertionError as error:
            raise CorruptStreamError(f'latent bytes do not fit their tables: {error}') from error
        return symbols
