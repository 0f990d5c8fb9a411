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
"""Lossless coding of binary maps: the hole mask, and the map of depth steps.

Pixels are modelled one by one, row by row, from what is known above and to the left:

- **Plain** pixels have equal neighbours. They are most of a map and nearly certain to be equal
  too; a few coarse features select how certain.
- The **others** are near a border. A small network looks at 48 pixels around, at how the borders
  of this frame run (frames aligned to colour are enlarged by repeating rows and columns), and at
  how often a one and a zero stood in the same surroundings earlier in the frame. All of these
  are bytes; its first layer adds one row of a matrix for each (an embedding).

Either way the model tells the likely value and one of a few classes of certainty, in integers
alone; `bit_queues` codes the bits class by class. Pixels outside the map count as zeros.

Mixing a trained prediction with counts of the frame itself is that of the PAQ coders (Mahoney,
Adaptive Weighing of Context Models for Lossless Data Compression, 2005); here the mixing is
trained beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from depth_nn_transport.codec.bit_queues import (
    BitModels,
    BitPort,
    draw_zeros,
    push_one,
    push_zeros,
)
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.queue_coder import EXHAUSTED
from depth_nn_transport.codec.table_coder import Integers, TableDecoder, TableEncoder
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

MARGIN = 8
ROWS_ABOVE = 3
# Bytes that the network sees of a pixel, and its hidden values of 0..255.
INPUTS = 15
HIDDEN = 16
HIDDEN_MAX = 255
# Classes are evenly spaced in log-odds; the network counts in 2^-12 of that distance.
CLASSES = 18
CLASS_BITS = 12
PLAIN_CONTEXTS = 1 << 12
# Surroundings in which ones and zeros are counted.
COUNTED = 4
# Columns that share the number of rows since a border.
CELL_BITS = 4
_FOREVER = 63


def _next_counts() -> Bytes:
    """
    Tabulate how a pair of counts, zeros + 16 ones, goes on after a bit: (2, 256).

    A bit makes the other count fade, so that the pair tells of the recent past.
    """
    table = np.zeros((2, 256), np.uint8)
    for state in range(256):
        for bit in range(2):
            counts = [state % 16, state // 16]
            counts[bit] = min(counts[bit] + 1, 15)
            other = counts[1 - bit]
            counts[1 - bit] = other - (other > 5) - other // 8
            table[bit, state] = counts[0] + 16 * counts[1]
    return table


# Number of bits of each length up to 63, 0..6.
BITS = np.array([length.bit_length() for length in range(_FOREVER + 1)], np.uint8)
NEXT_COUNTS = _next_counts()
# Windows: columns x + 8 .. x - 8 of a row above are bits 0 .. 16, columns x - 1 .. x - 8 of the
# row itself bits 0 .. 7. The parts of them that have to agree, side by side in one number:
WINDOW = (1 << 17) - 1
NEAR = 0b11 | 0b11111 << 6 | 0b111 << 15
FAR = 0b111111 | 0b11111111111 << 11 | 0b111111111 << 24 | 0b11111 << 38


class Weights(NamedTuple):
    """Integers that make up a model.

    Attributes:
        inputs: int8 (INPUTS, 256, HIDDEN), addends of the hidden values for each input byte.
        bias: int32 (HIDDEN,).
        output: int32 (HIDDEN + 1,), weights of the hidden values, and a bias.
        plain: uint8 (PLAIN_CONTEXTS,), class of each context of plain pixels.

    """

    inputs: NDArray[np.int8]
    bias: Integers
    output: Integers
    plain: Bytes


class History(NamedTuple):
    """What the model remembers of the pixels so far.

    Attributes:
        edges: int32 (4, W + 2), columns where the last rows change, in a ring, each list ended
            by a column beyond the image.
        jumps: uint8 (W + 2 MARGIN,), how readily a row changes at each column.
        quiet: uint8 (cells,), rows since the last border in a cell of 16 columns.
        moved: uint8 (3,), how many of the last rows' changes were not those of the row above.
        counts: uint8 (COUNTED, 65536), zeros + 16 ones of each surroundings.

    """

    edges: Integers
    jumps: Bytes
    quiet: Bytes
    moved: Bytes
    counts: Bytes

    @classmethod
    def start(cls, width: int) -> History:
        """Prepare for the first row of a map."""
        return cls(
            np.full((ROWS_ABOVE + 1, width + 2), width + 2 * MARGIN, np.int32),
            np.full(width + 2 * MARGIN, 64, np.uint8),
            np.full((width + 2 * MARGIN >> CELL_BITS) + 3, _FOREVER, np.uint8),
            np.full(ROWS_ABOVE, 3, np.uint8),
            np.zeros((COUNTED, 1 << 16), np.uint8),
        )


class Samples(NamedTuple):
    """What training learns from.

    Attributes:
        plain: int64 (PLAIN_CONTEXTS, 2), plain pixels that were as expected, and that were not.
        seen: uint8 (N, INPUTS), input bytes of the other pixels.
        truth: uint8 (N,), their values.
        found: int64 (1,), how many there are.

    """

    plain: NDArray[np.int64]
    seen: Bytes
    truth: Bytes
    found: NDArray[np.int64]

    @classmethod
    def empty(cls, pixels: int) -> Samples:
        """Make room for the samples of so many pixels."""
        return cls(
            np.zeros((PLAIN_CONTEXTS, 2), np.int64), np.empty((pixels, INPUTS), np.uint8),
            np.empty(pixels, np.uint8), np.zeros(1, np.int64),
        )


NO_SAMPLES = Samples.empty(0)


class MaskCoder:
    """Encoder and decoder of binary maps."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self._weights = Weights(
            np.ascontiguousarray(arrays['inputs'], np.int8),
            np.ascontiguousarray(arrays['bias'], np.int32),
            np.ascontiguousarray(arrays['output'], np.int32),
            np.ascontiguousarray(arrays['plain'], np.uint8),
        )
        self._models = BitModels(np.asarray(arrays['unlikely'], np.float32))

    def encode(self, hole: NDArray[np.bool_]) -> bytes:
        """Encode a map, bool (H, W); one without a set pixel takes no bytes."""
        if not hole.any():
            return b''
        port = self._models.writer(hole.size)
        self.walk(to_canvas(hole), port, NO_SAMPLES)
        encoder = TableEncoder()
        self._models.encode(port, encoder)
        return encoder.to_bytes()

    def decode(self, data: bytes, height: int, width: int) -> NDArray[np.bool_]:
        """Decode a map of the given size.

        Raises:
            CorruptStreamError: if the bytes are no such map.

        """
        if not data:
            return np.zeros((height, width), bool)
        port = self._models.decode(TableDecoder(data), height * width)
        canvas = np.zeros((height + ROWS_ABOVE, width + 2 * MARGIN), np.uint8)
        if not self.walk(canvas, port, NO_SAMPLES):
            raise CorruptStreamError(f'binary map of {len(data)} bytes ends early')
        return canvas[ROWS_ABOVE:, MARGIN:-MARGIN].astype(bool)

    def samples(self, hole: NDArray[np.bool_]) -> Samples:
        """Collect what training learns from a map, bool (H, W)."""
        samples = Samples.empty(hole.size)
        self.walk(to_canvas(hole), self._models.writer(hole.size), samples)
        found = int(samples.found[0])
        return samples._replace(seen=samples.seen[:found], truth=samples.truth[:found])

    def walk(self, canvas: Bytes, port: BitPort, samples: Samples) -> bool:
        """Model all pixels of a map with its margin; False if a decoder's queue runs out."""
        history = History.start(canvas.shape[1] - 2 * MARGIN)
        return _walk(canvas, self._weights, history, port, samples)


