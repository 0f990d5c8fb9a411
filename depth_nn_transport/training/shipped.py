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
The weights of a model that robots run, back as a model that can be trained on.

The inverse of `export`; fixed-point weights come back rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
import math

from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import HYPER_ANCHORS, HYPER_CHANNELS, STEPS
from depth_nn_transport.training.model import DepthModel, ModelConfig
from depth_nn_transport.training.transforms import MAX_QUALITY, QualityGain
import numpy as np
from numpy.typing import NDArray
import onnx
import torch
from torch import Tensor

# Parts of the model in each graph, in the order in which they were exported.
_PARTS = {
    'analysis': ('analysis', 'entropy_model.hyper_analysis'),
    'features': ('entropy_model.hyper_synthesis',),
    'synthesis': ('synthesis.bend',),
    **{f'{half}{k}': (f'entropy_model.steps.{k}',)
       for half in ('low', 'high') for k in range(len(STEPS))},
}
_LEAST_VARIANCE = 0.01


def load_shipped(files: ModelFiles) -> DepthModel:
    """
    Make a model of the weights of an exported one.

    :raises ValueError: if the files are not those of a `DepthModel`.
    """
    weights = dict([*_graph_weights(files), *_linear_weights(files)]) | _hyper_prior(files)
    try:
        model = DepthModel(_config_of(weights))
        model.load_state_dict(weights)
    except (KeyError, RuntimeError) as error:
        raise ValueError(f'{files.model_id} is no transform model: {error}') from error
    return model


def _graph_weights(files: ModelFiles) -> Iterator[tuple[str, Tensor]]:
    for name, parts in _PARTS.items():
        for tensor in onnx.load_from_string(files.networks[name]).graph.initializer:
            owner, _, rest = tensor.name.removeprefix('owners.').partition('.')
            array = onnx.numpy_helper.to_array(tensor)
            yield f'{parts[int(owner)]}.{rest}', torch.tensor(array)


def _linear_weights(files: ModelFiles) -> Iterator[tuple[str, Tensor]]:
    linear = files.linear
    yield 'synthesis.linear.weight', torch.tensor(linear['synthesis'].T[:, :, None, None])
    anchors = slice(None, None, MAX_QUALITY // (QualityGain.ANCHORS - 1))
    yield 'synthesis.step.log_step', torch.tensor(linear['synthesis_steps'][anchors]).log()
    for k, (own, across) in enumerate(
            zip(linear['predict'], linear['predict_across'], strict=True), 1):
        name = f'entropy_model.steps.{k}'
        yield f'{name}.predict.weight', torch.tensor(own.transpose(2, 0, 1)[:, None])
        yield f'{name}.predict_across.weight', torch.tensor(across.transpose(3, 2, 0, 1))


def _hyper_prior(files: ModelFiles) -> dict[str, Tensor]:
    """Fit logistic distributions to the tables of the hyperlatents."""
    ends = np.cumsum(files.tables['hyper_sizes'])[:-1].astype(int)
    moments = [_moments(table) for table in np.split(files.tables['hyper'], ends)]
    means, variances = torch.tensor(moments).view(HYPER_ANCHORS, HYPER_CHANNELS, 2).unbind(-1)
    # Of a logistic distribution: variance = (pi scale)^2 / 3.
    log_scales = torch.log(torch.sqrt(3 * variances) / math.pi)
    name = 'entropy_model.hyper_prior'
    return {f'{name}.mean': means, f'{name}.log_scale': log_scales}


def _moments(table: NDArray[np.float32]) -> tuple[float, float]:
    """Mean and variance, less that of rounding, of a table with its escape last."""
    inside = table[:-1].astype(np.float64) / table[:-1].sum(dtype=np.float64)
    symbols = np.arange(len(inside)) - len(inside) // 2
    mean = float(inside @ symbols)
    variance = float(inside @ (symbols - mean) ** 2) - 1 / 12
    return mean, max(variance, _LEAST_VARIANCE)


def _config_of(weights: dict[str, Tensor]) -> ModelConfig:
    enter = weights['synthesis.bend.enter.weight']
    blocks = [name for name in weights if name.endswith('.spatial.weight')]
    return ModelConfig(
        width=len(enter),
        analysis_depth=sum(name.startswith('analysis.') for name in blocks),
        synthesis_depth=sum(name.startswith('synthesis.') for name in blocks),
    )
