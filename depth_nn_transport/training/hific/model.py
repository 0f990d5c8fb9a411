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
"""HiFiC for depth: encoder, hyperprior and generator end to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from depth_nn_transport.training.hific.hyperprior import (
    gaussian_bits, HYPER_STRIDE, Hyperprior, noisy, round_through,
)
from depth_nn_transport.training.hific.networks import Encoder, Generator, STRIDE
import torch
from torch import nn, Tensor
import torch.nn.functional as F

# Frames are padded to multiples of this.
ALIGNMENT = STRIDE * HYPER_STRIDE
# Generator and discriminator see 16-bit depth in units of a thousand: metres, where it is in mm.
UNIT = 1000.0
# The encoder sees it in units of ten thousand. Its norm over channels takes the scale of what is
# flat away but for what the biases before it, which are below one, say in comparison.
INPUT_UNIT = 10_000.0
DEPTH_MAX = 65535


@dataclass(frozen=True)
class HificConfig:
    """
    Sizes of the networks.

    :ivar widths: channels at full resolution, 1/2, 1/4, 1/8 and 1/16.
    :ivar latents, hyper: channels.
    :ivar blocks: residual blocks of the generator.
    :ivar bits: 16, or 8 if depth is quantised to 8 bits, the range of 16 kept, before it is
        coded.
    """

    widths: tuple[int, ...] = (16, 32, 64, 64, 64)
    latents: int = 48
    hyper: int = 32
    blocks: int = 2
    bits: int = 16

    @property
    def step(self) -> float:
        """Step of the input and output samples, in 16-bit units."""
        levels: int = 2**self.bits
        return DEPTH_MAX / (levels - 1)


class Restored(NamedTuple):
    """What comes out: depth (N, 1, H, W), quantised latents, their bits (N,), side included."""

    depth: Tensor
    latents: Tensor
    bits: Tensor


class HificModel(nn.Module):
    """Encoder, hyperprior and generator."""

    def __init__(self, config: HificConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.widths, config.latents)
        self.hyperprior = Hyperprior(config.latents, config.hyper)
        self.generator = Generator(config.widths, config.latents, config.blocks)

    def quantise(self, depth: Tensor) -> Tensor:
        """Round depth to the samples that the networks are given, in 16-bit units."""
        return torch.round(depth / self.config.step) * self.config.step

    def latents_of(self, depth: Tensor) -> Tensor:
        """Depth (N, 1, H, W), quantised -> latents (N, C, H/16, W/16)."""
        latents: Tensor = self.encoder(depth / INPUT_UNIT)
        return latents

    def depth_of(self, latents: Tensor) -> Tensor:
        """Quantised latents (N, C, H/16, W/16) -> depth (N, 1, H, W) in 16-bit units."""
        depth: Tensor = self.generator(latents) * UNIT
        return depth

    def forward(self, depth: Tensor) -> Restored:
        """
        Code and restore depth.

        :param depth: (N, 1, H, W), 16-bit units, quantised, holes filled; H and W multiples of
            64.
        """
        latents = self.latents_of(depth)
        hyper = self.hyperprior.analysis(latents)
        mean, scale = self.hyperprior.distribution(round_through(hyper))
        rounded = round_through(latents - mean) + mean
        # The rate sees noise where it is differentiated, the generator what is really sent.
        soft = noisy if self.training else torch.round
        bits = [
            self.hyperprior.hyper_bits(soft(hyper)), gaussian_bits(soft(latents - mean), scale)
        ]
        total = torch.stack([part.sum((1, 2, 3)) for part in bits]).sum(0)
        return Restored(self.depth_of(rounded), rounded, total)


def aligned(plane: Tensor) -> Tensor:
    """Repeat the last row and column of (N, 1, H, W) up to multiples of 64."""
    height, width = plane.shape[-2:]
    return F.pad(plane, (0, -width % ALIGNMENT, 0, -height % ALIGNMENT), mode='replicate')
