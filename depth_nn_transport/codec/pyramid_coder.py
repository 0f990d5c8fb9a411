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
"""Lossless coding of a plane of integers, coarse to fine.

The plane is coded on ever finer grids: every 128th pixel, then those half-way between, down to
every pixel. A step of the grid takes three passes, first the pixels between four known ones
diagonally, then the rest, so that the pixels of a pass do not depend on each other and a pass is
one call of the range coder for each table. A small network sees how the known pixels around
differ from their centre and selects where the distribution of the pixel lies, in quarters, and
its table. The network is exact (integer weights and activations, see `training.fixed_point`), so
that every machine selects the same tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Integers = NDArray[np.int32]

STRIDES = (128, 64, 32, 16, 8, 4, 2, 1)
TOP_STRIDE = 256
PHASES = ((1, 1), (0, 1), (1, 0))
# Nets of one's own for the two finest grids; coarser ones share.
GROUPS = {1: 0, 2: 1}
COARSE_GROUP = 2
NETWORKS = 9
# Known pixels around one of each phase, (row, column) in strides; the nearest four come first.
NEIGHBOURS = np.array([
    [(-1, -1), (-1, 1), (1, -1), (1, 1), (-1, -3), (-1, 3), (1, -3), (1, 3),
     (-3, -1), (-3, 1), (3, -1), (3, 1), (-3, -3), (-3, 3), (3, -3), (3, 3)],
    [(0, -1), (0, 1), (-1, 0), (1, 0), (-1, -2), (-1, 2), (1, -2), (1, 2),
     (-2, -1), (-2, 1), (2, -1), (2, 1), (0, -3), (0, 3), (-3, 0), (3, 0)],
    [(0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1),
     (-1, -2), (-1, 2), (1, -2), (1, 2), (0, -3), (0, 3), (-3, 0), (3, 0)],
], np.int64)
INPUTS = NEIGHBOURS.shape[1] + 1
LINEAR_LIMIT = 4
INPUT_STEP = 1 / 16
ACTIVATION_STEP = 1 / 16
ACTIVATION_MAX = 255
QUARTERS = 4
SHIFT_LIMIT = 63
SCALES = 24
MIDDLE_SCALE = 8
VALUE_LIMIT = 1 << 16
LAYERS = ('weight0', 'bias0', 'weight1', 'bias1', 'weight2', 'bias2')


def squashed_differences() -> Floats:
    """List what the networks see of a difference, by its size: linear to 4, logarithmic beyond."""
    size = np.arange(2 * VALUE_LIMIT)
    far = 8 * LINEAR_LIMIT + 16 * np.log2(np.maximum(size, LINEAR_LIMIT) / LINEAR_LIMIT)
    return np.where(size <= LINEAR_LIMIT, 8 * size, np.rint(far)).astype(np.float32)


@dataclass(frozen=True)
class Pass:
    """The pixels of one pass.

    Attributes:
        rows, columns: int32 (N,).
        centre: int32 (N,), about which differences are taken.
        inputs: float32 (N, 17), of the network: integers.

    """

    rows: Integers
    columns: Integers
    centre: Integers
    inputs: Floats


# Codes the valid pixels of a pass, given the network's number, and returns their values.
Exchange = Callable[[int, Pass], Integers]


class PyramidCoder:
    """Encoder and decoder of planes of integers 0..65535."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self._layers = [np.ascontiguousarray(arrays[name], np.float32) for name in LAYERS]
        flat, sizes = arrays['tables'], arrays['table_sizes'].astype(int)
        self._tables = Tables(
            np.split(np.asarray(flat, np.float32), np.cumsum(sizes)[:-1])
        )

    def encode(self, plane: Integers, valid: Bits) -> bytes:
        """Encode the valid pixels of a plane, int32 (H, W) of 0..65535."""
        encoder = TableEncoder()

        def exchange_top(rows: Integers, columns: Integers) -> Integers:
            return encoder.raw(plane[rows, columns], VALUE_LIMIT)

        def exchange(network: int, pixels: Pass) -> Integers:
            base, index = self.predict(network, pixels)
            symbols = _wrapped(plane[pixels.rows, pixels.columns] - base)
            return _unwrapped(base + encoder.code(self._tables, index, symbols))

        decoded = walk_pyramid(valid, exchange_top, exchange)
        if not np.array_equal(decoded[valid], plane[valid]):
            raise AssertionError('the coded plane is not the given one')
        return encoder.to_bytes()

    def decode(self, data: bytes, valid: Bits) -> Integers:
        """Decode what `encode` wrote; holes are filled with something.

        Raises:
            CorruptStreamError: if the bytes do not fit the tables.

        """
        decoder = TableDecoder(data)

        def exchange_top(rows: Integers, columns: Integers) -> Integers:
            return decoder.raw(len(rows), VALUE_LIMIT)

        def exchange(network: int, pixels: Pass) -> Integers:
            base, index = self.predict(network, pixels)
            return _unwrapped(base + decoder.code(self._tables, index))

        return walk_pyramid(valid, exchange_top, exchange)

    def predict(self, network: int, pixels: Pass) -> tuple[Integers, Bytes]:
        """Integer under the predicted value, and table index, of a pass's pixels."""
        layers = [layer[network] for layer in self._layers]
        return _predict(pixels.inputs, pixels.centre, *layers)


def _wrapped(difference: Integers) -> Integers:
    """Differences modulo 65536, within -32768..32767."""
    half = VALUE_LIMIT // 2
    return ((difference + half) & (VALUE_LIMIT - 1)) - half


def _unwrapped(value: Integers) -> Integers:
    """Values modulo 65536."""
    return value & (VALUE_LIMIT - 1)


