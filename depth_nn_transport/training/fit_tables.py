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
from pathlib import Path
import shutil
from tempfile import TemporaryDirectory

from depth_nn_transport.codec.blocks import base_of, mask_blocks, pad_to_base
from depth_nn_transport.codec.context import Predictor
from depth_nn_transport.codec.latent_coder import LatentCoder
from depth_nn_transport.codec.model_files import (
    CORRECTIONS_FILE,
    MASK_FILE,
    ModelFiles,
    PLANE_FILE,
    STEPS_FILE,
    TABLES_FILE,
)
from depth_nn_transport.codec.table_coder import Integers, Tables
from depth_nn_transport.codec.transform import Transform
from depth_nn_transport.runtime.openvino_networks import OpenVinoNetworks
from depth_nn_transport.training.dataset import Recording, remove_steps
from depth_nn_transport.training.export import (
    export_model,
    hyper_tables,
    logistic_tables,
    normalise,
    write_tables,
)
from depth_nn_transport.training.model import DepthModel
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

Array = NDArray[np.float32]

# Of a model, made before its networks.
PREPARED_FILES = (MASK_FILE, STEPS_FILE, CORRECTIONS_FILE, PLANE_FILE)
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


def export_fitted(model: DepthModel, recordings: Sequence[Recording], out: Path) -> None:
    """
    Write the networks of a trained model and tables that are fitted to recordings.

    Nothing is written to the folder before all of it is made: half a new model would load.

    :param model: as `load_run` returns it.
    :param recordings: to fit the tables to.
    :param out: folder of the model, with what the other commands of `train` make.
    :raises ValueError: if the folder lacks any of that.
    :raises OSError: if it cannot be written.
    """
    if lacking := [name for name in PREPARED_FILES if not (out / name).is_file()]:
        raise ValueError(f'{out} lacks {", ".join(lacking)}, which `train maps`, `train plane` '
                         'and `train corrections` make')
    with TemporaryDirectory(prefix=f'.{out.name}-', dir=out.parent) as place:
        scratch = Path(place)
        for name in PREPARED_FILES:
            shutil.copy(out / name, scratch)
        export_model(model, scratch)
        latent = logistic_tables()
        hyper = hyper_tables(model.entropy_model.hyper_prior)
        write_tables(scratch, latent, hyper)
        files = ModelFiles.load(str(scratch.resolve()))
        write_tables(scratch, *fit_tables(files, recordings, latent, hyper))
        # The folder is no model while the tables are not there.
        (out / TABLES_FILE).unlink(missing_ok=True)
        for path in sorted(scratch.iterdir(), key=lambda path: path.name == TABLES_FILE):
            path.replace(out / path.name)


def fit_tables(
    files: ModelFiles, recordings: Sequence[Recording], latent: list[Array], hyper: list[Array]
) -> tuple[list[Array], list[Array]]:
    """Fit the tables of latents and hyperlatents, starting from analytic ones."""
    networks = OpenVinoNetworks(files, 1)
    transform = Transform(networks, files.linear)
    latents_of, hypers_of = Tables(latent), Tables(hyper)
    coder = LatentCoder(networks, Predictor.of(files.linear), latents_of, hypers_of)
    counter = SymbolCounter()
    frames = [f for r in recordings for f in zip(r.planes, r.valid, strict=True)]
    for plane, valid in tqdm(frames, 'fitting tables', disable=None):
        known = pad_to_base(valid, 'constant')
        smooth = remove_steps(pad_to_base(plane, 'edge'), known)
        base, mask = base_of(smooth), mask_blocks(known)
        for quality in QUALITIES:
            latents, hyperlatents = transform.analyse(smooth, base, mask, quality)
            coder.quantize(latents, hyperlatents, base, mask, quality, counter)
    return counter.fitted(latents_of, latent), counter.fitted(hypers_of, hyper)
