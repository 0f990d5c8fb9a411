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
Latents of blocks with holes, whose filling nobody will see: those that take fewer bits.

A block's latents tell its filling too. Small ones are dropped as far as that changes nothing but
holes, by turns: drop them, put back what is valid, transform again. This is the projection onto
convex sets of Chen, Civanlar and Haskell 1994 (A block transform coder for arbitrarily shaped
image segments), over-relaxed.
"""

from __future__ import annotations

from depth_nn_transport.codec.networks import Array, LATENT_CHANNELS
import numpy as np

ROUNDS = 4
# Beyond a whole step to the projection, which is further on the way to the next one.
RELAXATION = 1.7
# Latents below (quality - NO_QUALITY) / QUALITIES_A_STEP are dropped, from the first quality on
# where that is worth its time. At lower ones the convolutional path restores more than the linear
# one, and expects the filling as it was.
NO_QUALITY, FIRST_QUALITY, QUALITIES_A_STEP = 50, 60, 20
# That the caches of a processor hold.
BLOCKS_AT_ONCE = 256


def simplify_holes(
    latents: Array, valid: Array, analysis: Array, synthesis: Array, quality: int
) -> None:
    """
    Replace latents of blocks with holes by ones that mean the same but for the holes.

    :param latents: (H, W, 64), before quantisation, in steps, contiguous; is changed.
    :param valid: (H, W, 64), 1 where measured, 0 in holes.
    :param analysis: (64, 64), the linear path from pixels to latents.
    :param synthesis: (64, 64), the way back.
    :param quality: 0..100.
    """
    if quality < FIRST_QUALITY:
        return
    threshold = np.float32((quality - NO_QUALITY) / QUALITIES_A_STEP)
    # Views, as both are contiguous.
    every_latent, every_valid = (x.reshape(-1, LATENT_CHANNELS) for x in (latents, valid))
    places = np.flatnonzero(~valid.all(2))
    for start in range(0, len(places), BLOCKS_AT_ONCE):
        some = places[start:start + BLOCKS_AT_ONCE]
        chosen, holes = every_latent[some], 1 - every_valid[some]
        for _ in range(ROUNDS):
            small = chosen * (np.abs(chosen) < threshold)
            chosen -= np.float32(RELAXATION) * (small @ synthesis * holes @ analysis)
        every_latent[some] = chosen
