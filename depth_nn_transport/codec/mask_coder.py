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
Lossless coding of binary maps: the hole mask, and the map of depth steps.

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
    BitReader,
    BitWriter,
    draw_bit,
    draw_zeros,
    overdrawn,
    push_bit,
    push_zeros,
)
from depth_nn_transport.codec.compiled import compiled, inlined
from depth_nn_transport.codec.errors import CorruptStreamError, ModelLoadError
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
# What the network sees of a pixel, bytes; and where in each of the tables of counts it belongs.
Seen = tuple[np.uint8, ...]
Places = tuple[np.uint64, np.uint64, np.uint64, np.uint64]

MARGIN = 8
# Bytes that the network sees of a pixel, and its hidden values of 0..255. Sums stay below 2^15.
INPUTS = 15
HIDDEN = 16
HIDDEN_MAX = 255
# Biases and output weights up to this leave 16 bits room for the addends of all inputs.
WEIGHT_MAX = (1 << 15) - 1 - 128 * INPUTS
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
# What two pixels of a row cannot be: the pixels above differ among themselves.
_MIXED = np.uint8(64)
# Flags a column where not only the next pixels above are equal, but all.
_FAR = np.uint8(8)
# Pixels until six are equal, by the last six, of which two are.
TO_SIX = np.array([6 - max(n for n in range(7) if w % 2**n in (0, 2**n - 1)) for w in range(64)])
# Words of eight pixels: one of each, and the first that is not 0, found by its lowest bit.
_EACH = np.uint64(0x0101010101010101)
_DE_BRUIJN = 0x03F79D71B4CB0A89
FIRST_BYTE = np.zeros(64, np.int64)
FIRST_BYTE[[(_DE_BRUIJN << bit) % 2**64 >> 58 for bit in range(64)]] = np.arange(64) // 8


class Weights(NamedTuple):
    """
    Integers that make up a model.

    :ivar inputs: int8 (INPUTS * 256 * HIDDEN,), addends of the hidden values for each input byte;
        flat, as strides that the compiler does not know cost a multiplication each.
    :ivar bias: int16 (HIDDEN,).
    :ivar output: int16 (HIDDEN,), weights of the hidden values.
    :ivar offset: int, added to these.
    :ivar plain: uint8 (PLAIN_CONTEXTS,), class of each context of plain pixels.
    """

    inputs: NDArray[np.int8]
    bias: NDArray[np.int16]
    output: NDArray[np.int16]
    offset: int
    plain: Bytes


class History(NamedTuple):
    """
    What the model remembers of the pixels so far.

    :ivar close: uint8 (4, W), the last rows, in a ring: the pixels of columns x - 3 .. x + 4
        around each column, as bits 7 .. 0.
    :ivar wide: uint8 (4, W), the same of columns x - 7 .. x - 4 and x + 5 .. x + 8.
    :ivar jumps: uint8 (W + 3,), how readily a row changes at each column, from column -1 on.
    :ivar quiet: uint8 (cells,), rows since the last border in a cell of 16 columns.
    :ivar moved: uint8 (3,), how many of the last rows' changes were not those of the row above.
    :ivar counts: uint8 (COUNTED, 65536), zeros + 16 ones of each surroundings.
    """

    close: Bytes
    wide: Bytes
    jumps: Bytes
    quiet: Bytes
    moved: Bytes
    counts: Bytes

    @classmethod
    def start(cls, width: int) -> History:
        """Prepare for the first row of a map."""
        return cls(
            np.zeros((4, width), np.uint8),
            np.zeros((4, width), np.uint8),
            np.full(width + 3, 64, np.uint8),
            np.full(_cells(width), _FOREVER, np.uint8),
            np.full(3, 3, np.uint8),
            np.zeros(COUNTED << 16, np.uint8),
        )


