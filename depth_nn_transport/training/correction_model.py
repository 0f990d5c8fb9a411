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

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from depth_nn_transport.codec import correction_coder as coder
from depth_nn_transport.codec.depth_codec import DepthCodec
from depth_nn_transport.frames.files import IMAGE_SUFFIX, read_depth
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
import torch.nn.functional as F

Sample = tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]

# Cells that flags are counted in: level, phase, density, activity, holes, parents, flags.
CELLS = (
    len(coder.SIZES), len(coder.PHASES), coder.DENSITIES, coder.ACTIVITIES, coder.HOLE_CLASSES,
    coder.PARENT_CLASSES, coder.FLAG_CLASSES,
)
# Cells that each addend depends on.
DEPENDENCES = {
    'phase': (0, 1), 'density': (0, 2), 'activity': (0, 3), 'holes': (0, 4), 'flags': (0, 1, 5, 6),
}
FRAMES_PER_FOLDER = 2
QUALITIES = (10, 20, 50, 80, 100)
THRESHOLDS = (1, 2, 4, 8, 16, 32)
LONGEST_MOVE = 31
MOVE_TABLES = coder.SIGN_CLASSES * coder.LENGTH_CLASSES
PROBABILITY_STEP = 2.0**-22
ITERATIONS = 100
# Keeps addends of cells never seen near zero.
DECAY = 1e-6


def restored_frames(codec: DepthCodec, root: Path) -> Iterator[Sample]:
    """Restore a few frames of each folder at several qualities."""
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        files = sorted(folder.glob(f'*{IMAGE_SUFFIX}'))
        every = max(1, len(files) // FRAMES_PER_FOLDER)
        for path in files[::every][:FRAMES_PER_FOLDER]:
            for quality in QUALITIES:
                yield codec.residual(read_depth(path), quality)


def fit_corrections(
    samples: Iterable[Sample], thresholds: Sequence[int] = THRESHOLDS
) -> dict[str, NDArray[np.generic]]:
    """Fit all statistics to restored frames.

    Args:
        samples: residual (float32 (H, W) quanta), validity and latents of each frame.
        thresholds: quanta, each of which every frame is corrected with.

    Returns:
        Arrays for `CorrectionCoder`.

    """
    seen, ones = np.zeros(CELLS), np.zeros(CELLS)
    moves = np.zeros((MOVE_TABLES, 2 * LONGEST_MOVE + 2))
    for residual, valid, latents in samples:
        surroundings = coder.Surroundings.of(valid, latents)
        for threshold in thresholds:
            pixels, signed = coder.find_moves(residual, valid, threshold)
            if len(pixels):
                density = coder.density_class(len(pixels), np.count_nonzero(valid))
                _count_flags(*coder.tell_flags(pixels, surroundings), density, seen, ones)
                _count_moves(pixels, signed, valid.shape, moves)
    return {
        **_fit_log_odds(seen, ones),
        'probability': _probability_table(),
        'moves': _move_tables(moves),
    }


def _count_flags(
    features: NDArray[np.uint8], bits: NDArray[np.uint8], density: int,
    seen: NDArray[np.float64], ones: NDArray[np.float64],
) -> None:
    level, phase, *rest = features.T.astype(np.intp)
    cells = (level, phase, np.full_like(level, density), *rest)
    np.add.at(seen, cells, 1)
    np.add.at(ones, cells, bits)


def _count_moves(
    pixels: NDArray[np.int32], moves: NDArray[np.int32], shape: tuple[int, ...],
    counts: NDArray[np.float64],
) -> None:
    """Count moves and, since no sign is special, their negatives."""
    for signed in (moves, -moves):
        known = np.zeros(shape, np.int32)
        for phase in range(len(coder.PHASES)):
            here = coder.in_phase(phase, pixels)
            index = coder.move_contexts(known, pixels[here])
            symbols = signed[here]
            coder.put(known, pixels[here], symbols)
            escaped = np.abs(symbols) > LONGEST_MOVE
            np.add.at(counts, (index, np.where(escaped, -1, symbols + LONGEST_MOVE)), 1)


def _fit_log_odds(
    seen: NDArray[np.float64], ones: NDArray[np.float64]
) -> dict[str, NDArray[np.generic]]:
    """Fit addends of log-odds by logistic regression on the counts."""
    cells = np.nonzero(seen)
    total, positive = torch.from_numpy(seen[cells]), torch.from_numpy(ones[cells])
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
        name: torch.round(addend.detach() * coder.LOGIT_STEPS).numpy().astype(np.int32)
        for name, addend in addends.items()
    }


def _probability_table() -> NDArray[np.float32]:
    log_odds = (np.arange(coder.LOGIT_LEVELS) - coder.LOGIT_LEVELS // 2) / coder.LOGIT_STEPS
    return (1 / (1 + np.exp(-log_odds))).astype(np.float32)


def _move_tables(counts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Probabilities of each table's moves; those never seen get a share of what all tables saw."""
    pooled = counts.sum(0)
    counts = counts + 8 * pooled / pooled.sum() + 0.02
    share = counts / counts.sum(1, keepdims=True)
    rounded: NDArray[np.float32] = np.rint(share / PROBABILITY_STEP).astype(np.float32)
    return rounded * np.float32(PROBABILITY_STEP)
