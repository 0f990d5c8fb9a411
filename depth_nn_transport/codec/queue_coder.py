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
Coding of symbols whose tables are chosen one by one, each in view of all symbols before it.

A model that runs pixel by pixel cannot call the range coder for every pixel. It needs not: it
sorts its symbols into queues, one for each table, and a whole queue is coded by one call. The
decoder first decodes all queues; then the same model runs, and for every symbol draws the next
one from the queue of the table that it chooses:

    encoder   model: (table, symbol) of each pixel ──► queues ──► lengths, then queue by queue
    decoder   lengths, then queue by queue ──► queues ──► model: table of each pixel ──► symbol

Of queues of bits the range coder takes a few bits as one symbol, which is faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import constriction
from depth_nn_transport.codec.compiled import compiled, inlined
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.table_coder import (
    in_steps,
    Integers,
    Models,
    sort_by_table,
    TableDecoder,
    TableEncoder,
)
import numpy as np
from numpy.typing import NDArray

# What `draw` returns where a queue holds nothing more: no encoder wrote such bytes.
EXHAUSTED = -1
# A length is sent as its number of bits, which differs little from that of the queue before.
_BIT_LENGTHS = 32
_FIRST_BIT_LENGTH = 8
_BIT_LENGTH_CHANGE = constriction.stream.model.Categorical(
    np.exp2(-np.minimum(np.arange(32), 32 - np.arange(32)).astype(np.float32)), perfect=False
)
_DIGIT = 16
# Bits of a queue that make a symbol, the first one the lowest.
PACKED_BITS = 6


class Queues(NamedTuple):
    """
    Decoded symbols, waiting to be drawn.

    :ivar symbols: int32 or uint16 (N,), queue after queue.
    :ivar place: int32 (K,), place of the symbol that each queue yields next.
    :ivar end: int32 (K,), place behind each queue.
    :ivar ahead: int32 (K,), that symbol, or `EXHAUSTED`. A model waits for it, so it is looked up
        when the one before is drawn.
    """

    symbols: NDArray[Any]
    place: Integers
    end: Integers
    ahead: Integers

    @classmethod
    def of(cls, symbols: NDArray[Any], end: Integers) -> Queues:
        """Prepare queues that follow one another: symbols (N,), the place behind each (K,)."""
        place = np.concatenate([np.zeros(1, np.int32), end[:-1]])
        ahead = np.full(len(end), EXHAUSTED, np.int32)
        filled = place < end
        ahead[filled] = symbols[place[filled]]
        return cls(symbols, place, end, ahead)


@inlined
def draw(queues: Queues, k: int) -> int:
    """Take the next symbol of queue k; `EXHAUSTED` if there is none."""
    queue = np.uint64(k)
    symbol: int = queues.ahead[queue]
    place = queues.place[queue] + 1
    queues.place[queue] = place
    behind = place >= queues.end[queue]
    queues.ahead[queue] = EXHAUSTED if behind else queues.symbols[np.uint64(place)]
    return symbol


def encode_queues(
    index: NDArray[np.uint8], symbols: Integers, models: Models, encoder: TableEncoder,
    binary: int = 0,
) -> None:
    """
    Encode symbols (N,) >= 0, each under the model of its index (N,).

    :param binary: how many of the queues, the first ones, hold bits; their models are of tables
        by `packed_table`.
    """
    ordered, ends = sort_by_table(index, symbols, len(models))
    _encode_lengths(np.diff(ends, prepend=np.int32(0)), encoder)
    encoder.groups(*_pack(ordered, ends, binary), models)


