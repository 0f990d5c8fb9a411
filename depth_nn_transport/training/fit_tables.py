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
"""Fitting of the entropy tables to the symbols that a trained model really makes."""

from __future__ import annotations

from collections.abc import Sequence

from depth_nn_transport.codec.blocks import base_of, mask_blocks, pad_to_base
from depth_nn_transport.codec.context import Predictor
from depth_nn_transport.codec.latent_coder import LatentCoder
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.table_coder import Integers, Tables
from depth_nn_transport.codec.transform import Transform
from depth_nn_transport.runtime.openvino_networks import OpenVinoNetworks
from depth_nn_transport.training.dataset import Recording, remove_steps
from depth_nn_transport.training.export import normalise
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

Array = NDArray[np.float32]

# Symbols that the analytic distribution counts for.
PRIOR_SYMBOLS = 300.0
# At which frames are coded to count their symbols.
QUALITIES = range(0, 101, 10)
# That are enough: with three the tables suited other recordings less.
FRAMES_PER_RECORDING = 8


class SymbolCounter:
    """Counts symbols by table instead of coding them."""

    def __init__(self) -> None:
        self._counts: dict[int, dict[int, NDArray[np.float64]]] = {}

    def code(self, tables: Tables, index: NDArray[np.uint8], symbols: Integers) -> Integers:
        """Count symbols; nothing is certain here."""
        counts = self._counts.setdefault(id(tables), {})
        for k in np.unique(index):
            radius = int(tables.radius[k])
            clipped = np.clip(symbols[index == k] + radius, -1, 2 * radius + 1)
            clipped[clipped < 0] = 2 * radius + 1
            found = np.bincount(clipped, minlength=2 * radius + 2).astype(np.float64)
            counts[k] = counts.get(k, np.zeros_like(found)) + found
        return symbols

    def fitted(self, tables: Tables, prior: Sequence[Array]) -> list[Array]:
        """Tables that mix the counts with their prior."""
        counts = self._counts.get(id(tables), {})
        fitted = []
        for k, probabilities in enumerate(prior):
            weights = counts.get(k, 0.0) + PRIOR_SYMBOLS * probabilities.astype(np.float64)
            fitted.append(normalise(weights / weights.sum()))
        return fitted


def fit_tables(
    files: ModelFiles, recordings: Sequence[Recording], latent: list[Array], hyper: list[Array]
) -> tuple[list[Array], list[Array]]:
    """Fit the tables of latents and hyperlatents, starting from analytic ones."""
    networks = OpenVinoNetworks(files, 1)
    transform = Transform(networks, files.linear)
    latent_tables, hyper_tables = Tables(latent), Tables(hyper)
    coder = LatentCoder(networks, Predictor.of(files.linear), latent_tables, hyper_tables)
    counter = SymbolCounter()
    frames = [f for r in recordings for f in zip(r.planes, r.valid, strict=True)]
    for plane, valid in tqdm(frames, 'fitting tables', disable=None):
        known = pad_to_base(valid, 'constant')
        smooth = remove_steps(pad_to_base(plane, 'edge'), known)
        base, mask = base_of(smooth), mask_blocks(known)
        for quality in QUALITIES:
            latents, hyperlatents = transform.analyse(smooth, base, mask, quality)
            coder.quantize(latents, hyperlatents, base, mask, quality, counter)
    return counter.fitted(latent_tables, latent), counter.fitted(hyper_tables, hyper)
