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
"""Training of the coder of binary maps: network, contexts of plain pixels, classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from depth_nn_transport.codec.mask_coder import (
    CLASS_BITS,
    CLASSES,
    HIDDEN,
    HIDDEN_MAX,
    INPUTS,
    MaskCoder,
    PLAIN_CONTEXTS,
    WEIGHT_MAX,
)
import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from tqdm import tqdm

Arrays = dict[str, NDArray[np.generic]]
Mask = NDArray[np.bool_]

BATCH = 8192
LEARNING_RATE = 1e-2
# Samples kept of a recording: this many times the root of its number of maps, so that long
# recordings do not drown the others.
SAMPLES = 45_000
# Hidden values are in units of 1/32, their addends 8-bit numbers.
HIDDEN_STEP = 1 / 32
ADDEND_MAX = 127 * HIDDEN_STEP
# Log-odds between two classes of certainty.
CLASS_STEP = 0.6
# Contexts that are rare lean on the coarser one of their lowest bits, as if they had seen so many
# unexpected pixels there.
COARSE_BITS = 2
PRIOR = 5
ENLARGEMENT = 1.0, 1.6


class MaskNetwork(nn.Module):
    """Bytes (N, INPUTS) -> log-odds (N,); the float twin of the coder's network."""

    def __init__(self) -> None:
        super().__init__()
        bits = 2.0 * (torch.arange(256)[:, None] >> torch.arange(8) & 1) - 1
        start = [bits @ (0.15 * torch.randn(8, HIDDEN)) for _ in range(INPUTS)]
        self.inputs = nn.Parameter(torch.cat(start))
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.output = nn.Linear(HIDDEN, 1)
        self.first = 256 * torch.arange(INPUTS)

    def forward(self, seen: Tensor) -> Tensor:
        """Log-odds of a one."""
        inputs = self.inputs.clamp(-ADDEND_MAX, ADDEND_MAX)
        hidden = F.embedding_bag(seen + self.first, inputs, mode='sum') + self.bias
        odds: Tensor = self.output(hidden.clamp(0, HIDDEN_MAX * HIDDEN_STEP))[:, 0]
        return odds

    def arrays(self) -> Arrays:
        """Round to the integers of the coder."""
        scale = 2**CLASS_BITS / CLASS_STEP
        inputs = self.inputs.detach().clamp(-ADDEND_MAX, ADDEND_MAX) / HIDDEN_STEP
        output = torch.cat([self.output.weight[0] * HIDDEN_STEP, self.output.bias]) * scale
        return {
            'inputs': inputs.round().reshape(INPUTS, 256, HIDDEN).numpy().astype(np.int8),
            'bias': _bounded(self.bias / HIDDEN_STEP),
            'output': _bounded(output),
        }


def _bounded(weights: Tensor) -> NDArray[np.int32]:
    limited = weights.detach().round().clamp(-WEIGHT_MAX, WEIGHT_MAX)
    return limited.numpy().astype(np.int32)