def walk_pyramid(
    valid: Bits, exchange_top: Callable[[Integers, Integers], Integers], exchange: Exchange
) -> Integers:
    """Visit the valid pixels coarse to fine.

    Args:
        valid: bool (H, W).
        exchange_top: codes the pixels of the coarsest grid, given rows and columns.
        exchange: codes those of a pass.

    Returns:
        The plane, int32 (H, W), its holes filled.

    """
    plane = np.zeros(valid.shape, np.int32)
    top = np.argwhere(valid[::TOP_STRIDE, ::TOP_STRIDE]).astype(np.int32) * TOP_STRIDE
    rows, columns = top[:, 0], top[:, 1]
    plane[rows, columns] = exchange_top(rows, columns)
    _fill_top(plane, valid)
    for stride, k in passes():
        found = Pass(*_gather(plane, valid, stride, *PHASES[k], NEIGHBOURS[k], SQUASHED))
        network = len(PHASES) * GROUPS.get(stride, COARSE_GROUP) + k
        plane[found.rows, found.columns] = exchange(network, found)
    return plane


def passes() -> Iterator[tuple[int, int]]:
    """Yield the passes as (stride, index of phase)."""
    for stride in STRIDES:
        for k in range(len(PHASES)):
            yield stride, k


SQUASHED = squashed_differences()


@compiled
def _fill_top(plane: Integers, valid: Bits) -> None:
    """Fill the coarsest grid's holes with the value before, row by row."""
    last = 0
    for y in range(0, plane.shape[0], TOP_STRIDE):
        for x in range(0, plane.shape[1], TOP_STRIDE):
            if valid[y, x]:
                last = plane[y, x]
            else:
                plane[y, x] = last


@compiled
def _gather(
    plane: Integers, valid: Bits, stride: int, row: int, column: int,
    neighbours: NDArray[np.int64], squashed: Floats,
) -> tuple[Integers, Integers, Integers, Floats]:
    """Gather what the network of a pass sees of each valid pixel; fill the holes."""
    height, width = plane.shape
    step = 2 * stride
    room = (height // step + 1) * (width // step + 1)
    rows, columns = np.empty(room, np.int32), np.empty(room, np.int32)
    centres = np.empty(room, np.int32)
    inputs = np.empty((room, INPUTS), np.float32)
    count = 0
    for y in range(row * stride, height, step):
        for x in range(column * stride, width, step):
            centre, certain = _centre(plane, valid, y, x, stride, neighbours)
            if not valid[y, x]:
                plane[y, x] = centre
                continue
            for k in range(INPUTS - 1):
                ny, nx = y + stride * neighbours[k, 0], x + stride * neighbours[k, 1]
                inputs[count, k] = 0
                if 0 <= ny < height and 0 <= nx < width:
                    difference = plane[ny, nx] - centre
                    size = squashed[abs(difference)]
                    inputs[count, k] = size if difference > 0 else -size
            inputs[count, INPUTS - 1] = 16 * certain
            rows[count], columns[count], centres[count] = y, x, centre
            count += 1
    return rows[:count], columns[:count], centres[:count], inputs[:count]


@compiled
def _centre(
    plane: Integers, valid: Bits, y: int, x: int, stride: int, neighbours: NDArray[np.int64]
) -> tuple[int, int]:
    """Mean of the inner two of the nearest four pixels, of valid ones if there are any."""
    known = np.empty(4, np.int32)
    count, certain = 0, 0
    for k in range(4):
        ny, nx = y + stride * neighbours[k, 0], x + stride * neighbours[k, 1]
        if 0 <= ny < plane.shape[0] and 0 <= nx < plane.shape[1]:
            if valid[ny, nx]:
                if certain == 0:
                    count = 0
                certain += 1
            elif certain > 0:
                continue
            # Inserted in order.
            place = count
            while place > 0 and known[place - 1] > plane[ny, nx]:
                known[place] = known[place - 1]
                place -= 1
            known[place] = plane[ny, nx]
            count += 1
    return (known[(count - 1) // 2] + known[count // 2]) // 2, certain


@compiled
def _dense(x: Floats, weight: Floats, bias: Floats, out: Floats) -> None:
    """Run a hidden layer: integers in, integers 0..255 out."""
    out[:] = bias
    for k in range(len(x)):
        if x[k] != 0:
            for j in range(len(out)):
                out[j] += x[k] * weight[k, j]
    for j in range(len(out)):
        out[j] = min(max(np.rint(out[j]), np.float32(0)), np.float32(ACTIVATION_MAX))


@compiled
def _predict(
    inputs: Floats, centres: Integers, weight0: Floats, bias0: Floats, weight1: Floats,
    bias1: Floats, weight2: Floats, bias2: Floats,
) -> tuple[Integers, Bytes]:
    """Run the network: sums of integers times a power of two, exact in float32 in any order."""
    base, index = np.empty(len(inputs), np.int32), np.empty(len(inputs), np.uint8)
    hidden0, hidden1 = np.empty_like(bias0), np.empty_like(bias1)
    for n in range(len(inputs)):
        _dense(inputs[n], weight0, bias0, hidden0)
        _dense(hidden0, weight1, bias1, hidden1)
        shift, scale = bias2[0], bias2[1]
        for k in range(len(hidden1)):
            shift += hidden1[k] * weight2[k, 0]
            scale += hidden1[k] * weight2[k, 1]
        quarters = int(min(max(np.rint(shift), -SHIFT_LIMIT), SHIFT_LIMIT))
        level = int(min(max(np.rint(scale) + MIDDLE_SCALE, 0), SCALES - 1))
        base[n] = centres[n] + (quarters >> 2)
        index[n] = QUARTERS * level + (quarters & 3)
    return base, index
