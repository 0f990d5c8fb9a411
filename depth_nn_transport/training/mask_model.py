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
"""Training of the hole mask's networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from depth_nn_transport.codec import mask_coder
from depth_nn_transport.codec.mask_coder import HOLE, LOGIT_LEVELS, LOGIT_STEPS, MIXED
from depth_nn_transport.training.fixed_point import BIAS_STEP, quantize_weight, rectify, round_to
import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from tqdm import tqdm

Samples = tuple[NDArray[np.int8], NDArray[np.int8]]

HIDDEN = (32, 16)
MAX_SAMPLES = 1_500_000
# A target that costs nothing: the second output of a mixed block.
IGNORED = -1


class MaskNetwork(nn.Module):
    """Dense fixed-point layers: (N, inputs) -> (N, outputs) logits on the probability grid."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        sizes = (inputs, *HIDDEN, outputs)
        self.layers = nn.ModuleList(
            nn.Linear(a, b) for a, b in pairwise(sizes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a one, clamped to what the probability table holds."""
        for k, layer in enumerate(self.layers):
            assert isinstance(layer, nn.Linear)
            x = F.linear(x, quantize_weight(layer.weight), round_to(layer.bias, BIAS_STEP))
            if k < len(self.layers) - 1:
                x = rectify(x)
        limit = LOGIT_LEVELS / 2 / LOGIT_STEPS
        return round_to(x, 1 / LOGIT_STEPS).clamp(-limit, limit - 1 / LOGIT_STEPS)

    def arrays(self, name: str) -> dict[str, NDArray[np.float32]]:
        """Quantised layers under the names that the coder loads."""
        out = {}
        for k, layer in enumerate(self.layers):
            assert isinstance(layer, nn.Linear)
            weight, bias = quantize_weight(layer.weight), round_to(layer.bias, BIAS_STEP)
            out[f'{name}.{k}.weight'] = np.ascontiguousarray(weight.detach().numpy().T)
            out[f'{name}.{k}.bias'] = bias.detach().numpy()
        return out


def train_mask_networks(
    holes: Sequence[NDArray[np.bool_]], steps: int, seed: int
) -> dict[str, NDArray[np.float32]]:
    """Train all networks of the mask coder.

    Args:
        holes: masks, bool (H, W), true in holes.
        steps: optimisation steps for each network.
        seed: of sampling and initial weights.

    Returns:
        Arrays for `MaskCoder`.

    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    arrays = {'probability': probability_table()}
    for name, samples in tqdm(_datasets(holes, random).items(), 'mask networks', disable=None):
        network = _train(samples, steps, random)
        arrays.update(network.arrays(name))
    return arrays


def probability_table() -> NDArray[np.float32]:
    """Probability of a one for each index, a logistic ramp."""
    logit = (np.arange(LOGIT_LEVELS) - LOGIT_LEVELS // 2) / LOGIT_STEPS
    return (1 / (1 + np.exp(-logit))).astype(np.float32)


def _datasets(
    holes: Sequence[NDArray[np.bool_]], random: np.random.Generator
) -> dict[str, Samples]:
    parts: dict[str, list[Samples]] = {}
    for hole in holes:
        for name, x, y in _block_samples(hole) + _pixel_samples(hole):
            keep = random.random(len(y)) < MAX_SAMPLES / len(holes) / max(len(y), 1)
            parts.setdefault(name, []).append((x[keep].astype(np.int8), y[keep]))
    return {
        name: (np.concatenate([p[0] for p in part]), np.concatenate([p[1] for p in part]))
        for name, part in parts.items()
    }


def _block_samples(
    hole: NDArray[np.bool_],
) -> list[tuple[str, NDArray[np.float32], NDArray[np.int8]]]:
    kinds = mask_coder.block_kinds(mask_coder.pad_to_blocks(hole))
    radius = mask_coder.BLOCK_RADIUS
    seen = np.zeros((*mask_coder.padded_shape(kinds.shape, radius), 3), np.int8)
    samples = []
    for k, phase in enumerate(mask_coder.PHASES):
        rows, columns = mask_coder.phase_positions(kinds.shape, phase)
        kind = kinds[rows, columns]
        is_hole = np.where(kind == MIXED, IGNORED, kind == HOLE)
        target = np.stack([kind == MIXED, is_hole], 1).astype(np.int8)
        samples.append((f'block{k}', mask_coder.block_windows(seen, rows, columns), target))
        seen[rows + radius, columns + radius, kind] = 1
    return samples


def _pixel_samples(
    hole: NDArray[np.bool_],
) -> list[tuple[str, NDArray[np.float32], NDArray[np.int8]]]:
    padded = mask_coder.pad_to_blocks(hole)
    kinds = mask_coder.block_kinds(padded)
    canvas = mask_coder.paint_uniform(kinds)
    margin = mask_coder.MARGIN
    samples = []
    for stride, k in mask_coder.passes():
        rows, columns = mask_coder.pixel_positions(kinds, stride, mask_coder.PHASES[k])
        target = padded[rows, columns].astype(np.int8)
        window = mask_coder.pixel_windows(canvas, stride, rows, columns)
        samples.append((f'pixel{stride}.{k}', window, target[:, None]))
        canvas[rows + margin, columns + margin] = 1 - 2 * target
    return samples


def _train(samples: Samples, steps: int, random: np.random.Generator) -> MaskNetwork:
    inputs, targets = samples
    network = MaskNetwork(inputs.shape[1], targets.shape[1])
    optimizer = torch.optim.Adam(network.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(steps):
        pick = random.integers(len(targets), size=4096)
        x = torch.from_numpy(inputs[pick]).float()
        y = torch.from_numpy(targets[pick]).float()
        cost = F.binary_cross_entropy_with_logits(network(x), y.clamp_min(0), reduction='none')
        loss = (cost * (y >= 0)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return network
