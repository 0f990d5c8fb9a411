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
"""Lossless coding of the hole mask.

The mask is first cut into 8x8 blocks that are all valid, all hole, or mixed. Only the pixels of
mixed blocks are coded one by one, coarse to fine: every 8th pixel, then the pixels half-way
between, down to every pixel. The order is such that the pixels of a pass do not depend on each
other, so that a pass is one matrix product. For each pixel a small network looks at the 7x7
pixels around it on the pass's grid, as far as they are known, and selects a probability from a
table; on the fine grids, all pixels whose neighbours agree share one. The networks are exact
(integer weights and activations carried by floats, every partial sum below 2**24), so the decoder
selects the same probabilities on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import constriction
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.words import bytes_to_words, words_to_bytes
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bits = NDArray[np.int32]
Canvas = NDArray[np.int8]
# Codes bits of given probabilities at given flat positions of a raster and returns the bits.
Exchange = Callable[[Floats, NDArray[np.intp]], Bits]

BLOCK = 8
STRIDES = (8, 4, 2, 1)
PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))
PIXEL_RADIUS = 3
BLOCK_RADIUS = 2
# On grids up to this stride, pixels in uniform surroundings share a probability.
SHARED_STRIDE = 2
# Pixels whose windows are gathered at once: few enough for the processor's cache.
CHUNK = 2048
VALID, HOLE, MIXED = range(3)
ACTIVATION_STEP = 1 / 16
ACTIVATION_MAX = 255
LOGIT_STEPS = 8
LOGIT_LEVELS = 128


@dataclass(frozen=True)
class Network:
    """Dense layers with exact arithmetic: (N, inputs) -> (N, outputs) probability indices.

    Attributes:
        weights: (inputs, outputs) of each layer, scaled such that hidden activations are the
            integers 0..255 and outputs are in steps of the index.
        biases: (outputs,) of each layer, likewise.

    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[np.generic]], name: str) -> Network:
        """Take the layers ``name.0``, ``name.1``, ... out of a file of arrays."""
        count = sum(key.startswith(f'{name}.') for key in arrays) // 2
        steps = [1.0, *[ACTIVATION_STEP] * (count - 1), 1 / LOGIT_STEPS]
        weights, biases = [], []
        for k, (inner, outer) in enumerate(pairwise(steps)):
            weight, bias = arrays[f'{name}.{k}.weight'], arrays[f'{name}.{k}.bias']
            weights.append(np.asarray(weight, np.float32) * np.float32(inner / outer))
            biases.append(np.asarray(bias, np.float32) / np.float32(outer))
        return cls(tuple(weights), tuple(biases))

    def __call__(self, x: Floats) -> NDArray[np.intp]:
        """Run the layers; hidden activations are the integers 0..255."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = x @ weight
            _activate(x, bias)
        index = np.rint(x @ self.weights[-1] + self.biases[-1]) + LOGIT_LEVELS // 2
        clipped: NDArray[np.intp] = np.clip(index, 0, LOGIT_LEVELS - 1).astype(np.intp)
        return clipped


class MaskCoder:
    """Encoder and decoder of hole masks.

    Attributes:
        blocks: one network for each phase, for the kind of a block.
        pixels: one network for each (stride, phase), for the pixels of mixed blocks.
        probability: float32 (LOGIT_LEVELS,), probability of a one.

    """

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self.blocks = [Network.load(arrays, f'block{k}') for k in range(len(PHASES))]
        self.pixels = {
            (stride, k): Network.load(arrays, f'pixel{stride}.{k}') for stride, k in passes()
        }
        self.probability = np.asarray(arrays['probability'], np.float32)

    def encode(self, hole: NDArray[np.bool_]) -> bytes:
        """Encode a mask, bool (H, W), true in holes."""
        padded = pad_to_blocks(hole)
        kinds = block_kinds(padded)
        encoder = constriction.stream.queue.RangeEncoder()
        model = constriction.stream.model.Bernoulli(perfect=False)

        def exchange_with(truth: NDArray[np.generic]) -> Exchange:
            flat = truth.ravel()

            def exchange(probability: Floats, where: NDArray[np.intp]) -> Bits:
                bits = flat[where].astype(np.int32)
                encoder.encode(bits, model, probability)
                return bits

            return exchange

        self._code_blocks(
            kinds.shape, exchange_with(kinds == MIXED), exchange_with(kinds == HOLE)
        )
        self._code_pixels(kinds, exchange_with(padded))
        return words_to_bytes(encoder.get_compressed())

    def decode(self, data: bytes, height: int, width: int) -> NDArray[np.bool_]:
        """Decode a mask of the given size.

        Raises:
            CorruptStreamError: if the bytes are no such mask.

        """
        decoder = constriction.stream.queue.RangeDecoder(bytes_to_words(data))
        model = constriction.stream.model.Bernoulli(perfect=False)

        def exchange(probability: Floats, where: NDArray[np.intp]) -> Bits:
            bits: Bits = decoder.decode(model, probability)
            return bits

        shape = (-(-height // BLOCK), -(-width // BLOCK))
        try:
            kinds = self._code_blocks(shape, exchange, exchange)
            padded = self._code_pixels(kinds, exchange)
        except AssertionError as error:
            raise CorruptStreamError(f'hole mask of {len(data)} bytes: {error}') from error
        return padded[:height, :width]

    def _code_blocks(
        self, shape: tuple[int, ...], exchange_mixed: Exchange, exchange_hole: Exchange
    ) -> NDArray[np.uint8]:
        kinds = np.zeros(shape, np.uint8)
        seen = np.zeros((*padded_shape(shape, BLOCK_RADIUS), 3), np.int8)
        inner = seen[BLOCK_RADIUS:-BLOCK_RADIUS, BLOCK_RADIUS:-BLOCK_RADIUS]
        for network, phase in zip(self.blocks, PHASES, strict=True):
            rows, columns = phase_positions(shape, phase)
            index = self._block_indices(network, block_windows(seen, rows, columns))
            where = rows * shape[1] + columns
            mixed = exchange_mixed(self.probability[index[:, 0]], where).astype(bool)
            uniform = ~mixed
            hole = exchange_hole(self.probability[index[uniform, 1]], where[uniform])
            kind = np.full(len(where), MIXED, np.uint8)
            kind[uniform] = np.where(hole, HOLE, VALID)
            kinds[rows, columns] = kind
            inner[rows, columns, kind] = 1
        return kinds

    @staticmethod
    def _block_indices(network: Network, windows: Floats) -> NDArray[np.intp]:
        """Probability indices of the blocks of one phase, (N, 2).

        Most blocks see nothing but valid blocks around; these share one run of the network.
        """
        plainest = windows[windows[:, VALID::3].sum(1).argmax()]
        index = np.repeat(network(plainest[None]), len(windows), 0)
        others = np.flatnonzero((windows != plainest).any(1))
        index[others] = network(windows[others])
        return index

    def _code_pixels(self, kinds: NDArray[np.uint8], exchange: Exchange) -> NDArray[np.bool_]:
        canvas = paint_uniform(kinds)
        width = kinds.shape[1] * BLOCK
        for stride, k in passes():
            rows, columns = pixel_positions(kinds, stride, PHASES[k])
            if len(rows) == 0:
                continue
            index = self._pixel_indices(canvas, stride, k, rows, columns)
            bits = exchange(self.probability[index], rows * width + columns)
            canvas[rows + MARGIN, columns + MARGIN] = 1 - 2 * bits
        return canvas[MARGIN:-MARGIN, MARGIN:-MARGIN] < 0

    def _pixel_indices(
        self, canvas: Canvas, stride: int, k: int, rows: NDArray[np.intp],
        columns: NDArray[np.intp],
    ) -> NDArray[np.intp]:
        """Probability indices of the pixels of one pass, (N,).

        On the fine grids most pixels have neighbours that agree. Their windows count as uniform,
        and all of them share one run of the network.
        """
        network = self.pixels[stride, k]
        if stride > SHARED_STRIDE:
            return network(pixel_windows(canvas, stride, rows, columns))[:, 0]
        uniform = uniform_window(PHASES[k])
        shared = network(np.stack([uniform, -uniform]))[:, 0]
        index, mixed = _share(canvas, stride, rows, columns, shared)
        for start in range(0, len(mixed), CHUNK):
            some = mixed[start:start + CHUNK]
            windows = pixel_windows(canvas, stride, rows[some], columns[some])
            index[some] = network(windows)[:, 0]
        return index


MARGIN = PIXEL_RADIUS * max(STRIDES)


def passes() -> Iterator[tuple[int, int]]:
    """Yield the passes over the pixels as (stride, index of phase); finer ones skip the known."""
    for stride in STRIDES:
        for k in range(0 if stride == STRIDES[0] else 1, len(PHASES)):
            yield stride, k


def pad_to_blocks(hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Repeat the last row and column up to a multiple of the block size."""
    margins = [(0, -n % BLOCK) for n in hole.shape]
    return np.pad(hole, margins, mode='edge') if any(m[1] for m in margins) else hole


