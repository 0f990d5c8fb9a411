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

They are integers up to +-255, which count in ACTIVATION_STEP: eight binary digits and a sign.
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
def saturate(value: np.float32) -> np.int16:
    """Round to the activation grid, half to even, and clamp."""
    steps = np.rint(value * np.float32(1 / ACTIVATION_STEP))
    return np.int16(clamp(steps, np.float32(ACTIVATION_MAX / ACTIVATION_STEP)))


def to_activations(values: Array) -> Activations:
    """Activations of values that are on their grid, of the same shape."""
    return (values * np.float32(1 / ACTIVATION_STEP)).astype(np.int16)


def to_floats(activations: Activations) -> Array:
    """Values of activations, float32 of the same shape."""
    return np.multiply(activations, np.float32(ACTIVATION_STEP), dtype=np.float32)
