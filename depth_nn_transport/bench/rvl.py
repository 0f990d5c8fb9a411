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
"""RVL, run-length and variable-length coding of depth.

Wilson 2017, Fast Lossless Depth Image Compression,
https://doi.org/10.1145/3132272.3134144. A plane is runs of zeros and of non-zeros; the values of
the latter are sent as differences to the non-zero value before. Every number goes in nibbles of
three bits and a continuation flag, eight nibbles to a little-endian 32-bit word, the first
nibble on top.
"""

from __future__ import annotations

from depth_nn_transport.codec.compiled import compiled

import numpy as np
from numpy.typing import NDArray


def rvl_encode(plane: NDArray[np.uint16]) -> bytes:
    """Encode a plane; its shape is not part of the stream.

    Args:
        plane: uint16 (H, W).

    Returns:
        The stream, a multiple of four bytes.

    """
    # At most six nibbles a sample, and two for each run, which has a sample at least.
    words = np.zeros(plane.size + 2, np.uint32)
    nibbles = _encode(np.ascontiguousarray(plane).ravel(), words)
    return bytes(words[:-(-nibbles // 8)].astype('<u4').tobytes())


def rvl_decode(stream: bytes, shape: tuple[int, int]) -> NDArray[np.uint16]:
    """Restore a plane.

    Args:
        stream: what ``rvl_encode`` returned.
        shape: (H, W).

    Returns:
        uint16 (H, W).

    """
    samples = np.zeros(shape[0] * shape[1], np.uint16)
    _decode(np.frombuffer(stream, '<u4').astype(np.uint32), samples)
    return samples.reshape(shape)


@compiled
def _encode(samples: NDArray[np.uint16], words: NDArray[np.uint32]) -> int:
    """Fill the words; return the number of nibbles."""
    size = len(samples)
    at = pixel = previous = 0
    while pixel < size:
        start = pixel
        while pixel < size and samples[pixel] == 0:
            pixel += 1
        at = _put(words, at, pixel - start)
        start = pixel
        while pixel < size and samples[pixel] != 0:
            pixel += 1
        at = _put(words, at, pixel - start)
        for i in range(start, pixel):
            value = int(samples[i])
            difference = value - previous
            at = _put(words, at, (difference << 1) ^ (difference >> 63))
            previous = value
    return at


@compiled
def _decode(words: NDArray[np.uint32], samples: NDArray[np.uint16]) -> None:
    at = pixel = previous = 0
    while pixel < len(samples):
        zeros, at = _get(words, at)
        values, at = _get(words, at)
        pixel += zeros
        for i in range(pixel, pixel + values):
            token, at = _get(words, at)
            previous += (token >> 1) ^ -(token & 1)
            samples[i] = previous
        pixel += values


@compiled
def _put(words: NDArray[np.uint32], at: int, value: int) -> int:
    """Write a number from nibble ``at`` on; return where the next one starts."""
    more = True
    while more:
        more = value > 7
        words[at >> 3] |= np.uint32((value & 7 | more << 3) << (28 - 4 * (at & 7)))
        value >>= 3
        at += 1
    return at


@compiled
def _get(words: NDArray[np.uint32], at: int) -> tuple[int, int]:
    """Read a number from nibble ``at`` on; return it and where the next one starts."""
    value = shift = 0
    more = True
    while more:
        nibble = int(words[at >> 3]) >> (28 - 4 * (at & 7)) & 15
        value |= (nibble & 7) << shift
        shift += 3
        at += 1
        more = nibble > 7
    return value, at
