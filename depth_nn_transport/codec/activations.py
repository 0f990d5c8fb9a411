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
Values between the layers of exact networks, and how they travel from one network to another.

They are multiples of ACTIVATION_STEP within +-ACTIVATION_MAX. That makes eight binary digits, as
many as bfloat16 has, whose words are the upper halves of those of float32. As words they take half
the memory, and processors with instructions for bfloat16 multiply them as they are.
"""

from __future__ import annotations

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.networks import (
    ACTIVATION_MAX,
    ACTIVATION_STEP,
    Activations,
    Array,
)
import numpy as np


@compiled
def clamp(value: np.float32, limit: np.float32) -> np.float32:
    """Keep a value within +-limit."""
    # Comparisons, not min and max, whose care for NaN keeps the loops from being vectorised.
    value = value if value < limit else limit
    return value if value > -limit else -limit


@compiled
def saturate(value: np.float32) -> np.uint16:
    """Round to the activation grid, half to even, and clamp."""
    rounded = np.rint(value * np.float32(1 / ACTIVATION_STEP)) * np.float32(ACTIVATION_STEP)
    return as_word(clamp(rounded, np.float32(ACTIVATION_MAX)))


@compiled
def as_word(value: np.float32) -> np.uint16:
    """Cut a value to the digits of bfloat16, which loses nothing of an activation."""
    return np.uint16(np.float32(value).view(np.uint32) >> np.uint32(16))


def to_activations(values: Array) -> Activations:
    """Words of values on the activation grid, of the same shape."""
    words: Activations = (np.ascontiguousarray(values).view(np.uint32) >> 16).astype(np.uint16)
    return words


def to_floats(activations: Activations) -> Array:
    """Values of activations, float32 of the same shape."""
    values: Array = (activations.astype(np.uint32) << 16).view(np.float32)
    return values
