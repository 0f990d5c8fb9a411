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
"""Activations as words of bfloat16, the upper halves of those of float32."""

from __future__ import annotations

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.networks import ACTIVATION_STEP, Activations
import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint16]


def to_words(activations: Activations) -> Words:
    """Words of activations, of the same shape."""
    words = np.empty(activations.shape, np.uint16)
    _to_words(np.ascontiguousarray(activations).reshape(-1), words.reshape(-1))
    return words


def from_words(words: Words) -> Activations:
    """Restore what `to_words` was given."""
    activations = np.empty(words.shape, np.int16)
    _from_words(np.ascontiguousarray(words).reshape(-1), activations.reshape(-1))
    return activations


# A block at a time, whose floats and words are one array: so both loops are vectorised.
_BLOCK = 1024


@compiled
def _to_words(activations: Activations, words: Words) -> None:
    floats = np.empty(_BLOCK, np.float32)
    bits = floats.view(np.uint32)
    for first in range(0, len(words), _BLOCK):
        source, result = activations[first:first + _BLOCK], words[first:first + _BLOCK]
        for k in range(len(result)):
            floats[k] = np.float32(source[k]) * np.float32(ACTIVATION_STEP)
        for k in range(len(result)):
            result[k] = np.uint16(bits[k] >> np.uint32(16))


@compiled
def _from_words(words: Words, activations: Activations) -> None:
    floats = np.empty(_BLOCK, np.float32)
    bits = floats.view(np.uint32)
    for first in range(0, len(words), _BLOCK):
        source, result = words[first:first + _BLOCK], activations[first:first + _BLOCK]
        for k in range(len(result)):
            bits[k] = np.uint32(source[k]) << np.uint32(16)
        for k in range(len(result)):
            result[k] = np.int16(floats[k] * np.float32(1 / ACTIVATION_STEP))
