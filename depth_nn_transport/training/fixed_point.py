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
Convolutions whose float arithmetic is exact, hence bit-identical on every machine.

Weights are small integers times a power of two, activations multiples of ``ACTIVATION_STEP``.
Every product and partial sum is then an integer below 2**24 times a common power of two, which
float32 holds exactly whatever the order of summation (Balle et al. 2019, Integer Networks for
Data Compression with Latent-Variable Models). Gradients pass straight through the rounding.
"""

from __future__ import annotations

from typing import Any, cast

from depth_nn_transport.codec.networks import ACTIVATION_MAX, ACTIVATION_STEP
import torch
from torch import nn, Tensor
import torch.nn.functional as F

# Products of eight bits by eight; bfloat16 holds both factors.
WEIGHT_MAX = 255
BIAS_STEP = 2.0**-8
BIAS_DIGITS = 8
# With these, up to 160 inputs at ACTIVATION_MAX add up to less than 2**24 steps whatever the
# weights: 160 * 127 * 255 + 127 * 2**(12 + 4).
BIAS_MAX = 127.0
# Grid of the activations that have eight binary digits wherever the point is, and what it leaves
# to the weights of at most 96 inputs.
FINE_STEP = 2.0**-6
FINE_WEIGHT_MAX = 127
MIN_WEIGHT_SHIFT = 4
MAX_WEIGHT_SHIFT = 12


class _RoundStraightThrough(torch.autograd.Function):

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return torch.round(x)

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return grad


def _round(x: Tensor) -> Tensor:
    rounded: Tensor = cast(Any, _RoundStraightThrough).apply(x)
    return rounded


def round_to(x: Tensor, step: float) -> Tensor:
    """Round to multiples of a power of two, half to even; the gradient is one."""
    return _round(x / step) * step


def quantize_weight(weight: Tensor, most: int = WEIGHT_MAX) -> Tensor:
    """Round weights to integers up to a limit times a power of two for each output channel."""
    scale = torch.exp2(_weight_shift(weight, most)).view(-1, *[1] * (weight.dim() - 1))
    rounded = _round(weight * scale).clamp(-most, most)
    return rounded / scale


def quantize_bias(bias: Tensor) -> Tensor:
    """
    Round biases to multiples of ``BIAS_STEP`` within +-BIAS_MAX, to eight binary digits.

    So many does bfloat16 hold, in which some runtimes keep them.
    """
    exponent = torch.floor(torch.log2(bias.detach().abs().clamp_min(BIAS_STEP)))
    step = torch.exp2(exponent - (BIAS_DIGITS - 1)).clamp_min(BIAS_STEP)
    return (_round(bias / step) * step).clamp(-BIAS_MAX, BIAS_MAX)


def _weight_shift(weight: Tensor, most: int) -> Tensor:
    """Binary digits after the point of each output channel's weights."""
    peak = weight.detach().abs().flatten(1).amax(1).clamp_min(2.0**-20)
    shift = torch.floor(torch.log2(most / peak))
    return shift.clamp(MIN_WEIGHT_SHIFT, MAX_WEIGHT_SHIFT)


class FixedPointConv2d(nn.Conv2d):
    """
    A convolution with quantised weights and biases and no rounding of its output.

    :ivar weight_max: limit of the integers that its weights are.
    """

    weight_max = WEIGHT_MAX

    def forward(self, x: Tensor) -> Tensor:
        """Convolve: (N, C, H, W) on the activation grid -> (N, C', H', W'), exact."""
        bias = None if self.bias is None else quantize_bias(self.bias)
        weight = quantize_weight(self.weight, self.weight_max)
        return F.conv2d(x, weight, bias, self.stride, self.padding, self.dilation, self.groups)


def rectify(x: Tensor) -> Tensor:
    """Round to the activation grid and clamp to 0..ACTIVATION_MAX."""
    return round_to(x, ACTIVATION_STEP).clamp(0, ACTIVATION_MAX)


def saturate(x: Tensor) -> Tensor:
    """Round to the activation grid and clamp to +-ACTIVATION_MAX."""
    return round_to(x, ACTIVATION_STEP).clamp(-ACTIVATION_MAX, ACTIVATION_MAX)


def saturate_finely(x: Tensor) -> Tensor:
    """Round to the grid of ``FINE_STEP`` and to eight digits and clamp to +-ACTIVATION_MAX."""
    return shorten(round_to(x, FINE_STEP))


def shorten(x: Tensor) -> Tensor:
    """Round to eight binary digits, half to even as bfloat16 does; clamp to +-ACTIVATION_MAX."""
    return x.clamp(-ACTIVATION_MAX, ACTIVATION_MAX).bfloat16().float()


class FineConv2d(FixedPointConv2d):
    """A convolution of activations from `saturate_finely`."""

    weight_max = FINE_WEIGHT_MAX


def fixed_point_conv(inputs: int, outputs: int) -> FixedPointConv2d:
    """Make a pointwise fixed-point convolution."""
    return FixedPointConv2d(inputs, outputs, 1)
