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
"""Shapes of the networks and what their parts promise."""

from depth_nn_transport.training.hific.hyperprior import gaussian_bits, MIN_SCALE
from depth_nn_transport.training.hific.model import aligned, HificConfig, HificModel
from depth_nn_transport.training.hific.networks import ChannelNorm, Discriminator
import pytest
import torch


def test_channel_norm_looks_at_each_position_alone():
    norm = ChannelNorm(8)
    x = torch.randn(2, 8, 4, 6)
    y = norm(x)
    torch.testing.assert_close(y.mean(1), torch.zeros(2, 4, 6), atol=1e-5, rtol=0)
    torch.testing.assert_close(y[:, :, 1:2, 3:4], norm(x[:, :, 1:2, 3:4]))


def test_the_model_restores_the_size_at_a_sixteenth_of_the_resolution(tiny):
    model = HificModel(tiny)
    restored = model(torch.full((2, 1, 64, 128), 1500.0))
    assert restored.depth.shape == (2, 1, 64, 128)
    assert restored.latents.shape == (2, tiny.latents, 4, 8)
    assert restored.bits.shape == (2,) and (restored.bits > 0).all()


def test_latents_are_their_mean_and_an_integer(tiny):
    model = HificModel(tiny).eval()
    depth = torch.rand(1, 1, 64, 64) * 4000
    latents = model.latents_of(depth)
    mean, _ = model.hyperprior.distribution(torch.round(model.hyperprior.analysis(latents)))
    whole = model(depth).latents - mean
    torch.testing.assert_close(whole, torch.round(latents - mean), atol=1e-4, rtol=0)


@pytest.mark.parametrize('bits, step', [(8, 257.0), (16, 1.0)])
def test_depth_is_quantised_to_the_samples_of_the_net(bits, step):
    model = HificModel(HificConfig(bits=bits))
    depth = torch.tensor([0.0, 1.0, 128.0, 129.0, 65535.0])
    assert (model.quantise(depth) % step == 0).all()
    assert (model.quantise(depth) - depth).abs().max() <= step / 2
    assert model.quantise(depth)[-1] == 65535


def test_discriminator_judges_patches_at_two_scales():
    logits = Discriminator(4, latents=6)(torch.rand(2, 1, 64, 96), torch.rand(2, 6, 4, 6))
    assert [some.shape for some in logits] == [(2, 1, 4, 6), (2, 1, 2, 3)]


def test_discriminator_sees_the_latents():
    torch.manual_seed(0)
    discriminator = Discriminator(4, latents=6).eval()
    depth = torch.rand(1, 1, 64, 64)
    one, other = (discriminator(depth, latents)[0] for latents in torch.randn(2, 1, 6, 4, 4))
    assert not torch.equal(one, other)


def test_bits_of_a_gaussian_sum_to_one_symbol():
    symbols = torch.arange(-40.0, 41.0)
    for scale in (MIN_SCALE, 1.0, 6.0):
        probability = torch.exp2(-gaussian_bits(symbols, torch.tensor(scale))).sum()
        assert probability.item() == pytest.approx(1, abs=1e-3)


def test_frames_are_padded_by_their_edge():
    plane = torch.arange(70.0).expand(1, 1, 60, 70)
    padded = aligned(plane)
    assert padded.shape == (1, 1, 64, 128)
    assert torch.equal(padded[..., :60, :70], plane) and (padded[..., 70:] == 69).all()
