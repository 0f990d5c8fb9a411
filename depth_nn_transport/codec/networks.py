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

from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
# See `activations`.
Activations = NDArray[np.int16]

BLOCK = 8
BASE_BLOCK = 32
# Quanta; the base is only a reference for the transform, its error is coded by the latents.
BASE_STEP = 16.0
LATENT_CHANNELS = BLOCK * BLOCK
# The convolutional paths' outputs count in so many quanta; that of the synthesis is rounded to
# multiples of a step (quanta).
BEND_GAIN = 16.0
BEND_STEP = 1 / 16
# What the synthesis sees: some low frequencies in so many quanta; the quality; all frequencies z,
# in quanta, as z / (knee + |z|); the mask.
COARSE_CHANNELS = 3
COARSE_VIEW = 32.0
MIDDLE_CHANNELS = 12
MIDDLE_VIEW = 4.0
FINE_KNEE = 4.0
MASK_LEVEL = 8.0
SYNTHESIS_VIEW = COARSE_CHANNELS + MIDDLE_CHANNELS + 1 + 2 * LATENT_CHANNELS
LOW_CHANNELS = 16
# Of the hyperlatents and the base, in latents.
HYPER_STRIDE = BASE_BLOCK // BLOCK
HYPER_CHANNELS = 16
HYPER_MAX = 31
HYPER_ANCHORS = 5
LATENT_MAX = 8191
# Means are multiples of this.
LATENT_STEP = 1 / 8
# The linear predictions see latents up to these, so that their sums are exact whatever their
# weights: 9 taps * 127 * 1792 / LATENT_STEP and 16 * 9 taps * 127 * 112 / LATENT_STEP < 2**24.
PREDICTOR_MAX = 1792.0
ACROSS_MAX = 112.0
TABLES = 64
ACTIVATION_STEP = 1 / 16
ACTIVATION_MAX = 255 * ACTIVATION_STEP
# They run on the encoder only, so that runtimes may differ in the last bits of what they return.
FLOAT_NETWORKS = ('analysis',)
# Inputs of graphs that are activations, and graphs whose first output is, by the beginnings of
# their names.
ACTIVATION_INPUTS = ('features', 'seen')
ACTIVATION_OUTPUTS = ('features', 'low')


class Step(NamedTuple):
    """
    Positions of the latents that are coded at once.

    :ivar spacing: of the grid that the step works on, in latents.
    :ivar phase: row and column in each 2x2 of that grid.
    """

    spacing: int
    phase: tuple[int, int]


STEPS = (
    Step(2, (0, 0)), Step(2, (1, 1)), Step(2, (0, 1)), Step(2, (1, 0)),
    Step(1, (1, 1)), Step(1, (0, 1)), Step(1, (1, 0)),
)


def known_phases(step: int) -> list[tuple[int, int]]:
    """Rows and columns in each 2x2 of a step's grid that are decoded before the step."""
    # What the grid of every second position holds is the first position of the finer one.
    coarser = [(0, 0)] if step > 0 else []
    same = [earlier.phase for earlier in STEPS[:step] if earlier.spacing == STEPS[step].spacing]
    return sorted({*coarser, *same})


class Networks(Protocol):
    """
    The model's networks; arrays are float32 or activations (H, W, C), channels last.

    ``residual``, ``valid``, ``latents`` and ``features`` are at 1/8 of full resolution, ``hyper``
    and ``base`` at 1/32. All but `analyse` are exact: every runtime returns the same bits.
    Returned arrays are valid until the next call only.

    :ivar runtime: name of what runs the networks.
    :ivar device: what that runs on, in words.
    """

    runtime: ClassVar[str]
    device: str

    def analyse(self, residual: Array, valid: Array, quality: float) -> tuple[Array, Array]:
        """
        Bend the linear transform of a plane.

        :param residual: (H, W, 64) quanta, the plane less its base, as blocks.
        :param valid: (H, W, 64), 1 where measured, 0 in holes.
        :param quality: an integer of 0..100.
        :returns: what to add to the linear transform (H, W, 64), in `BEND_GAIN` quanta, and
            hyperlatents before rounding, (H/4, W/4, 16).
        """

    def features(self, hyper: Array, base: Array, valid: Array, quality: float) -> Activations:
        """
        Expand the side information to features of the entropy model.

        :param hyper: (H/4, W/4, 16), rounded.
        :param base: (H/4, W/4), in its steps.
        :param valid: (H, W, 64), as of `analyse`.
        :param quality: the same.
        :returns: (H, W, 64).
        """

    def low(
        self, step: int, features: Activations, seen: Activations
    ) -> tuple[Activations, Array]:
        """
        Look at the surroundings in one step.

        :param step: index into `STEPS`.
        :param features: (H, W, 64) at the positions of the step.
        :param seen: (2 H, 2 W, 80), `Decoded.seen` of the step, zeros where nothing is decoded.
        :returns: trunk (H, W, 128), and means in eighths and table indices of the low
            frequencies, (H, W, 32), integers that are not clamped yet.
        """

    def high(self, step: int, seen: Activations) -> Array:
        """
        Look at the low frequencies of a step.

        :param step: index into `STEPS`.
        :param seen: (H, W, 160), `seen_low` of the trunk and the decoded low frequencies.
        :returns: means in eighths and table indices of the rest, (H, W, 96).
        """

    def synthesise(self, seen: Activations) -> Array:
        """
        Correction of the linear restoration.

        :param seen: (H, W, 144), `synthesis_view` of the latents and the hole mask.
        :returns: (H, W, 64), integers, in `BEND_STEP` quanta.
        """
