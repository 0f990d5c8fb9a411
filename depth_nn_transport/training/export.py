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
"""Export of a trained model to what robots run: ONNX networks and entropy tables."""

from __future__ import annotations

from collections.abc import Iterable
import copy
from pathlib import Path
from typing import Any
import warnings

from depth_nn_transport.codec.model_files import TABLES_FILE
from depth_nn_transport.codec.networks import HYPER_MAX, LOW_CHANNELS
from depth_nn_transport.training.entropy_model import (
    ContextStep,
    HyperPrior,
    logistic_bits,
    table_scale,
    TABLES,
)
from depth_nn_transport.training.fixed_point import (
    FixedPointConv2d,
    quantize_bias,
    quantize_weight,
)
from depth_nn_transport.training.model import CHECKPOINT, DepthModel, ModelConfig
import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn, Tensor

Array = NDArray[np.float32]

OPSET = 17
MAX_RADIUS = 255
# Probabilities are multiples of this, so that float32 holds them and their sums exactly.
PROBABILITY_STEP = 2.0**-22


class _AnalysisGraph(nn.Module):

    def __init__(self, model: DepthModel) -> None:
        super().__init__()
        self.analysis = model.analysis
        self.hyper_analysis = model.entropy_model.hyper_analysis

    def forward(
        self, plane: Tensor, valid: Tensor, base: Tensor, quality: Tensor
    ) -> tuple[Tensor, Tensor]:
        latents = self.analysis(plane, valid, base, quality)
        return latents, self.hyper_analysis(latents)


class _LowGraph(nn.Module):

    def __init__(self, step: ContextStep) -> None:
        super().__init__()
        self.step = step

    def forward(self, features: Tensor, decoded: Tensor) -> tuple[Tensor, ...]:
        trunk, linear = self.step.trunk(features, decoded)
        return trunk, linear, *self.step.low(trunk, linear)


class _FirstLowGraph(_LowGraph):

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        return super().forward(features, features)


class _HighGraph(nn.Module):

    def __init__(self, step: ContextStep) -> None:
        super().__init__()
        self.step = step

    def forward(self, trunk: Tensor, linear: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
        return self.step.high(trunk, linear, low)


class _FirstHighGraph(_HighGraph):

    def forward(  # type: ignore[override]
        self, trunk: Tensor, low: Tensor
    ) -> tuple[Tensor, Tensor]:
        zeros = torch.zeros_like(trunk[:, :1]).expand(-1, 64, -1, -1)
        return self.step.high(trunk, zeros, low)


def export_networks(model: DepthModel, folder: Path) -> None:
    """Write the model's networks as ONNX graphs, fixed-point weights already rounded."""
    model = freeze(model)
    entropy = model.entropy_model
    plane = torch.zeros(1, 1, 128, 96)
    coarse = torch.zeros(1, 1, 4, 3)
    hyper = torch.zeros(1, 16, 4, 3)
    features = torch.zeros(1, 64, 16, 12)
    trunk, linear = torch.zeros(1, 128, 8, 6), torch.zeros(1, 64, 8, 6)
    quality = torch.zeros(1)
    side = {'base': coarse, 'valid': plane, 'quality': quality}
    _export(_AnalysisGraph(model), {'plane': plane, 'valid': plane, 'base': coarse,
                                    'quality': quality}, folder / 'analysis.onnx')
    _export(entropy.hyper_synthesis, {'hyper': hyper, **side}, folder / 'features.onnx')
    for k, step in enumerate(entropy.steps):
        assert isinstance(step, ContextStep)
        inputs = {'features': features, 'decoded': features}
        parts = {'trunk': trunk, 'linear': linear, 'low': linear[:, :LOW_CHANNELS]}
        low: nn.Module = _LowGraph(step)
        high: nn.Module = _HighGraph(step)
        if not step.has_context:
            low, high = _FirstLowGraph(step), _FirstHighGraph(step)
            del inputs['decoded'], parts['linear']
        _export(low, inputs, folder / f'low{k}.onnx')
        _export(high, parts, folder / f'high{k}.onnx')
    _export(
        model.synthesis,
        {'latents': features, 'valid': plane, 'base': coarse, 'quality': quality},
        folder / 'synthesis.onnx',
    )


def freeze(model: DepthModel) -> DepthModel:
    """Copy a model with its fixed-point weights and biases replaced by their rounded values."""
    frozen = copy.deepcopy(model).eval()
    frozen.set_low_precision(False)
    for name, module in list(frozen.named_modules()):
        if isinstance(module, FixedPointConv2d):
            parent = frozen.get_submodule(name.rpartition('.')[0])
            setattr(parent, name.rpartition('.')[2], _plain_convolution(module))
    return frozen


def _plain_convolution(conv: FixedPointConv2d) -> nn.Conv2d:
    assert not isinstance(conv.padding, str)
    plain = nn.Conv2d(
        conv.in_channels, conv.out_channels, _pair(conv.kernel_size), _pair(conv.stride),
        _pair(conv.padding), groups=conv.groups, bias=conv.bias is not None,
    )
    plain.weight.data = quantize_weight(conv.weight).detach()
    if conv.bias is not None:
        plain.bias = nn.Parameter(quantize_bias(conv.bias).detach())
    return plain


def _pair(size: tuple[int, ...]) -> tuple[int, int]:
    height, width = size
    return height, width


def _export(module: nn.Module, inputs: dict[str, Tensor], path: Path) -> None:
    axes = {name: {2: f'{name}_h', 3: f'{name}_w'} for name, x in inputs.items() if x.dim() == 4}
    with warnings.catch_warnings():
        # The exporter that replaces this one needs fixed shapes for the phases' slices.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            module, tuple(inputs.values()), str(path), input_names=list(inputs),
            dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )


