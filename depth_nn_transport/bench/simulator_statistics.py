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
"""Statistics of depth frames by which simulators are compared with recordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depth_nn_transport.bench.frames import frame_paths
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.frames.files import read_depth
from depth_nn_transport.simulator import simulate_sequence, simulate_stereo

from matplotlib.figure import Figure

import numpy as np
from numpy.typing import NDArray

from tqdm import tqdm

_STEPS = np.arange(17)
_RUNS = np.geomspace(1, 1000, 25)
_SEEDS = range(6)
_FRAMES = 4


@dataclass(frozen=True)
class Statistics:
    """
    Of a set of sequences, each from one camera.

    :ivar hole_shares: of each frame.
    :ivar hole_runs: lengths of the horizontal runs of holes, pixels.
    :ivar differences: absolute differences of horizontal neighbours, quanta.
    :ivar changes: absolute changes of a pixel from one frame to the next, quanta.
    """

    hole_shares: NDArray[Any]
    hole_runs: NDArray[Any]
    differences: NDArray[Any]
    changes: NDArray[Any]

    @classmethod
    def of(cls, sequences: Iterable[Sequence[NDArray[np.uint16]]]) -> Statistics:
        """Collect the statistics of sequences of frames (H, W) of one size each."""
        shares: list[float] = []
        parts: list[list[NDArray[Any]]] = [[np.zeros(0)], [np.zeros(0)], [np.zeros(0)]]
        for frames in sequences:
            lattice, before = None, None
            for depth in frames:
                lattice = Lattice.from_depth(depth, lattice)
                quanta, valid = lattice.to_quanta(depth), depth > 0
                shares.append(1 - float(valid.mean()))
                parts[0].append(run_lengths(~valid))
                pairs = valid[:, 1:] & valid[:, :-1]
                parts[1].append(np.abs(np.diff(quanta, axis=1))[pairs])
                if before is not None:
                    parts[2].append(np.abs(quanta - before[0])[valid & before[1]])
                before = quanta, valid
        runs, differences, changes = (np.concatenate(part) for part in parts)
        return cls(np.array(shares), runs, differences, changes)


def run_lengths(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the lengths of the horizontal runs of set pixels."""
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    return np.nonzero(steps == -1)[1] - np.nonzero(steps == 1)[1]


def compare_simulators(folders: Sequence[Path], path: Path) -> None:
    """
    Plot the statistics of recordings and of both simulators.

    :param folders: recordings; of each, the first frames that follow each other.
    :param path: of the image to write.
    """
    recorded = Statistics.of(_recordings(folders))
    simulated = {
        name: Statistics.of(
            [frame.depth for frame in simulate(seed, _FRAMES)]
            for seed in tqdm(_SEEDS, desc=name, unit='sequence', disable=None))
        for name, simulate in (('fast simulator', simulate_sequence),
                               ('stereo simulator', simulate_stereo))
    }
    plot_statistics(path, {'recordings': recorded, **simulated})


def plot_statistics(path: Path, statistics: dict[str, Statistics]) -> None:
    """Draw the distributions of each set beside those of the others."""
    figure = Figure(figsize=(13, 8), layout='constrained')
    shares, runs, differences, changes = figure.subplots(2, 2).ravel()
    for name, some in statistics.items():
        ordered = np.sort(some.hole_shares)
        shares.plot(ordered, np.linspace(0, 1, len(ordered)), label=name)
        weights, _ = np.histogram(some.hole_runs, _RUNS)
        runs.plot(_RUNS[:-1], weights / max(weights.sum(), 1), label=name)
        for axes, values in ((differences, some.differences), (changes, some.changes)):
            counts = np.bincount(np.minimum(np.rint(values), _STEPS[-1]).astype(np.intp),
                                 minlength=len(_STEPS))
            axes.plot(_STEPS, counts / max(counts.sum(), 1), marker='.', label=name)
    shares.set(xlabel='share of holes in a frame', ylabel='share of frames below')
    runs.set(xlabel='horizontal run of holes / px', ylabel='share of runs', xscale='log')
    differences.set(xlabel='difference of horizontal neighbours / quanta (last: more)',
                    ylabel='share of pairs', yscale='log')
    changes.set(xlabel='change from frame to frame / quanta (last: more)',
                ylabel='share of pixels', yscale='log')
    for axes in (shares, runs, differences, changes):
        axes.grid(alpha=0.3)
        axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def _recordings(folders: Sequence[Path]) -> Iterable[list[NDArray[np.uint16]]]:
    for folder in folders:
        frames = [read_depth(path) for path in frame_paths(folder)[:_FRAMES]]
        yield [frame for frame in frames if frame.shape == frames[0].shape]
