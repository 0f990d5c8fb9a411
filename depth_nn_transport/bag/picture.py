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
"""The picture of the frames that came out worst."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from depth_nn_transport.bag.comparison import FrameComparison, FramePair
import matplotlib.figure
import numpy as np
from numpy.typing import NDArray

_ERROR_RANGE_QUANTA = 16


def draw_worst(frames: Iterable[tuple[str, FrameComparison, FramePair]], path: Path) -> bool:
    """Write a PNG with original, restored and error of each frame; return whether there is one."""
    rows = list(frames)
    if not rows:
        return False
    figure = matplotlib.figure.Figure(figsize=(15, 3.6 * len(rows)), layout='constrained')
    grid = figure.subplots(len(rows), 3, squeeze=False)
    for axes, (topic, comparison, pair) in zip(grid, rows, strict=True):
        _draw_row(figure, axes, pair)
        axes[0].set_title(f'{topic}\nat {comparison.stamp_ns / 1e9:.3f} s: original, m')
    figure.savefig(path, dpi=100)
    return True


def _draw_row(figure: matplotlib.figure.Figure, row: NDArray[Any], pair: FramePair) -> None:
    valid = (pair.original > 0) & (pair.restored > 0)
    limit = float(np.percentile(pair.original[valid], 98)) / 1e3 if valid.any() else 1.0
    drawings = (
        ('', pair.original / 1e3, limit, 'turbo'),
        ('restored, m', pair.restored / 1e3, limit, 'turbo'),
        (f'error, quanta; at most {pair.quanta[valid].max(initial=0):g}', pair.quanta,
         _ERROR_RANGE_QUANTA, 'magma'),
    )
    for axes, (title, image, maximum, colours) in zip(row, drawings, strict=True):
        shown = axes.imshow(np.where(valid, image, np.nan), colours, vmin=0, vmax=maximum)
        axes.set_title(title)
        axes.set_axis_off()
        figure.colorbar(shown, ax=axes, shrink=0.8)
