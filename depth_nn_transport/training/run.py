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
"""What every training run shares: steps, average of the weights, checkpoints, history."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
import json
import math
from pathlib import Path
from pickle import UnpicklingError
import time
from typing import Any, ClassVar, Generic, TypeVar

from depth_nn_transport.training.dataset import CropSampler, Recording
import torch
from torch import nn, Tensor
from torch.utils.data import DataLoader, get_worker_info, IterableDataset
from tqdm import tqdm
import yaml

CHECKPOINT = 'checkpoint.pt'
MOST_SKIPPED = 100


class DivergedError(Exception):
    """A run no longer learns."""


@dataclass(frozen=True)
class RunConfig:
    """
    What all training runs are told; one YAML file a model.

    :ivar model: sizes of the networks, a dataclass.
    :ivar steps, batch: how many, and crops in each.
    :ivar crop: side of the crops, pixels.
    :ivar learning_rate: at its highest, after ``warmup`` steps; it falls as a cosine from there.
    :ivar average_decay: of the running average of the weights.
    """

    model: Any
    steps: int
    batch: int
    crop: int
    learning_rate: float = 1e-3
    warmup: int = 200
    average_decay: float = 0.999
    seed: int = 0
    # What crops are whole multiples of, pixels.
    crop_unit: ClassVar[int] = 32

    def __post_init__(self) -> None:
        """
        Check what networks and blocks depend on.

        :raises ValueError: if there are no steps or crops, or the crop is no multiple of its
            unit.
        """
        for name in ('steps', 'batch'):
            if getattr(self, name) < 1:
                raise ValueError(f'{name} is {getattr(self, name)}, not at least 1')
        if self.crop < 1 or self.crop % self.crop_unit:
            raise ValueError(f'crop is {self.crop}, not a multiple of {self.crop_unit}')


Config = TypeVar('Config', bound=RunConfig)
Model = TypeVar('Model', bound=nn.Module)


def load_config(path: Path, config_type: type[Config], model_type: type[Any]) -> Config:
    """
    Read a YAML file of the fields of a configuration, those of the model under ``model``.

    :raises ValueError: if the file is no such mapping, or a field is unknown or of another type.
    """
    try:
        given = dict(yaml.safe_load(path.read_text()) or {})
        model = model_type(**_numbers(model_type, given.pop('model', {})))
        return config_type(model=model, **_numbers(config_type, given))
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f'{path}: {error}') from error


def _numbers(config_type: type[Any], given: dict[str, Any]) -> dict[str, Any]:
    """Make numbers of what YAML leaves as text, such as 1e-3."""
    types = {field.name: str(field.type) for field in fields(config_type)}
    return {
        name: _number(name, types[name], value) if types.get(name) in ('int', 'float') else value
        for name, value in given.items()
    }


def _number(name: str, kind: str, value: Any) -> int | float:
    number = float(value)
    if not 0 <= number < math.inf or (kind == 'int' and number != int(number)):
        raise ValueError(f'{name} is {value!r}, not a number of kind {kind} from 0 on')
    return int(number) if kind == 'int' else number


Batch = tuple[Tensor, Tensor]


class _Batches(IterableDataset[Batch]):
    """Batches without end; each worker process draws its own."""

    def __init__(
        self, sampler_type: type[CropSampler], recordings: list[Recording], config: RunConfig,
        seed: int,
    ) -> None:
        self._sampler_type, self._recordings = sampler_type, recordings
        self._config, self._seed = config, seed

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        seed = self._seed if worker is None else worker.seed
        sampler = self._sampler_type(self._recordings, self._config.crop, seed)
        while True:
            yield sampler.batch(self._config.batch)


class TrainingRun(ABC, Generic[Config, Model]):
    """State of a run: model, running average of its weights, optimiser, history."""

    sampler_type: ClassVar[type[CropSampler]] = CropSampler

    def __init__(self, config: Config, model: Model, folder: Path, device: str) -> None:
        """
        Start a run, or resume the one that is in the folder.

        :raises ValueError: if that is damaged or of another model.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.config, self.folder, self.device = config, folder, device
        self.model = model.to(device)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.model,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.average_decay),
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), config.learning_rate)
        self.step = 0
        # Steps in a row.
        self._skipped = 0
        self.history: list[dict[str, Any]] = []
        if self.checkpoint.exists():
            self._resume()

    @abstractmethod
    def loss(self, plane: Tensor, valid: Tensor) -> Tensor:
        """Loss of a batch of planes and their validity, (N, 1, crop, crop) each."""

    @abstractmethod
    def evaluate(self, recordings: list[Recording]) -> list[dict[str, Any]]:
        """Measure the averaged model; each point has ``bits`` per pixel, ``mean`` and ``rms``."""

    @abstractmethod
    def plot(self, path: Path) -> None:
        """Draw the history."""

    def _resume(self) -> None:
        state = read_checkpoint(self.folder, self.device)
        try:
            self.load_state(state)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f'{self.checkpoint} is of another model: {error}; choose another '
                             'folder for the run') from error

    @property
    def checkpoint(self) -> Path:
        """Where the run's state is kept."""
        return self.folder / CHECKPOINT

    def run(
        self, train: list[Recording], val: list[Recording], evaluate_every: int, workers: int = 0
    ) -> None:
        """
        Train to the configured number of steps, evaluating and saving as it goes.

        Batches are drawn in worker processes, or between the steps without them.

        :raises DivergedError: if there is nothing to learn from for long.
        """
        seed = self.config.seed + self.step
        # Worker processes are seeded from here: a resumed run must not see its crops again.
        torch.manual_seed(seed)
        batches = iter(DataLoader(
            _Batches(self.sampler_type, train, self.config, seed), batch_size=None,
            num_workers=workers, pin_memory=self.device == 'cuda',
        ))
        progress = tqdm(total=self.config.steps, initial=self.step, unit='step', mininterval=5)
        while self.step < self.config.steps:
            loss = self._update(*next(batches))
            progress.update()
            if self.step % 50 == 0:
                progress.set_postfix(loss=f'{loss:.4f}')
            if self.step % evaluate_every == 0 or self.step == self.config.steps:
                self._save()
                self._record(val, loss)
                self._save()

    def state(self) -> dict[str, Any]:
        """Return all that resuming needs."""
        return {
            'config': asdict(self.config),
            'step': self.step,
            'model': self.model.state_dict(),
            'average': self.average.state_dict(),
            'optimizer': self.optimizer.state_dict(),
            'history': self.history,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.model.load_state_dict(state['model'])
        self.average.load_state_dict(state['average'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.step, self.history = state['step'], state['history']

    def _update(self, plane: Tensor, valid: Tensor) -> float:
        for group in self.optimizer.param_groups:
            group['lr'] = self._learning_rate()
        loss = self.loss(plane.to(self.device), valid.to(self.device))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.average.update_parameters(self.model)
            self._skipped = 0
        else:
            self._skipped += 1
        if self._skipped == MOST_SKIPPED:
            raise DivergedError(f'the gradients of the last {MOST_SKIPPED} steps, up to '
                                f'{self.step}, were not finite; lower the learning rate')
        self.step += 1
        return float(loss.detach())

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.step + 1) / max(self.config.warmup, 1))
        cosine = 0.5 * (1 + math.cos(math.pi * self.step / self.config.steps))
        return self.config.learning_rate * warm * max(cosine, 0.01)

    def _record(self, val: list[Recording], loss: float) -> None:
        started = time.time()
        points = self.evaluate(val)
        self.history.append({'step': self.step, 'loss': loss, 'points': points})
        (self.folder / 'history.json').write_text(json.dumps(self.history, indent=1))
        self.plot(self.folder / 'learning_curve.png')
        summary = ' '.join(f"{p['bits']:.3f}b/{p['mean']:.2f}/{p['rms']:.2f}" for p in points)
        seconds = time.time() - started
        tqdm.write(f'step {self.step} loss {loss:.4f} val {summary} ({seconds:.0f} s)')

    def _save(self) -> None:
        partial = self.checkpoint.with_suffix('.tmp')
        torch.save(self.state(), partial)
        partial.replace(self.checkpoint)


def averaged_weights(run: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """
    Read the configuration of a run and the running average of its model's weights.

    :raises ValueError: if the folder holds no checkpoint, or a damaged one.
    """
    if not (run / CHECKPOINT).exists():
        raise ValueError(f'{run} holds no {CHECKPOINT}')
    state = read_checkpoint(run, 'cpu')
    prefix = 'module.'
    weights = {
        name.removeprefix(prefix): value
        for name, value in state['average'].items() if name.startswith(prefix)
    }
    return state['config'], weights


def read_checkpoint(run: Path, device: str) -> dict[str, Any]:
    """
    Read what `TrainingRun.state` returned.

    :raises ValueError: if the file is damaged.
    """
    path = run / CHECKPOINT
    try:
        state = dict(torch.load(path, map_location=device, weights_only=True))
    except (
        EOFError, KeyError, OSError, RuntimeError, TypeError, UnpicklingError, ValueError
    ) as error:
        raise ValueError(f'{path} is damaged: {error}') from error
    parts = {'average', 'config', 'history', 'model', 'optimizer', 'step'}
    if lacking := parts - state.keys():
        raise ValueError(f'{path} is damaged: it lacks {", ".join(sorted(lacking))}')
    return state
