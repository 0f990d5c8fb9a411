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
"""What the codec asks of an inference runtime."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

BLOCK = 8
BASE_BLOCK = 32
# Quanta; the base is only a reference for the transform, its error is coded by the latents.
BASE_STEP = 16.0
LATENT_CHANNELS = BLOCK * BLOCK
LOW_CHANNELS = 16
HYPER_CHANNELS = 16
HYPER_MAX = 31
HYPER_ANCHORS = 5
LATENT_MAX = 8191
# Order in which the positions of each 2x2 latents are coded.
PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))


class Networks(Protocol):
    """The model's networks; arrays are float32 (1, C, H, W).

    ``plane`` and ``valid`` are at full resolution, padded to multiples of 32; ``base`` and
    ``hyper`` at 1/32; ``features``, ``latents`` and ``decoded`` at 1/8; what belongs to one
    phase at 1/16. `features`, `low` and `high` are exact: every runtime returns the same bits.
    """

    def analyse(
        self, plane: Array, valid: Array, base: Array, quality: float
    ) -> tuple[Array, Array]:
        """Latents in units of their step, and hyperlatents before rounding."""

    def features(self, hyper: Array, base: Array, valid: Array, quality: float) -> Array:
        """Features of the entropy model from the side information."""

    def low(
        self, phase: int, features: Array, decoded: Array
    ) -> tuple[Array, Array, Array, Array]:
        """Trunk, linear prediction; mean and table index of a phase's low frequencies."""

    def high(
        self, phase: int, trunk: Array, linear: Array, low: Array
    ) -> tuple[Array, Array]:
        """Mean and table index of a phase's remaining frequencies."""

    def synthesise(self, latents: Array, valid: Array, base: Array, quality: float) -> Array:
        """Restored plane in quanta."""
