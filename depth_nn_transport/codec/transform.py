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
"""The transform: plane to latents and back, a linear path with a convolutional one beside it."""

from __future__ import annotations

from collections.abc import Mapping

from depth_nn_transport.codec.blocks import from_blocks, to_blocks
from depth_nn_transport.codec.networks import Array, BEND_GAIN, Networks
import numpy as np


class Transform:
    """Analysis and synthesis; the linear path stays in float32 whatever the networks run in."""

    def __init__(self, networks: Networks, linear: Mapping[str, Array]) -> None:
        """Take the linear parts of a model.

        Args:
            networks: the convolutional path.
            linear: ``analysis`` and ``synthesis``, (64, 64), from the axis of the input to that
                of the output; ``analysis_steps`` and ``synthesis_steps``, (101, 64), quanta, the
                quantisation steps by quality.

        """
        self._networks = networks
        self._linear = linear

    def analyse(
        self, plane: Array, base: Array, valid: Array, quality: int
    ) -> tuple[Array, Array]:
        """Transform a plane.

        Args:
            plane: float32 (H, W) quanta, holes filled; H and W multiples of 32.
            base: float32 (H/32, W/32), from `base_of`.
            valid: float32 (H/8, W/8, 64), from `mask_blocks`.
            quality: 0..100.

        Returns:
            Latents in units of their step, (H/8, W/8, 64), and hyperlatents before rounding,
            (H/32, W/32, 16).

        """
        residual = to_blocks(plane, base)
        bend, hyper = self._networks.analyse(residual, valid, quality)
        inverse_steps = 1 / self._linear['analysis_steps'][quality]
        latents = residual @ (self._linear['analysis'] * inverse_steps)
        latents += bend * (np.float32(BEND_GAIN) * inverse_steps)
        return latents, hyper

    def synthesise(
        self, latents: Array, base: Array, valid: Array, quality: int, *, precise: bool = False
    ) -> Array:
        """Restore a plane, float32 (H, W) quanta, from what `analyse` gave, quantised.

        If ``precise``, the network runs in float32 even where the processor is faster otherwise.
        """
        bend = self._networks.synthesise(latents, valid, quality, precise=precise)
        steps = self._linear['synthesis_steps'][quality]
        residual = latents @ (steps[:, None] * self._linear['synthesis'])
        residual += np.float32(BEND_GAIN) * bend
        return from_blocks(residual, base)
