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
"""Frames survive the bytes: holes, sizes, and what the networks sent."""

from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.training.hific.coder import HificCoder
from depth_nn_transport.training.hific.dataset import filled
from depth_nn_transport.training.hific.model import aligned, HificModel
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
import torch


@pytest.fixture(scope='module')
def model(tiny):
    torch.manual_seed(0)
    return HificModel(tiny).eval()


@pytest.fixture(scope='module')
def coder(model):
    return HificCoder(model, MaskCoder(ModelFiles.load('main').mask))


@settings(max_examples=15)
@given(
    st.integers(16, 80), st.integers(16, 80), st.sampled_from([0.0, 0.2, 1.0]),
    st.sampled_from([1, 3000, 65535]), st.integers(0, 99),
)
def test_holes_and_size_come_back(coder, height, width, holes, highest, seed):
    random = np.random.default_rng(seed)
    depth = random.integers(1, highest, (height, width), np.uint16, endpoint=True)
    depth[random.random(depth.shape) < holes] = 0
    restored = coder.decode(coder.encode(depth))
    assert restored.dtype == np.uint16 and restored.shape == depth.shape
    assert np.array_equal(restored == 0, depth == 0)


def test_the_decoder_restores_what_the_model_does(coder, model, frame):
    plane = aligned(torch.from_numpy(filled(frame))[None, None])
    with torch.no_grad():
        expected = model(plane).depth[0, 0, :frame.shape[0], :frame.shape[1]].numpy()
    error = np.abs(coder.decode(coder.encode(frame)) - np.clip(expected, 1, 65535))
    # Symbols that the table of a channel calls certain are dropped.
    assert error[frame > 0].mean() < 2


def test_bytes_are_close_to_the_estimated_bits(coder, model, frame):
    plane = aligned(torch.from_numpy(filled(frame))[None, None])
    with torch.no_grad():
        estimated = float(model(plane).bits) / 8
    mask = len(MaskCoder(ModelFiles.load('main').mask).encode(frame == 0))
    assert len(coder.encode(frame)) == pytest.approx(estimated + mask, rel=0.15, abs=60)
