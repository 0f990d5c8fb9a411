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
"""What the entropy model makes of the latents decoded so far, besides its networks.

All of it is exact: values are multiples of powers of two and every sum stays below 2**24 of them,
so that float32 holds it whatever the order of summation.
"""

from __future__ import annotations

from collections.abc import Mapping

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.networks import (
    ACROSS_MAX,
    ACTIVATION_MAX,
    ACTIVATION_STEP,
    Array,
    LATENT_CHANNELS,
    LATENT_MAX,
    LATENT_STEP,
    LOW_CHANNELS,
    PREDICTOR_MAX,
    STEPS,
    TABLES,
)
import numpy as np
from numpy.typing import NDArray

_SEEN = LATENT_CHANNELS + LOW_CHANNELS


@compiled
def _clamp(value: np.float32, limit: np.float32) -> np.float32:
    # Comparisons, not min and max, whose care for NaN keeps the loops from being vectorised.
    value = value if value < limit else limit
    return value if value > -limit else -limit


@compiled
def _saturate(value: np.float32) -> np.float32:
    """Round to the activation grid and clamp."""
    rounded = np.rint(value * np.float32(1 / ACTIVATION_STEP)) * np.float32(ACTIVATION_STEP)
    return _clamp(rounded, np.float32(ACTIVATION_MAX))


@compiled
def seen_latents(decoded: Array) -> Array:
    """Latents as the networks see them, the low ones at two scales: (H, W, 64) -> (H, W, 80)."""
    height, width, _ = decoded.shape
    seen = np.empty((height, width, _SEEN), np.float32)
    for row in range(height):
        for column in range(width):
            for c in range(LATENT_CHANNELS):
                seen[row, column, c] = _saturate(decoded[row, column, c] * np.float32(1 / 2))
            for c in range(LOW_CHANNELS):
                value = decoded[row, column, c] * np.float32(1 / 32)
                seen[row, column, LATENT_CHANNELS + c] = _saturate(value)
    return seen


@compiled
def seen_low(low: Array) -> Array:
    """Low frequencies as the networks see them, at two scales: (H, W, 16) -> (H, W, 32)."""
    height, width, _ = low.shape
    seen = np.empty((height, width, 2 * LOW_CHANNELS), np.float32)
    for row in range(height):
        for column in range(width):
            for c in range(LOW_CHANNELS):
                seen[row, column, c] = _saturate(low[row, column, c] * np.float32(1 / 2))
                value = low[row, column, c] * np.float32(1 / 16)
                seen[row, column, LOW_CHANNELS + c] = _saturate(value)
    return seen


@compiled
def expected(head: Array, linear: Array) -> tuple[Array, NDArray[np.uint8]]:
    """Means and table indices from a network's output.

    Args:
        head: (H, W, 2 C), means in eighths and table indices, integers.
        linear: (H, W, C), linear prediction, multiples of an eighth.

    Returns:
        Means, float32 (H, W, C), and table indices, uint8 (H, W, C).

    """
    height, width, channels = linear.shape
    mean = np.empty((height, width, channels), np.float32)
    index = np.empty((height, width, channels), np.uint8)
    limit = np.float32(LATENT_MAX)
    for row in range(height):
        for column in range(width):
            for c in range(channels):
                value = head[row, column, c] * np.float32(LATENT_STEP) + linear[row, column, c]
                mean[row, column, c] = _clamp(value, limit)
                table = int(head[row, column, channels + c])
                index[row, column, c] = min(max(table, 0), TABLES - 1)
    return mean, index


class Predictor:
    """Linear prediction of a step's latents from their decoded neighbours."""

    def __init__(self, own: Array, across: Array) -> None:
        """Take the weights.

        Args:
            own: (steps - 1, 3, 3, 64), weights of each channel's own neighbours.
            across: (steps - 1, 3, 3, 16, 16), from one low frequency (axis 3) to another.

        """
        self._own = np.ascontiguousarray(own)
        self._across = np.ascontiguousarray(across)

    @classmethod
    def of(cls, linear: Mapping[str, Array]) -> Predictor:
        """Take the predictor out of a model's linear parts."""
        return cls(linear['predict'], linear['predict_across'])

    def predict(self, step: int, decoded: Array) -> Array:
        """Predict the latents of a step.

        Args:
            step: index into `STEPS`; nothing is known in the first one, whose prediction is zero.
            decoded: float32 (H, W, 64), the step's grid.

        Returns:
            Float32 (H/2, W/2, 64), multiples of an eighth.

        """
        shape = (decoded.shape[0] // 2, decoded.shape[1] // 2, LATENT_CHANNELS)
        linear = np.zeros(shape, np.float32)
        if step > 0:
            known = _known_phases(step)
            own, across = self._own[step - 1], self._across[step - 1]
            _predict(decoded, known, STEPS[step].phase, own, across, linear)
        return linear


def _known_phases(step: int) -> NDArray[np.bool_]:
    """Positions of each 2x2 of a step's grid that are decoded before it, bool (2, 2)."""
    known = np.zeros((2, 2), np.bool_)
    # What the grid of every second position holds is the first position of the finer one.
    known[0, 0] = True
    for earlier in STEPS[:step]:
        known[earlier.phase] |= earlier.spacing == STEPS[step].spacing
    return known


@compiled
def _add_neighbour(
    latents: Array, own: Array, across: Array, total: Array, low_total: Array
) -> None:
    for c in range(LATENT_CHANNELS):
        total[c] += own[c] * _clamp(latents[c], np.float32(PREDICTOR_MAX))
    for c in range(LOW_CHANNELS):
        value = _clamp(latents[c], np.float32(ACROSS_MAX))
        if value != 0:
            for d in range(LOW_CHANNELS):
                low_total[d] += across[c, d] * value


@compiled
def _predict(
    decoded: Array, known: NDArray[np.bool_], phase: tuple[int, int], own: Array, across: Array,
    linear: Array,
) -> None:
    per_step, step = np.float32(1 / LATENT_STEP), np.float32(LATENT_STEP)
    total = np.empty(LATENT_CHANNELS, np.float32)
    low_total = np.empty(LOW_CHANNELS, np.float32)
    for row in range(linear.shape[0]):
        for column in range(linear.shape[1]):
            total[:] = 0
            low_total[:] = 0
            for dy in range(3):
                y = 2 * row + phase[0] + dy - 1
                if y < 0 or y >= decoded.shape[0]:
                    continue
                for dx in range(3):
                    x = 2 * column + phase[1] + dx - 1
                    if x < 0 or x >= decoded.shape[1] or not known[y % 2, x % 2]:
                        continue
                    _add_neighbour(decoded[y, x], own[dy, dx], across[dy, dx], total, low_total)
            # Rounded before they are added: their sum at full precision would not be exact.
            for c in range(LATENT_CHANNELS):
                linear[row, column, c] = np.rint(total[c] * per_step) * step
            for c in range(LOW_CHANNELS):
                linear[row, column, c] += np.rint(low_total[c] * per_step) * step
