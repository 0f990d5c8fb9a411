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
"""Hole masks: exact round trips, exact networks, harmless garbage."""

from __future__ import annotations

from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.mask_coder import LOGIT_LEVELS, MaskCoder, Network
from depth_nn_transport.codec.model_files import ModelFiles
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest


@pytest.fixture(scope='module')
def arrays():
    return ModelFiles.load('main').mask


@pytest.fixture(scope='module')
def coder(arrays):
    return MaskCoder(arrays)


def blobs(height: int, width: int, seed: int, size: int) -> np.ndarray:
    """Random blocks of holes with some speckle."""
    random = np.random.default_rng(seed)
    coarse = random.random((height // size + 1, width // size + 1)) < 0.3
    mask = coarse.repeat(size, 0).repeat(size, 1)[:height, :width]
    return mask ^ (random.random(mask.shape) < 0.02)


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(16, 70), width=st.integers(16, 70), seed=st.integers(0, 2**32 - 1),
    size=st.integers(1, 30))
def test_any_mask_comes_back(coder, height, width, seed, size):
    mask = blobs(height, width, seed, size)
    np.testing.assert_array_equal(coder.decode(coder.encode(mask), height, width), mask)


@pytest.mark.parametrize('value, limit', [(False, 64), (True, 1024)])
def test_uniform_masks_take_next_to_nothing(coder, value, limit):
    mask = np.full((480, 848), value)
    data = coder.encode(mask)
    assert len(data) < limit
    np.testing.assert_array_equal(coder.decode(data, 480, 848), mask)


def test_smooth_masks_take_less_than_their_borders(coder):
    rows, columns = np.mgrid[:240, :320]
    mask = (rows - 120) ** 2 + (columns - 160) ** 2 < 80**2
    border = sum(np.count_nonzero(np.diff(mask, axis=axis)) for axis in (0, 1))
    assert 8 * len(coder.encode(mask)) < 2 * border


@settings(deadline=None, max_examples=60)
@given(data=st.binary(max_size=300))
def test_garbage_is_refused_or_decodes_to_some_mask(coder, data):
    try:
        mask = coder.decode(data, 33, 50)
    except CorruptStreamError:
        return
    assert mask.shape == (33, 50) and mask.dtype == bool


@pytest.mark.parametrize('name', ['block1', 'pixel8.2', 'pixel1.3'])
def test_networks_are_exact_in_float32(arrays, name):
    network = Network.load(arrays, name)
    exact = Network(
        tuple(w.astype(np.float64) for w in network.weights),
        tuple(b.astype(np.float64) for b in network.biases))
    random = np.random.default_rng(0)
    x = random.integers(-1, 2, (5000, len(network.weights[0]))).astype(np.float32)
    index = network(x)
    np.testing.assert_array_equal(index, exact(x.astype(np.float64)))
    np.testing.assert_array_equal(index, network(x[::-1])[::-1])
    assert index.min() >= 0 and index.max() < LOGIT_LEVELS


def test_no_sum_of_any_network_leaves_the_integers_of_float32(arrays, coder):
    for network in (*coder.blocks, *coder.pixels.values()):
        bound = 1.0
        for weight, bias in zip(network.weights, network.biases, strict=True):
            parts = np.abs(weight).astype(np.float64)
            unit = parts[parts > 0].min() if (parts > 0).any() else 1.0
            unit = 2.0 ** np.floor(np.log2(min(unit, 2.0**-8)))
            assert (parts.sum(0) * bound + np.abs(bias)).max() / unit < 2**24
            bound = 255.0
