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
"""RVL, run-length and variable-length coding of depth, in vectorised numpy.

Wilson 2017, Fast Lossless Depth Image Compression,
https://doi.org/10.1145/3132272.3134144. A plane is runs of zeros and of non-zeros; the values of
the latter are sent as differences to the non-zero value before. Every number goes in nibbles of
three bits and a continuation flag, eight nibbles to a little-endian 32-bit word, the first
nibble on top.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NIBBLE_SHIFTS = np.arange(28, -1, -4, dtype=np.uint32)


def rvl_encode(plane: NDArray[np.uint16]) -> bytes:
    """Encode a plane; its shape is not part of the stream.

    Args:
        plane: uint16 (H, W).

    Returns:
        The stream, a multiple of four bytes.

    """
    return _pack_nibbles(_tokens(plane.ravel()))


def rvl_decode(stream: bytes, shape: tuple[int, int]) -> NDArray[np.uint16]:
    """Restore a plane.

    Args:
        stream: what ``rvl_encode`` returned.
        shape: (H, W).

    Returns:
        uint16 (H, W).

    """
    tokens = _unpack_nibbles(stream)
    occupied = np.zeros(shape[0] * shape[1], bool)
    is_difference = np.zeros(len(tokens), bool)
    pixel = token = 0
    while pixel < len(occupied):
        zeros, values = int(tokens[token]), int(tokens[token + 1])
        occupied[pixel + zeros:pixel + zeros + values] = True
        is_difference[token + 2:token + 2 + values] = True
        pixel += zeros + values
        token += 2 + values
    plane = np.zeros(len(occupied), np.uint16)
    plane[occupied] = np.cumsum(_unzigzag(tokens[is_difference]))
    return plane.reshape(shape)


def _tokens(samples: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Zeros, non-zeros, differences; zeros, non-zeros, differences; ..."""
    occupied = samples > 0
    bounds = np.flatnonzero(np.diff(occupied, prepend=False, append=False))
    starts, ends = bounds[::2], bounds[1::2]
    if len(occupied) and not occupied[-1]:
        starts, ends = np.append(starts, len(samples)), np.append(ends, len(samples))
    zeros, values = starts - np.append(0, ends)[:-1], ends - starts
    head = np.cumsum(values + 2) - values - 2
    tokens = np.zeros(2 * len(values) + int(values.sum()), np.int64)
    is_difference = np.ones(len(tokens), bool)
    is_difference[head] = is_difference[head + 1] = False
    tokens[head], tokens[head + 1] = zeros, values
    tokens[is_difference] = _zigzag(np.diff(samples[occupied].astype(np.int64), prepend=0))
    return tokens


def _zigzag(difference: NDArray[np.int64]) -> NDArray[np.int64]:
    return (difference << 1) ^ (difference >> 63)


def _unzigzag(token: NDArray[np.int64]) -> NDArray[np.int64]:
    return (token >> 1) ^ -(token & 1)


def _pack_nibbles(tokens: NDArray[np.int64]) -> bytes:
    count = np.ones(len(tokens), np.int64)
    while (longer := tokens >> (3 * count)).any():
        count += longer > 0
    start = np.cumsum(count) - count
    nibbles = np.zeros(-(-int(count.sum()) // 8) * 8, np.uint32)
    for k in range(int(count.max(initial=0))):
        part = count > k
        more = count[part] > k + 1
        nibbles[start[part] + k] = (tokens[part] >> 3 * k) & 7 | more * 8
    words = (nibbles.reshape(-1, 8) << _NIBBLE_SHIFTS).sum(axis=1, dtype=np.uint32)
    return bytes(words.astype('<u4').tobytes())


def _unpack_nibbles(stream: bytes) -> NDArray[np.int64]:
    words = np.frombuffer(stream, '<u4')
    nibbles = ((words[:, None] >> _NIBBLE_SHIFTS) & 15).ravel().astype(np.int64)
    if len(nibbles) == 0:
        return nibbles
    start = np.flatnonzero(np.append(True, nibbles[:-1] < 8))
    place = np.arange(len(nibbles)) - np.repeat(start, np.diff(start, append=len(nibbles)))
    return np.add.reduceat((nibbles & 7) << 3 * place, start)
