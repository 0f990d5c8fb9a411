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
"""Rate-distortion plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from depth_nn_transport.bench.measurement import OperatingPoint
from depth_nn_transport.bench.rate_distortion import Curve
from depth_nn_transport.bench.summary import by_codec, curve_of, OURS

import matplotlib
from matplotlib.figure import Figure

import numpy as np

# The region in which live links operate; whatever lies outside is in the tables.
_BITS = (0.03, 1.0)
_ERRORS = {
    'mean_q': ('mean error / quanta', (0.2, 6.0)),
    'rms_q': ('RMS error / quanta', (0.3, 10.0)),
}
_TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


def plot_folder(path: Path, folder: str, points: Sequence[OperatingPoint]) -> None:
    """
    Draw mean and RMS error over bits per pixel for all codecs measured on a folder.

    :param path: of the image to write.
    :param folder: title.
    :param points: operating points of that folder.
    """
    figure = Figure(figsize=(13, 5.5), layout='constrained')
    for axes, error in zip(figure.subplots(1, 2), _ERRORS, strict=True):
        _plot_error(axes, points, error)
    figure.suptitle(folder)
    figure.savefig(path, dpi=110)


def _plot_error(axes: Any, points: Sequence[OperatingPoint], error: str) -> None:
    label, limits = _ERRORS[error]
    colours = matplotlib.color_sequences['tab10']
    curves = {name: curve_of(some, error) for name, some in by_codec(points).items()}
    shown = {name: curve for name, curve in curves.items() if _inside(curve, limits)}
    bounded = {point.codec for point in points if point.setting_name == 'bound'}
    for index, (name, curve) in enumerate(shown.items()):
        ours = name.startswith(OURS)
        axes.plot(
            curve.bits, curve.error, marker='.', label=name, linewidth=2.5 if ours else 1.2,
            color='black' if ours else colours[index % len(colours)],
            linestyle='--' if name in bounded else '-',
        )
    axes.set(xscale='log', yscale='log', xlim=_BITS, ylim=limits, xlabel='bit/px', ylabel=label)
    for axis, (low, high) in ((axes.xaxis, _BITS), (axes.yaxis, limits)):
        ticks = [tick for tick in _TICKS if low <= tick <= high]
        axis.set_ticks(ticks, [f'{tick:g}' for tick in ticks])
        axis.minorticks_off()
    axes.grid(alpha=0.3)
    if shown:
        axes.legend(fontsize='small')


def _inside(curve: Curve, limits: tuple[float, float]) -> bool:
    bits = (curve.bits >= _BITS[0]) & (curve.bits <= _BITS[1])
    error = (curve.error >= limits[0]) & (curve.error <= limits[1])
    return bool(np.any(bits & error))
