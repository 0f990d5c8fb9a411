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
Training of HiFiC for depth, a run for each phase.

As in the paper, a first run learns rate and distortion, a second one adds the adversarial loss.
Unlike there, the second run trains generator and discriminator alone, so that both generators
restore the same bytes and what the adversarial loss does can be seen apart from the rate. The
perceptual term of the paper (LPIPS) is left out: it is a network for photographs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import math
from pathlib import Path
from typing import Any, cast, ClassVar

from depth_nn_transport.training.dataset import Recording
from depth_nn_transport.training.hific.dataset import DepthCropSampler
from depth_nn_transport.training.hific.model import (
    aligned, DEPTH_MAX, HificConfig, HificModel, Restored, UNIT,
)
from depth_nn_transport.training.hific.networks import Discriminator
from depth_nn_transport.training.learning_curve import plot_history
from depth_nn_transport.training.run import averaged_weights, RunConfig, TrainingRun
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

# Parameters that a run trains, by the beginnings of their names; '' is all of them.
TRAINED = {
    'all': ('',), 'ends': ('encoder.enter', 'generator.leave'), 'generator': ('generator',),
}
# Weights of the rate, bits per pixel: above the target and below it, as in the paper.
RATE_WEIGHT_ABOVE = 2.0
RATE_WEIGHT_BELOW = 1 / 16
# Errors are counted in these 16-bit units, 0.1 m, so that they outweigh the rate below its target.
ERROR_UNIT = 100.0
# Beyond this many of them they count linearly: single pixels tens of metres off, which stereo
# makes where it finds no match, would drown all else.
ERROR_KNEE = 10.0


@dataclass(frozen=True)
class HificTrainingConfig(RunConfig):
    """
    What a run trains.

    :ivar trained: a key of ``TRAINED``.
    :ivar target_rate: bits per pixel of the latents.
    :ivar adversarial_weight: of the generator's adversarial loss beside the squared error in
        ``ERROR_UNIT``; 0 for a run without discriminator.
    :ivar discriminator_width: channels of its first layer.
    """

    model: HificConfig = field(default_factory=HificConfig)
    steps: int = 5000
    batch: int = 4
    crop: int = 128
    crop_unit: ClassVar[int] = 64
    trained: str = 'all'
    target_rate: float = 0.28
    adversarial_weight: float = 0.0
    discriminator_width: int = 16

    def __post_init__(self) -> None:
        """
        Check what has few values.

        :raises ValueError: if ``trained`` is unknown, or the crop no multiple of its unit.
        """
        super().__post_init__()
        if self.trained not in TRAINED:
            raise ValueError(f'trained is {self.trained!r}, not one of {", ".join(TRAINED)}')


class HificTrainer(TrainingRun[HificTrainingConfig, HificModel]):
    """Training of HiFiC; adds the discriminator and its optimiser to the state."""

    sampler_type = DepthCropSampler

    def __init__(
        self, config: HificTrainingConfig, folder: Path, device: str, start: Path | None = None
    ) -> None:
        """
        Start a run, from the weights of the run in ``start`` if given, or resume one.

        :raises ValueError: if ``start`` holds no checkpoint.
        """
        torch.manual_seed(config.seed)
        model = HificModel(config.model)
        if start is not None:
            model.load_state_dict(averaged_weights(start)[1])
        # The norm over channels is fast where they lie side by side.
        cast('Any', model).to(memory_format=torch.channels_last)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith(TRAINED[config.trained]))
        discriminator = Discriminator(config.discriminator_width, config.model.latents)
        self.discriminator = discriminator.to(device)
        self.critic = torch.optim.Adam(self.discriminator.parameters(), config.learning_rate)
        super().__init__(config, model, folder, device)

    def loss(self, plane: Tensor, valid: Tensor) -> Tensor:
        """Rate, distortion over valid pixels, and how well the discriminator is deceived."""
        depth = self.model.quantise(plane)
        restored: Restored = self.model(depth)
        rate = restored.bits.mean() / depth[0].numel()
        above = bool(rate > self.config.target_rate)
        rate_weight = RATE_WEIGHT_ABOVE if above else RATE_WEIGHT_BELOW
        cost = rate_weight * rate + distortion((restored.depth - depth) / ERROR_UNIT, valid)
        if self.config.adversarial_weight:
            # Holes are filled in what is real; what the generator puts there is not judged.
            judged = torch.where(valid > 0, restored.depth, depth) / UNIT
            latents = restored.latents.detach()
            self._train_discriminator(depth / UNIT, judged.detach(), latents)
            deceived = adversarial_loss(self.discriminator(judged, latents), real=True)
            cost = cost + self.config.adversarial_weight * deceived
        return cost

    def _train_discriminator(self, real: Tensor, restored: Tensor, latents: Tensor) -> None:
        cost = adversarial_loss(self.discriminator(real, latents), real=True)
        cost = cost + adversarial_loss(self.discriminator(restored, latents), real=False)
        self.critic.zero_grad(set_to_none=True)
        cost.backward()
        self.critic.step()

    def state(self) -> dict[str, Any]:
        """Return all that resuming needs."""
        return super().state() | {
            'discriminator': self.discriminator.state_dict(), 'critic': self.critic.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        super().load_state(state)
        self.discriminator.load_state_dict(state['discriminator'])
        self.critic.load_state_dict(state['critic'])

    def evaluate(self, recordings: list[Recording]) -> list[dict[str, Any]]:
        """Measure the averaged model on each recording, errors in 16-bit units."""
        model = cast('HificModel', self.average.module)
        return [evaluate(model, some, self.device) for some in recordings]

    def plot(self, path: Path) -> None:
        """Draw the history by recording."""
        plot_history(self.history, path, 'recording', '16-bit units')


def distortion(error: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error over valid pixels, in squared units; linear beyond the knee."""
    size = error.abs()
    cost = torch.where(size < ERROR_KNEE, size * size, ERROR_KNEE * (2 * size - ERROR_KNEE))
    return (cost * valid).sum() / valid.sum().clamp_min(1)


def adversarial_loss(logits: list[Tensor], real: bool) -> Tensor:
    """Non-saturating loss for patches to be taken as real or as restored, mean of the scales."""
    sign = -1 if real else 1
    return torch.stack([F.softplus(sign * some).mean() for some in logits]).mean()


@torch.no_grad()
def evaluate(model: HificModel, recording: Recording, device: str) -> dict[str, Any]:
    """Estimated bits per pixel (latents alone) and error in 16-bit units over valid pixels."""
    model.eval()
    rows = []
    for plane, valid in zip(recording.planes, recording.valid, strict=True):
        depth = model.quantise(aligned(torch.from_numpy(plane)[None, None].to(device)))
        restored = model(depth)
        samples = model.quantise(restored.depth.clamp(0, DEPTH_MAX))[0, 0].cpu().numpy()
        error = (samples[:plane.shape[0], :plane.shape[1]] - plane)[valid]
        bits = float(restored.bits) / plane.size
        rows.append((bits, float(np.abs(error).mean()), float((error**2).mean())))
    bits, mean, square = np.mean(rows, 0).tolist()
    return {'recording': recording.name, 'bits': bits, 'mean': mean, 'rms': math.sqrt(square)}
