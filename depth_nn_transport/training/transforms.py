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
Analysis and synthesis transforms between a plane in quanta and its latents.

Both work wholly at 1/8 resolution: an 8x8 block of pixels is one position. A linear path, born
as the 8x8 DCT, carries the plane; a convolutional path beside it bends the transform around
edges and holes, which it sees through the hole mask.
"""

from __future__ import annotations

import math

from depth_nn_transport.codec.networks import (
    ACTIVATION_MAX,
    BASE_BLOCK,
    BASE_STEP,
    BEND_GAIN,
    BEND_STEP,
    BLOCK,
    COARSE_CHANNELS,
    COARSE_VIEW,
    FINE_KNEE,
    LATENT_CHANNELS,
    MASK_LEVEL,
    MIDDLE_CHANNELS,
    MIDDLE_VIEW,
    SYNTHESIS_VIEW,
)
from depth_nn_transport.training.fixed_point import (
    FineConv2d,
    fixed_point_conv,
    round_to,
    saturate,
    saturate_finely,
    shorten,
)
import numpy as np
import torch
from torch import nn, Tensor
import torch.nn.functional as F

MAX_QUALITY = 100


def dct_matrix() -> Tensor:
    """Orthonormal 8x8 block DCT in zigzag order: (64 frequencies, 64 pixels)."""
    k = np.arange(BLOCK)
    basis = np.sqrt(2 / BLOCK) * np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / (2 * BLOCK))
    basis[0] /= math.sqrt(2)
    matrix = np.einsum('ux,vy->uvxy', basis, basis).reshape(LATENT_CHANNELS, LATENT_CHANNELS)
    frequency = np.add.outer(k, k).ravel() + 1e-3 * k.repeat(BLOCK)
    return torch.from_numpy(matrix[np.argsort(frequency)]).float()


def base_of(plane: Tensor) -> Tensor:
    """Quantised block means: (N, 1, H, W) quanta -> (N, 1, H/32, W/32) integers."""
    return torch.round(F.avg_pool2d(plane, BASE_BLOCK) / BASE_STEP)


def upsample_base(base: Tensor) -> Tensor:
    """Interpolate the base: (N, 1, H/32, W/32) -> (N, 1, H, W) quanta."""
    return F.interpolate(base * BASE_STEP, scale_factor=float(BASE_BLOCK), mode='bilinear')


def compress_range(x: Tensor, knee: float) -> Tensor:
    """Squash to -1..1, linear below the knee."""
    return x / (knee + x.abs())


def channels_last(x: Tensor) -> Tensor:
    """Lay a tensor out for the fast convolution kernels of CPUs."""
    return x.contiguous(memory_format=torch.channels_last)


class ResidualBlock(nn.Module):
    """Depthwise 3x3, then two pointwise layers about a bottleneck, added to the input."""

    BOTTLENECK = 64

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.mix = nn.Conv2d(channels, self.BOTTLENECK, 1)
        self.leave = nn.Conv2d(self.BOTTLENECK, channels, 1)
        nn.init.normal_(self.leave.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        y: Tensor = self.leave(F.leaky_relu(self.mix(self.spatial(x)), 0.1))
        return x + y


class QualityGain(nn.Module):
    """Per-channel steps that depend on quality (Cui et al. 2021, asymmetric gained VAE)."""

    ANCHORS = 6

    def __init__(self, coarsest: float, finest: float) -> None:
        super().__init__()
        ramp = torch.linspace(math.log(coarsest), math.log(finest), self.ANCHORS)
        self.log_step = nn.Parameter(ramp[:, None].repeat(1, LATENT_CHANNELS))

    def forward(self, quality: Tensor) -> Tensor:
        """Quality (N,) in 0..100 -> step sizes (N, C, 1, 1), quanta."""
        knot = quality * ((self.ANCHORS - 1) / MAX_QUALITY)
        index = torch.arange(self.ANCHORS, dtype=knot.dtype, device=knot.device)
        hat = (1 - (knot[:, None] - index).abs()).clamp_min(0)
        return torch.exp(hat @ self.log_step)[:, :, None, None]


def _quality_plane(quality: Tensor, like: Tensor) -> Tensor:
    ones = torch.ones_like(like[..., :1])
    return ones * (quality / MAX_QUALITY)[:, None, None, None]


def _blocks(image: Tensor) -> Tensor:
    """Cut into blocks, channels last: (N, 1, H, W) -> (N, H/8, W/8, 64)."""
    return F.pixel_unshuffle(image, BLOCK).permute(0, 2, 3, 1)


class Bend(nn.Sequential):
    """The convolutional path; in bfloat16 where training asks for it."""

    def __init__(self, inputs: int, width: int, depth: int) -> None:
        leave = nn.Conv2d(width, LATENT_CHANNELS, 1)
        super().__init__(
            nn.Conv2d(inputs, width, 1), *[ResidualBlock(width) for _ in range(depth)], leave
        )
        nn.init.normal_(leave.weight, std=0.01)
        self.low_precision = False

    def forward(self, features: Tensor) -> Tensor:
        """(N, H, W, C) -> float32 (N, H, W, 64)."""
        with torch.autocast(features.device.type, torch.bfloat16, enabled=self.low_precision):
            x = channels_last(features.permute(0, 3, 1, 2))
            for layer in self:
                x = layer(x)
            return x.float().permute(0, 2, 3, 1)


class Analysis(nn.Module):
    """Plane and hole mask -> latents in units of their quantisation step."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.step = QualityGain(24.0, 1.0)
        self.linear = nn.Conv2d(LATENT_CHANNELS, LATENT_CHANNELS, 1, bias=False)
        self.linear.weight.data = dct_matrix()[:, :, None, None]
        self.bend = Bend(3 * LATENT_CHANNELS + 1, width, depth)

    def forward(self, plane: Tensor, valid: Tensor, base: Tensor, quality: Tensor) -> Tensor:
        """
        Transform a plane.

        :param plane: (N, 1, H, W) quanta, holes filled; H and W multiples of 32.
        :param valid: (N, 1, H, W), 1 where measured, 0 in holes.
        :param base: (N, 1, H/32, W/32), from `base_of`.
        :param quality: (N,) in 0..100.
        :returns: (N, 64, H/8, W/8).
        """
        residual = _blocks(plane - upsample_base(base))
        return self.latents_of(residual, self.bend_of(residual, _blocks(valid), quality), quality)

    def latents_of(self, residual: Tensor, bend: Tensor, quality: Tensor) -> Tensor:
        """Add both paths, (N, H/8, W/8, 64) each: (N, 64, H/8, W/8)."""
        paths = self.linear(residual.permute(0, 3, 1, 2)) + BEND_GAIN * bend.permute(0, 3, 1, 2)
        latents: Tensor = paths / self.step(quality)
        return latents

    def bend_of(self, residual: Tensor, mask: Tensor, quality: Tensor) -> Tensor:
        """Run the convolutional path on blocks, (N, H/8, W/8, 64) each."""
        features = torch.cat(
            [residual.clamp(-512, 512) / 64, compress_range(residual, 4.0), mask,
             _quality_plane(quality, residual)], -1
        )
        bend: Tensor = self.bend(features)
        return bend


