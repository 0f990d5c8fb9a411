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
"""Queues of bits that are unlikely with one of a few probabilities, after `queue_coder`.

A class is a probability p that a bit is 1 ("unlikely"). Nearly all bits of most classes are 0, so
a symbol stands for a run of them: 0 for L zeros, j + 1 for j < L zeros and a one, with L such
that a whole run is about as likely as not (as in Golomb's run-length codes, but with exact
probabilities). Hundreds of thousands of nearly certain bits become a few thousand symbols.
"""

from __future__ import annotations

from typing import NamedTuple

import constriction
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.queue_coder import (
    decode_queues,
    draw,
    encode_queues,
    EXHAUSTED,
    Queues,
)
from depth_nn_transport.codec.table_coder import Integers, TableDecoder, TableEncoder
import numpy as np
from numpy.typing import NDArray

LONGEST_RUN = 512
_PROBABILITY_STEP = 2.0**-22


class BitPort(NamedTuple):
    """Where a model sends bits to, or takes them from.

    Attributes:
        decoding: which of the two.
        zeros: int32 (classes,), zeros of the run at hand: seen so far, or still to be drawn.
        one: bool (classes,), whether a one follows these; of a decoder.
        longest: int32 (classes,), zeros that one symbol stands for.
        queues: what a decoder draws from.
        classes: uint8 (N,), class of each symbol that an encoder made.
        symbols: int32 (N,), the symbols.
        made: int32 (1,), how many there are.

    """

    decoding: bool
    zeros: Integers
    one: NDArray[np.bool_]
    longest: Integers
    queues: Queues
    classes: NDArray[np.uint8]
    symbols: Integers
    made: Integers


@compiled
def push_zeros(port: BitPort, k: int, count: int) -> None:
    """Add so many zeros to class k."""
    port.zeros[k] += count
    while port.zeros[k] >= port.longest[k]:
        port.zeros[k] -= port.longest[k]
        _emit(port.classes, port.symbols, port.made, k, 0)


@compiled
def _complete_runs(port: BitPort) -> None:
    """Fill up the last run of each class with zeros that nobody will draw."""
    for k in range(len(port.zeros)):
        if port.zeros[k] > 0:
            push_zeros(port, k, port.longest[k] - port.zeros[k])


@compiled
def push_one(port: BitPort, k: int) -> None:
    """Add a one to class k."""
    _emit(port.classes, port.symbols, port.made, k, port.zeros[k] + 1)
    port.zeros[k] = 0


@compiled
def _emit(
    classes: NDArray[np.uint8], symbols: Integers, made: Integers, k: int, symbol: int
) -> None:
    classes[made[0]] = k
    symbols[made[0]] = symbol
    made[0] += 1


@compiled
def draw_zeros(port: BitPort, k: int, most: int) -> int:
    """Take one to so many zeros of class k, or a one.

    Returns:
        How many zeros, none if it was a one; `EXHAUSTED` if no bit is left.

    """
    zeros = port.zeros[k]
    if zeros == 0:
        if port.one[k]:
            port.one[k] = False
            return 0
        symbol = draw(port.queues, k)
        if symbol == EXHAUSTED:
            return EXHAUSTED
        if symbol == 1:
            return 0
        zeros = port.longest[k] if symbol == 0 else symbol - 1
        port.one[k] = symbol > 0
    count: int = min(zeros, most)
    port.zeros[k] = zeros - count
    return count


class BitModels:
    """Classes of bits.

    Attributes:
        longest: int32 (classes,), zeros that one symbol stands for.

    """

    def __init__(self, unlikely: NDArray[np.float32]) -> None:
        """Prepare for classes with these probabilities of a one, float32, 0 < p <= 1/2."""
        self.longest = np.clip(0.7 / unlikely, 1, LONGEST_RUN).astype(np.int32)
        self._models = [
            constriction.stream.model.Categorical(run_table(float(p), int(n)), perfect=False)
            for p, n in zip(unlikely, self.longest, strict=True)
        ]

    def writer(self, bits: int) -> BitPort:
        """Make room for so many bits."""
        size = bits + len(self.longest)
        nothing = np.zeros(0, np.int32)
        return self._port(
            Queues(nothing, nothing, nothing), np.empty(size, np.uint8), np.empty(size, np.int32)
        )

    def encode(self, port: BitPort, encoder: TableEncoder) -> None:
        """Encode all bits that were pushed."""
        _complete_runs(port)
        made = int(port.made[0])
        encode_queues(port.classes[:made], port.symbols[:made], self._models, encoder)

    def decode(self, decoder: TableDecoder, bits: int) -> BitPort:
        """Decode what `encode` wrote of at most so many bits.

        Raises:
            CorruptStreamError: if the bytes are no such bits.

        """
        queues = decode_queues(self._models, bits + len(self.longest), decoder)
        return self._port(queues, np.zeros(0, np.uint8), np.zeros(0, np.int32))

    def _port(self, queues: Queues, classes: NDArray[np.uint8], symbols: Integers) -> BitPort:
        count = len(self.longest)
        return BitPort(
            len(classes) == 0, np.zeros(count, np.int32), np.zeros(count, bool), self.longest,
            queues, classes, symbols, np.zeros(1, np.int32),
        )


def run_table(unlikely: float, longest: int) -> NDArray[np.float32]:
    """Probabilities of the symbols of a class: the whole run, then a one after 0, 1, ... zeros.

    They are products in float64, rounded to multiples of 2^-22 and no less than that.
    """
    zeros = np.cumprod(np.append(1.0, np.full(longest, 1.0 - unlikely)))
    share = np.append(zeros[-1], zeros[:-1] * unlikely)
    steps = np.maximum(np.rint(share / _PROBABILITY_STEP), 1)
    table: NDArray[np.float32] = (steps * _PROBABILITY_STEP).astype(np.float32)
    return table
