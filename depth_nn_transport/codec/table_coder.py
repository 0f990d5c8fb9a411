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

    def groups(self, index: NDArray[np.uint8]) -> tuple[Integers, list[tuple[int, slice]]]:
        """Order that sorts symbols by table, and where each table's run lies in it."""
        order, ends = _sort_by_table(index, self.certain)
        starts = np.append(np.int32(0), ends[:-1])
        runs = [(int(k), slice(starts[k], ends[k])) for k in np.flatnonzero(ends > starts)]
        return order, runs


@compiled
def _sort_by_table(
    index: NDArray[np.uint8], certain: NDArray[np.bool_]
) -> tuple[Integers, Integers]:
    """Sort the symbols that are not certain by counting: their order, and each table's end."""
    counts = np.zeros(len(certain), np.int32)
    for table in index:
        counts[table] += not certain[table]
    ends = np.cumsum(counts).astype(np.int32)
    order = np.empty(ends[-1], np.int32)
    place = np.append(np.int32(0), ends[:-1])
    for position, table in enumerate(index):
        if not certain[table]:
            order[place[table]] = position
            place[table] += 1
    return order, ends


class TableEncoder:
    """Writes symbols."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()

    def code(self, tables: Tables, index: NDArray[np.uint8], symbols: Integers) -> Integers:
        """Encode symbols (N,) under the tables of index (N,).

        Returns:
            The symbols as the decoder will see them: zero where a table calls that certain.

        """
        order, runs = tables.groups(index)
        picked = symbols[order]
        radius = tables.radius[index[order]]
        escaped = np.abs(picked) > radius
        shifted = np.where(escaped, 2 * radius + 1, picked + radius)
        for k, run in runs:
            self.bulk(shifted[run], tables.models[k])
        self.raw(picked[escaped] + ESCAPE_RANGE // 2, ESCAPE_RANGE)
        return np.where(tables.certain[index], 0, symbols)

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
        order, runs = tables.groups(index)
        shifted = np.empty(len(order), np.int32)
        for k, run in runs:
            shifted[run] = self.bulk(tables.models[k], run.stop - run.start)
        radius = tables.radius[index[order]]
        picked = shifted - radius
        escaped = picked > radius
        picked[escaped] = self.raw(int(escaped.sum()), ESCAPE_RANGE) - ESCAPE_RANGE // 2
        symbols = np.zeros(len(index), np.int32)
        symbols[order] = picked
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
