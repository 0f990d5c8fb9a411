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
What the entropy model makes of the latents decoded so far, besides its networks.

All of it is exact: values are multiples of powers of two and every sum stays below 2**24 of them,
so that float32 holds it whatever the order of summation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from depth_nn_transport.codec.activations import clamp, saturate
from depth_nn_transport.codec.compiled import compiled, inlined
from depth_nn_transport.codec.networks import (
    ACROSS_MAX,
    Activations,
    Array,
    known_phases,
    LATENT_CHANNELS,
    LATENT_MAX,
    LATENT_STEP,
    LOW_CHANNELS,
    PREDICTOR_MAX,
    Step,
    STEPS,
    TABLES,
)
from depth_nn_transport.codec.vectors import at_least, at_most, filled, load, store
import numpy as np
from numpy.typing import NDArray

_SEEN = LATENT_CHANNELS + LOW_CHANNELS
# Channels that are calculated at once.
LANES = 8


@compiled
def seen_low(trunk: Activations, low: Array) -> Activations:
    """
    Join a trunk and the low frequencies as the networks see them, at two scales.

    (H, W, C) and float32 (H, W, 16) -> (H, W, C + 32).
    """
    height, width, channels = trunk.shape
    seen = np.empty((height, width, channels + 2 * LOW_CHANNELS), np.int16)
    for row in range(height):
        for column in range(width):
            from_trunk, from_low, out = trunk[row, column], low[row, column], seen[row, column]
            for c in range(channels):
                out[c] = from_trunk[c]
            fine, coarse = out[channels:channels + LOW_CHANNELS], out[channels + LOW_CHANNELS:]
            for c in range(LOW_CHANNELS):
                fine[c] = saturate(from_low[c] * np.float32(1 / 2))
                coarse[c] = saturate(from_low[c] * np.float32(1 / 16))
    return seen


@compiled
def expected(head: Array, linear: Array, first: int) -> tuple[Array, NDArray[np.uint8]]:
    """
    Means and table indices of some channels from a network's output.

    :param head: (H, W, 2 C), means in eighths and table indices, integers.
    :param linear: (H, W, 64), linear prediction, multiples of an eighth.
    :param first: the first of the C channels.
    :returns: means, float32 (H, W, C), and table indices, uint8 (H, W, C).
    """
    height, width, both = head.shape
    channels = both // 2
    mean = np.empty((height, width, channels), np.float32)
    index = np.empty((height, width, channels), np.uint8)
    limit, last = np.float32(LATENT_MAX), np.float32(TABLES - 1)
    for row in range(height):
        for column in range(width):
            here = linear[row, column, first:first + channels]
            for c in range(channels):
                value = head[row, column, c] * np.float32(LATENT_STEP)
                mean[row, column, c] = clamp(value + here[c], limit)
            for c in range(channels):
                table = head[row, column, channels + c]
                table = table if table < last else last
                index[row, column, c] = np.uint8(table if table > 0 else np.float32(0))
    return mean, index