class FixedPointBlock(nn.Module):
    """The block of `ResidualBlock` in fixed-point layers, exact."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        bottleneck = ResidualBlock.BOTTLENECK
        self.spatial = FineConv2d(channels, channels, 3, padding=1, groups=channels)
        self.mix = FineConv2d(channels, bottleneck, 1)
        self.leave = FineConv2d(bottleneck, channels, 1)
        nn.init.normal_(self.leave.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), from `saturate_finely` -> the same."""
        y = self.mix(saturate_finely(self.spatial(x)))
        # The slope is a power of two, so that nothing is rounded.
        y = saturate_finely(self.leave(saturate_finely(F.leaky_relu(y, 1 / 8))))
        # Their sum is on the grid already.
        return shorten(x + y)


class FixedPointBend(nn.Module):
    """The convolutional path of the synthesis, exact; in bfloat16 where training asks for it."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.enter = fixed_point_conv(SYNTHESIS_VIEW, width)
        self.blocks = nn.Sequential(*[FixedPointBlock(width) for _ in range(depth)])
        self.leave = FineConv2d(width, LATENT_CHANNELS, 1)
        nn.init.normal_(self.leave.weight, std=0.01)
        self.low_precision = False

    def forward(self, seen: Tensor) -> Tensor:
        """`Synthesis.view`, (N, 144, H, W) -> (N, 64, H, W), integers, in `BEND_STEP` quanta."""
        # Activations have eight bits, so that bfloat16 holds them; the result needs more.
        with torch.autocast(seen.device.type, torch.bfloat16, enabled=self.low_precision):
            x = self.blocks(saturate_finely(self.enter(channels_last(seen))))
        return round_to(self.leave(x.float()) * (BEND_GAIN / BEND_STEP), 1.0)


class Synthesis(nn.Module):
    """Quantised latents and hole mask -> plane; exact, so that every decoder restores the same."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.step = QualityGain(24.0, 1.0)
        self.linear = nn.Conv2d(LATENT_CHANNELS, LATENT_CHANNELS, 1, bias=False)
        self.linear.weight.data = dct_matrix().T[:, :, None, None].contiguous()
        self.bend = FixedPointBend(width, depth)

    def forward(self, latents: Tensor, valid: Tensor, base: Tensor, quality: Tensor) -> Tensor:
        """
        Restore a plane.

        :param latents: (N, 64, H/8, W/8), quantised.
        :param valid: (N, 1, H, W), 1 where measured, 0 in holes.
        :param base: (N, 1, H/32, W/32).
        :param quality: (N,) in 0..100.
        :returns: (N, 1, H, W) quanta.
        """
        scaled = latents * self.step(quality)
        bend = self.bend(self.view(scaled, F.pixel_unshuffle(valid, BLOCK), quality))
        residual = self.linear(scaled) + BEND_STEP * bend
        return upsample_base(base) + F.pixel_shuffle(residual, BLOCK)

    @staticmethod
    def view(scaled: Tensor, mask: Tensor, quality: Tensor) -> Tensor:
        """
        Join what the convolutional path sees, on the activation grid.

        :param scaled: (N, 64, H/8, W/8), latents in quanta.
        :param mask: (N, 64, H/8, W/8), blocks of the hole mask.
        :param quality: (N,), integers in 0..100.
        :returns: (N, 144, H/8, W/8): the lowest frequencies on two scales, quality, all
            frequencies squashed, mask.
        """
        level = (quality / 8)[:, None, None, None] * torch.ones_like(scaled[:, :1])
        coarse = saturate(scaled[:, :COARSE_CHANNELS] / COARSE_VIEW)
        middle = saturate(scaled[:, :MIDDLE_CHANNELS] / MIDDLE_VIEW)
        fine = saturate(compress_range(scaled, FINE_KNEE) * ACTIVATION_MAX)
        return torch.cat([coarse, middle, level, fine, mask * MASK_LEVEL], 1)