class Outlook(NamedTuple):
    """
    What is known of a row before its first pixel.

    :ivar kind: uint8 (W,), what the two pixels before one must be for it to be plain: 0 or 3 if
        the pixels next to it in the rows above are all equal, else `_MIXED`; with `_FAR`.
    :ivar sure: uint64 (2 cells,), the same from column -8 on, eight in a word; `_MIXED` where an
        encoder's pixel itself is different, and outside the map.
    :ivar over: uint8 (W,), three pixels each of the two rows above: the input byte, without the
        two pixels to the left.
    :ivar rise: uint8 (W,), how readily rows change at x, x + 1 and x + 2: the input byte, without
        the bits of x - 1.
    :ivar calm: uint8 (cells,), rows since the last border in a cell, and in the cells beside it.
    """

    kind: Bytes
    sure: Words
    over: Bytes
    rise: Bytes
    calm: Bytes

    @classmethod
    def empty(cls, width: int) -> Outlook:
        """Make room for a row."""
        kind, over, rise = np.empty((3, width), np.uint8)
        cells = _cells(width)
        sure = np.full(cells << CELL_BITS, _MIXED, np.uint8).view(np.uint64)
        # The cells beside the map stay calm.
        return cls(kind, sure, over, rise, np.full(cells, 0b111111, np.uint8))


class Samples(NamedTuple):
    """
    What training learns from.

    :ivar plain: int64 (PLAIN_CONTEXTS, 2), plain pixels that were as expected, and that were not.
    :ivar seen: uint8 (N, INPUTS), input bytes of the other pixels.
    :ivar truth: uint8 (N,), their values.
    :ivar found: int64 (1,), how many there are.
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


class MaskCoder:
    """Encoder and decoder of binary maps."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """
        Take the arrays that training made.

        :raises ModelLoadError: if the network does not fit into its integers.
        """
        self._weights = Weights(
            np.ascontiguousarray(arrays['inputs'], np.int8).ravel(),
            _in_16_bits(arrays['bias']),
            _in_16_bits(arrays['output'][:HIDDEN]),
            int(arrays['output'][HIDDEN]),
            np.ascontiguousarray(arrays['plain'], np.uint8),
        )
        self._models = BitModels(np.asarray(arrays['unlikely'], np.float32))

    def encode(self, hole: NDArray[np.bool_]) -> bytes:
        """Encode a map, bool (H, W); one without a set pixel takes no bytes."""
        if not hole.any():
            return b''
        encoder = TableEncoder()
        self.write(hole, encoder)
        return encoder.to_bytes()

    def write(self, hole: NDArray[np.bool_], encoder: TableEncoder) -> None:
        """Encode a map, bool (H, W), among other things."""
        writer = self._models.writer(hole.size)
        self._walk(hole.view(np.uint8), writer, None)
        self._models.encode(writer, encoder)

    def decode(self, data: bytes, height: int, width: int) -> NDArray[np.bool_]:
        """
        Decode a map of the given size.

        :raises CorruptStreamError: if the bytes are no such map.
        """
        if not data:
            return np.zeros((height, width), bool)
        return self.read(TableDecoder(data), height, width)

    def read(self, decoder: TableDecoder, height: int, width: int) -> NDArray[np.bool_]:
        """Decode what `write` wrote; see `decode`."""
        reader = self._models.decode(decoder, height * width)
        hole = np.zeros((height, width), bool)
        self._walk(hole.view(np.uint8), None, reader)
        if overdrawn(reader):
            raise CorruptStreamError('binary map ends early')
        return hole

    def samples(self, hole: NDArray[np.bool_]) -> Samples:
        """Collect what training learns from a map, bool (H, W)."""
        samples = Samples.empty(hole.size)
        self._walk(hole.view(np.uint8), self._models.writer(hole.size), None, samples)
        found = int(samples.found[0])
        return samples._replace(seen=samples.seen[:found], truth=samples.truth[:found])

    def _walk(
        self, image: Bytes, writer: BitWriter | None, reader: BitReader | None,
        samples: Samples | None = None,
    ) -> None:
        """Model all pixels of a map, (H, W): those given to a writer, or zeros for a reader."""
        width = image.shape[1]
        history, outlook = History.start(width), Outlook.empty(width)
        image = np.ascontiguousarray(image)
        _walk(image, self._weights, history, outlook, writer, reader, samples)


@compiled
def _walk(
    image: Bytes, weights: Weights, history: History, outlook: Outlook, writer: BitWriter | None,
    reader: BitReader | None, samples: Samples | None,
) -> None:
    # Rows of zeros right above, those outside the map among them. Below four of them nothing is
    # to be seen that was not seen a row before.
    blank = 3
    for y in range(len(image)):
        row = image[y]
        if blank < 4 or _any(row):
            _look_ahead(y, history, outlook)
            _tell_sure(row, reader is not None, outlook)
        _measure_calm(history.quiet, outlook.calm)
        _walk_row(row, y, weights, history, outlook, writer, reader, samples)
        some = _any(row)
        if blank < 4 or some:
            _remember(row, history.close[y & 3], history.wide[y & 3])
        blank = 0 if some else blank + 1
        _age(history.quiet, outlook.calm)


@compiled
def _age(quiet: Bytes, calm: Bytes) -> None:
    """
    Count one more row since the last border in each cell.

    Calm (cells,) is what `_walk_row` leaves: where the row had a border, the lower bits are 0.
    """
    for cell in range(len(quiet)):
        quiet[cell] = min(quiet[cell] + 1, _FOREVER) if calm[cell] & 0b111 else 1


@compiled
def _any(row: Bytes) -> bool:
    """Tell whether any pixel is set."""
    pixels = np.uint8(0)
    for x in range(len(row)):
        pixels = np.uint8(pixels | row[x])
    return bool(pixels > 0)


# Loops over slices, each from its first element, and steps of eight bits: others are not
# vectorised, or not well.
@compiled
def _look_ahead(y: int, history: History, outlook: Outlook) -> None:
    """Tell of each column of a row how much is known from the rows above alone."""
    close1, close2, close3 = _rows_above(history.close, y)
    wide1, wide2, _ = _rows_above(history.wide, y)
    kind, rise, over = outlook.kind, outlook.rise, outlook.over
    for x in range(len(over)):
        over[x] = (close1[x] >> 1 & 0b11100) | np.uint8(close2[x] << 2) & 0b11100000
    for x in range(len(kind)):
        level = np.uint8(-(close1[x] >> 4 & 1))
        mixed = _unlike(close1[x], level, 0b01111100) | _unlike(close2[x], level, 0b00111000)
        kind[x] = _MIXED if mixed else np.uint8(level & 0b11)
    for x in range(len(kind)):
        level = np.uint8(-(close1[x] >> 4 & 1))
        mixed = (
            _unlike(close1[x], level, 0b11111111) | _unlike(wide1[x], level, 0b00111000)
            | _unlike(close2[x], level, 0b11111111) | _unlike(wide2[x], level, 0b00010000)
            | _unlike(close3[x], level, 0b01111100)
        )
        kind[x] |= np.uint8(0) if mixed else _FAR
    jumps, jumps1, jumps2 = history.jumps[1:-2], history.jumps[2:-1], history.jumps[3:]
    for x in range(len(rise)):
        rise[x] = jumps[x] >> 6 | jumps1[x] >> 6 << 2 | jumps2[x] >> 6 << 6


@compiled
def _tell_sure(row: Bytes, decoding: bool, outlook: Outlook) -> None:
    """Tell where runs of plain pixels go on."""
    kind, sure = outlook.kind, outlook.sure.view(np.uint8)[MARGIN:]
    if decoding:
        for x in range(len(kind)):
            sure[x] = kind[x]
    else:
        for x in range(len(kind)):
            sure[x] = kind[x] if row[x] == kind[x] & 1 else _MIXED


@compiled
def _measure_calm(quiet: Bytes, calm: Bytes) -> None:
    """Classify the rows since the last border in each cell and beside it, in 6 bits."""
    for cell in range(1, len(calm) - 1):
        calm[cell] = BITS[quiet[cell]] | BITS[min(quiet[cell - 1], quiet[cell + 1])] << 3


@compiled
def _rows_above(ring: Bytes, y: int) -> tuple[Bytes, Bytes, Bytes]:
    """Take the three rows above from a ring of four."""
    return ring[y - 1 & 3], ring[y - 2 & 3], ring[y - 3 & 3]


@compiled
def _unlike(bits: np.uint8, level: np.uint8, mask: int) -> np.uint8:
    """Those bits of a mask that are not the level's."""
    return np.uint8(np.uint8(bits ^ level) & np.uint8(mask))