class Decoded:
    """
    Latents decoded so far, float32 (H, W, 64), and how the networks see them, (H, W, 80).

    They see each latent halved, and the low frequencies once more at a coarser scale.
    """

    def __init__(self, height: int, width: int) -> None:
        self.latents: Array = np.zeros((height, width, LATENT_CHANNELS), np.float32)
        # The grid of each spacing for itself, so that networks can take it as it is.
        self._seen: dict[int, Activations] = {
            spacing: np.zeros((height // spacing, width // spacing, _SEEN), np.int16)
            for spacing in sorted({step.spacing for step in STEPS})
        }

    def seen(self, step: Step) -> Activations:
        """Return what the networks see of a step's grid."""
        return self._seen[step.spacing]

    def put(self, step: Step, low: Array, rest: Array) -> None:
        """Put the latents of a step in place: (H, W, 16) and (H, W, 48)."""
        _put(low, rest, step.spacing, step.phase, self.latents)
        for spacing, seen in self._seen.items():
            if spacing <= step.spacing:
                _see(low, rest, step.spacing // spacing, step.phase, seen)


@compiled
def _put(low: Array, rest: Array, spacing: int, phase: tuple[int, int], latents: Array) -> None:
    for row in range(low.shape[0]):
        y = (2 * row + phase[0]) * spacing
        for column in range(low.shape[1]):
            x = (2 * column + phase[1]) * spacing
            for c in range(LOW_CHANNELS):
                latents[y, x, c] = low[row, column, c]
            for c in range(LATENT_CHANNELS - LOW_CHANNELS):
                latents[y, x, LOW_CHANNELS + c] = rest[row, column, c]


@compiled
def _see(
    low: Array, rest: Array, spacing: int, phase: tuple[int, int], seen: Activations
) -> None:
    half, far = np.float32(1 / 2), np.float32(1 / 32)
    for row in range(low.shape[0]):
        y = (2 * row + phase[0]) * spacing
        for column in range(low.shape[1]):
            x = (2 * column + phase[1]) * spacing
            for c in range(LOW_CHANNELS):
                seen[y, x, c] = saturate(low[row, column, c] * half)
            for c in range(LATENT_CHANNELS - LOW_CHANNELS):
                seen[y, x, LOW_CHANNELS + c] = saturate(rest[row, column, c] * half)
            for c in range(LOW_CHANNELS):
                seen[y, x, LATENT_CHANNELS + c] = saturate(low[row, column, c] * far)


class Predictor:
    """Linear prediction of a step's latents from their decoded neighbours."""

    def __init__(self, own: Array, across: Array) -> None:
        """
        Take the weights.

        :param own: (steps - 1, 3, 3, 64), weights of each channel's own neighbours.
        :param across: (steps - 1, 3, 3, 16, 16), from one low frequency (axis 3) to another.
        """
        self._taps = [_known_taps(k) for k in range(len(STEPS))]
        self._own: list[Array] = [np.empty((0, LATENT_CHANNELS), np.float32)]
        self._across: list[Array] = [np.empty((0, LOW_CHANNELS), np.float32)]
        for taps, own_of_step, across_of_step in zip(self._taps[1:], own, across, strict=True):
            rows, columns = taps.T + 1
            self._own.append(np.ascontiguousarray(own_of_step[rows, columns]))
            self._across.append(across_of_step[rows, columns].reshape(-1, LOW_CHANNELS))

    @classmethod
    def of(cls, linear: Mapping[str, Array]) -> Predictor:
        """Take the predictor out of a model's linear parts."""
        return cls(linear['predict'], linear['predict_across'])

    def predict(self, step: int, latents: Array) -> Array:
        """
        Predict the latents of a step.

        :param step: index into `STEPS`; nothing is known in the first one, whose prediction is
            zero.
        :param latents: float32 (H, W, 64), decoded so far.
        :returns: float32, (h, w, 64) at the step's positions, multiples of an eighth.
        """
        spacing, phase = STEPS[step]
        taps = self._taps[step]
        height, width = (n // (2 * spacing) for n in latents.shape[:2])
        if len(taps) == 0:
            return np.zeros((height, width, LATENT_CHANNELS), np.float32)
        linear = np.empty((height, width, LATENT_CHANNELS), np.float32)
        around = np.empty((height * width, len(taps) * LOW_CHANNELS), np.float32)
        _weigh(latents, spacing, phase, taps, self._own[step].reshape(-1), linear, around)
        _round_and_add(linear, around @ self._across[step])
        return linear


def _known_taps(step: int) -> NDArray[np.int64]:
    """Neighbours, (row, column) on the step's grid, that are decoded before it: (n, 2)."""
    row, column = STEPS[step].phase
    known = known_phases(step)
    reach = (-1, 0, 1)
    taps = [
        (y, x) for y in reach for x in reach if ((row + y) % 2, (column + x) % 2) in known
    ]
    return np.array(taps, np.int64).reshape(-1, 2)


@compiled
def _weigh(
    latents: Array, spacing: int, phase: tuple[int, int], taps: NDArray[np.int64], own: Array,
    linear: Array, around: Array,
) -> None:
    """
    Sum up the own neighbours of each channel, and gather those of the low frequencies.

    :param own: (taps * 64,), weights.
    :param linear: (h, w, 64), is written.
    :param around: (h * w, taps * 16), the same; zeros beyond the frame.
    """
    height, width = latents.shape[0] // spacing, latents.shape[1] // spacing
    source, sums, near = latents.reshape(-1), linear.reshape(-1), around.reshape(-1)
    # Of the taps within the frame, where the latents and the weights are.
    there, weights = np.empty(len(taps), np.int64), np.empty(len(taps), np.int64)
    for row in range(linear.shape[0]):
        for column in range(linear.shape[1]):
            place, count = row * linear.shape[1] + column, 0
            for k in range(len(taps)):
                y, x = 2 * row + phase[0] + taps[k, 0], 2 * column + phase[1] + taps[k, 1]
                inside = 0 <= y < height and 0 <= x < width
                there[count] = (y * latents.shape[1] + x) * spacing * LATENT_CHANNELS
                weights[count] = k * LATENT_CHANNELS
                low = (place * len(taps) + k) * LOW_CHANNELS
                for c in range(0, LOW_CHANNELS, LANES):
                    value = filled(np.float32(0), LANES)
                    if inside:
                        value = load(source, there[count] + c, LANES)
                    store(near, low + c, _within(value, np.float32(ACROSS_MAX)))
                count += inside
            for c in range(0, LATENT_CHANNELS, LANES):
                total = filled(np.float32(0), LANES)
                for k in range(count):
                    value = _within(load(source, there[k] + c, LANES), np.float32(PREDICTOR_MAX))
                    total = total + value * load(own, weights[k] + c, LANES)
                store(sums, place * LATENT_CHANNELS + c, total)


@inlined
def _within(value: Any, limit: np.float32) -> Any:
    """Clamp a vector."""
    return at_least(at_most(value, limit), -limit)


@compiled
def _round_and_add(linear: Array, across: Array) -> None:
    """Round both sums to the steps of means, then add them: their sum alone would not be exact."""
    per_step, step = np.float32(1 / LATENT_STEP), np.float32(LATENT_STEP)
    for row in range(linear.shape[0]):
        for column in range(linear.shape[1]):
            total, low = linear[row, column], across[row * linear.shape[1] + column]
            for c in range(LATENT_CHANNELS):
                total[c] = np.rint(total[c] * per_step) * step
            for c in range(LOW_CHANNELS):
                total[c] += np.rint(low[c] * per_step) * step
