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
"""The shipped nets of HiFiC, each file with what one training run trained, in half precision."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.model_files import MODELS
from depth_nn_transport.training.hific.model import HificConfig, HificModel
from depth_nn_transport.training.hific.train import TRAINED
from depth_nn_transport.training.run import averaged_weights
import numpy as np
import torch
from torch import Tensor

FOLDER = MODELS / 'hific'


@dataclass(frozen=True)
class Net:
    """
    A net as a chain of training runs.

    :ivar name: as in the tables.
    :ivar runs: names of the files, later ones replace what they trained.
    :ivar config: of the model.
    """

    name: str
    runs: tuple[str, ...]
    config: HificConfig = field(default_factory=HificConfig)


QUANTISED = Net('hific-8bit', ('8bit',), HificConfig(bits=8))
FITTED = Net('hific-fitted', (*QUANTISED.runs, 'fitted'))
WITHOUT_ADVERSARIAL = Net('hific-mse', ('full',))
FULL = Net('hific', (*WITHOUT_ADVERSARIAL.runs, 'adversarial'))
NETS = (QUANTISED, FITTED, WITHOUT_ADVERSARIAL, FULL)


def export_run(run: Path, path: Path) -> None:
    """
    Write the weights that a run trained, averaged.

    :raises ValueError: if the folder holds no checkpoint of such a run.
    """
    config, weights = averaged_weights(run)
    if config.get('trained') not in TRAINED:
        raise ValueError(f'{run} is no run of `train hific`')
    arrays: dict[str, Any] = {
        name: value.numpy().astype(np.float16) for name, value in weights.items()
        if name.startswith(TRAINED[config['trained']])
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)


def load_net(net: Net, folder: Path = FOLDER) -> HificModel:
    """
    Read a net.

    :raises ModelLoadError: if a file is missing or does not hold such a net.
    """
    weights: dict[str, Tensor] = {}
    model = HificModel(net.config)
    try:
        for run in net.runs:
            with np.load(folder / f'{run}.npz') as arrays:
                weights |= {
                    name: torch.from_numpy(array.astype(np.float32))
                    for name, array in arrays.items()
                }
        model.load_state_dict(weights)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelLoadError(f'net {net.name} in {folder}: {error}') from error
    return model.eval()
