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
"""Training of transforms and entropy model, end to end."""

from __future__ import annotations

from dataclasses import dataclass, field
import math
from pathlib import Path
from typing import Any

from depth_nn_transport.codec.blocks import pad_to_base
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.training.dataset import Plane, Recording, remove_steps, Valid
from depth_nn_transport.training.learning_curve import plot_history
from depth_nn_transport.training.model import DepthModel, ModelConfig
from depth_nn_transport.training.run import RunConfig, TrainingRun
from depth_nn_transport.training.shipped import load_shipped
from depth_nn_transport.training.transforms import MAX_QUALITY
import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class TrainingConfig(RunConfig):
    """
    What a run trains.

    :ivar lambda_min, lambda_max: bits per pixel that a quantum of error is worth at quality 0 and
        100.
    :ivar tail_weight: weight of the squared error beside the absolute one, 1 / quanta.
    :ivar low_precision: compute the convolutional paths of the transforms in bfloat16.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    steps: int = 30_000
    batch: int = 8
    crop: int = 192
    lambda_min: float = 0.015
    lambda_max: float = 1.5
    tail_weight: float = 0.04
    low_precision: bool = True

    def __post_init__(self) -> None:
        """
        Check all values.

        :raises ValueError: if a rate is no price, or see `RunConfig`.
        """
        super().__post_init__()
        if not 0 < self.lambda_min <= self.lambda_max:
            raise ValueError(f'lambda_min is {self.lambda_min}, not above 0 and at most '
                             f'lambda_max, {self.lambda_max}')


ERROR_KNEE = 0.5
TAIL_LIMIT = 32.0


def distortion(error: Tensor, valid: Tensor, tail_weight: float) -> Tensor:
    """
    Mean over each frame's valid pixels of a robust error plus a squared tail: (N,) quanta.

    Restored planes are rounded to whole quanta, so errors below a half are nearly free.
    """
    size = error.abs()
    body = torch.sqrt(size * size + ERROR_KNEE**2) - ERROR_KNEE
    tail = torch.where(size < TAIL_LIMIT, 0.5 * size * size, TAIL_LIMIT * size - TAIL_LIMIT**2 / 2)
    cost = (body + tail_weight * tail) * valid
    return cost.sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp_min(1)


def rate_weight(quality: Tensor, config: TrainingConfig) -> Tensor:
    """Bits per pixel that a quantum of error is worth at a quality, (N,) -> (N,)."""
    ratio = config.lambda_max / config.lambda_min
    return config.lambda_min * ratio ** (quality / MAX_QUALITY)


class Trainer(TrainingRun[TrainingConfig, DepthModel]):
    """Training of transforms and entropy model for all qualities at once."""

    def __init__(
        self, config: TrainingConfig, folder: Path, device: str, start: ModelFiles | None = None
    ) -> None:
        """
        Start a run, from a shipped model's weights if there is one, or resume it.

        :raises ValueError: if the shipped model is of another size than the configuration says.
        """
        torch.manual_seed(config.seed)
        model = DepthModel(config.model)
        if start is not None:
            _start_from(model, load_shipped(start))
        model.set_low_precision(config.low_precision)
        super().__init__(config, model, folder, device)

    def loss(self, plane: Tensor, valid: Tensor) -> Tensor:
        """Rate and distortion of planes in quanta, each at a quality drawn at random."""
        quality = torch.randint(0, MAX_QUALITY + 1, (len(plane),), device=self.device).float()
        restored, bits = self.model(plane, valid, quality)
        error = distortion(restored - plane, valid, self.config.tail_weight)
        weight = rate_weight(quality, self.config)
        # Costs grow with quality; normalised so that no quality drowns the others.
        cost: Tensor = (bits / plane[0].numel() + weight * error) / weight.sqrt()
        return cost.mean()

    def evaluate(self, recordings: list[Recording]) -> list[dict[str, Any]]:
        """Measure the averaged model at five qualities, errors in quanta."""
        return evaluate(self.average.module, recordings, self.device)

    def plot(self, path: Path) -> None:
        """Draw the history by quality."""
        plot_history(self.history, path, 'quality', 'quanta')


def _start_from(model: DepthModel, shipped: DepthModel) -> None:
    try:
        model.load_state_dict(shipped.state_dict())
    except RuntimeError as error:
        raise ValueError(f'the model to start from has another size: {error}') from error


@torch.no_grad()
def evaluate(
    model: torch.nn.Module, recordings: list[Recording], device: str
) -> list[dict[str, Any]]:
    """Estimated bits per pixel (latents alone) and error in quanta, by quality and recording."""
    model.eval()
    points = []
    for quality in (0, 25, 50, 75, 100):
        for recording in recordings:
            rows = [
                _frame_point(model, plane, valid, quality, device)
                for plane, valid in zip(recording.planes, recording.valid, strict=True)
            ]
            bits, mean, square = np.mean(rows, 0)
            points.append({
                'quality': quality, 'recording': recording.name,
                'bits': float(bits), 'mean': float(mean), 'rms': float(math.sqrt(square)),
            })
    return points


def _frame_point(
    model: torch.nn.Module, plane: Plane, valid: Valid, quality: int, device: str
) -> tuple[float, float, float]:
    known = pad_to_base(valid, 'constant')
    smooth = remove_steps(pad_to_base(plane, 'edge'), known)
    x = torch.from_numpy(smooth)[None, None].to(device)
    mask = torch.from_numpy(known).float()[None, None].to(device)
    restored, bits = model(x, mask, torch.tensor([float(quality)], device=device))
    error = torch.round(restored - x)[mask > 0]
    return float(bits) / plane.size, float(error.abs().mean()), float((error**2).mean())
