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
Entropy model of the latents: what the decoder expects before it reads them.

    latents --HyperAnalysis--> round --> hyperlatents (side information, 1/32 resolution)
    hyperlatents, base, hole mask, quality --HyperSynthesis--> features
    features, latents decoded so far --ContextStep k--> mean and table index of the next part

The latents come in seven spatial steps from coarse to fine, and in each step first the low
frequencies, then the rest. A step codes one position of each 2x2 of a grid, whose other positions
it sees as far as they are decoded, one diagonal first (the checkerboard of He et al. 2021): four
steps on the grid of every second position, three on that of all. Everything but HyperAnalysis
runs on the decoder too and must select the same tables there, so it is built of fixed-point
layers.
"""

from __future__ import annotations

import math

from depth_nn_transport.codec.networks import (
    ACROSS_MAX,
    BLOCK,
    HYPER_ANCHORS,
    HYPER_CHANNELS,
    HYPER_MAX,
    HYPER_STRIDE,
    LATENT_CHANNELS,
    LATENT_MAX,
    LATENT_STEP,
    LOW_CHANNELS,
    PREDICTOR_MAX,
    Step,
    STEPS,
    TABLES,
)
from depth_nn_transport.training.fixed_point import (
    fixed_point_conv,
    FixedPointConv2d,
    rectify,
    round_to,
    saturate,
)
from depth_nn_transport.training.transforms import channels_last, compress_range
import torch
from torch import nn, Tensor
import torch.nn.functional as F

FEATURES = 64
MIN_SCALE = 0.05
MAX_SCALE = 600.0


def table_scale(index: Tensor) -> Tensor:
    """Scale of the logistic distribution that a table index stands for."""
    ratio = math.log(MAX_SCALE / MIN_SCALE) / (TABLES - 1)
    return MIN_SCALE * torch.exp(index * ratio)


def logistic_bits(x: Tensor, scale: Tensor) -> Tensor:
    """Cost in bits of integers (or noisy integers) under a zero-mean logistic distribution."""
    x = x.abs()
    upper = torch.sigmoid((0.5 - x) / scale)
    lower = torch.sigmoid((-0.5 - x) / scale)
    return -torch.log2((upper - lower).clamp_min(1e-7))


def phase_of(x: Tensor, phase: tuple[int, int]) -> Tensor:
    """Positions of one phase of each 2x2: (N, C, H, W) -> (N, C, H/2, W/2)."""
    return channels_last(x[..., phase[0]::2, phase[1]::2])


def on_grid(x: Tensor, spacing: int) -> Tensor:
    """Positions of a grid: (N, C, H, W) -> (N, C, H/spacing, W/spacing)."""
    return x[..., ::spacing, ::spacing]


def spread_step(part: Tensor, step: Step) -> Tensor:
    """Put the positions of a step in place, zeros elsewhere."""
    spread = spread_phase(part, step.phase)
    for _ in range(step.spacing // 2):
        spread = spread_phase(spread, (0, 0))
    return spread


def spread_phase(part: Tensor, phase: tuple[int, int]) -> Tensor:
    """Put the positions of one phase in place, zeros elsewhere: inverse of `phase_of`."""
    row, column = phase
    zeros = torch.zeros_like(part)
    cells = [zeros] * 4
    cells[2 * row + column] = part
    count, channels, height, width = part.shape
    grid = torch.stack(cells, -1).view(count, channels, height, width, 2, 2)
    return grid.transpose(3, 4).reshape(count, channels, 2 * height, 2 * width)


class HyperAnalysis(nn.Module):
    """Latents -> hyperlatents before rounding. Runs on the encoder only, in floats."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(2 * LATENT_CHANNELS, 32, 1)
        self.gather = nn.Conv2d(32 * HYPER_STRIDE**2, 64, 1)
        self.leave = nn.Conv2d(64, HYPER_CHANNELS, 1)

    def forward(self, latents: Tensor) -> Tensor:
        """(N, 64, H/8, W/8) -> (N, 16, H/32, W/32), within +-HYPER_MAX."""
        squashed = compress_range(latents, 1.0)
        x = F.leaky_relu(self.enter(torch.cat([squashed, squashed.abs()], 1)), 0.1)
        x = F.leaky_relu(self.gather(F.pixel_unshuffle(x, HYPER_STRIDE)), 0.1)
        hyper: Tensor = self.leave(x)
        return hyper.clamp(-HYPER_MAX, HYPER_MAX)


