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
"""The entropy model: phases tile the latents, costs are those of a distribution."""

from depth_nn_transport.codec import networks
from depth_nn_transport.training import entropy_model
from depth_nn_transport.training.entropy_model import (
    EntropyModel,
    logistic_bits,
    MAX_SCALE,
    MIN_SCALE,
    on_grid,
    phase_of,
    spread_step,
    STEPS,
    table_scale,
    TABLES,
)
import pytest
import torch


@pytest.mark.parametrize('name', [
    'STEPS', 'HYPER_CHANNELS', 'HYPER_MAX', 'LATENT_CHANNELS', 'LATENT_MAX', 'LOW_CHANNELS',
])
def test_training_and_codec_agree(name):
    assert getattr(entropy_model, name) == getattr(networks, name)


def test_steps_tile_the_latents():
    x = torch.randn(2, 3, 8, 12)
    parts = [
        spread_step(phase_of(on_grid(x, step.spacing), step.phase), step) for step in STEPS
    ]
    assert torch.equal(sum(parts), x)
    for step, part in zip(STEPS, parts, strict=True):
        assert (part != 0).sum() == x.numel() // (4 * step.spacing**2)


def test_scales_span_their_range():
    scale = table_scale(torch.arange(TABLES))
    torch.testing.assert_close(scale[[0, -1]], torch.tensor([MIN_SCALE, MAX_SCALE]))
    assert (scale.diff() > 0).all()


@pytest.mark.parametrize('scale', [0.05, 1.0, 20.0])
def test_probabilities_sum_to_one(scale):
    bits = logistic_bits(torch.arange(-400, 401).double(), torch.tensor(scale).double())
    assert torch.exp2(-bits).sum().item() == pytest.approx(1, abs=2e-4)


def example(count=2):
    latents = torch.randn(count, 64, 8, 12) * 5
    base = torch.randint(0, 60, (count, 1, 2, 3)).float()
    valid = (torch.rand(count, 1, 64, 96) > 0.2).float()
    return latents, base, valid, torch.tensor([20.0, 80.0])[:count]


def test_latents_are_rounded_and_counted():
    model = EntropyModel().eval()
    inputs = example()
    decoded, bits = model(*inputs)
    assert decoded.shape == inputs[0].shape and bits.shape == (2,)
    assert (decoded - inputs[0]).abs().max() <= 0.5 + 1e-4
    assert torch.equal(decoded * 8, torch.round(decoded * 8))
    assert (bits > 0).all()


def test_frames_of_a_batch_are_independent():
    model = EntropyModel().eval()
    inputs = example()
    together, bits = model(*inputs)
    alone, bits_alone = model(*(x[:1] for x in inputs))
    torch.testing.assert_close(alone, together[:1])
    torch.testing.assert_close(bits_alone, bits[:1])


def test_gradients_reach_every_part():
    model = EntropyModel().train()
    latents, *side = example()
    decoded, bits = model(latents.requires_grad_(), *side)
    (bits.sum() + decoded.square().sum()).backward()
    assert latents.grad.abs().sum() > 0
    assert all(p.grad is not None for p in model.parameters())
