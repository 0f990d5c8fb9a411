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
"""Training of the pyramid coder's networks and fitting of its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from depth_nn_transport.codec import pyramid_coder as coder
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.codec.pyramid_coder import Pass, PyramidCoder
from depth_nn_transport.frames.files import IMAGE_SUFFIX, read_depth
from depth_nn_transport.training.fixed_point import BIAS_STEP, quantize_weight, rectify, round_to
import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from tqdm import tqdm

Plane = NDArray[np.int32]
Samples = tuple[NDArray[np.int16], NDArray[np.float32]]

FRAMES_PER_FOLDER = 4
# As a bound of one quantum quantises.
COARSE_STEP = 3
HIDDEN = (24, 16)
MAX_SAMPLES = 1_200_000
BATCH = 8192
LEARNING_RATE = 6e-3
# Width of the distribution at the middle of the scales, and the ratio from one to the next.
MIDDLE_WIDTH = 1.0
SCALE_RATIO = 1.4
MAX_RADIUS = 255
MAX_PROBABILITY = 0.998
PROBABILITY_STEP = 2.0**-22


class PyramidNetwork(nn.Module):
    """Dense fixed-point layers: (N, 17) integers -> (N, 2) shift in quarters, scale."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([
            nn.Linear(coder.INPUTS, HIDDEN[0]), nn.Linear(*HIDDEN), nn.Linear(HIDDEN[1], 2)
        ])

    def forward(self, x: Tensor) -> Tensor:
        """Shift and scale before rounding."""
        x = x * coder.INPUT_STEP
        for k, (weight, bias) in enumerate(self._quantized()):
            x = F.linear(x, weight, bias)
            if k < len(self.layers) - 1:
                x = rectify(x)
        return x * x.new_tensor([coder.QUARTERS, 1 / coder.ACTIVATION_STEP / 4])

    def _quantized(self) -> list[tuple[Tensor, Tensor]]:
        pairs = []
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            pairs.append((quantize_weight(layer.weight), round_to(layer.bias, BIAS_STEP)))
        return pairs

    def arrays(self) -> list[NDArray[np.float32]]:
        """Weights (inputs, outputs) and biases, such that hidden activations are 0..255."""
        gains = [
            torch.full((HIDDEN[0],), 1 / coder.ACTIVATION_STEP),
            torch.full((HIDDEN[1],), 1 / coder.ACTIVATION_STEP),
            torch.tensor([coder.QUARTERS, 1 / coder.ACTIVATION_STEP / 4]),
        ]
        out = []
        for (weight, bias), gain in zip(self._quantized(), gains, strict=True):
            scaled = weight.detach() * gain[:, None] * coder.ACTIVATION_STEP
            out += [np.ascontiguousarray(scaled.numpy().T), (bias.detach() * gain).numpy()]
        return out


