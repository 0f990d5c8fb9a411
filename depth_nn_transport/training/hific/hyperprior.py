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
Mean-scale hyperprior (Minnen et al. 2018, https://arxiv.org/abs/1809.02736).

::

    latents --HyperAnalysis--> round --> hyperlatents, 1/4 of their resolution
    hyperlatents --HyperSynthesis--> mean and scale of a Gaussian for each latent
"""

from __future__ import annotations

import math

from depth_nn_transport.training.entropy_model import logistic_bits
import torch
from torch import nn, Tensor

HYPER_STRIDE = 4
MIN_SCALE = 0.11
MAX_SCALE = 256.0


class Hyperprior(nn.Module):
    """What is sent ahead of the latents to tell their distribution."""

    def __init__(self, latents: int, width: int) -> None:
        super().__init__()
        self.analysis = nn.Sequential(
            nn.Conv2d(latents, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 5, 2, padding=2), nn.ReLU(),
            nn.Conv2d(width, width, 5, 2, padding=2),
        )
        self.synthesis = nn.Sequential(
            nn.ConvTranspose2d(width, width, 5, 2, padding=2, output_padding=1), nn.ReLU(),
            nn.ConvTranspose2d(width, width, 5, 2, padding=2, output_padding=1), nn.ReLU(),
            nn.Conv2d(width, 2 * latents, 3, padding=1),
        )
        # A logistic distribution for each channel of the hyperlatents.
        self.mean = nn.Parameter(torch.zeros(width))
        self.log_scale = nn.Parameter(torch.zeros(width))

    def distribution(self, hyper: Tensor) -> tuple[Tensor, Tensor]:
        """
        Tell what to expect of the latents.

        :param hyper: (N, width, H/64, W/64), integers.
        :returns: means and standard deviations, (N, latents, H/16, W/16) each.
        """
        mean, scale = self.synthesis(hyper).chunk(2, 1)
        return mean, nn.functional.softplus(scale).clamp(MIN_SCALE, MAX_SCALE)

    def hyper_bits(self, hyper: Tensor) -> Tensor:
        """Cost of each hyperlatent, (N, width, H, W) -> the same shape."""
        scale = torch.exp(self.log_scale).clamp_min(0.05)[:, None, None]
        return logistic_bits(hyper - self.mean[:, None, None], scale)


def gaussian_bits(x: Tensor, scale: Tensor) -> Tensor:
    """Cost in bits of integers (or noisy integers) under a zero-mean Gaussian."""
    x = x.abs()
    upper = normal_cdf((0.5 - x) / scale)
    lower = normal_cdf((-0.5 - x) / scale)
    return -torch.log2((upper - lower).clamp_min(1e-7))


def normal_cdf(x: Tensor) -> Tensor:
    """Cumulative distribution of the standard normal distribution."""
    return 0.5 * torch.erfc(-x / math.sqrt(2))


def round_through(x: Tensor) -> Tensor:
    """Round, with the gradient of the identity."""
    return x + (torch.round(x) - x).detach()


def noisy(x: Tensor) -> Tensor:
    """Add the uniform noise that stands for rounding where the rate is differentiated."""
    return x + torch.rand_like(x) - 0.5
