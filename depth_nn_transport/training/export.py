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

from collections.abc import Callable, Iterable
import copy
from pathlib import Path
from typing import Any
import warnings

from depth_nn_transport.codec.model_files import (
    LINEAR_FILE,
    NETWORK_NAMES,
    TABLES_FILE,
    WEIGHTS_FILE,
)
from depth_nn_transport.codec.networks import (
    HYPER_CHANNELS,
    HYPER_MAX,
    LATENT_CHANNELS,
    LOW_CHANNELS,
    SYNTHESIS_VIEW,
    TABLES,
)
from depth_nn_transport.codec.table_coder import in_steps
from depth_nn_transport.training.entropy_model import (
    ContextStep,
    HyperPrior,
    logistic_bits,
    table_scale,
)
from depth_nn_transport.training.fixed_point import (
    FixedPointConv2d,
    quantize_bias,
    quantize_weight,
)
from depth_nn_transport.training.model import DepthModel, ModelConfig
from depth_nn_transport.training.run import averaged_weights
from depth_nn_transport.training.transforms import MAX_QUALITY
import numpy as np
from numpy.typing import NDArray
import onnx
import torch
from torch import nn, Tensor

Array = NDArray[np.float32]

OPSET = 17
MAX_RADIUS = 255


class _Graph(nn.Module):
    """A part of the model, as robots run it: arrays have their channels last."""

    def __init__(
        self, part: Callable[..., Tensor | tuple[Tensor, ...]], *owners: nn.Module
    ) -> None:
        super().__init__()
        self.part = part
        self.owners = nn.ModuleList(owners)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.part(*inputs)


def _channels_last(
    part: Callable[..., Tensor | tuple[Tensor, ...]]
) -> Callable[..., tuple[Tensor, ...]]:
    """Give a part that has its channels first a front that has them last."""

    def front(*inputs: Tensor) -> tuple[Tensor, ...]:
        outputs = part(*(_ordered(x, (0, 3, 1, 2)) for x in inputs))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return tuple(_ordered(x, (0, 2, 3, 1)) for x in outputs)

    return front


def _ordered(x: Tensor, order: tuple[int, ...]) -> Tensor:
    return x.permute(order) if x.dim() == 4 else x