def logistic_tables() -> list[Array]:
    """Probabilities of the latents' symbols by table index, as the model was trained."""
    tables = []
    for scale in table_scale(torch.arange(TABLES).double()):
        radius = min(MAX_RADIUS, int(12 * float(scale)) + 2)
        symbols = torch.arange(-radius, radius + 1).double()
        tables.append(_with_escape(torch.exp2(-logistic_bits(symbols, scale))))
    return tables


def hyper_tables(prior: HyperPrior) -> list[Array]:
    """Probabilities of the hyperlatents by anchor and channel."""
    symbols = torch.arange(-HYPER_MAX, HYPER_MAX + 1).double()
    tables = []
    for mean, log_scale in zip(prior.mean.flatten(), prior.log_scale.flatten(), strict=True):
        scale = torch.exp(log_scale).clamp_min(0.05).double()
        bits = logistic_bits(symbols - mean.double(), scale)
        tables.append(_with_escape(torch.exp2(-bits).detach()))
    return tables


def _with_escape(inside: Tensor) -> Array:
    weights = inside.numpy()
    return normalise(np.append(weights, max(1 - weights.sum(), 0.0)))


def normalise(weights: NDArray[np.float64]) -> Array:
    """Round weights to positive multiples of a power of two: what float32 sums exactly."""
    steps = np.rint(weights / weights.sum() / PROBABILITY_STEP)
    probabilities: Array = (np.maximum(steps, 1) * PROBABILITY_STEP).astype(np.float32)
    return probabilities


def write_tables(folder: Path, latent: Iterable[Array], hyper: Iterable[Array]) -> None:
    """Write the entropy tables."""
    arrays: dict[str, Any] = {}
    for name, tables in (('latent', list(latent)), ('hyper', list(hyper))):
        arrays[name] = np.concatenate(tables)
        arrays[f'{name}_sizes'] = np.array([len(t) for t in tables], np.int32)
    np.savez_compressed(folder / TABLES_FILE, **arrays)


def load_run(run: Path) -> DepthModel:
    """Read the averaged weights of a training run.

    Raises:
        ValueError: if the folder holds no checkpoint.

    """
    path = run / CHECKPOINT
    if not path.exists():
        raise ValueError(f'{run} holds no {CHECKPOINT}')
    state = torch.load(path, map_location='cpu', weights_only=True)
    model = DepthModel(ModelConfig(**state['config']['model']))
    prefix = 'module.'
    model.load_state_dict(
        {k.removeprefix(prefix): v for k, v in state['average'].items() if k.startswith(prefix)}
    )
    return model
