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
Plane in quanta to latents and back: a linear path and a convolutional one side by side.

The way back is exact, so that every decoder restores the same plane: the convolutional path works
on integers, and the linear one on multiples of powers of two, whose sums float64 holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from depth_nn_transport.codec.activations import saturate
from depth_nn_transport.codec.blocks import from_blocks, to_blocks
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.hole_latents import simplify_holes
from depth_nn_transport.codec.networks import (
    ACTIVATION_MAX,
    Activations,
    Array,
    BEND_GAIN,
    BEND_STEP,
    COARSE_CHANNELS,
    COARSE_VIEW,
    FINE_KNEE,
    LATENT_CHANNELS,
    MASK_LEVEL,
    MIDDLE_CHANNELS,
    MIDDLE_VIEW,
    Networks,
    SYNTHESIS_VIEW,
)
import numpy as np
from numpy.typing import NDArray

# Weights of the linear restoration are multiples of this: 64 * 8191 * 2**5 / (LATENT_STEP *
# LINEAR_STEP) < 2**53, so that float64 holds their sums with latents.
LINEAR_STEP = 2.0**-16


class Transform:
    """Analysis and synthesis; the linear path has its full precision whatever networks run in."""

    def __init__(self, networks: Networks, linear: Mapping[str, Array]) -> None:
        """
        Take the linear parts of a model.

        :param networks: the convolutional path.
        :param linear: ``analysis`` and ``synthesis``, (64, 64), from the axis of the input to
            that of the output; ``analysis_steps`` and ``synthesis_steps``, (101, 64), quanta, the
            quantisation steps by quality.
        """
        self._networks = networks
        self._linear = linear

    def analyse(
        self, plane: Array, base: Array, valid: Array, quality: int
    ) -> tuple[Array, Array]:
        """
        Transform a plane.

        :param plane: float32 (H, W) quanta, holes filled; H and W multiples of 32.
        :param base: float32 (H/32, W/32), from `base_of`.
        :param valid: float32 (H/8, W/8, 64), from `mask_blocks`.
        :param quality: 0..100.
        :returns: latents in units of their step, (H/8, W/8, 64), and hyperlatents before
            rounding, (H/32, W/32, 16).
        """
        residual = to_blocks(plane, base)
        bend, hyper = self._networks.analyse(residual, valid, quality)
        inverse_steps = 1 / self._linear['analysis_steps'][quality]
        analysis = self._linear['analysis'] * inverse_steps
        latents = residual @ analysis
        _add_scaled(bend, np.float32(BEND_GAIN) * inverse_steps, latents)
        synthesis = self._linear['synthesis_steps'][quality][:, None] * self._linear['synthesis']
        simplify_holes(latents, valid, analysis, synthesis, quality)
        return latents, hyper

    def synthesise(self, latents: Array, base: Array, valid: Array, quality: int) -> Array:
        """Restore a plane, float32 (H, W) quanta, from what `analyse` gave, quantised; exact."""
        steps = self._linear['synthesis_steps'][quality]
        bend = self._networks.synthesise(synthesis_view(latents, steps, valid, quality))
        return from_blocks(_restored(latents, self._restoration(steps), bend), base)

    def _restoration(self, steps: Array) -> NDArray[np.float64]:
        """Weights of the linear restoration, multiples of `LINEAR_STEP`: (64, 64)."""
        weights = steps[:, None].astype(np.float64) * self._linear['synthesis']
        return np.rint(weights / LINEAR_STEP) * LINEAR_STEP


@compiled
def synthesis_view(
    latents: Array, steps: Array, valid: Array, quality: int
) -> Activations:
    """
    Join what the synthesis sees.

    :param latents: float32 (H, W, 64), multiples of an eighth.
    :param steps: float32 (64,), quanta.
    :param valid: float32 (H, W, 64), 1 where measured, 0 in holes.
    :param quality: 0..100.
    :returns: (H, W, 144): the lowest frequencies on two scales, quality, all frequencies
        squashed, mask.
    """
    height, width, channels = latents.shape
    seen = np.empty((height, width, SYNTHESIS_VIEW), np.int16)
    scaled = np.empty(channels, np.float32)
    knee, most = np.float32(FINE_KNEE), np.float32(ACTIVATION_MAX)
    for row in range(height):
        for column in range(width):
            here, mask, out = latents[row, column], valid[row, column], seen[row, column]
            for c in range(channels):
                scaled[c] = here[c] * steps[c]
            for c in range(COARSE_CHANNELS):
                out[c] = saturate(scaled[c] * np.float32(1 / COARSE_VIEW))
            out = out[COARSE_CHANNELS:]
            for c in range(MIDDLE_CHANNELS):
                out[c] = saturate(scaled[c] * np.float32(1 / MIDDLE_VIEW))
            out[MIDDLE_CHANNELS] = saturate(np.float32(quality) * np.float32(1 / 8))
            out = out[MIDDLE_CHANNELS + 1:]
            for c in range(channels):
                out[c] = saturate(scaled[c] / (knee + abs(scaled[c])) * most)
            out = out[channels:]
            for c in range(channels):
                out[c] = saturate(mask[c] * np.float32(MASK_LEVEL))
    return seen


@compiled
def _add_scaled(more: Array, gains: Array, total: Array) -> None:
    """Add an array times a gain for each channel in place: (H, W, C), (C,), (H, W, C)."""
    for row in range(total.shape[0]):
        for column in range(total.shape[1]):
            addends, sums = more[row, column], total[row, column]
            for c in range(len(gains)):
                sums[c] += addends[c] * gains[c]


@compiled
def _restored(latents: Array, weights: NDArray[np.float64], bend: Array) -> Array:
    """
    Restore blocks by the linear path, and add the convolutional one.

    Nine of ten latents are zero, so that this is several times faster than a dense product.

    :param latents: float32 (H, W, 64), multiples of an eighth.
    :param weights: float64 (64, 64), from latents to quanta.
    :param bend: float32 (H, W, 64), in `BEND_STEP` quanta.
    :returns: float32 (H, W, 64), quanta.
    """
    total = np.empty(latents.shape, np.float32)
    sums, present = np.empty(LATENT_CHANNELS, np.float64), np.empty(LATENT_CHANNELS, np.intp)
    for row in range(total.shape[0]):
        for column in range(total.shape[1]):
            count = 0
            for k in range(LATENT_CHANNELS):
                # Without a branch, which would be mispredicted at every other latent.
                present[count] = k
                count += latents[row, column, k] != 0
            sums[:] = 0
            for k in present[:count]:
                latent = np.float64(latents[row, column, k])
                for c in range(LATENT_CHANNELS):
                    sums[c] += latent * weights[k, c]
            for c in range(LATENT_CHANNELS):
                bent = bend[row, column, c] * np.float32(BEND_STEP)
                total[row, column, c] = np.float32(sums[c]) + bent
    return total
