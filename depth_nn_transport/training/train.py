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
"""Training of the model: one command, resumable, with a learning curve."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
import json
import math
from pathlib import Path
import time
from typing import Any

from depth_nn_transport.codec.blocks import pad_to_base
from depth_nn_transport.training.dataset import (
    CropSampler,
    Plane,
    Recording,
    remove_steps,
    Valid,
)
from depth_nn_transport.training.learning_curve import plot_history
from depth_nn_transport.training.model import CHECKPOINT, DepthModel, ModelConfig
from depth_nn_transport.training.transforms import MAX_QUALITY
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm
import yaml


@dataclass(frozen=True)
class TrainingConfig:
    """What a training run does; one YAML file a model.

    Attributes:
        lambda_min, lambda_max: bits per pixel that a quantum of error is worth at quality 0
            and 100.
        tail_weight: weight of the squared error beside the absolute one, 1 / quanta.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    steps: int = 30_000
    batch: int = 8
    crop: int = 192
    learning_rate: float = 1e-3
    warmup: int = 200
    lambda_min: float = 0.015
    lambda_max: float = 1.5
    tail_weight: float = 0.04
    average_decay: float = 0.999
    low_precision: bool = True
    seed: int = 0


def load_config(path: Path) -> TrainingConfig:
    """Read a YAML file of the fields of `TrainingConfig`.

    Raises:
        ValueError: if a field is unknown.

    """
    fields = yaml.safe_load(path.read_text()) or {}
    try:
        model = ModelConfig(**fields.pop('model', {}))
        return TrainingConfig(model=model, **fields)
    except TypeError as error:
        raise ValueError(f'{path}: {error}') from error


ERROR_KNEE = 0.5
TAIL_LIMIT = 32.0


def distortion(error: Tensor, valid: Tensor, tail_weight: float) -> Tensor:
    """Mean over each frame's valid pixels of a robust error plus a squared tail: (N,) quanta.

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


class Trainer:
    """State of a run: model, running average of its weights, optimiser, history."""

    def __init__(self, config: TrainingConfig, folder: Path, device: str) -> None:
        torch.manual_seed(config.seed)
        self.config, self.folder, self.device = config, folder, device
        self.model = DepthModel(config.model).to(device)
        self.model.set_low_precision(config.low_precision)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.model,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.average_decay),
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), config.learning_rate)
        self.step = 0
        self.history: list[dict[str, Any]] = []
        if self.checkpoint.exists():
            self._resume()

    @property
    def checkpoint(self) -> Path:
        """Where the run's state is kept."""
        return self.folder / CHECKPOINT

    def run(self, train: list[Recording], val: list[Recording], evaluate_every: int) -> None:
        """Train to the configured number of steps, evaluating and saving as it goes."""
        sampler = CropSampler(train, self.config.crop, self.config.seed + self.step)
        progress = tqdm(total=self.config.steps, initial=self.step, unit='step', mininterval=5)
        while self.step < self.config.steps:
            loss = self._update(sampler)
            progress.update()
            if self.step % 50 == 0:
                progress.set_postfix(loss=f'{loss:.4f}')
            if self.step % evaluate_every == 0 or self.step == self.config.steps:
                self._save()
                self._evaluate(val, loss)
                self._save()

    def _update(self, sampler: CropSampler) -> float:
        for group in self.optimizer.param_groups:
            group['lr'] = self._learning_rate()
        plane, valid = (t.to(self.device) for t in sampler.batch(self.config.batch))
        quality = torch.randint(0, MAX_QUALITY + 1, (len(plane),), device=self.device).float()
        restored, bits = self.model(plane, valid, quality)
        error = distortion(restored - plane, valid, self.config.tail_weight)
        weight = rate_weight(quality, self.config)
        # Costs grow with quality; normalised so that no quality drowns the others.
        cost = (bits / plane[0].numel() + weight * error) / weight.sqrt()
        loss = cost.mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.average.update_parameters(self.model)
        self.step += 1
        return float(loss.detach())

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.step + 1) / self.config.warmup)
        cosine = 0.5 * (1 + math.cos(math.pi * self.step / self.config.steps))
        return self.config.learning_rate * warm * max(cosine, 0.01)

    def _evaluate(self, val: list[Recording], loss: float) -> None:
        started = time.time()
        points = evaluate(self.average.module, val, self.device)
        entry = {'step': self.step, 'loss': loss, 'points': points}
        self.history.append(entry)
        (self.folder / 'history.json').write_text(json.dumps(self.history, indent=1))
        plot_history(self.history, self.folder / 'learning_curve.png')
        summary = ' '.join(f"{p['bits']:.3f}b/{p['mean']:.2f}/{p['rms']:.2f}" for p in points)
        seconds = time.time() - started
        tqdm.write(f'step {self.step} loss {loss:.4f} val {summary} ({seconds:.0f} s)')

    def _save(self) -> None:
        state = {
            'config': asdict(self.config),
            'step': self.step,
            'model': self.model.state_dict(),
            'average': self.average.state_dict(),
            'optimizer': self.optimizer.state_dict(),
            'history': self.history,
        }
        partial = self.checkpoint.with_suffix('.tmp')
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state['model'])
        self.average.load_state_dict(state['average'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.step, self.history = state['step'], state['history']


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