def block_kinds(padded: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Kind of each block: (8 h, 8 w) -> (h, w)."""
    # Rows first: sums along whole rows are the fast ones.
    rows = padded.reshape(-1, BLOCK, padded.shape[1]).sum(1, dtype=np.uint8)
    holes = rows.reshape(len(rows), -1, BLOCK).sum(2, dtype=np.uint8)
    every, some = holes == BLOCK**2, holes > 0
    return np.where(every, HOLE, np.where(some, MIXED, VALID)).astype(np.uint8)


def padded_shape(shape: tuple[int, ...], radius: int) -> tuple[int, int]:
    """Shape with a margin on every side."""
    return shape[0] + 2 * radius, shape[1] + 2 * radius


def phase_positions(
    shape: tuple[int, ...], phase: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of one phase of each 2x2 of a raster."""
    rows, columns = np.mgrid[phase[0]:shape[0]:2, phase[1]:shape[1]:2]
    return rows.ravel(), columns.ravel()


def block_windows(
    seen: NDArray[np.int8], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Floats:
    """Gather the 5x5 surroundings of blocks, one-hot kinds: (N, 75)."""
    size = 2 * BLOCK_RADIUS + 1
    offsets = np.add.outer(np.arange(size) * seen.shape[1], np.arange(size)).ravel()
    flat = (rows * seen.shape[1] + columns)[:, None] + offsets
    windows: Floats = seen.reshape(-1, 3).take(flat, 0).reshape(len(rows), -1).astype(np.float32)
    return windows


def paint_uniform(kinds: NDArray[np.uint8]) -> Canvas:
    """Paint what is known: 1 valid, -1 hole, 0 unknown; with a margin of unknowns."""
    value = np.array([1, -1, 0], np.int8)[kinds]
    return np.pad(value.repeat(BLOCK, 0).repeat(BLOCK, 1), MARGIN)


def pixel_positions(
    kinds: NDArray[np.uint8], stride: int, phase: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the pixels of one pass, in mixed blocks only."""
    period = 2 * stride
    if period > BLOCK:
        mixed = np.zeros_like(kinds, bool)
        mixed[phase[0]::2, phase[1]::2] = kinds[phase[0]::2, phase[1]::2] == MIXED
        rows, columns = np.nonzero(mixed)
        return rows * BLOCK, columns * BLOCK
    rows, columns = np.nonzero(kinds == MIXED)
    inner = np.arange(0, BLOCK, period)
    row = rows[:, None, None] * BLOCK + inner[:, None] + phase[0] * stride
    column = columns[:, None, None] * BLOCK + inner + phase[1] * stride
    row, column = np.broadcast_arrays(row, column)
    return row.ravel(), column.ravel()


@compiled
def pixel_windows(
    canvas: Canvas, stride: int, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Floats:
    """Gather the 7x7 surroundings of pixels on the grid of a stride: (N, 49)."""
    size = 2 * PIXEL_RADIUS + 1
    windows = np.empty((len(rows), size * size), np.float32)
    for n in range(len(rows)):
        first = columns[n] + MARGIN - PIXEL_RADIUS * stride
        for y in range(size):
            line = canvas[rows[n] + MARGIN + (y - PIXEL_RADIUS) * stride]
            for x in range(size):
                windows[n, y * size + x] = line[first + x * stride]
    return windows


@compiled
def _share(
    canvas: Canvas, stride: int, rows: NDArray[np.intp], columns: NDArray[np.intp],
    shared: NDArray[np.intp],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """
    Give pixels whose known neighbours agree the index that these share.

    Args: `shared` holds the indices in valid and in hole surroundings.
    Returns: indices (N,), and which of the pixels have neighbours that do not agree.
    """
    index, mixed = np.empty(len(rows), np.intp), np.empty(len(rows), np.intp)
    count = 0
    for n in range(len(rows)):
        balance, known = 0, 0
        for y in (rows[n] + MARGIN - stride, rows[n] + MARGIN, rows[n] + MARGIN + stride):
            for x in range(-1, 2):
                value = canvas[y, columns[n] + MARGIN + x * stride]
                balance += value
                known += value != 0
        index[n] = shared[0] if balance > 0 else shared[1]
        if abs(balance) != known or known == 0:
            mixed[count] = n
            count += 1
    return index, mixed[:count]


@compiled
def _activate(x: Floats, bias: Floats) -> None:
    """Add biases, round and clamp: (N, C) in place."""
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            value = np.rint(x[n, c] + bias[c])
            value = value if value > 0 else np.float32(0)
            x[n, c] = value if value < ACTIVATION_MAX else np.float32(ACTIVATION_MAX)


def uniform_window(phase: tuple[int, int]) -> Floats:
    """Make the window of a pixel of a phase whose known surroundings are all valid, (49,)."""
    reach = np.arange(-PIXEL_RADIUS, PIXEL_RADIUS + 1)
    earlier = PHASES[:PHASES.index(phase)]
    rows, columns = (phase[0] + reach) % 2, (phase[1] + reach) % 2
    known = [(int(row), int(column)) in earlier for row in rows for column in columns]
    return np.array(known, np.float32)
