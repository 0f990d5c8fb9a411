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
"""Weights become integers, exactly or as well as sums of 32 bits allow."""

from depth_nn_transport.runtime.integer_layers import ALL, pointwise
from depth_nn_transport.runtime.integer_weights import Finish, LayerWeights
import numpy as np
import pytest

RANDOM = np.random.default_rng(0)
STEP = 1 / 16
# Of which the results are those of the sums.
AS_THEY_ARE = Finish(2.0**-16)


def weights_of(weight, bias):
    return LayerWeights({'net/layer.weight': weight.astype(np.float32),
                         'net/layer.bias': bias.astype(np.float32)}, 'net')


def exact_weights(outputs=32, inputs=6):
    digits = RANDOM.integers(4, 13, (outputs, 1))
    weight = RANDOM.integers(-255, 256, (outputs, inputs)) * np.exp2(-digits)
    return weight[:, :, None, None], RANDOM.integers(-9999, 9999, outputs) * 2.0**-8


def convolved(layer, x):
    """Apply a layer to pixels in steps, (N, C) -> (N, C')."""
    out = np.empty((1, len(x), len(layer.bias)), np.float32)
    pointwise(x.astype(np.int16)[None].view(np.int32), layer, None, out, 0, ALL)
    return out[0]


def test_exact_weights_lose_nothing():
    weight, bias = exact_weights()
    # All of an output's weights may be zero.
    weight[3], bias[3] = 0, 0
    weight[4], bias[4] = 0, 2.0**-8
    x = RANDOM.integers(-255, 256, (20, 6))
    layer = weights_of(weight, bias).exact('layer', 6, 32, STEP, AS_THEY_ARE)
    truth = (x * STEP) @ weight[:, :, 0, 0].T + bias
    np.testing.assert_array_equal(convolved(layer, x) * AS_THEY_ARE.step, truth)


def test_each_channel_may_be_convolved_by_itself():
    weight = RANDOM.integers(-255, 256, (16, 1, 5, 5)) / 64
    layer = weights_of(weight, np.zeros(16)).exact('layer', 16, 16, STEP, AS_THEY_ARE, 5)
    assert layer.taps == 5
    np.testing.assert_array_equal(
        layer.weights.reshape(25, 16).T.reshape(weight.shape) * (
            layer.scale.astype(float) * AS_THEY_ARE.step / STEP).reshape(-1, 1, 1, 1), weight)


@pytest.mark.parametrize('value', [1 / 3, 2.0**-13, 257.0, 511 / 256])
def test_weights_that_would_not_be_exact_are_refused(value):
    weight, bias = exact_weights()
    weight[2] = 1.0
    weight[2, 1] = value
    if value in (257.0, 511 / 256):
        weight[2, 0] = 2.0**-8
    with pytest.raises(ValueError, match='net/layer has weights'):
        weights_of(weight, bias).exact('layer', 6, 32, STEP, AS_THEY_ARE)


@pytest.mark.parametrize('there, inputs, outputs', [
    (32, 8, 32), (32, 6, 48), (32, 8, None), (24, 6, None)])
def test_shapes_that_do_not_fit_are_refused(there, inputs, outputs):
    weights = weights_of(*exact_weights(there))
    with pytest.raises(ValueError, match='net/layer has weights and biases of the shapes'):
        weights.exact('layer', inputs, outputs, STEP, AS_THEY_ARE)
    with pytest.raises(ValueError, match='net/layer has weights and biases of the shapes'):
        weights.rounded('layer', np.full(inputs, 255), outputs, STEP, AS_THEY_ARE)
    with pytest.raises(ValueError, match='net/layer has weights and biases of the shapes'):
        weights.exact('layer', 6, there, STEP, AS_THEY_ARE, 3)


def test_a_layer_that_is_missing_is_told_from_one_that_is_there():
    weights = weights_of(*exact_weights())
    assert weights.has('layer') and not weights.has('other')
    with pytest.raises(KeyError, match='net/other'):
        weights.exact('other', 6, 32, STEP, AS_THEY_ARE)


@pytest.mark.parametrize('inputs', [6, 512])
def test_rounded_weights_are_near_and_their_sums_have_room(inputs):
    largest = np.repeat([32767, 2048], inputs // 2)
    weight, bias = RANDOM.normal(size=(32, inputs, 1, 1)), RANDOM.normal(size=32)
    weight[5] = 0
    step = 2.0**-8
    layer = weights_of(weight, bias).rounded('layer', largest, 32, step, Finish(step))
    # What makes the sum of an output the largest.
    for x in (largest * np.sign(weight[7, :, 0, 0]), -largest * np.sign(weight[8, :, 0, 0])):
        truth = (x * step) @ weight[:, :, 0, 0].T + bias
        found = convolved(layer, x[None])[0] * step
        np.testing.assert_allclose(found, truth, atol=1e-3 * np.abs(truth).max())