def export_model(model: DepthModel, folder: Path) -> None:
    """Write networks as ONNX graphs and the linear parts, fixed-point weights already rounded."""
    model = freeze(model)
    linear: dict[str, Any] = dict(linear_parts(model))
    np.savez_compressed(folder / LINEAR_FILE, **linear)
    entropy = model.entropy_model
    analysis, hyper_synthesis = model.analysis, entropy.hyper_synthesis
    blocks, coarse = torch.zeros(1, 16, 12, 64), torch.zeros(1, 4, 3, 1)
    hyper, quality = torch.zeros(1, 4, 3, HYPER_CHANNELS), torch.zeros(1)

    def analyse(residual: Tensor, valid: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        bend = analysis.bend_of(residual, valid, quality)
        hyper = entropy.hyper_analysis(analysis.latents_of(residual, bend, quality))
        return bend, hyper.permute(0, 2, 3, 1)

    _export(_Graph(analyse, analysis, entropy.hyper_analysis),
            {'residual': blocks, 'valid': blocks, 'quality': quality}, folder / 'analysis.onnx')
    _export(_Graph(_channels_last(hyper_synthesis.expand), hyper_synthesis),
            {'hyper': hyper, 'base': coarse, 'valid': blocks, 'quality': quality},
            folder / 'features.onnx')
    for k, step in enumerate(entropy.steps):
        assert isinstance(step, ContextStep)
        _export_step(step, k, folder)
    _export(_Graph(_channels_last(model.synthesis.bend), model.synthesis.bend),
            {'seen': torch.zeros(1, 16, 12, SYNTHESIS_VIEW)}, folder / 'synthesis.onnx')
    write_weights(folder)


def write_weights(folder: Path) -> None:
    """Write the weights of a folder's graphs, by network and layer."""
    weights: dict[str, Any] = {}
    for network in NETWORK_NAMES:
        for tensor in onnx.load(folder / f'{network}.onnx').graph.initializer:
            layer = tensor.name.removeprefix('owners.').partition('.')[2]
            weights[f'{network}/{layer}'] = onnx.numpy_helper.to_array(tensor)
    np.savez_compressed(folder / WEIGHTS_FILE, **weights)


def _export_step(step: ContextStep, k: int, folder: Path) -> None:
    here, seen = torch.zeros(1, 8, 6, 64), torch.zeros(1, 16, 12, LATENT_CHANNELS + LOW_CHANNELS)
    seen_low = torch.zeros(1, 8, 6, 128 + 2 * LOW_CHANNELS)

    def look(features: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        trunk = step.trunk(features, seen)
        return trunk, step.low(trunk)

    def look_first(features: Tensor) -> tuple[Tensor, Tensor]:
        return look(features, features)

    low, high = folder / f'low{k}.onnx', folder / f'high{k}.onnx'
    if step.has_context:
        _export(_Graph(_channels_last(look), step), {'features': here, 'seen': seen}, low)
    else:
        _export(_Graph(_channels_last(look_first), step), {'features': here}, low)
    _export(_Graph(_channels_last(step.high), step), {'seen': seen_low}, high)


def linear_parts(model: DepthModel) -> dict[str, Array]:
    """Matrices and quantisation steps of a frozen transform, weights of the linear predictor."""
    qualities = torch.arange(MAX_QUALITY + 1).float()
    steps: list[Any] = list(model.entropy_model.steps)[1:]
    parts = {
        'analysis': model.analysis.linear.weight[:, :, 0, 0].T,
        'synthesis': model.synthesis.linear.weight[:, :, 0, 0].T,
        'analysis_steps': model.analysis.step(qualities)[:, :, 0, 0],
        'synthesis_steps': model.synthesis.step(qualities)[:, :, 0, 0],
        'predict': torch.stack([s.predict.weight[:, 0].permute(1, 2, 0) for s in steps]),
        'predict_across': torch.stack(
            [s.predict_across.weight.permute(2, 3, 1, 0) for s in steps]
        ),
    }
    return {name: np.ascontiguousarray(part.detach().numpy()) for name, part in parts.items()}


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
    plain.weight.data = quantize_weight(conv.weight, conv.weight_max).detach()
    if conv.bias is not None:
        plain.bias = nn.Parameter(quantize_bias(conv.bias).detach())
    return plain


def _pair(size: tuple[int, ...]) -> tuple[int, int]:
    height, width = size
    return height, width


def _export(module: nn.Module, inputs: dict[str, Tensor], path: Path) -> None:
    axes = {name: {1: f'{name}_h', 2: f'{name}_w'} for name, x in inputs.items() if x.dim() == 4}
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
    return in_steps(weights / weights.sum())


def write_tables(folder: Path, latent: Iterable[Array], hyper: Iterable[Array]) -> None:
    """Write the entropy tables."""
    arrays: dict[str, Any] = {}
    for name, tables in (('latent', list(latent)), ('hyper', list(hyper))):
        arrays[name] = np.concatenate(tables)
        arrays[f'{name}_sizes'] = np.array([len(t) for t in tables], np.int32)
    np.savez_compressed(folder / TABLES_FILE, **arrays)


def load_run(run: Path) -> DepthModel:
    """
    Read the averaged weights of a training run.

    :raises ValueError: if the folder holds no checkpoint of such a run.
    """
    config, weights = averaged_weights(run)
    try:
        model = DepthModel(ModelConfig(**config['model']))
        model.load_state_dict(weights)
    except (KeyError, RuntimeError, TypeError) as error:
        raise ValueError(f'{run} is no run of `train transform`: {error}') from error
    return model
