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
"""The command ``train``; torch is imported only when it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from depth_nn_transport.codec.model_files import DEFAULT_MODEL
from depth_nn_transport.options import readable_errors, threads_option


@click.group()
def train() -> None:
    """Train the model's parts and export them to what robots run."""


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

_data_option = click.option(
    '--data', required=True, type=_FOLDER, help='Folder of folders of depth PNGs.'
)
_out_option = click.option(
    '--out', required=True, type=click.Path(file_okay=False, path_type=Path),
    help='Folder of the model.',
)


def _run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Arguments and options of every training run with checkpoints."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    options = (
        click.argument('config', type=file),
        _data_option,
        click.option('--val', required=True, type=_FOLDER,
                     help='The same, for evaluation only.'),
        click.option('--run', required=True, type=click.Path(file_okay=False, path_type=Path),
                     help='Folder for checkpoints and curves; a run that is there is resumed.'),
        click.option('--device', default='auto', show_default=True, help='auto, cpu or cuda.'),
        threads_option,
        click.option('--workers', default=0, show_default=True, type=click.IntRange(0),
                     help='Processes that draw crops beside; a GPU needs many.'),
        click.option('--evaluate-every', default=1000, show_default=True,
                     type=click.IntRange(1), help='Steps between evaluations and checkpoints.'),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _prepare(device: str, threads: int) -> str:
    """Set the threads; return the device to train on."""
    import torch

    torch.set_num_threads(threads)
    if device == 'auto':
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    if device.startswith('cuda') and not torch.cuda.is_available():
        raise click.ClickException('no CUDA GPU is at hand; choose --device cpu')
    return device


@train.command()
@_run_options
@click.option('--start', help='Model whose weights a new run starts from, for example main.')
def transform(
    config: Path, data: Path, val: Path, run: Path, device: str, threads: int, workers: int,
    evaluate_every: int, start: str | None,
) -> None:
    """Train transforms and entropy model as the YAML file CONFIG says."""
    from depth_nn_transport.codec.model_files import ModelFiles
    from depth_nn_transport.training.dataset import load_recordings, thin
    from depth_nn_transport.training.model import ModelConfig
    from depth_nn_transport.training.run import DivergedError, load_config
    from depth_nn_transport.training.train import Trainer, TrainingConfig

    device = _prepare(device, threads)
    with readable_errors(OSError, RuntimeError, ValueError):
        settings = load_config(config, TrainingConfig, ModelConfig)
        recordings = load_recordings(data), thin(load_recordings(val), 4)
        trainer = Trainer(settings, run, device, ModelFiles.load(start) if start else None)
    with readable_errors(DivergedError, OSError):
        trainer.run(*recordings, evaluate_every, workers)


@train.command()
@_run_options
@click.option(
    '--start', type=_FOLDER, help='Folder of another run, whose weights a new run starts from.'
)
def hific(
    config: Path, data: Path, val: Path, run: Path, device: str, threads: int, workers: int,
    evaluate_every: int, start: Path | None,
) -> None:
    """Train a net of `bench poster` as the YAML file CONFIG says."""
    from depth_nn_transport.training.dataset import thin
    from depth_nn_transport.training.hific.dataset import load_depths
    from depth_nn_transport.training.hific.model import HificConfig
    from depth_nn_transport.training.hific.train import HificTrainer, HificTrainingConfig
    from depth_nn_transport.training.run import DivergedError, load_config

    device = _prepare(device, threads)
    with readable_errors(OSError, RuntimeError, ValueError):
        settings = load_config(config, HificTrainingConfig, HificConfig)
        recordings = load_depths(data), thin(load_depths(val), 4)
        trainer = HificTrainer(settings, run, device, start)
    with readable_errors(DivergedError, OSError):
        trainer.run(*recordings, evaluate_every, workers)


@train.command()
@click.option(
    '--run', required=True, type=_FOLDER, help='Folder of a training run, with its checkpoint.'
)
@click.option(
    '--out', required=True, type=click.Path(dir_okay=False, path_type=Path),
    help='File of the weights that the run trained, .npz.',
)
def hific_export(run: Path, out: Path) -> None:
    """Write the weights of a run of `train hific`, for `bench poster`."""
    from depth_nn_transport.training.hific.weights import export_run

    with readable_errors(OSError, ValueError):
        export_run(run, out)


@train.command()
@_data_option
@click.option('--steps', default=4000, show_default=True, type=click.IntRange(1))
@click.option('--seed', default=0, show_default=True, type=click.IntRange(0))
@_out_option
def maps(data: Path, steps: int, seed: int, out: Path) -> None:
    """Train the coders of the hole mask and of the step map."""
    import numpy as np

    from depth_nn_transport.codec.model_files import MASK_FILE, STEPS_FILE
    from depth_nn_transport.training.dataset import hole_masks, load_recordings, step_maps
    from depth_nn_transport.training.mask_model import train_mask_coder
    import torch

    torch.set_num_threads(1)

    with readable_errors(OSError, ValueError):
        out.mkdir(parents=True, exist_ok=True)
        recordings = load_recordings(data)
        coders: dict[str, Any] = {
            name: train_mask_coder(images(recordings), steps, seed)
            for name, images in ((MASK_FILE, hole_masks), (STEPS_FILE, step_maps))
        }
        for name, arrays in coders.items():
            np.savez_compressed(out / name, **arrays)


@train.command()
@_data_option
@click.option('--seed', default=0, show_default=True, type=click.IntRange(0))
@_out_option
def plane(data: Path, seed: int, out: Path) -> None:
    """Train the plane coder of lossless and tightly bounded frames."""
    import numpy as np

    from depth_nn_transport.codec.model_files import PLANE_FILE
    from depth_nn_transport.training.plane_model import load_planes, train_plane_coder

    with readable_errors(OSError, ValueError):
        out.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = dict(train_plane_coder(load_planes(data), seed))
        np.savez_compressed(out / PLANE_FILE, **arrays)


@train.command()
@_data_option
@click.option('--model', default=DEFAULT_MODEL, show_default=True,
              help='Model whose frames to correct.')
@_out_option
def corrections(data: Path, model: str, out: Path) -> None:
    """Fit the coder of corrections to what a model restores."""
    import numpy as np

    from depth_nn_transport.codec.model_files import CORRECTIONS_FILE, ModelFiles
    from depth_nn_transport.training.correction_model import fit_corrections, restored_frames

    with readable_errors(OSError, ValueError):
        out.mkdir(parents=True, exist_ok=True)
        samples = restored_frames(ModelFiles.load(model), data)
        arrays: dict[str, Any] = dict(fit_corrections(samples))
        np.savez_compressed(out / CORRECTIONS_FILE, **arrays)


@train.command()
@click.option(
    '--run', required=True, type=_FOLDER, help='Folder of a training run, with its checkpoint.'
)
@click.option('--data', required=True, type=_FOLDER, help='Training frames, to fit the tables.')
@click.option(
    '--out', required=True, type=click.Path(file_okay=False, path_type=Path),
    help='Folder of the model; it must hold what the other commands train already.',
)
def export(run: Path, data: Path, out: Path) -> None:
    """Write the networks of a run and fit their entropy tables."""
    from depth_nn_transport.training.dataset import load_recordings, thin
    from depth_nn_transport.training.export import load_run
    from depth_nn_transport.training.fit_tables import export_fitted, FRAMES_PER_RECORDING

    with readable_errors(OSError, ValueError):
        model = load_run(run)
        recordings = thin(load_recordings(data), FRAMES_PER_RECORDING)
        export_fitted(model, recordings, out)
