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
"""A picture of where a codec is off the most, beside a peer at the same rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depth_nn_transport.bench.frames import Frame
from depth_nn_transport.bench.measurement import OperatingPoint
from depth_nn_transport.bench.peers import Codec
from depth_nn_transport.frames.errors import quanta_errors

from matplotlib.figure import Figure

import numpy as np
from numpy.typing import NDArray

_ROWS = 3
_CROP = 64
_ERROR_SCALE_Q = 30


@dataclass(frozen=True)
class Spot:
    """A pixel (row, column) of a frame and its error in quanta."""

    frame: int
    row: int
    column: int
    error: float


def nearest_rate(points: Sequence[OperatingPoint], bits: float) -> OperatingPoint:
    """Return the operating point whose rate is nearest."""
    return min(points, key=lambda point: abs(np.log(point.bits / bits)))


def draw_largest_errors(
    path: Path, frames: Sequence[Frame], codecs: Sequence[tuple[Codec, float]]
) -> None:
    """
    Draw originals, restorations and errors around the largest errors of the first codec.

    Draws nothing if there is no error.

    :param path: of the image to write.
    :param frames: prepared frames.
    :param codecs: each with its setting.
    """
    restored = [
        [codec.decode(codec.encode(frame, setting)) for frame in frames]
        for codec, setting in codecs
    ]
    spots = largest_spots([
        error_map(frame, depth) for frame, depth in zip(frames, restored[0], strict=True)
    ])
    if not spots:
        return
    figure = Figure(figsize=(2.6 * (1 + 2 * len(codecs)), 2.8 * len(spots)), layout='constrained')
    grid = figure.subplots(len(spots), 1 + 2 * len(codecs), squeeze=False)
    for axes, spot in zip(grid, spots, strict=True):
        depths = [planes[spot.frame] for planes in restored]
        _draw_row(axes, spot, frames[spot.frame], depths, [codec.name for codec, _ in codecs])
    figure.savefig(path, dpi=90)


def error_map(frame: Frame, restored: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return absolute errors (H, W) in quanta, 0 in holes."""
    error = quanta_errors(frame.depth, restored, frame.lattice)
    return np.where(frame.depth > 0, error, np.float32(0))


def largest_spots(errors: Sequence[NDArray[np.float32]], count: int = _ROWS) -> list[Spot]:
    """
    Return the largest errors, each at least a crop away from the larger ones of its frame.

    Fewer where nothing else is above 0.
    """
    left = [error.copy() for error in errors]
    spots = []
    for _ in range(count):
        frame = int(np.argmax([error.max() for error in left]))
        error = left[frame]
        if error.max() == 0:
            break
        row, column = (int(at) for at in np.unravel_index(error.argmax(), error.shape))
        spots.append(Spot(frame, row, column, float(error[row, column])))
        error[max(row - _CROP, 0):row + _CROP, max(column - _CROP, 0):column + _CROP] = 0
    return spots


def _draw_row(
    axes: NDArray[Any], spot: Spot, frame: Frame, restored: Sequence[NDArray[np.uint16]],
    names: Sequence[str],
) -> None:
    window = tuple(
        slice(max(at - _CROP // 2, 0), at + _CROP // 2) for at in (spot.row, spot.column)
    )
    quanta, valid = frame.lattice.to_quanta, frame.depth[window] > 0
    planes = [quanta(depth)[window] for depth in (frame.depth, *restored)]
    low, high = (float(np.percentile(planes[0][valid], percent)) for percent in (1, 99))
    titles = (f'original, quanta\nlargest error {spot.error:.0f}', *names)
    for axis, plane, title in zip(axes, planes, titles, strict=False):
        axis.imshow(np.where(valid, plane, np.nan), 'turbo', vmin=low, vmax=high)
        axis.set_title(title, fontsize='small')
    for axis, depth, name in zip(axes[len(planes):], restored, names, strict=True):
        error = error_map(frame, depth)[window]
        axis.imshow(np.where(valid, error, np.nan), 'magma', vmin=0, vmax=_ERROR_SCALE_Q)
        axis.set_title(f'error of {name}\n0 to {_ERROR_SCALE_Q} quanta', fontsize='small')
    for axis in axes:
        axis.set_axis_off()
