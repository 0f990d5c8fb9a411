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
"""Training of the plane coder: what it learns by coding the planes of training frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from depth_nn_transport.codec import plane_coder as coder
from depth_nn_transport.codec.exact_coder import plane_of
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.codec.plane_coder import Memory
from depth_nn_transport.codec.table_coder import PROBABILITY_STEP
from depth_nn_transport.frames.files import IMAGE_SUFFIX, read_depth
from depth_nn_transport.training.dataset import recording_folders
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

Plane = NDArray[np.int32]

FRAMES_PER_FOLDER = 16
# In quanta; frames are coded within these by turns.
BOUNDS = (0, 2)
# Counts are kept up to this, so that a frame soon outweighs what was learned before.
MAX_PRIOR_COUNT = 6
FIRST_WEIGHT = 0.3


def load_planes(root: Path) -> list[tuple[Plane, NDArray[np.bool_]]]:
    """
    Read a few frames of each folder, as planes within a bound.

    :raises ValueError: if there is no frame.
    """
    planes = []
    for folder in recording_folders(root):
        files = sorted(folder.glob(f'*{IMAGE_SUFFIX}'))
        every = max(1, len(files) // FRAMES_PER_FOLDER)
        lattice: Lattice | None = None
        for k, path in enumerate(files[every // 2::every][:FRAMES_PER_FOLDER]):
            depth = read_depth(path)
            lattice = Lattice.from_depth(depth, lattice)
            planes.append((plane_of(depth, lattice, BOUNDS[k % len(BOUNDS)]), depth > 0))
    if not planes:
        raise ValueError(f'{root} holds no folder of depth PNGs')
    return planes


def train_plane_coder(
    planes: Sequence[tuple[Plane, NDArray[np.bool_]]], seed: int
) -> dict[str, NDArray[np.generic]]:
    """
    Code planes, one after the other, and keep what the coder has learned.

    What it knows is the mean of what it knew after each plane of the latter half: one that is
    fresh from a plane knows that one too well.

    :param planes: int32 (H, W) of 0..65535, with validity, bool (H, W).
    :param seed: of the order.
    :returns: arrays for `PlaneCoder`.
    """
    arrays = fixed_arrays()
    tables, memory = coder.tables_of(arrays), ignorant_memory()
    probability, weights = _known(memory)
    order = np.random.default_rng(seed).permutation(len(planes))
    for done, k in enumerate(tqdm(order, 'planes', disable=None)):
        plane, valid = planes[k]
        coder.tell(plane, valid, tables, memory)
        averaged = max(1, done + 1 - len(order) // 2)
        known_probability, known_weights = _known(memory)
        probability += (known_probability - probability) / averaged
        weights += (known_weights - weights) / averaged
    return arrays | {
        'probability': np.rint(probability).astype(np.uint16),
        'count': np.minimum(memory.slots & coder.COUNT_MASK, MAX_PRIOR_COUNT).astype(np.uint8),
        'weights': np.rint(weights).astype(np.int32),
    }


def _known(memory: Memory) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Take probabilities in 1 / 65536, and weights."""
    probability = (memory.slots >> (32 - 16)) + (1 << 15)
    return probability.astype(np.float64), memory.weights.astype(np.float64)


def ignorant_memory() -> Memory:
    """Make a memory that knows nothing: even chances, equal weights."""
    weights = np.zeros(coder.WEIGHTS, np.int32)
    weights[:coder.SET_STARTS[1]] = round(FIRST_WEIGHT * coder.WEIGHT_ONE)
    return Memory(np.zeros(coder.SLOTS, np.int32), weights)


def fixed_arrays() -> dict[str, NDArray[np.generic]]:
    """Tabulate log-odds, their inverse, and the probabilities of the queues."""
    probability = (np.arange(4096) + 0.5) / 4096
    odds = np.log(probability / (1 - probability)) * 256
    middle = (4 * np.arange(1024) + 2 - 2048) / 256
    unlikely = 1 / (1 + np.exp((np.arange(coder.QUEUES) + 0.5) / 4))
    return {
        'stretch': np.rint(odds).clip(-coder.LOG_ODDS_MAX, coder.LOG_ODDS_MAX).astype(np.int16),
        'squash': np.rint(65536 / (1 + np.exp(-middle))).astype(np.int32),
        'unlikely': (np.rint(unlikely / PROBABILITY_STEP) * PROBABILITY_STEP).astype(np.float32),
    }
