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
"""Fitting of the correction coder's statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from depth_nn_transport.codec.correction_flags import (
    bound_class,
    BOUND_CLASSES,
    DENSITIES,
    density_class,
    FLAG_CLASSES,
    HOLE_CLASSES,
    LOGIT_LEVELS,
    LOGIT_STEPS,
    PARENT_CLASSES,
    PHASES,
    ROUGHNESS_CLASSES,
    tell_flags,
)
from depth_nn_transport.codec.correction_moves import (
    DISTANCE_CLASSES,
    find_moves,
    forget,
    in_phase,
    LENGTH_CLASSES,
    loose_step,
    move_contexts,
    put,
    TRUST_CLASSES,
)
from depth_nn_transport.codec.correction_surroundings import (
    ACTIVITIES,
    SIZES,
    Surroundings,
)
from depth_nn_transport.codec.depth_frame import DepthFrame
from depth_nn_transport.codec.lattice_memory import LatticeMemory
from depth_nn_transport.codec.lossy_coder import loose_bound, LossyCoder
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.table_coder import PROBABILITY_STEP, TableEncoder
from depth_nn_transport.frames.files import find_files, IMAGE_SUFFIX, read_depth
from depth_nn_transport.runtime.registry import AUTO, find_runtime
from depth_nn_transport.training.dataset import recording_folders
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
import torch.nn.functional as F

# Cells that flags are counted in: level, phase, then features of the coder.
CELLS = (
    len(SIZES), len(PHASES), ACTIVITIES, HOLE_CLASSES,
    PARENT_CLASSES, FLAG_CLASSES, ROUGHNESS_CLASSES, ROUGHNESS_CLASSES,
    DENSITIES, BOUND_CLASSES,
)
# Cells that each addend depends on.
DEPENDENCES = {
    'density': (0, 8), 'bound': (0, 9), 'activity': (0, 2), 'holes': (0, 3),
    'flags': (0, 1, 4, 5), 'bend': (0, 6), 'spread': (0, 7),
}
FRAMES_PER_FOLDER = 2
# Bounds of bounded mode that each quality suits, more or less.
BOUNDS = {0: (12, 16), 20: (6, 8, 11), 35: (4, 6, 8), 50: (3, 4, 6), 65: (2, 3, 4), 83: (2, 3),
          100: (1, 2)}
# Thresholds of lossy mode, as shares of the greatest.
LOOSE_SHARES = (0.35, 0.5, 1.0)
LONGEST_MOVE = 31
MOVE_TABLES = LENGTH_CLASSES * TRUST_CLASSES * DISTANCE_CLASSES
ITERATIONS = 100
# Keeps addends of cells never seen near zero.
DECAY = 1e-6


class Sample(NamedTuple):
    """
    A restored frame.

    :ivar residual: float32 (H, W), original minus restored plane in quanta.
    :ivar plane: float32 (H, W), the restored plane.
    :ivar valid: bool (H, W).
    :ivar latents: float32 (H/8, W/8, 64).
    :ivar corrections: thresholds and steps in quanta that the frame is to be corrected with.
    """

    residual: NDArray[np.float32]
    plane: NDArray[np.float32]
    valid: NDArray[np.bool_]
    latents: NDArray[np.float32]
    corrections: list[tuple[int, int]]


class _Counts(NamedTuple):
    """Numbers of flags in each cell that any was seen in: cells (N,), all flags, ones."""

    cells: NDArray[np.int64]
    seen: NDArray[np.float64]
    ones: NDArray[np.float64]


def restored_frames(model: ModelFiles, root: Path) -> Iterator[Sample]:
    """
    Restore a few frames of each folder at several qualities, without corrections.

    :raises ValueError: if there is no folder, or one without depth images.
    """
    lossy = LossyCoder(find_runtime(AUTO)(model, 1), model)
    for folder in recording_folders(root):
        lattices = LatticeMemory()
        files = find_files([folder], IMAGE_SUFFIX)
        every = max(1, len(files) // FRAMES_PER_FOLDER)
        for path in files[::every][:FRAMES_PER_FOLDER]:
            frame = DepthFrame.of(read_depth(path), lattices)
            for quality, bounds in BOUNDS.items():
                residual, plane, latents = lossy.residual(frame, quality, TableEncoder())
                loose = {max(round(share * loose_bound(quality)), 1) for share in LOOSE_SHARES}
                yield Sample(residual, plane, frame.valid, latents, [
                    *((bound, 2 * bound) for bound in bounds),
                    *((threshold, loose_step(threshold)) for threshold in sorted(loose)),
                ])


def fit_corrections(samples: Iterable[Sample]) -> dict[str, NDArray[np.generic]]:
    """
    Fit all statistics to restored frames; return arrays for `CorrectionCoder`.

    :raises ValueError: if no frame needs a correction.
    """
    counts: list[_Counts] = []
    moves = np.zeros((MOVE_TABLES, 2 * LONGEST_MOVE + 2))
    for residual, plane, valid, latents, corrections in samples:
        surroundings = Surroundings.of(plane, valid, latents)
        for threshold, step in corrections:
            pixels, signed = find_moves(residual, valid, threshold, step)
            if len(pixels):
                density = density_class(len(pixels), np.count_nonzero(valid))
                features, bits = tell_flags(pixels, surroundings, threshold)
                bound = bound_class(threshold)
                counts.append(_count_flags(features, bits, density, bound))
                _count_moves(pixels, signed, surroundings, step, moves)
    if not counts:
        raise ValueError('no frame needs a correction: there is nothing to learn')
    return {
        **_fit_log_odds(_add_up(counts)),
        'probability': _probability_table(),
        'moves': _move_tables(moves),
    }


def _count_flags(
    features: NDArray[np.uint8], bits: NDArray[np.uint8], density: int, bound: int
) -> _Counts:
    """Count the flags of one frame."""
    frame = np.broadcast_to([density, bound], (len(features), 2))
    cells = np.ravel_multi_index((*features.T, *frame.T), CELLS)
    return _add_up([_Counts(cells, np.ones(len(bits)), bits.astype(np.float64))])


def _add_up(counts: list[_Counts]) -> _Counts:
    """Add up the numbers of equal cells."""
    cells, where = np.unique(np.concatenate([c.cells for c in counts]), return_inverse=True)
    seen, ones = np.zeros(len(cells)), np.zeros(len(cells))
    np.add.at(seen, where, np.concatenate([c.seen for c in counts]))
    np.add.at(ones, where, np.concatenate([c.ones for c in counts]))
    return _Counts(cells, seen, ones)


def _count_moves(
    pixels: NDArray[np.int32], moves: NDArray[np.int32], surroundings: Surroundings,
    step: int, counts: NDArray[np.float64],
) -> None:
    """Count moves and, since no sign is special, their negatives."""
    for sign in (1, -1):
        mirrored = surroundings._replace(plane=np.float32(sign) * surroundings.plane)
        known = np.zeros(mirrored.plane.shape, np.int32)
        forget(known, pixels)
        for phase in range(len(PHASES)):
            here = in_phase(phase, pixels)
            index = move_contexts(known, pixels[here], mirrored, step)
            symbols = sign * moves[here]
            put(known, pixels[here], symbols)
            escaped = np.abs(symbols) > LONGEST_MOVE
            np.add.at(counts, (index, np.where(escaped, -1, symbols + LONGEST_MOVE)), 1)


def _fit_log_odds(counts: _Counts) -> dict[str, NDArray[np.generic]]:
    """Fit addends of log-odds by logistic regression on the counts."""
    cells = np.unravel_index(counts.cells, CELLS)
    total, positive = torch.from_numpy(counts.seen), torch.from_numpy(counts.ones)
    addends = {
        name: torch.zeros([CELLS[k] for k in axes], dtype=torch.float64, requires_grad=True)
        for name, axes in DEPENDENCES.items()
    }
    where = {
        name: tuple(torch.from_numpy(cells[k]) for k in axes) for name, axes in DEPENDENCES.items()
    }
    optimizer = torch.optim.LBFGS(
        addends.values(), max_iter=ITERATIONS, line_search_fn='strong_wolfe'
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        parts = [addends[name][where[name]] for name in addends]
        log_odds = torch.stack(parts).sum(0)
        cost = total * F.softplus(log_odds) - positive * log_odds
        decay = sum((a * a).sum() for a in addends.values())
        loss = cost.sum() / total.sum() + DECAY * decay
        loss.backward()
        return loss

    optimizer.step(closure)
    return {
        name: torch.round(addend.detach() * LOGIT_STEPS).numpy().astype(np.int32)
        for name, addend in addends.items()
    }


def _probability_table() -> NDArray[np.float32]:
    log_odds = (np.arange(LOGIT_LEVELS) - LOGIT_LEVELS // 2) / LOGIT_STEPS
    return (1 / (1 + np.exp(-log_odds))).astype(np.float32)


def _move_tables(counts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Probabilities of each table's moves; those never seen get a share of what all tables saw."""
    pooled = counts.sum(0)
    counts = counts + 8 * pooled / pooled.sum() + 0.02
    share = counts / counts.sum(1, keepdims=True)
    rounded: NDArray[np.float32] = np.rint(share / PROBABILITY_STEP).astype(np.float32)
    return rounded * np.float32(PROBABILITY_STEP)
