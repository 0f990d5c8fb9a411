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
"""Lossless and bounded frames beside JPEG XL on ranks of the same lattice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import json
from pathlib import Path

from depth_nn_transport.bench.measurement import OperatingPoint
from depth_nn_transport.bench.peers import BOUNDS
from depth_nn_transport.bench.report import finite, flat, table
from depth_nn_transport.bench.run import choose_codecs, measure_folders
from depth_nn_transport.bench.summary import by_folder

_OURS, _JPEGXL_E7, _JPEGXL_E3 = 'ours-bounded', 'jpegxl-e7-rank', 'jpegxl-e3-rank'
_TITLES = {_OURS: 'ours', _JPEGXL_E7: 'JPEG XL e7', _JPEGXL_E3: 'JPEG XL e3'}
# Without a lattice, the way ROS sends depth.
_RAW = {'png6-raw': 'PNG-6', 'rvl-raw': 'RVL'}
_INTRODUCTION = (
    'Whole streams, hole mask included, beside JPEG XL lossless of the ranks on the lattice, '
    'quantised by 2 E + 1, a hole being one value more; at most {frames} frames of each folder.'
)

# The operating points of a folder, by codec and bound.
_Points = dict[tuple[str, float], OperatingPoint]


def measure(
    folders: Sequence[Path], limit: int, model: str, runtime: str
) -> list[OperatingPoint]:
    """
    Measure all codecs of the tables on one thread.

    :raises FileNotFoundError: a folder holds no PNG.
    :raises ValueError: a PNG is not a 16-bit single-channel image.
    """
    codecs = choose_codecs(','.join((*_TITLES, *_RAW)), None, model, 1, runtime)
    return measure_folders(folders, limit, codecs, 1)


def write_report(out: Path, points: Sequence[OperatingPoint]) -> str:
    """Write JSON and Markdown into a folder; return the Markdown."""
    out.mkdir(parents=True, exist_ok=True)
    text = markdown(points)
    (out / 'bounded.md').write_text(text)
    figures = finite({'operating_points': [flat(point) for point in points]})
    (out / 'bounded.json').write_text(json.dumps(figures) + '\n')
    return text


def markdown(points: Sequence[OperatingPoint]) -> str:
    """Return tables of bits, errors and times, a line for each folder."""
    folders: dict[str, _Points] = {
        name: {(point.codec, point.setting): point for point in some}
        for name, some in by_folder(points).items()
    }
    return '\n'.join((
        _INTRODUCTION.format(frames=max(point.frames for point in points)), '',
        '### Bits of ours in relation to JPEG XL e7 / e3', '',
        *_by_bound(folders, BOUNDS, _ratios), '',
        '### Bits per pixel of ours', '',
        *_by_bound(folders, BOUNDS, lambda some, bound: f'{some[_OURS, bound].bits:.3f}'), '',
        '### Mean error of ours / JPEG XL, quanta', '',
        *_by_bound(folders, BOUNDS[1:], _errors), '',
        '### Encode / decode ms, one thread', '', *_times(folders), '',
        '### Lossless beside depth as it is, bits per pixel', '', *_lossless(folders), '',
    ))


def _by_bound(
    folders: dict[str, _Points], bounds: Sequence[float], cell: Callable[[_Points, float], str]
) -> list[str]:
    rows = [[name, *(cell(some, bound) for bound in bounds)] for name, some in folders.items()]
    return table(['folder', *map(_title, bounds)], rows)


def _ratios(some: _Points, bound: float) -> str:
    ours = some[_OURS, bound].bits
    return ' / '.join(
        f'{ours / some[peer, bound].bits:.2f}' for peer in (_JPEGXL_E7, _JPEGXL_E3))


def _errors(some: _Points, bound: float) -> str:
    ours, peer = (some[codec, bound].metrics['mean_q'] for codec in (_OURS, _JPEGXL_E7))
    return f'{ours:.1f} / {peer:.1f}'


def _times(folders: dict[str, _Points]) -> list[str]:
    rows = []
    for name, some in folders.items():
        for codec, title in _TITLES.items():
            points = [some[codec, bound] for bound in BOUNDS]
            rows.append([name, title, *(
                f'{point.encode_ms:.0f} / {point.decode_ms:.0f}' for point in points)])
    return table(['folder', 'codec', *map(_title, BOUNDS)], rows)


def _lossless(folders: dict[str, _Points]) -> list[str]:
    titles = _TITLES | _RAW
    rows = [[name, *(f'{some[codec, 0].bits:.2f}' for codec in titles)]
            for name, some in folders.items()]
    return table(['folder', *titles.values()], rows)


def _title(bound: float) -> str:
    return f'E = {bound:g}' if bound else 'lossless'