class HyperPrior(nn.Module):
    """Static distribution of the hyperlatents: a logistic for each channel and quality anchor."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(HYPER_ANCHORS, HYPER_CHANNELS))
        self.mean = nn.Parameter(torch.zeros(HYPER_ANCHORS, HYPER_CHANNELS))

    def anchor(self, quality: Tensor) -> Tensor:
        """Nearest anchor of a quality (N,)."""
        return torch.round(quality * ((HYPER_ANCHORS - 1) / 100)).long()

    def bits(self, hyper: Tensor, quality: Tensor) -> Tensor:
        """Cost of each hyperlatent, same shape."""
        anchor = self.anchor(quality)
        scale = torch.exp(self.log_scale[anchor])[:, :, None, None]
        return logistic_bits(hyper - self.mean[anchor][:, :, None, None], scale.clamp_min(0.05))


class HyperSynthesis(nn.Module):
    """Side information -> features of the entropy model, exact."""

    def __init__(self) -> None:
        super().__init__()
        self.hyper_enter = fixed_point_conv(HYPER_CHANNELS + 5, FEATURES)
        self.hyper_leave = fixed_point_conv(FEATURES, 32 * HYPER_STRIDE**2)
        self.mask_enter = fixed_point_conv(BLOCK * BLOCK, 32)
        self.mix = fixed_point_conv(65, FEATURES)
        self.spatial = FixedPointConv2d(FEATURES, FEATURES, 5, padding=2, groups=FEATURES)
        self.leave = fixed_point_conv(2 * FEATURES, FEATURES)

    def forward(self, hyper: Tensor, base: Tensor, valid: Tensor, quality: Tensor) -> Tensor:
        """
        Expand the side information.

        :param hyper: (N, 16, H/32, W/32), integers within +-HYPER_MAX.
        :param base: (N, 1, H/32, W/32), integers.
        :param valid: (N, 1, H, W), 1 where measured, 0 in holes.
        :param quality: (N,), integers in 0..100.
        :returns: (N, 64, H/8, W/8), on the activation grid.
        """
        return self.expand(hyper, base, F.pixel_unshuffle(valid, BLOCK), quality)

    def expand(self, hyper: Tensor, base: Tensor, mask: Tensor, quality: Tensor) -> Tensor:
        """Do the same with the mask as blocks, (N, 64, H/8, W/8)."""
        level = (quality / 8)[:, None, None, None]
        side = torch.cat([hyper / 4, _base_steps(base), level * torch.ones_like(base)], 1)
        x = rectify(self.hyper_leave(rectify(self.hyper_enter(side))))
        seen = rectify(self.mask_enter(channels_last(mask)))
        fine = channels_last(F.pixel_shuffle(x, HYPER_STRIDE))
        x = torch.cat([fine, seen, level * torch.ones_like(fine[:, :1])], 1)
        x = rectify(self.mix(x))
        return rectify(self.leave(torch.cat([x, saturate(self.spatial(x))], 1)))


def _base_steps(base: Tensor) -> Tensor:
    """Difference of the base to its four neighbours: (N, 1, H, W) -> (N, 4, H, W)."""
    padded = F.pad(base, (1, 1, 1, 1), mode='replicate')
    height, width = base.shape[-2:]
    shifts = ((0, 1), (2, 1), (1, 0), (1, 2))
    neighbours = [padded[..., r:r + height, c:c + width] for r, c in shifts]
    return saturate((torch.cat(neighbours, 1) - base) / 4)


class LinearPrediction(FixedPointConv2d):
    """A convolution of latents, whose range leaves less to the weights."""

    weight_max = 127


class ContextStep(nn.Module):
    """Mean and table index of one spatial step, from features and latents decoded so far."""

    def __init__(self, place: Step) -> None:
        super().__init__()
        self.place = place
        self.has_context = place != STEPS[0]
        if self.has_context:
            self.enter = fixed_point_conv(LATENT_CHANNELS + LOW_CHANNELS, FEATURES)
            self.spatial = FixedPointConv2d(FEATURES, FEATURES, 5, stride=2, groups=FEATURES)
            self.predict = LinearPrediction(
                LATENT_CHANNELS, LATENT_CHANNELS, 3, stride=2, groups=LATENT_CHANNELS, bias=False
            )
            nn.init.normal_(self.predict.weight, std=0.02)
            # The slope of a neighbour tells of the mean here.
            self.predict_across = LinearPrediction(
                LOW_CHANNELS, LOW_CHANNELS, 3, stride=2, bias=False
            )
            nn.init.zeros_(self.predict_across.weight)
        self.mix = fixed_point_conv(FEATURES * (1 + self.has_context), 2 * FEATURES)
        self.deepen = fixed_point_conv(2 * FEATURES, 2 * FEATURES)
        self.low_head = fixed_point_conv(2 * FEATURES, 2 * LOW_CHANNELS)
        self.high_mix = fixed_point_conv(2 * FEATURES + 2 * LOW_CHANNELS, 96)
        self.high_head = fixed_point_conv(96, 2 * (LATENT_CHANNELS - LOW_CHANNELS))
        for head in (self.low_head, self.high_head):
            nn.init.normal_(head.weight, std=0.02)
            assert head.bias is not None
            nn.init.constant_(head.bias[head.out_channels // 2:], 2.0)

    def trunk(self, here: Tensor, seen: Tensor) -> Tensor:
        """
        Look at the surroundings.

        :param here: (N, 64, H/2, W/2), features at the positions of the step.
        :param seen: (N, 80, H, W), `seen_latents` of the step's grid.
        :returns: (N, 128, H/2, W/2).
        """
        if not self.has_context:
            return rectify(self.deepen(rectify(self.mix(here))))
        around = saturate(self.spatial(self._centre(rectify(self.enter(seen)), 2)))
        return rectify(self.deepen(rectify(self.mix(torch.cat([here, around], 1)))))

    def predict_from(self, decoded: Tensor) -> Tensor:
        """Predict linearly: (N, 64, H, W), the step's grid -> (N, 64, H/2, W/2)."""
        if not self.has_context:
            return torch.zeros_like(phase_of(decoded, self.place.phase))
        decoded = self._centre(decoded, 1)
        linear = self.predict(decoded.clamp(-PREDICTOR_MAX, PREDICTOR_MAX))
        low = decoded[:, :LOW_CHANNELS].clamp(-ACROSS_MAX, ACROSS_MAX)
        across = F.pad(self.predict_across(low), (0, 0, 0, 0, 0, LATENT_CHANNELS - LOW_CHANNELS))
        # Rounded before they are added: their sum at full precision would not be exact.
        return round_to(linear, LATENT_STEP) + round_to(across, LATENT_STEP)

    def low(self, trunk: Tensor) -> Tensor:
        """Means in eighths and table indices of the low frequencies, (N, 32, H/2, W/2)."""
        return _in_steps(self.low_head(trunk))

    def high(self, trunk_and_low: Tensor) -> Tensor:
        """Look at trunk and `seen_low`, (N, 160, H/2, W/2): the same of the rest, 96 channels."""
        return _in_steps(self.high_head(rectify(self.high_mix(trunk_and_low))))

    def _centre(self, x: Tensor, radius: int) -> Tensor:
        """Pad so that a window of stride 2 is centred on the positions of the phase."""
        row, column = self.place.phase
        before, after = (radius - row, radius - column), (radius - 1 + row, radius - 1 + column)
        return channels_last(F.pad(x, (before[1], after[1], before[0], after[0])))


