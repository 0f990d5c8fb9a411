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
"""A picture of depth edges through several codecs: crops, errors, and a profile across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from depth_nn_transport.bench.frames import Frame
from depth_nn_transport.bench.metrics import edges
from depth_nn_transport.bench.peers import Codec

from matplotlib.figure import Figure

import numpy as np
from numpy.typing import NDArray

_CROP = 64
# Edges farther than this are not pictured: there a quantum is a hand's breadth.
_FARTHEST_MM = 4000
_ERROR_SCALE_MM = 200

Depth = NDArray[np.uint16]
Window = tuple[slice, slice]


def draw_edges(
    path: Path, frames: Sequence[Frame], codecs: Mapping[str, tuple[Codec, float]]
) -> None:
    """
    Draw the crop of each frame that is richest in near edges.

    :param path: of the image to write.
    :param frames: prepared frames, in mm; each gives one row.
    :param codecs: by title, each with its setting.
    """
    columns = 2 * len(codecs) + 2
    figure = Figure(figsize=(2.5 * columns + 2, 2.7 * len(frames)), layout='constrained')
    grid = figure.subplots(
        len(frames), columns, squeeze=False, width_ratios=[1] * (columns - 1) + [1.8]
    )
    for axes, frame in zip(grid, frames, strict=True):
        window = richest_window(frame)
        crops = {
            title: codec.decode(codec.encode(frame, setting))[window]
            for title, (codec, setting) in codecs.items()
        }
        _draw_row(axes, frame.depth[window], crops)
    figure.savefig(path, dpi=80)


def richest_window(frame: Frame) -> Window:
    """Return the crop, rows and columns, with the most pixels at near edges."""
    valid = frame.depth > 0
    edge = edges(frame.lattice.to_quanta(frame.depth), valid) & (frame.depth < _FARTHEST_MM)
    worth = cv2.blur(edge.astype(np.float32), (_CROP, _CROP))
    half = _CROP // 2
    inner = worth[half:-half, half:-half]
    row, column = (int(at) for at in np.unravel_index(inner.argmax(), inner.shape))
    return slice(row, row + _CROP), slice(column, column + _CROP)


def busiest_row(depth: Depth) -> int:
    """Return the row of a crop with the largest jump between valid neighbours."""
    plane = depth.astype(np.float32)
    both = (depth[:, 1:] > 0) & (depth[:, :-1] > 0)
    jumps = np.where(both, np.abs(np.diff(plane, axis=1)), 0)
    return int(jumps.max(axis=1).argmax())


def _draw_row(axes: NDArray[Any], original: Depth, restored: Mapping[str, Depth]) -> None:
    valid = original > 0
    low, high = (float(np.percentile(original[valid], percent)) for percent in (1, 99))
    planes = {'original': original, **restored}
    row = busiest_row(original)
    for axis, (title, depth) in zip(axes, planes.items(), strict=False):
        axis.imshow(np.where(valid, depth, np.nan), 'turbo', vmin=low, vmax=high)
        axis.axhline(row, color='white', linewidth=0.5, linestyle=':')
        axis.set_title(title, fontsize='small')
    for axis, (title, depth) in zip(axes[len(planes):], restored.items(), strict=False):
        error = np.abs(depth.astype(np.float32) - original)
        axis.imshow(np.where(valid, error, np.nan), 'magma', vmin=0, vmax=_ERROR_SCALE_MM)
        axis.set_title(f'error {title}\n0 to {_ERROR_SCALE_MM} mm', fontsize='small')
    for axis in axes[:-1]:
        axis.set_axis_off()
    for title, depth in planes.items():
        profile = np.where(valid[row], depth[row] / 1000, np.nan)
        axes[-1].plot(profile, marker='.', label=title, linewidth=1)
    axes[-1].set(ylabel='m', ylim=(low / 1000 - 0.2, high / 1000 + 0.2))
    axes[-1].set_title('along the dotted row', fontsize='small')
    axes[-1].legend(fontsize='x-small')