@compiled
def _remember(row: Bytes, close: Bytes, wide: Bytes) -> None:
    """Gather the pixels around each column of a row into bytes."""
    width = len(row)
    columns = width + 2 * MARGIN
    one, two = np.zeros(columns, np.uint8), np.empty(columns, np.uint8)
    four, middle = np.empty(columns, np.uint8), one[MARGIN:]
    for x in range(width):
        middle[x] = row[x]
    for x in range(columns - 1):
        two[x] = np.uint8(one[x] << 1) | one[x + 1]
    for x in range(columns - 3):
        four[x] = np.uint8(two[x] << 2) | two[x + 2]
    left, right = four[MARGIN - 3:], four[MARGIN + 1:]
    for x in range(width):
        close[x] = np.uint8(left[x] << 4) | right[x]
    left, right = four[MARGIN - 7:], four[MARGIN + 5:]
    for x in range(width):
        wide[x] = np.uint8(left[x] << 4) | right[x]


# One long loop: functions called for every pixel must be free of branches that keep the compiler
# from seeing that the arrays outlive them, or counting references takes longer than the work.
@compiled
def _walk_row(  # noqa: C901, PLR0912, PLR0915
    row: Bytes, y: int, weights: Weights, history: History, outlook: Outlook,
    writer: BitWriter | None, reader: BitReader | None, samples: Samples | None,
) -> None:
    close1, close2, close3 = _rows_above(history.close, y)
    wide1, wide2, _ = _rows_above(history.wide, y)
    jumps, counts, moved = history.jumps, history.counts, history.moved
    kind, sure = outlook.kind, outlook.sure
    over, rise, calms = outlook.over, outlook.rise, outlook.calm
    moving = np.uint8(moved[0] | moved[1] << 2 | moved[2] << 4)
    w0 = run = events = moves = changes = 0
    x, end = 0, len(row)
    while x < end:
        left, place = w0 & 1, np.uint64(x)
        cell = np.uint64((x + MARGIN >> CELL_BITS) + 1)
        calm = calms[cell]
        if kind[place] & ~_FAR == w0 & 0b11:
            to_six = TO_SIX[w0 & 0b111111]
            nothing_far = kind[place] >= _FAR and to_six == 0
            stop = _end_of_run(sure, x, kind[place], calms)
            if kind[place] >= _FAR and to_six > 0:
                stop = min(stop, x + to_six)
            context = left | nothing_far << 1 | (moving & 15) << 2 | calm << 6
            k = int(weights.plain[context])
            if reader is not None:
                same = draw_zeros(reader, k, stop - x)
                if same == 0:
                    draw_bit(reader, k)
                    row[place] = 1 - left
                elif left:
                    for n in range(x, x + same):
                        row[n] = 1
            if writer is not None:
                same = stop - x
                if same > 0:
                    push_zeros(writer, k, same)
                else:
                    push_bit(writer, k, 1)
            if samples is not None:
                samples.plain[context, int(same == 0)] += max(same, 1)
            if same > 0:
                w0 = _slide(w0, left, same)
                run += same
                x += same
                continue
            bit = 1 - left
        else:
            next_to = np.uint8(over[place] | w0 & 0b11)
            jumping = np.uint8(rise[place] | jumps[place] >> 6 << 4)
            lasting = np.uint8(BITS[np.uint64(min(run, _FOREVER))] | (calm & 7) << 3)
            around = _surroundings(next_to, close1[place], np.uint8(events), jumping)
            seen = (
                np.uint8(w0), close1[place], wide1[place], close2[place], close3[place], next_to,
                wide2[place], jumping, np.uint8(events), moving, lasting,
                counts[around[0]], counts[around[1]], counts[around[2]], counts[around[3]],
            )
            odds = _log_odds(weights, seen)
            k = int(min((abs(odds) + (1 << CLASS_BITS - 1)) >> CLASS_BITS, CLASSES - 1))
            likely = int(odds > 0)
            if reader is not None:
                bit = likely ^ draw_bit(reader, k)
                row[place] = bit
            if writer is not None:
                bit = int(row[place])
                push_bit(writer, k, bit ^ likely)
            if samples is not None:
                _record(samples, seen, row[place])
            _count(counts, around, seen, bit)
        changed, differs = bit ^ left, bit ^ (close1[place] >> 4 & 1)
        events = (events << 2 | differs << 1 | changed) & 0xFF
        moves += differs
        changes += changed
        calms[cell] &= 0b111000
        calms[cell + np.uint64(1)] &= 0b111
        jump = int(jumps[place + np.uint64(1)])
        jump += (255 - jump >> 2) * changed - (jump >> 3) * (1 - changed)
        jumps[place + np.uint64(1)] = jump
        run = (run + 1) * (1 - changed)
        w0 = (w0 << 1 | bit) & 0xFF
        x += 1
    moved[2], moved[1] = moved[1], moved[0]
    moved[0] = (8 * moves > changes) + (2 * moves > changes) + (moves > changes)