def to_canvas(image: NDArray[np.bool_]) -> Bytes:
    """Add the margin of zeros that the model looks into."""
    return np.pad(image.view(np.uint8), ((ROWS_ABOVE, 0), (MARGIN, MARGIN)))


@compiled
def _walk(
    canvas: Bytes, weights: Weights, history: History, port: BitPort, samples: Samples
) -> bool:
    for y in range(ROWS_ABOVE, len(canvas)):
        if not _walk_row(canvas, y, weights, history, port, samples):
            return False
        for cell in range(len(history.quiet)):
            history.quiet[cell] = min(history.quiet[cell] + 1, _FOREVER)
    return True


# One long loop: functions called for every pixel must be free of branches that keep the compiler
# from seeing that the arrays outlive them, or counting references takes longer than the work.
@compiled
def _walk_row(  # noqa: C901, PLR0912, PLR0915
    canvas: Bytes, y: int, weights: Weights, history: History, port: BitPort, samples: Samples
) -> bool:
    row, above, above2, above3 = canvas[y], canvas[y - 1], canvas[y - 2], canvas[y - 3]
    edges, edges1 = history.edges[y & 3], history.edges[y - 1 & 3]
    edges2, edges3 = history.edges[y - 2 & 3], history.edges[y - 3 & 3]
    jumps, quiet, counts, moved = history.jumps, history.quiet, history.counts, history.moved
    seen, around = np.empty(INPUTS, np.uint8), np.empty(COUNTED, np.uint16)
    seen[9] = moved[0] | moved[1] << 2 | moved[2] << 4
    w0 = w1 = w2 = w3 = 0
    for x in range(MARGIN, 2 * MARGIN):
        w1, w2, w3 = w1 << 1 | above[x], w2 << 1 | above2[x], w3 << 1 | above3[x]
    run = events = moves = changes = n1 = n2 = n3 = 0
    x, end = MARGIN, len(row) - MARGIN
    while x < end:
        w1 = (w1 << 1 | above[x + MARGIN]) & WINDOW
        w2 = (w2 << 1 | above2[x + MARGIN]) & WINDOW
        w3 = (w3 << 1 | above3[x + MARGIN]) & WINDOW
        left, cell = w0 & 1, (x >> CELL_BITS) + 1
        is_plain = _near(w0, w1, w2) == left * NEAR
        if is_plain:
            nothing_far = _far(w0, w1, w2, w3) == left * FAR
            stop = x + 1
            if nothing_far:
                # All is equal until the next edge of a row above comes near: pixels up to there,
                # within a cell, share a context.
                n1, n2, n3 = _pass(edges1, n1, x), _pass(edges2, n2, x), _pass(edges3, n3, x)
                edge = min(edges1[n1], edges2[n2], edges3[n3])
                stop = max(min(edge - MARGIN, end, cell << CELL_BITS), stop)
            context = left | nothing_far << 1 | (seen[9] & 15) << 2 | _calm(quiet, cell) << 6
            k, likely = int(weights.plain[context]), left
        else:
            stop = x + 1
            _look_around(seen, w0, w1, w2, w3)
            _look_along(seen, jumps, x)
            seen[8] = events
            seen[10] = BITS[min(run, _FOREVER)] | BITS[quiet[cell]] << 3
            _look_back(seen, around, counts)
            odds = _log_odds(weights, seen)
            k = min((abs(odds) + (1 << CLASS_BITS - 1)) >> CLASS_BITS, CLASSES - 1)
            likely = 1 if odds > 0 else 0
        if port.decoding:
            same = draw_zeros(port, k, stop - x)
            if same == EXHAUSTED:
                return False
            row[x] = likely ^ (same == 0)
            _fill(row, x + 1, x + same, likely)
        elif row[x] == likely:
            same = _equal(row, x, stop, likely)
            push_zeros(port, k, same)
        else:
            same = 0
            push_one(port, k)
        if is_plain:
            if len(samples.truth) > 0:
                samples.plain[context, int(same == 0)] += max(same, 1)
            if same > 0:
                w0 = _slide(w0, left, same) & 0xFF
                w1, w2 = _slide(w1, left, same - 1), _slide(w2, left, same - 1)
                w3 = _slide(w3, left, same - 1)
                run += same
                x += same
                continue
        else:
            if len(samples.truth) > 0:
                _record(samples, seen, row[x])
            _count(counts, around, seen, row[x])
        changed, differs = row[x] ^ left, row[x] ^ above[x]
        events = (events << 2 | differs << 1 | changed) & 0xFF
        moves += differs
        jump = jumps[x]
        if changed:
            jumps[x] = jump + (255 - jump >> 2)
            edges[changes] = x
            changes += 1
            run = 0
        else:
            jumps[x] = jump - (jump >> 3)
            run += 1
        quiet[cell] = 0
        w0 = (w0 << 1 | row[x]) & 0xFF
        x += 1
    edges[changes] = end if w0 & 1 else len(row)
    edges[changes + 1] = len(row)
    moved[2], moved[1] = moved[1], moved[0]
    moved[0] = (8 * moves > changes) + (2 * moves > changes) + (moves > changes)
    return True


