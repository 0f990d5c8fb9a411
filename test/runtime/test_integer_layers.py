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
"""Layers of integers return what sums of 64 bits say."""

from depth_nn_transport.runtime.integer_layers import (
    ALL,
    block_weights,
    depthwise,
    depthwise_in_block,
    depthwise_weights,
    EIGHT_DIGITS,
    Layer,
    pointwise,
    pointwise_weights,
)
import numpy as np
import pytest

RANDOM = np.random.default_rng(0)
# One pixel, fewer than a tile, a tile and one more, more than a band.
SIZES = [(1, 1), (2, 5), (3, 7), (2, 101)]


def layer_of(weights, *, slope=1.0, low=-np.inf, high=np.inf, splitter=0.0):
    """Make a layer of random biases and scales, which are powers of two."""
    outputs, taps = len(weights), weights.shape[-1] if weights.ndim == 3 else 1
    arranged = pointwise_weights if weights.ndim == 2 else (
        block_weights if taps == 3 else depthwise_weights)
    return Layer(
        arranged(weights), RANDOM.integers(-9999, 9999, outputs).astype(np.int32),
        np.exp2(-RANDOM.integers(4, 12, outputs)).astype(np.float32), taps,
        *np.array([slope, low, high, splitter], np.float32))


def results(sums, layer):
    """Do to exact sums, (..., C), what a layer does."""
    values = (sums + layer.bias) * layer.scale.astype(np.float64)
    return limited(np.rint(np.where(values < 0, values * layer.slope, values)), layer)


def limited(values, layer):
    values = np.clip(values, layer.low, layer.high)
    return shortened(values) if layer.splitter else values


def shortened(values):
    """Round to eight binary digits, half to even."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * 256), exponent - 8)


def pixels(*shape, most=255):
    return RANDOM.integers(-most, most + 1, shape).astype(np.int16)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('inputs, outputs', [(22, 16), (66, 64), (160, 96), (2, 512)])
def test_pointwise_layers_are_sums_of_products(size, inputs, outputs):
    x, weights = pixels(*size, inputs), pixels(outputs, inputs)
    layer = layer_of(weights, low=-255, high=255)
    expected = results(x.astype(np.int64) @ weights.T.astype(np.int64), layer)
    for kind in (np.int16, np.float32):
        out = np.full((*size, outputs), 7, kind)
        pointwise(x.view(np.int32), layer, None, out, 0, ALL)
        np.testing.assert_array_equal(out, expected)


def test_an_odd_input_is_paired_with_nothing():
    x, weights = pixels(2, 9, 22), pixels(16, 21)
    layer = layer_of(weights)
    out = np.empty((2, 9, 16), np.float32)
    pointwise(x.view(np.int32), layer, None, out, 0, ALL)
    expected = results(x[:, :, :21].astype(np.int64) @ weights.T.astype(np.int64), layer)
    np.testing.assert_array_equal(out, expected)


def test_results_go_where_they_are_wanted_and_nowhere_else():
    x, weights = pixels(3, 50, 8), pixels(16, 8)
    layer = layer_of(weights, low=0, high=255)
    out = np.full((3 + 4, 50 + 4, 48), 7, np.int16)
    pointwise(x.view(np.int32), layer, None, out, 16, ALL)
    expected = np.full_like(out, 7)
    expected[2:-2, 2:-2, 16:32] = results(x.astype(np.int64) @ weights.T.astype(np.int64), layer)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize('grid', [(0, 0, 2), (1, 0, 2), (0, 1, 2), (1, 1, 2)])
@pytest.mark.parametrize('size', [(2, 2), (3, 101), (2, 200)])
def test_pixels_of_a_grid_are_convolved_alone(size, grid):
    top, left, step = grid
    x, weights = pixels(*size, 8), pixels(16, 8)
    layer = layer_of(weights, low=0, high=255)
    out = np.full((size[0] + 2, size[1] + 2, 16), 7, np.int16)
    pointwise(x.view(np.int32), layer, None, out, 0, grid)
    expected = np.full_like(out, 7)
    every = results(x.astype(np.int64) @ weights.T.astype(np.int64), layer)
    expected[1:-1, 1:-1][top::step, left::step] = every[top::step, left::step]
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize('slope', [1.0, 0.125])
@pytest.mark.parametrize('size', SIZES)
def test_fine_results_are_shortened_before_and_after_they_are_added(size, slope):
    x, weights = pixels(*size, 64, most=1020), pixels(96, 64, most=127)
    layer = layer_of(weights, slope=slope, low=-1020, high=1020, splitter=EIGHT_DIGITS)
    more = np.zeros((size[0] + 2, size[1] + 2, 96), np.int16)
    more[1:-1, 1:-1] = shortened(pixels(*size, 96, most=1020))
    single = results(x.astype(np.int64) @ weights.T.astype(np.int64), layer)
    expected = limited(more[1:-1, 1:-1] + single, layer)
    plain, added = np.empty((2, *size, 96), np.int16)
    pointwise(x.view(np.int32), layer, None, plain, 0, ALL)
    pointwise(x.view(np.int32), layer, more, added, 0, ALL)
    np.testing.assert_array_equal(plain, single)
    np.testing.assert_array_equal(added, expected)
    # In place, as residual blocks do.
    pointwise(x.view(np.int32), layer, more, more, 0, ALL)
    np.testing.assert_array_equal(more[1:-1, 1:-1], expected)
    assert not more[0].any() and not more[:, -1].any()


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('stride, phase', [(1, (0, 0)), (2, (0, 1)), (2, (1, 1))])
def test_depthwise_layers_are_windows_of_each_channel(size, stride, phase):
    (height, width), channels = size, 64
    x = pixels(stride * height + 5, stride * width + 5, channels, most=1020)
    weights = pixels(channels, 5, 5, most=127)
    layer = layer_of(weights, low=-255, high=255)
    out = np.full((height, width, 96), 7, np.int16)
    depthwise(x, layer, stride, *phase, out, 32)
    sums = windows(x[phase[0]:, phase[1]:], weights, stride, size)
    np.testing.assert_array_equal(out[:, :, 32:], results(sums, layer))
    assert (out[:, :, :32] == 7).all()


def windows(x, weights, stride, size):
    """Sum up windows of each channel."""
    sums = np.zeros((*size, x.shape[2]), np.int64)
    for j, i in np.ndindex(weights.shape[1:]):
        there = x[j:, i:][::stride, ::stride][:size[0], :size[1]]
        sums += there.astype(np.int64) * weights[:, j, i]
    return sums


@pytest.mark.parametrize('size', [(1, 4), (5, 12), (2, 108)])
def test_windows_of_a_block_are_those_of_each_channel(size):
    x, weights = pixels(size[0] + 2, size[1] + 2, 96, most=32767), pixels(96, 3, 3, most=127)
    layer = layer_of(weights, low=-1020, high=1020, splitter=EIGHT_DIGITS)
    out = np.empty((*size, 96), np.int16)
    depthwise_in_block(x, layer, out)
    np.testing.assert_array_equal(out, results(windows(x, weights, 1, size), layer))