@inlined
def _end_of_run(sure: Words, x: int, kind: np.uint8, calms: Bytes) -> int:
    """Find where pixels of a kind end, or the cells that are as calm as theirs."""
    place = x + MARGIN
    pattern = _EACH * np.uint64(kind)
    word = (sure[np.uint64(place >> 3)] ^ pattern) >> np.uint64(8 * (place & 7))
    calm = calms[np.uint64((place >> CELL_BITS) + 1)]
    while word == 0:
        place = (place | 7) + 1
        if calms[np.uint64((place >> CELL_BITS) + 1)] != calm:
            return place - MARGIN
        word = sure[np.uint64(place >> 3)] ^ pattern
    lowest = word & (~word + np.uint64(1))
    first: int = FIRST_BYTE[(lowest * np.uint64(_DE_BRUIJN)) >> np.uint64(58)]
    return place - MARGIN + first


@inlined
def _slide(window: int, value: int, count: int) -> int:
    """Move a window of 8 pixels on by so many pixels of a value."""
    count = min(count, 8)
    return (window << count | value * ((1 << count) - 1)) & 0xFF


@inlined
def _surroundings(
    next_to: np.uint8, close1: np.uint8, events: np.uint8, jumping: np.uint8
) -> Places:
    """Surroundings in which ones and zeros are counted."""
    return (
        np.uint64(next_to), np.uint64(next_to | close1 << 8 | 1 << 16),
        np.uint64(next_to | events << 8 | 2 << 16), np.uint64(next_to | jumping << 8 | 3 << 16),
    )


