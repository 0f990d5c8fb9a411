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
Networks of HiFiC (Mentzer et al. 2020, https://arxiv.org/abs/2006.09965) for depth, narrower.

::

    depth --Encoder--> latents, 1/16 resolution --round--> Generator --> restored depth
                          |                          |
                          +------> Discriminator <---+     real or restored?
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn, Tensor
import torch.nn.functional as F
from torch.nn.utils.parametrizations import spectral_norm

STRIDE = 16


class ChannelNorm(nn.Module):
    """
    Normalisation of each position over its channels, with a gain and an offset for each.

    Unlike instance norm it does not depend on the size of the image.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        normed: Tensor = self.norm(x.movedim(1, -1))
        return normed.movedim(-1, 1)


class NormedConv(nn.Sequential):
    """Convolution, channel norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, padding=size // 2),
            ChannelNorm(outputs), nn.ReLU(),
        )


class Upsampling(nn.Sequential):
    """Transposed convolution to twice the resolution, channel norm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(inputs, outputs, 3, 2, padding=1, output_padding=1),
            ChannelNorm(outputs), nn.ReLU(),
        )


class ResidualBlock(nn.Module):
    """Two normed convolutions, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = NormedConv(channels, channels, 3)
        self.leave = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = ChannelNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        y: Tensor = self.norm(self.leave(self.enter(x)))
        return x + y


class Encoder(nn.Module):
    """Depth -> latents."""

    def __init__(self, widths: tuple[int, ...], latents: int) -> None:
        """Make one stage for each width, full resolution first, each of half the resolution."""
        super().__init__()
        self.enter = NormedConv(1, widths[0], 7)
        self.down = nn.Sequential(*[NormedConv(a, b, 3, 2) for a, b in pairwise(widths)])
        self.leave = nn.Conv2d(widths[-1], latents, 3, padding=1)

    def forward(self, depth: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, latents, H/16, W/16)."""
        latents: Tensor = self.leave(self.down(self.enter(depth)))
        return latents


class Generator(nn.Module):
    """Quantised latents -> depth."""

    def __init__(self, widths: tuple[int, ...], latents: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            ChannelNorm(latents), nn.Conv2d(latents, widths[-1], 3, padding=1),
            ChannelNorm(widths[-1]),
        )
        self.blocks = nn.Sequential(*[ResidualBlock(widths[-1]) for _ in range(blocks)])
        self.up = nn.Sequential(*[Upsampling(a, b) for a, b in pairwise(widths[::-1])])
        self.leave = nn.Conv2d(widths[0], 1, 7, padding=3)

    def forward(self, latents: Tensor) -> Tensor:
        """(N, latents, H/16, W/16) -> (N, 1, H, W)."""
        x = self.enter(latents)
        depth: Tensor = self.leave(self.up(x + self.blocks(x)))
        return depth


class PatchDiscriminator(nn.Module):
    """Tells real patches from restored ones, given the latents, at one scale."""

    CONDITION = 12

    def __init__(self, width: int, latents: int) -> None:
        super().__init__()
        self.condition = spectral_norm(nn.Conv2d(latents, self.CONDITION, 3, padding=1))
        widths = (1 + self.CONDITION, width, 2 * width, 4 * width, 4 * width)
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(a, b, 4, 2, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 1)))

    def forward(self, depth: Tensor, latents: Tensor) -> Tensor:
        """Depth (N, 1, H, W) and its latents -> logits of patches, (N, 1, H/16, W/16)."""
        condition = F.leaky_relu(self.condition(latents), 0.2)
        condition = F.interpolate(condition, size=depth.shape[-2:], mode='nearest')
        logits: Tensor = self.layers(torch.cat([depth, condition], 1))
        return logits


class Discriminator(nn.Module):
    """The patch discriminator at full and at half resolution (Wang et al. 2018, pix2pixHD)."""

    SCALES = 2

    def __init__(self, width: int, latents: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            PatchDiscriminator(width, latents) for _ in range(self.SCALES)
        )

    def forward(self, depth: Tensor, latents: Tensor) -> list[Tensor]:
        """Depth (N, 1, H, W) and its latents -> logits of patches at each scale."""
        logits = []
        for scale in self.scales:
            logits.append(scale(depth, latents))
            depth = F.avg_pool2d(depth, 2)
        return logits