@compiled
def _near(w0: int, w1: int, w2: int) -> int:
    """Pixels next to the one at hand."""
    return w0 & 0b11 | w1 & 0b11111 << 6 | (w2 & 0b111 << 7) << 8


@compiled
def _far(w0: int, w1: int, w2: int, w3: int) -> int:
    """Pixels around it, the next ones included."""
    return (
        w0 & 0b111111 | (w1 & 0b11111111111 << 3) << 8 | (w2 & 0b111111111 << 4) << 20
        | (w3 & 0b11111 << 6) << 32
    )


@compiled
def _slide(window: int, value: int, count: int) -> int:
    """Move a window on by so many pixels of a value."""
    count = min(count, 2 * MARGIN + 1)
    return window << count | value * ((1 << count) - 1)


@compiled
def _pass(edges: Integers, n: int, x: int) -> int:
    """Index of the first edge beyond a column."""
    while edges[n] <= x:
        n += 1
    return n


@compiled
def _calm(quiet: Bytes, cell: int) -> int:
    """Rows since the last border in a cell, and in the cells beside it, in 6 bits."""
    calm: int = BITS[quiet[cell]] | BITS[min(quiet[cell - 1], quiet[cell + 1])] << 3
    return calm


@compiled
def _look_around(seen: Bytes, w0: int, w1: int, w2: int, w3: int) -> None:
    """Cut the windows into input bytes."""
    seen[0] = w0
    seen[1] = w1 >> 4
    seen[2] = w1 & 0xF | w1 >> 8 & 0xF0
    seen[3] = w2 >> 4
    seen[4] = w3 >> 4
    seen[5] = w0 & 0b11 | w1 >> 5 & 0b11100 | w2 >> 2 & 0b11100000
    seen[6] = w2 & 0xF | w2 >> 8 & 0xF0