def decode_queues(
    models: Models, limit: int, decoder: TableDecoder, kind: type[np.integer] = np.int32,
    binary: int = 0,
) -> Queues:
    """
    Decode queues of at most `limit` symbols in all, which the kind of integer holds.

    Binary is as in `encode_queues`.

    :raises CorruptStreamError: if there are more, or the bytes do not fit the models.
    """
    lengths = _decode_lengths(len(models), decoder)
    if lengths.sum() > limit:
        raise CorruptStreamError(f'{lengths.sum()} symbols; expected at most {limit}')
    ends = np.cumsum(lengths).astype(np.int32)
    lengths[:binary] = -(-lengths[:binary] // PACKED_BITS)
    packed = decoder.groups(np.cumsum(lengths).astype(np.int32), models, kind)
    return Queues.of(_unpack(packed, ends, binary), ends)


def packed_table(unlikely: float) -> NDArray[np.float32]:
    """
    Probabilities of the symbols that bits make, each 1 with a probability: float32 (64,).

    They are products in float64, rounded to multiples of 2^-22 and no less than that.
    """
    ones = np.array([symbol.bit_count() for symbol in range(1 << PACKED_BITS)])
    share = np.cumprod(np.append(1.0, np.full(PACKED_BITS, unlikely)))[ones]
    share *= np.cumprod(np.append(1.0, np.full(PACKED_BITS, 1 - unlikely)))[PACKED_BITS - ones]
    return in_steps(share)


@compiled
def _pack(symbols: Integers, ends: Integers, binary: int) -> tuple[Integers, Integers]:
    """Pack the bits of the first queues; the last symbol of each is filled up with zeros."""
    packed, packed_ends = np.empty(len(symbols), np.int32), np.empty_like(ends)
    count, start = 0, 0
    for k in range(len(ends)):
        size = PACKED_BITS if k < binary else 1
        for first in range(start, ends[k], size):
            symbol = symbols[first]
            for n in range(1, min(size, ends[k] - first)):
                symbol |= symbols[first + n] << n
            packed[count] = symbol
            count += 1
        start, packed_ends[k] = ends[k], count
    return packed[:count], packed_ends


@compiled
def _unpack(packed: NDArray[Any], ends: Integers, binary: int) -> NDArray[Any]:
    """Undo `_pack`."""
    symbols = np.empty(ends[-1], packed.dtype)
    count, start = 0, 0
    for k in range(len(ends)):
        size = PACKED_BITS if k < binary else 1
        for first in range(start, ends[k], size):
            symbol = packed[count]
            count += 1
            for n in range(size - 1):
                if first + n < ends[k]:
                    symbols[first + n] = symbol & 1
                symbol >>= 1
            if first + size - 1 < ends[k]:
                symbols[first + size - 1] = symbol
        start = ends[k]
    return symbols


def _encode_lengths(lengths: Integers, encoder: TableEncoder) -> None:
    """Encode the number of bits of each length, then all bits below the leading one."""
    bits = [length.bit_length() for length in lengths.tolist()]
    changes = np.diff(np.array([_FIRST_BIT_LENGTH, *bits], np.int32)) % _BIT_LENGTHS
    encoder.bulk(changes, _BIT_LENGTH_CHANGE)
    owner, shift, size = _digits(bits)
    encoder.raw((lengths[owner] >> shift) % size, size)


def _decode_lengths(count: int, decoder: TableDecoder) -> NDArray[np.int64]:
    changes = decoder.bulk(_BIT_LENGTH_CHANGE, count)
    bits = (_FIRST_BIT_LENGTH + np.cumsum(changes)) % _BIT_LENGTHS
    owner, shift, size = _digits(bits.tolist())
    lengths = (1 << bits) >> 1
    np.add.at(lengths, owner, decoder.raw(len(size), size).astype(np.int64) << shift)
    return lengths


def _digits(bits: Sequence[int]) -> tuple[Integers, Integers, Integers]:
    """
    Cut lengths of so many bits into digits, lowest first, but for their leading ones.

    :returns: of each digit the length that it belongs to, its shift, and how many values it has.
    """
    digits = [
        (k, shift, 1 << min(_DIGIT, count - 1 - shift))
        for k, count in enumerate(bits)
        for shift in range(0, count - 1, _DIGIT)
    ]
    owner, shift, size = np.array(digits, np.int32).reshape(-1, 3).T
    return owner, shift, size
