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
Queues of bits that are unlikely with one of a few probabilities, after `queue_coder`.

A class is a probability p that a bit is 1 ("unlikely"). Nearly all bits of most classes are 0, so
a symbol stands for a run of them: 0 for L zeros, j + 1 for j < L zeros and a one, with L such
that a whole run is about as likely as not (as in Golomb's run-length codes, but with exact
probabilities). Hundreds of thousands of nearly certain bits become a few thousand symbols.
"""

from __future__ import annotations

from typing import NamedTuple

import constriction
from depth_nn_transport.codec.compiled import compiled, inlined
from depth_nn_transport.codec.queue_coder import decode_queues, encode_queues
from depth_nn_transport.codec.table_coder import (
    in_steps,
    Integers,
    TableDecoder,
    TableEncoder,
)
import numpy as np
from numpy.typing import NDArray

LONGEST_RUN = 512
# More zeros than there are pixels in a map.
ENDLESS = 1 << 30


class BitWriter(NamedTuple):
    """
    Where a model sends bits to.

    :ivar zeros: int32 (classes,), zeros of the run at hand.
    :ivar longest: int32 (classes,), zeros that one symbol stands for.
    :ivar classes: uint8 (N,), class of each symbol made.
    :ivar symbols: int32 (N,), the symbols.
    :ivar made: int32 (1,), how many there are.
    """

    zeros: Integers
    longest: Integers
    classes: NDArray[np.uint8]
    symbols: Integers
    made: Integers


class BitReader(NamedTuple):
    """
    Where a model takes bits from.

    The symbols of a class are joined to gaps: zeros before each one. So a bit is drawn without
    a branch, which nobody could predict.

    :ivar zeros: int32 (classes,), zeros still to be drawn before the next one.
    :ivar place: int32 (classes,), place of the gap after that.
    :ivar end: int32 (classes,), place behind the gaps of each class.
    :ivar gaps: int32 (N,), class after class; the last of each, which no one follows, is
        `ENDLESS` longer than what was sent, so that only `overdrawn` need look for the end.
    """

    zeros: Integers
    place: Integers
    end: Integers
    gaps: Integers


@inlined
def push_bit(writer: BitWriter, k: int, bit: int) -> None:
    """Add a bit to class k."""
    zeros, made = writer.zeros[k] + 1, writer.made[0]
    complete = bit | int(zeros == writer.longest[k])
    # Written in any case, and kept if complete, which spares a branch that is hard to predict.
    writer.classes[made] = k
    writer.symbols[made] = zeros * bit
    writer.made[0] = made + complete
    writer.zeros[k] = zeros * (1 - complete)


@compiled
def push_zeros(writer: BitWriter, k: int, count: int) -> None:
    """Add so many zeros to class k."""
    writer.zeros[k] += count
    while writer.zeros[k] >= writer.longest[k]:
        writer.zeros[k] -= writer.longest[k]
        made = writer.made[0]
        writer.classes[made] = k
        writer.symbols[made] = 0
        writer.made[0] = made + 1


@compiled
def _complete_runs(writer: BitWriter) -> None:
    """Fill up the last run of each class with zeros that nobody will draw."""
    for k in range(len(writer.zeros)):
        if writer.zeros[k] > 0:
            push_zeros(writer, k, writer.longest[k] - writer.zeros[k])


@inlined
def draw_bit(reader: BitReader, k: int) -> int:
    """Take a bit of class k."""
    zeros, place = reader.zeros[k], reader.place[k]
    bit = int(zeros == 0)
    reader.zeros[k] = zeros - 1 + bit * (reader.gaps[np.uint64(place)] + 1)
    reader.place[k] = place + bit
    return bit


@inlined
def draw_zeros(reader: BitReader, k: int, most: int) -> int:
    """Take up to so many zeros of class k, as many as come before the next one."""
    count = min(int(reader.zeros[k]), most)
    reader.zeros[k] -= count
    return count


@compiled
def overdrawn(reader: BitReader) -> bool:
    """Tell whether more bits of some class were drawn than there are."""
    for k in range(len(reader.end)):
        if reader.place[k] == reader.end[k] and reader.zeros[k] < ENDLESS:
            return True
    return False


@compiled
def _join(
    symbols: Integers, place: Integers, end: Integers, longest: Integers
) -> tuple[Integers, Integers, Integers, Integers]:
    """Turn the queues of symbols into the fields of a `BitReader`."""
    classes = len(longest)
    zeros, first = np.empty(classes, np.int32), np.empty(classes, np.int32)
    behind = np.empty(classes, np.int32)
    # A place more than gaps: a draw looks at the next gap even if it does not take it.
    gaps = np.zeros(len(symbols) + classes + 1, np.int32)
    count = 0
    for k in range(classes):
        first[k] = count + 1
        gap = 0
        for n in range(place[k], end[k]):
            symbol = symbols[n]
            gaps[count] = gap + symbol - 1
            count += symbol > 0
            gap = 0 if symbol > 0 else min(gap + longest[k], ENDLESS - 1 - LONGEST_RUN)
        gaps[count] = gap + ENDLESS
        count += 1
        zeros[k], behind[k] = gaps[first[k] - 1], count
    return zeros, first, behind, gaps


class BitModels:
    """
    Classes of bits.

    :ivar longest: int32 (classes,), zeros that one symbol stands for.
    """

    def __init__(self, unlikely: NDArray[np.float32]) -> None:
        """Prepare for classes with these probabilities of a one, float32, 0 < p <= 1/2."""
        self.longest = np.clip(0.7 / unlikely, 1, LONGEST_RUN).astype(np.int32)
        self._models = [
            constriction.stream.model.Categorical(run_table(float(p), int(n)), perfect=False)
            for p, n in zip(unlikely, self.longest, strict=True)
        ]

    def writer(self, bits: int) -> BitWriter:
        """Make room for so many bits."""
        classes = len(self.longest)
        size = bits + classes
        return BitWriter(
            np.zeros(classes, np.int32), self.longest, np.empty(size, np.uint8),
            np.empty(size, np.int32), np.zeros(1, np.int32),
        )

    def encode(self, writer: BitWriter, encoder: TableEncoder) -> None:
        """Encode all bits that were pushed."""
        _complete_runs(writer)
        made = int(writer.made[0])
        encode_queues(writer.classes[:made], writer.symbols[:made], self._models, encoder)

    def decode(self, decoder: TableDecoder, bits: int) -> BitReader:
        """
        Decode what `encode` wrote of at most so many bits.

        :raises CorruptStreamError: if the bytes are no such bits.
        """
        queues = decode_queues(self._models, bits + len(self.longest), decoder)
        return BitReader(*_join(queues.symbols, queues.place, queues.end, self.longest))


def run_table(unlikely: float, longest: int) -> NDArray[np.float32]:
    """
    Probabilities of the symbols of a class: the whole run, then a one after 0, 1, ... zeros.

    They are products in float64, rounded to multiples of 2^-22 and no less than that.
    """
    zeros = np.cumprod(np.append(1.0, np.full(longest, 1.0 - unlikely)))
    share = np.append(zeros[-1], zeros[:-1] * unlikely)
    return in_steps(share)
