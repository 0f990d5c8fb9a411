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
RVL, run-length and variable-length coding of depth.

Wilson 2017, Fast Lossless Depth Image Compression,
https://doi.org/10.1145/3132272.3134144. A plane is runs of zeros and of non-zeros; the values of
the latter are sent as differences to the non-zero value before. Every number goes in nibbles of
three bits and a continuation flag, eight nibbles to a little-endian 32-bit word, the first
nibble on top.
"""

from __future__ import annotations

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.errors import CorruptStreamError
import numpy as np
from numpy.typing import NDArray

_NIBBLE_SHIFTS = np.arange(28, -1, -4, dtype=np.uint32)
# Nibbles of the longest number, a run of 4096 x 4096.
_MAX_NIBBLES = 9


def rvl_encode(plane: NDArray[np.uint16]) -> bytes:
    """
    Encode a plane; its shape is not part of the stream.

    :param plane: uint16 (H, W).
    :returns: the stream, a multiple of four bytes.
    """
    # A value takes at most six nibbles; it comes with two run lengths at worst every second pixel.
    nibbles = np.zeros(7 * plane.size + 2 * _MAX_NIBBLES + 8, np.uint8)
    count = _write(plane.ravel().astype(np.uint16, copy=False), nibbles)
    words = nibbles[:-(-count // 8) * 8].reshape(-1, 8).astype(np.uint32) << _NIBBLE_SHIFTS
    return bytes(words.sum(axis=1, dtype=np.uint32).astype('<u4').tobytes())


def rvl_decode(stream: bytes, shape: tuple[int, int]) -> NDArray[np.uint16]:
    """
    Restore a plane.

    :param stream: what ``rvl_encode`` returned.
    :param shape: (H, W).
    :returns: uint16 (H, W).
    :raises CorruptStreamError: if the stream is not that of a plane of this shape.
    """
    words = np.frombuffer(stream, '<u4', len(stream) // 4)
    nibbles = ((words[:, None] >> _NIBBLE_SHIFTS) & 15).astype(np.uint8).ravel()
    plane = np.zeros(shape[0] * shape[1], np.uint16)
    if not _read(nibbles, plane):
        raise CorruptStreamError(
            f'{len(stream)} bytes of RVL do not hold an image of {shape[1]}x{shape[0]} pixels'
        )
    return plane.reshape(shape)


@compiled
def _write(samples: NDArray[np.uint16], nibbles: NDArray[np.uint8]) -> int:
    """Fill in nibbles and return their number."""
    position = pixel = previous = 0
    while pixel < len(samples):
        start = pixel
        while pixel < len(samples) and samples[pixel] == 0:
            pixel += 1
        position = _put(pixel - start, nibbles, position)
        start = pixel
        while pixel < len(samples) and samples[pixel] != 0:
            pixel += 1
        position = _put(pixel - start, nibbles, position)
        for k in range(start, pixel):
            value = int(samples[k])
            difference = value - previous
            position = _put((difference << 1) ^ (difference >> 63), nibbles, position)
            previous = value
    return position


@compiled
def _put(number: int, nibbles: NDArray[np.uint8], position: int) -> int:
    """Write a number and return the position after it."""
    while number > 7:
        nibbles[position] = (number & 7) | 8
        number >>= 3
        position += 1
    nibbles[position] = number
    return position + 1


@compiled
def _read(nibbles: NDArray[np.uint8], samples: NDArray[np.uint16]) -> bool:
    """Fill in samples, zeros at first; return whether the stream holds them all."""
    position = pixel = 0
    previous = 0
    while pixel < len(samples):
        zeros, position = _take(nibbles, position)
        values, position = _take(nibbles, position)
        if zeros < 0 or values < 0 or zeros + values > len(samples) - pixel:
            return False
        # Two empty runs would never come to an end.
        if zeros + values == 0:
            return False
        pixel += zeros
        for _ in range(values):
            number, position = _take(nibbles, position)
            if number < 0:
                return False
            previous += (number >> 1) ^ -(number & 1)
            samples[pixel] = previous & 0xFFFF
            pixel += 1
    return True


@compiled
def _take(nibbles: NDArray[np.uint8], position: int) -> tuple[int, int]:
    """Read a number, -1 if there is none, and return it with the position after it."""
    number = 0
    for k in range(_MAX_NIBBLES):
        if position >= len(nibbles):
            break
        nibble = int(nibbles[position])
        position += 1
        number |= (nibble & 7) << (3 * k)
        if nibble < 8:
            return number, position
    return -1, position
