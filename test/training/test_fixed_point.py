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
"""Fixed-point layers: on the grid, exact in float32, straight-through in training."""

from depth_nn_transport.training.entropy_model import LinearPrediction
from depth_nn_transport.training.fixed_point import (
    _weight_shift,
    ACTIVATION_MAX,
    ACTIVATION_STEP,
    BIAS_STEP,
    FINE_STEP,
    fixed_point_conv,
    quantize_bias,
    quantize_weight,
    rectify,
    round_to,
    saturate,
    saturate_finely,
    WEIGHT_MAX,
)
import pytest
import torch
import torch.nn.functional as F


def on_grid(x, step):
    return bool((x / step == torch.round(x / step)).all())


def extreme_convolution(scale, inputs=160, outputs=8):
    """Make a convolution with weights and biases far outside of their limits."""
    conv = fixed_point_conv(inputs, outputs)
    conv.weight.data = torch.randn(outputs, inputs, 1, 1) * scale
    conv.bias.data = torch.randn(outputs) * 1e6
    return conv


def max_accumulator(conv, input_max, input_step):
    """
    Largest partial sum of a convolution in units of its common power of two.

    The arithmetic is exact in float32 if this is below 2**24.
    """
    weight = quantize_weight(conv.weight, conv.weight_max).detach().flatten(1).double()
    bias = torch.zeros(1) if conv.bias is None else quantize_bias(conv.bias).detach()
    bound = weight.abs().sum(1) * input_max + bias.abs().double()
    step = torch.exp2(-_weight_shift(conv.weight, conv.weight_max).double()) * input_step
    if conv.bias is not None:
        step = step.clamp_max(BIAS_STEP)
    return float((bound / step).max())


def test_rounding_is_half_to_even_and_passes_gradients():
    x = torch.tensor([0.0625, 0.1875, -0.0625, 1.3], requires_grad=True)
    y = round_to(x, 1 / 8)
    assert y.tolist() == [0.0, 0.25, 0.0, 1.25]
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 1]


def test_activations_stay_on_their_grid_and_range():
    x = torch.randn(1000) * 20
    for activated, least in ((rectify(x), 0), (saturate(x), -ACTIVATION_MAX)):
        assert on_grid(activated, ACTIVATION_STEP)
        assert activated.min() == least and activated.max() == ACTIVATION_MAX


def test_fine_activations_have_eight_digits_on_their_grid():
    x = saturate_finely(torch.cat([torch.randn(1000) * 20, torch.randn(1000) / 4]))
    assert on_grid(x, FINE_STEP) and torch.equal(x.bfloat16().float(), x)
    assert x.abs().max() == ACTIVATION_MAX
    assert saturate_finely(torch.tensor([0.3, 4.03])).tolist() == [19 / 64, 129 / 32]


@pytest.mark.parametrize('scale', [1e-6, 0.01, 0.3, 5.0, 1000.0])
@pytest.mark.parametrize('most', [127, WEIGHT_MAX])
def test_weights_are_small_integers_times_a_power_of_two(scale, most):
    for row in quantize_weight(torch.randn(8, 40, 1, 1) * scale, most).flatten(1):
        shifts = [k for k in range(4, 13) if on_grid(row, 2.0**-k)]
        assert any(row.abs().max() * 2.0**k <= most for k in shifts)


def test_weights_and_biases_fit_into_bfloat16():
    weight = quantize_weight(torch.randn(8, 40, 1, 1))
    bias = quantize_bias(torch.randn(1000) * torch.logspace(-4, 4, 1000))
    for rounded in (weight, bias):
        assert torch.equal(rounded.bfloat16().float(), rounded)
    assert on_grid(bias, BIAS_STEP)


@pytest.mark.parametrize('scale', [0.01, 0.3, 3.0])
def test_weights_are_rounded_to_a_hundredth_of_the_largest(scale):
    weight = torch.randn(8, 40, 1, 1) * scale
    weight = weight.clamp(-7, 7)
    error = (quantize_weight(weight) - weight).abs().flatten(1).amax(1)
    assert (error <= weight.abs().flatten(1).amax(1) / 100).all()


@pytest.mark.parametrize('scale', [0.001, 0.02, 1.0, 100.0])
def test_no_weights_break_the_bound(scale):
    conv = extreme_convolution(scale)
    assert max_accumulator(conv, ACTIVATION_MAX, ACTIVATION_STEP) < 2**24


def test_no_weights_break_the_bound_of_the_linear_prediction():
    conv = LinearPrediction(64, 64, 3, groups=64, bias=False)
    conv.weight.data = torch.full_like(conv.weight, 127 / 4096)
    assert max_accumulator(conv, 1792, 1 / 8) < 2**24


@pytest.mark.parametrize('scale', [0.02, 1.0])
def test_sums_are_exact_in_any_order(scale):
    conv = extreme_convolution(scale).requires_grad_(False)
    x = saturate(torch.randn(1, 160, 5, 5) * 20)
    x[:, ::7] = ACTIVATION_MAX
    single = conv(x)
    double = conv.double()(x.double())
    assert torch.equal(single.double(), double)
    order = torch.randperm(160)
    weight = quantize_weight(conv.weight).float()[:, order]
    bias = (double - F.conv2d(x.double(), quantize_weight(conv.weight)))[0, :, 0, 0].float()
    assert on_grid(bias, BIAS_STEP)
    assert torch.equal(F.conv2d(x[:, order], weight, bias), single)