def load_planes(root: Path) -> list[tuple[Plane, NDArray[np.bool_]]]:
    """Read a few frames of each folder: ranks on the grid, every third frame's quantised by 3.

    Raises:
        ValueError: if there is no frame.

    """
    planes = []
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        files = sorted(folder.glob(f'*{IMAGE_SUFFIX}'))
        every = max(1, len(files) // FRAMES_PER_FOLDER)
        lattice: Lattice | None = None
        for k, path in enumerate(files[::every][:FRAMES_PER_FOLDER]):
            depth = read_depth(path)
            lattice = Lattice.from_depth(depth, lattice)
            plane = lattice.to_quanta(depth) if lattice.on_grid else depth
            step = COARSE_STEP if k % 3 == 2 else 1
            planes.append((plane.astype(np.int32) // step, depth > 0))
    if not planes:
        raise ValueError(f'{root} holds no folder of depth PNGs')
    return planes


def train_pyramid(
    planes: Sequence[tuple[Plane, NDArray[np.bool_]]], steps: int, seed: int
) -> dict[str, NDArray[np.generic]]:
    """Train the networks, then fit the tables to the symbols that they leave.

    Args:
        planes: int32 (H, W) of 0..65535, with validity, bool (H, W).
        steps: of optimisation, for each network.
        seed: of sampling and initial weights.

    Returns:
        Arrays for `PyramidCoder`.

    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    samples = _samples(planes, random)
    layers = [
        _train(samples[k], steps, random).arrays()
        for k in tqdm(range(coder.NETWORKS), 'pyramid networks', disable=None)
    ]
    arrays: dict[str, NDArray[np.generic]] = {
        name: np.stack(parts)
        for name, parts in zip(coder.LAYERS, zip(*layers, strict=True), strict=True)
    }
    prior = _prior_tables()
    counts = _count_symbols(planes, PyramidCoder(arrays | _flat(prior)))
    tables = [_table(p, c) for p, c in zip(prior, counts, strict=True)]
    return arrays | _flat(tables)


def _visit(
    plane: Plane, valid: NDArray[np.bool_], exchange: coder.Exchange
) -> None:
    coder.walk_pyramid(valid, lambda rows, columns: plane[rows, columns], exchange)


def _samples(
    planes: Sequence[tuple[Plane, NDArray[np.bool_]]], random: np.random.Generator
) -> list[Samples]:
    parts: list[list[Samples]] = [[] for _ in range(coder.NETWORKS)]
    for plane, valid in planes:
        def exchange(network: int, pixels: Pass, plane: Plane = plane) -> Plane:
            values = plane[pixels.rows, pixels.columns]
            room = MAX_SAMPLES / len(planes)
            keep = random.random(len(values)) < room / max(len(values), 1)
            target = (values - pixels.centre)[keep].astype(np.float32)
            parts[network].append((pixels.inputs[keep].astype(np.int16), target))
            return values

        _visit(plane, valid, exchange)
    return [
        (np.concatenate([p[0] for p in part]), np.concatenate([p[1] for p in part]))
        for part in parts
    ]


def _train(samples: Samples, steps: int, random: np.random.Generator) -> PyramidNetwork:
    inputs, targets = samples
    network = PyramidNetwork()
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in range(steps):
        pick = random.integers(len(targets), size=BATCH)
        out = network(torch.from_numpy(inputs[pick]).float())
        loss = _bits(out, torch.from_numpy(targets[pick])).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return network


def _bits(out: Tensor, target: Tensor) -> Tensor:
    """Cost of targets under the discretised logistic distributions of shift and scale."""
    shift = out[:, 0].clamp(-coder.SHIFT_LIMIT, coder.SHIFT_LIMIT) / coder.QUARTERS
    level = out[:, 1].clamp(-coder.MIDDLE_SCALE, coder.SCALES - 1 - coder.MIDDLE_SCALE)
    width = MIDDLE_WIDTH * SCALE_RATIO**level
    error = target - shift
    mass = torch.sigmoid((error + 0.5) / width) - torch.sigmoid((error - 0.5) / width)
    # A thin floor stands for the escape.
    return -torch.log2(mass * 0.998 + 1e-5)


def _prior_tables() -> list[NDArray[np.float64]]:
    tables = []
    for level in range(coder.SCALES):
        width = MIDDLE_WIDTH * SCALE_RATIO ** (level - coder.MIDDLE_SCALE)
        radius = int(min(np.ceil(9 * width) + 2, MAX_RADIUS))
        for quarter in range(coder.QUARTERS):
            edges = np.arange(-radius, radius + 2) - 0.5 - quarter / coder.QUARTERS
            mass = np.diff(1 / (1 + np.exp(-np.clip(edges / width, -40, 40))))
            tables.append(np.append(mass + 1e-6, max(1 - mass.sum(), 1e-3)))
    return [t / t.sum() for t in tables]


def _count_symbols(
    planes: Sequence[tuple[Plane, NDArray[np.bool_]]], pyramid: PyramidCoder
) -> list[NDArray[np.float64]]:
    radius = [(len(p) - 2) // 2 for p in _prior_tables()]
    counts: list[NDArray[np.float64]] = [np.zeros(2 * r + 2) for r in radius]
    for plane, valid in planes:
        def exchange(network: int, pixels: Pass, plane: Plane = plane) -> Plane:
            values = plane[pixels.rows, pixels.columns]
            base, index = pyramid.predict(network, pixels)
            for k in np.unique(index):
                symbols = (values - base)[index == k]
                r = radius[k]
                shifted = np.where(np.abs(symbols) > r, 2 * r + 1, symbols + r)
                counts[k] += np.bincount(shifted, minlength=2 * r + 2)
            return values

        _visit(plane, valid, exchange)
    return counts


def _table(prior: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    share = counts + 30 * prior
    # No symbol may be certain: certain ones are not coded.
    peak = share.argmax()
    rest = share.sum() - share[peak]
    share[peak] = min(share[peak], rest * MAX_PROBABILITY / (1 - MAX_PROBABILITY))
    table: NDArray[np.float64] = share / share.sum()
    return table


def _flat(tables: Sequence[NDArray[np.float64]]) -> dict[str, NDArray[np.generic]]:
    flat = np.concatenate(tables)
    rounded = np.maximum(np.rint(flat / PROBABILITY_STEP), 1) * PROBABILITY_STEP
    return {
        'tables': rounded.astype(np.float32),
        'table_sizes': np.array([len(t) for t in tables], np.float32),
    }
