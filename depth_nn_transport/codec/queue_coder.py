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
"""Coding of symbols whose tables are chosen one by one, each in view of all symbols before it.

A model that runs pixel by pixel cannot call the range coder for every pixel. It needs not: it
sorts its symbols into queues, one for each table, and a whole queue is coded by one call. The
decoder first decodes all queues; then the same model runs, and for every symbol draws the next
one from the queue of the table that it chooses:

    encoder   model: (table, symbol) of each pixel ──► queues ──► lengths, then queue by queue
    decoder   lengths, then queue by queue ──► queues ──► model: table of each pixel ──► symbol
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import constriction
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.table_coder import Integers, TableDecoder, TableEncoder
import numpy as np
from numpy.typing import NDArray

Models = Sequence[constriction.stream.model.Model]

# What `draw` returns where a queue holds nothing more: no encoder wrote such bytes.
EXHAUSTED = -1
# A length is sent as its number of bits, which differs little from that of the queue before.
_BIT_LENGTHS = 32
_BIT_LENGTH_CHANGE = constriction.stream.model.Categorical(
    np.exp2(-np.minimum(np.arange(32), 32 - np.arange(32)).astype(np.float32)), perfect=False
)
_DIGIT = 16


class Queues(NamedTuple):
    """Decoded symbols, waiting to be drawn.

    Attributes:
        symbols: int32 (N,), queue after queue.
        place: int32 (K,), place of the symbol that each queue yields next.
        end: int32 (K,), place behind each queue.

    """

    symbols: Integers
    place: Integers
    end: Integers


@compiled
def draw(queues: Queues, k: int) -> int:
    """Take the next symbol of queue k; `EXHAUSTED` if there is none."""
    place = queues.place[k]
    if place >= queues.end[k]:
        return EXHAUSTED
    queues.place[k] = place + 1
    symbol: int = queues.symbols[place]
    return symbol


def encode_queues(
    index: NDArray[np.uint8], symbols: Integers, models: Models, encoder: TableEncoder
) -> None:
    """Encode symbols (N,) >= 0, each under the model of its index (N,)."""
    lengths = np.bincount(index, minlength=len(models)).astype(np.int32)
    _encode_lengths(lengths, encoder)
    ends = np.cumsum(lengths)
    queued = _sort_into_queues(index, symbols, ends - lengths)
    for model, end, length in zip(models, ends, lengths, strict=True):
        if length:
            encoder.bulk(queued[end - length:end], model)


def decode_queues(models: Models, limit: int, decoder: TableDecoder) -> Queues:
    """Decode queues of at most `limit` symbols in all.

    Raises:
        CorruptStreamError: if there are more, or the bytes do not fit the models.

    """
    lengths = _decode_lengths(len(models), decoder)
    if lengths.sum() > limit:
        raise CorruptStreamError(f'{lengths.sum()} symbols; expected at most {limit}')
    ends = np.cumsum(lengths)
    symbols = np.empty(ends[-1], np.int32)
    for model, end, length in zip(models, ends, lengths, strict=True):
        if length:
            symbols[end - length:end] = decoder.bulk(model, int(length))
    return Queues(symbols, (ends - lengths).astype(np.int32), ends.astype(np.int32))


@compiled
def _sort_into_queues(
    index: NDArray[np.uint8], symbols: Integers, places: NDArray[np.int64]
) -> Integers:
    """Sort by index, stable; `places`, where each queue starts, are used up."""
    queued = np.empty(len(symbols), np.int32)
    for n in range(len(symbols)):
        queued[places[index[n]]] = symbols[n]
        places[index[n]] += 1
    return queued


def _encode_lengths(lengths: Integers, encoder: TableEncoder) -> None:
    """Encode the number of bits of each length, then all bits below the leading one."""
    bits = np.array([int(length).bit_length() for length in lengths], np.int32)
    encoder.bulk(np.diff(bits, prepend=np.int32(0)) % _BIT_LENGTHS, _BIT_LENGTH_CHANGE)
    for length, size in zip(lengths, bits, strict=True):
        for shift, digit in _digits(int(size) - 1):
            encoder.raw((length[None] >> shift) % (1 << digit), 1 << digit)


def _decode_lengths(count: int, decoder: TableDecoder) -> NDArray[np.int64]:
    changes = decoder.bulk(_BIT_LENGTH_CHANGE, count)
    lengths = np.zeros(count, np.int64)
    for k, size in enumerate(np.cumsum(changes) % _BIT_LENGTHS):
        if size:
            lengths[k] = 1 << (int(size) - 1)
        for shift, digit in _digits(int(size) - 1):
            lengths[k] += int(decoder.raw(1, 1 << digit)[0]) << shift
    return lengths


def _digits(bits: int) -> list[tuple[int, int]]:
    """Cut so many bits into raw values: their shifts and sizes in bits, lowest first."""
    return [(shift, min(_DIGIT, bits - shift)) for shift in range(0, bits, _DIGIT)]
