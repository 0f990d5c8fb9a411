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
"""Tables and the picture of what a setting does to navigation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any

from depth_nn_transport.bench.navigation import CellChanges, compare_cells, point_cloud
from depth_nn_transport.bench.navigation_comparison import (
    Impact, LAYER, REACHES_M, SCAN_REACH_M, Scene, Setting,
)
from depth_nn_transport.bench.report import finite, table

from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

import numpy as np

CAMERA_HZ = 30
PICTURED = ('quality 30', 'quality 50', 'bounded, 2 quanta', 'x265, same rate',
            'JPEG XL, same rate', 'JPEG XL of the image as it is, same rate')
# Free, obstacle in both, and a change: within a cell, and beyond.
_LEGEND = {
    'obstacle in both': '#9a9a9a', 'appeared, next to one': '#ffb366',
    'vanished, next to one': '#8ec1f0', 'appeared out of nothing': '#d40000',
    'vanished without trace': '#0033cc',
}
_COLUMNS = ('setting', 'bit/px', 'Mbit/s', 'cells appeared / vanished', 'beyond one cell',
            f'scan to {SCAN_REACH_M:g} m, mm',
            *(f'points to {reach:g} m, mm' for reach in REACHES_M), 'flying')
_MAPPED_M = REACHES_M[-1]
# To the left and right, in the picture.
_SHOWN_M = 3.5


@dataclass(frozen=True)
class Figures:
    """
    What a setting does to all frames of a recording.

    :ivar bits: per pixel.
    :ivar megabits: Mbit/s at `CAMERA_HZ`.
    :ivar appeared, vanished, appeared_beyond, vanished_beyond: cells, as a share of the obstacles
        in the raw depth.
    :ivar scan_mm, points_mm: mean, 99th percentile and maximum; the points for each of
        `REACHES_M`.
    :ivar flying: share of the points that hang between two surfaces.
    """

    bits: float
    megabits: float
    appeared: float
    vanished: float
    appeared_beyond: float
    vanished_beyond: float
    scan_mm: tuple[float, float, float]
    points_mm: tuple[tuple[float, float, float], ...]
    flying: float

    @classmethod
    def of(cls, impacts: Sequence[Impact], pixels: int) -> Figures:
        """Sum up the frames of a recording, of so many pixels each."""
        bits = float(np.mean([impact.bits for impact in impacts]))
        cells = max(sum(impact.cells for impact in impacts), 1)

        def share(name: str) -> float:
            return float(sum(getattr(impact, name) for impact in impacts) / cells)

        return cls(
            bits, bits * pixels * CAMERA_HZ / 1e6, share('appeared'), share('vanished'),
            share('appeared_beyond'), share('vanished_beyond'),
            _spread(np.concatenate([impact.scan_mm for impact in impacts])),
            tuple(_spread(np.concatenate([impact.points_mm[reach] for impact in impacts]))
                  for reach in range(len(REACHES_M))),
            float(np.mean([impact.flying for impact in impacts])))

    @property
    def beyond(self) -> float:
        """Return the share of the cells that changed by more than a cell."""
        return self.appeared_beyond + self.vanished_beyond


@dataclass(frozen=True)
class Purpose:
    """A use of depth, what it asks for in words, and whether figures meet it."""

    name: str
    wish: str
    is_met: Callable[[Figures], bool]


PURPOSES = (
    Purpose('seeing that something is there', 'at most 3 % of the obstacle cells change by more '
            'than a cell', lambda figures: figures.beyond <= 0.03),
    Purpose('obstacle layer of a costmap', 'at most 1 % do',
            lambda figures: figures.beyond <= 0.01),
    Purpose('obstacle layer that must not lose a thing', 'no cell changes by more than a cell',
            lambda figures: figures.beyond == 0),
    Purpose('docking by a laser scan within 2 m', '99 % of the ranges within 15 mm, all within '
            '50', lambda figures: figures.scan_mm[1] <= 15 and figures.scan_mm[2] <= 50),
    Purpose('manipulation within 1 m', 'every point within 10 mm',
            lambda figures: figures.points_mm[0][2] <= 10),
    Purpose('mapping to 5 m', '99 % of the points within 100 mm, all within 250 mm',
            lambda figures: figures.points_mm[-1][1] <= 100
            and figures.points_mm[-1][2] <= 250),
)


def write_report(out: Path, recordings: Mapping[str, Mapping[str, Figures]]) -> str:
    """Write tables and figures to a folder; return the tables."""
    tables = markdown(recordings)
    (out / 'navigation.md').write_text(tables)
    (out / 'navigation.json').write_text(json.dumps(finite({
        name: {title: asdict(figures) for title, figures in settings.items()}
        for name, settings in recordings.items()}), allow_nan=False) + '\n')
    return tables


def markdown(recordings: Mapping[str, Mapping[str, Figures]]) -> str:
    """Return what is safe for what, and all figures of each recording by setting."""
    lines = ['## Which setting is safe for what', '', *_purpose_table(recordings), '']
    for name, settings in recordings.items():
        lines += [f'## {name}', '', *table(_COLUMNS, [
            _row(title, figures) for title, figures in settings.items()]), '']
    return '\n'.join(lines)


def draw_costmaps(path: Path, scene: Scene, settings: Sequence[Setting]) -> None:
    """Draw a scene, its obstacle layer and how settings change it."""
    original = point_cloud(scene.frame.depth, scene.camera)
    figure = Figure(figsize=(16, 7.6), layout='constrained')
    grid = figure.subplots(2, 4).ravel()
    shown = np.where(scene.frame.depth > 0, scene.frame.depth / 1000, np.nan)
    picture = grid[0].imshow(shown, 'turbo_r', vmin=0, vmax=_MAPPED_M)
    grid[0].set_title('raw depth, m')
    grid[0].set_axis_off()
    figure.colorbar(picture, ax=grid[0], shrink=0.5)
    raw = compare_cells(LAYER, scene.pose, original, original)
    _draw_cells(grid[1], raw, f'its obstacle layer: {raw.obstacles.sum()} cells of 5 cm')
    chosen = {setting.title: setting for setting in settings}
    for axes, title in zip(grid[2:], PICTURED, strict=True):
        bits, depth = chosen[title].restore(scene.frame)
        changes = compare_cells(
            LAYER, scene.pose, original, point_cloud(depth, scene.camera))
        beyond = int(changes.appeared_beyond.sum() + changes.vanished_beyond.sum())
        _draw_cells(
            axes, changes,
            f'{title}\n{bits:.2f} bit/px, {beyond} cells changed by more than a cell')
    handles = [grid[1].plot([], [], 's', color=colour, label=label)[0]
               for label, colour in _LEGEND.items()]
    figure.legend(handles=handles, loc='outside lower center', ncols=len(_LEGEND))
    figure.savefig(path, dpi=80)


def _draw_cells(axes: Any, changes: CellChanges, title: str) -> None:
    """Draw the half of the grid in front of the camera, seen from above, ahead being up."""
    kinds = np.zeros(changes.obstacles.shape, np.uint8)
    for kind, cells in enumerate(
            (changes.obstacles, changes.appeared, changes.vanished, changes.appeared_beyond,
             changes.vanished_beyond), start=1):
        kinds[cells] = kind
    half, reach = LAYER.half_cells, LAYER.half_cells * LAYER.cell_m
    axes.imshow(
        kinds[half:, ::-1], ListedColormap(['white', *_LEGEND.values()]), vmin=0,
        vmax=len(_LEGEND), origin='lower', extent=(-reach, reach, 0, reach),
        interpolation='nearest')
    axes.plot(0, 0, '^', color='black', markersize=10)
    axes.set_title(title, fontsize='medium')
    axes.set(xlim=(-_SHOWN_M, _SHOWN_M), xlabel='m', ylabel='m ahead')


def _purpose_table(recordings: Mapping[str, Mapping[str, Figures]]) -> list[str]:
    """Return the lines of a table of the cheapest settings that meet each purpose everywhere."""
    rows = []
    for purpose in PURPOSES:
        cheapest = [_cheapest(recordings, purpose, kind) for kind in ('quality', 'bounded')]
        rows.append([purpose.name, purpose.wish, *cheapest])
    return table(
        ['for', 'we ask that', '`mode: lossy`, bit/px', '`mode: bounded`, bit/px'], rows)


def _cheapest(
        recordings: Mapping[str, Mapping[str, Figures]], purpose: Purpose, kind: str) -> str:
    """Return the setting of a kind with the fewest bits that meets a purpose on all recordings."""
    titles = [title for title in next(iter(recordings.values())) if title.startswith(kind)]
    rates = {
        title: float(np.mean([settings[title].bits for settings in recordings.values()]))
        for title in titles
        if all(purpose.is_met(settings[title]) for settings in recordings.values())}
    if not rates:
        return 'none'
    best = min(rates, key=lambda title: rates[title])
    return f'**{best.removeprefix("bounded, ")}**, {rates[best]:.2f}'


def _row(title: str, figures: Figures) -> list[str]:
    rate = ['-', '-'] if np.isnan(figures.bits) else [
        f'{figures.bits:.3f}', f'{figures.megabits:.1f}']
    return [
        title, *rate,
        f'{figures.appeared:.1%} / {figures.vanished:.1%}',
        f'{figures.appeared_beyond:.2%} / {figures.vanished_beyond:.2%}',
        *(' / '.join(_millimetres(value) for value in spread)
          for spread in (figures.scan_mm, *figures.points_mm)),
        f'{figures.flying:.2%}']


def _millimetres(value: float) -> str:
    return '-' if np.isnan(value) else f'{value:.1f}' if value < 10 else f'{value:.0f}'


def _spread(values: Any) -> tuple[float, float, float]:
    """Return mean, 99th percentile and maximum, NaN if there are no values."""
    if not len(values):
        return (float('nan'),) * 3
    return float(values.mean()), float(np.percentile(values, 99)), float(values.max())