def seen_latents(decoded: Tensor) -> Tensor:
    """Latents as the networks see them, the low ones at two scales: 64 -> 80 channels."""
    return torch.cat([saturate(decoded / 2), saturate(decoded[:, :LOW_CHANNELS] / 32)], 1)


def seen_low(low: Tensor) -> Tensor:
    """Low frequencies as the networks see them, at two scales: 16 -> 32 channels."""
    return torch.cat([saturate(low / 2), saturate(low / 16)], 1)


def _in_steps(head: Tensor) -> Tensor:
    return round_to(head / LATENT_STEP, 1.0)


def expected(head: Tensor, linear: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and table index from a step's output and its linear prediction."""
    mean, index = head.chunk(2, 1)
    mean = (mean * LATENT_STEP + linear).clamp(-LATENT_MAX, LATENT_MAX)
    return mean, index.clamp(0, TABLES - 1)


class EntropyModel(nn.Module):
    """The whole entropy model, for training."""

    def __init__(self) -> None:
        super().__init__()
        self.hyper_analysis = HyperAnalysis()
        self.hyper_prior = HyperPrior()
        self.hyper_synthesis = HyperSynthesis()
        self.steps = nn.ModuleList(ContextStep(place) for place in STEPS)

    def forward(
        self, latents: Tensor, base: Tensor, valid: Tensor, quality: Tensor
    ) -> tuple[Tensor, Tensor]:
        """
        Quantise the latents and count their bits.

        :param latents: (N, 64, H/8, W/8), before quantisation.
        :param base, valid, quality: as for `HyperSynthesis`.
        :returns: quantised latents, same shape, and bits of each frame, (N,).
        """
        hyper = self.hyper_analysis(latents)
        bits = self.hyper_prior.bits(self._noisy(hyper), quality).sum((1, 2, 3))
        features = self.hyper_synthesis(round_to(hyper, 1.0), base, valid, quality)
        decoded = torch.zeros_like(latents)
        for step in self.steps:
            assert isinstance(step, ContextStep)
            spacing, phase = step.place.spacing, step.place.phase
            target = phase_of(on_grid(latents, spacing), phase)
            grid = on_grid(decoded, spacing)
            here = phase_of(on_grid(features, spacing), phase)
            trunk, linear = step.trunk(here, seen_latents(grid)), step.predict_from(grid)
            low, low_bits = self._code(
                target[:, :LOW_CHANNELS], *expected(step.low(trunk), linear[:, :LOW_CHANNELS])
            )
            high, high_bits = self._code(
                target[:, LOW_CHANNELS:],
                *expected(
                    step.high(torch.cat([trunk, seen_low(low)], 1)), linear[:, LOW_CHANNELS:]
                ),
            )
            bits = bits + low_bits + high_bits
            decoded = decoded + spread_step(torch.cat([low, high], 1), step.place)
        return decoded, bits

    def _code(self, target: Tensor, mean: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        centred = target - mean
        bits = logistic_bits(self._noisy(centred), table_scale(index)).sum((1, 2, 3))
        return round_to(centred, 1.0) + mean, bits

    def _noisy(self, x: Tensor) -> Tensor:
        """Additive noise in training, a proxy of rounding with a useful gradient."""
        return x + torch.rand_like(x) - 0.5 if self.training else torch.round(x)