@inlined
def _count(counts: Bytes, around: Places, seen: Seen, value: int) -> None:
    """Count a value in its surroundings."""
    counts[around[0]] = NEXT_COUNTS[value, seen[11]]
    counts[around[1]] = NEXT_COUNTS[value, seen[12]]
    counts[around[2]] = NEXT_COUNTS[value, seen[13]]
    counts[around[3]] = NEXT_COUNTS[value, seen[14]]


@compiled
def _record(samples: Samples, seen: Seen, value: int) -> None:
    """Keep what the network sees of a pixel, and its value."""
    found = samples.found[0]
    for j in range(INPUTS):
        samples.seen[found, j] = seen[j]
    samples.truth[found] = value
    samples.found[0] = found + 1


def _cells(width: int) -> int:
    """Count the cells of a row, with those beside it."""
    return (width + MARGIN >> CELL_BITS) + 4


def _in_16_bits(weights: NDArray[np.generic]) -> NDArray[np.int16]:
    if np.abs(np.asarray(weights, np.int64)).max() > WEIGHT_MAX:
        raise ModelLoadError(f'a weight of a map coder is beyond +-{WEIGHT_MAX}')
    return np.ascontiguousarray(weights, np.int16)


@inlined
def _log_odds(weights: Weights, seen: Seen) -> int:
    """Evaluate the network: log-odds of a one, in 2^-CLASS_BITS classes."""
    # Spelt out, so that one loop over the hidden values holds everything and is vectorised, in 16
    # bits. The counts, which are known last, come last.
    a0, a1, a2 = _addends(0, seen[0]), _addends(1, seen[1]), _addends(2, seen[2])
    a3, a4, a5 = _addends(3, seen[3]), _addends(4, seen[4]), _addends(5, seen[5])
    a6, a7, a8 = _addends(6, seen[6]), _addends(7, seen[7]), _addends(8, seen[8])
    a9, a10, a11 = _addends(9, seen[9]), _addends(10, seen[10]), _addends(11, seen[11])
    a12, a13, a14 = _addends(12, seen[12]), _addends(13, seen[13]), _addends(14, seen[14])
    table, total = weights.inputs, np.int32(0)
    for n in range(HIDDEN):
        j = np.uint64(n)
        hidden = np.int16(
            (weights.bias[j] + table[a1 + j] + table[a2 + j] + table[a3 + j] + table[a4 + j])
            + (table[a6 + j] + table[a9 + j] + table[a7 + j])
            + (table[a0 + j] + table[a5 + j] + table[a8 + j] + table[a10 + j])
            + (table[a11 + j] + table[a12 + j] + table[a13 + j] + table[a14 + j])
        )
        hidden = np.int16(min(max(hidden, np.int16(0)), np.int16(HIDDEN_MAX)))
        total = np.int32(total + np.int32(np.int32(hidden) * np.int32(weights.output[j])))
    return int(total + weights.offset)


@inlined
def _addends(n: int, byte: np.uint8) -> np.uint64:
    """Place of the addends that belong to an input byte."""
    return np.uint64((256 * n + int(byte)) * HIDDEN)