@compiled
def _look_along(seen: Bytes, jumps: Bytes, x: int) -> None:
    """Tell at which columns rows change readily."""
    seen[7] = (
        jumps[x] >> 6 | jumps[x + 1] >> 6 << 2 | jumps[x - 1] >> 6 << 4 | jumps[x + 2] >> 6 << 6
    )


@compiled
def _look_back(seen: Bytes, around: NDArray[np.uint16], counts: Bytes) -> None:
    """Find the surroundings in which ones and zeros are counted, and their counts."""
    around[0] = seen[5]
    around[1] = seen[5] | seen[1] << 8
    around[2] = seen[5] | seen[8] << 8
    around[3] = seen[5] | seen[7] << 8
    seen[11] = counts[0, around[0]]
    seen[12] = counts[1, around[1]]
    seen[13] = counts[2, around[2]]
    seen[14] = counts[3, around[3]]


@compiled
def _count(counts: Bytes, around: NDArray[np.uint16], seen: Bytes, value: int) -> None:
    """Count a value in its surroundings."""
    counts[0, around[0]] = NEXT_COUNTS[value, seen[11]]
    counts[1, around[1]] = NEXT_COUNTS[value, seen[12]]
    counts[2, around[2]] = NEXT_COUNTS[value, seen[13]]
    counts[3, around[3]] = NEXT_COUNTS[value, seen[14]]


@compiled
def _record(samples: Samples, seen: Bytes, value: int) -> None:
    """Keep what the network sees of a pixel, and its value."""
    found = samples.found[0]
    for j in range(INPUTS):
        samples.seen[found, j] = seen[j]
    samples.truth[found] = value
    samples.found[0] = found + 1


@compiled
def _fill(row: Bytes, start: int, stop: int, value: int) -> None:
    """Set some pixels of a row."""
    for x in range(start, stop):
        row[x] = value


@compiled
def _equal(row: Bytes, start: int, stop: int, value: int) -> int:
    """Count the pixels from a start that have a value."""
    x = start
    while x < stop and row[x] == value:
        x += 1
    return x - start


@compiled
def _log_odds(weights: Weights, seen: Bytes) -> int:
    """Evaluate the network: log-odds of a one, in 2^-CLASS_BITS classes."""
    # Spelt out, so that one loop over the hidden values holds everything and is vectorised.
    table = weights.inputs
    a0, a1, a2 = table[0, seen[0]], table[1, seen[1]], table[2, seen[2]]
    a3, a4, a5 = table[3, seen[3]], table[4, seen[4]], table[5, seen[5]]
    a6, a7, a8 = table[6, seen[6]], table[7, seen[7]], table[8, seen[8]]
    a9, a10, a11 = table[9, seen[9]], table[10, seen[10]], table[11, seen[11]]
    a12, a13, a14 = table[12, seen[12]], table[13, seen[13]], table[14, seen[14]]
    total = np.int32(0)
    for j in range(HIDDEN):
        hidden = np.int32(
            (weights.bias[j] + a1[j] + a2[j] + a3[j] + a4[j] + a6[j] + a7[j] + a9[j])
            + ((a0[j] + a5[j]) + (a8[j] + a10[j]) + ((a11[j] + a12[j]) + (a13[j] + a14[j])))
        )
        hidden = np.int32(min(max(hidden, np.int32(0)), np.int32(HIDDEN_MAX)))
        total = np.int32(total + np.int32(hidden * weights.output[j]))
    odds: int = total + weights.output[HIDDEN]
    return odds