def train_mask_coder(
    recordings: Sequence[Sequence[Mask]], steps: int, seed: int
) -> Arrays:
    """
    Train a coder of binary maps.

    :param recordings: maps, bool (H, W), of each recording.
    :param steps: optimisation steps of the network.
    :param seed: of sampling, augmentation and initial weights.
    :returns: arrays for `MaskCoder`.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    plain, seen, truth = _collect(recordings, random)
    network = _train(seen, truth, steps, random)
    contexts = _to_class(_plain_odds(plain).clip(0))
    unlikely = _class_probabilities(_odds(network, seen), truth, contexts, plain)
    return network.arrays() | {'plain': contexts, 'unlikely': unlikely}


def untrained() -> Arrays:
    """Arrays for a `MaskCoder` that only collects samples."""
    return {
        'inputs': np.zeros((INPUTS, 256, HIDDEN), np.int8),
        'bias': np.zeros(HIDDEN, np.int32),
        'output': np.zeros(HIDDEN + 1, np.int32),
        'plain': np.zeros(PLAIN_CONTEXTS, np.uint8),
        'unlikely': np.full(CLASSES, 0.5, np.float32),
    }


def augmented(masks: Sequence[Mask], random: np.random.Generator) -> Iterator[Mask]:
    """Yield every map, then every one mirrored or enlarged."""
    yield from masks
    for mask in masks:
        if random.random() < 0.5:
            yield np.ascontiguousarray(mask[:, ::-1])
        else:
            yield enlarged(mask, *random.uniform(*ENLARGEMENT, 2))


def enlarged(mask: Mask, vertical: float, horizontal: float) -> Mask:
    """Enlarge a map by repeating rows and columns, as aligning to colour does; same size."""
    rows, columns = (
        (np.arange(n) / factor).astype(int)
        for n, factor in zip(mask.shape, (vertical, horizontal), strict=True)
    )
    larger: Mask = mask[np.ix_(rows, columns)]
    return larger


def _collect(
    recordings: Sequence[Sequence[Mask]], random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.uint8]]:
    coder = MaskCoder(untrained())
    plain = np.zeros((PLAIN_CONTEXTS, 2))
    seen, truth = [], []
    for masks in tqdm(recordings, 'collecting', disable=None):
        keep = SAMPLES / np.sqrt(len(masks)) / 2
        for mask in augmented(masks, random):
            samples = coder.samples(mask)
            plain += samples.plain / np.sqrt(len(masks))
            picked = random.random(len(samples.truth)) < keep / max(len(samples.truth), 1)
            seen.append(samples.seen[picked])
            truth.append(samples.truth[picked])
    if not any(len(part) for part in truth):
        raise ValueError('the maps hold nothing to learn from: no hole, or no step')
    return plain, np.concatenate(seen), np.concatenate(truth)


def _train(
    seen: NDArray[np.uint8], truth: NDArray[np.uint8], steps: int, random: np.random.Generator
) -> MaskNetwork:
    network = MaskNetwork()
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in tqdm(range(steps), 'training', disable=None):
        pick = random.integers(len(truth), size=BATCH)
        odds = network(torch.from_numpy(seen[pick]).long())
        loss = F.binary_cross_entropy_with_logits(odds, torch.from_numpy(truth[pick]).float())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return network


def _odds(network: MaskNetwork, seen: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.no_grad():
        parts = [network(part.long()) for part in torch.from_numpy(seen).split(1 << 16)]
    return torch.cat(parts).numpy()


def _plain_odds(plain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds that a plain pixel is as expected, of each context."""
    coarse = np.arange(PLAIN_CONTEXTS) % (1 << COARSE_BITS)
    total = np.zeros((1 << COARSE_BITS, 2))
    np.add.at(total, coarse, plain)
    total += PRIOR * plain.sum(0) / max(plain[:, 1].sum(), 1)
    leant = total / total[:, 1:]
    counts = plain + PRIOR * leant[coarse]
    odds: NDArray[np.float64] = np.log(counts[:, 0] / counts[:, 1])
    return odds


def _to_class(odds: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Class of the certainty of log-odds."""
    certainty = np.rint(np.abs(odds) / CLASS_STEP)
    classes: NDArray[np.uint8] = certainty.clip(0, CLASSES - 1).astype(np.uint8)
    return classes


def _class_probabilities(
    odds: NDArray[np.float32], truth: NDArray[np.uint8], contexts: NDArray[np.uint8],
    plain: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Probability of the unlikely value in each class, as training saw it."""
    centre = 1 / (1 + np.exp(CLASS_STEP * np.arange(CLASSES)))
    counts = np.stack([1 - centre, centre], 1) / centre[:, None]
    unexpected = ((truth > 0) != (odds > 0)).astype(np.intp)
    np.add.at(counts, (_to_class(odds), unexpected), 1)
    np.add.at(counts, contexts, plain)
    unlikely: NDArray[np.float32] = (counts[:, 1] / counts.sum(1)).clip(0, 0.5).astype(np.float32)
    return unlikely
