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
"""The report of a bench run: JSON, CSV and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
import csv
from dataclasses import asdict
import json
import math
from pathlib import Path
from typing import Any

from depth_nn_transport.bench.measurement import OperatingPoint
from depth_nn_transport.bench.rate_distortion import Comparison
from depth_nn_transport.bench.summary import by_folder, FolderSummary, HULL_LEVELS

CONDITIONS = (
    'One process, {threads} thread(s). Bits are of complete streams, hole mask and lattice '
    'included. Errors are over valid pixels, in quanta (q) or mm, and means over the frames. '
    'Times are medians over bytes in memory. Encoding includes the preparation: confirming '
    'the lattice, filling holes and coding the mask; a codec without such a figure does what it '
    'needs itself. Video encoders are opened anew for each frame.'
)
_COLUMNS = (
    ('bit/px', 'bits', '.4f'), ('mean q', 'mean_q', '.3f'), ('RMS q', 'rms_q', '.3f'),
    ('99 % q', 'p99_q', '.1f'), ('max q', 'max_q', '.1f'), ('mean mm', 'mean_mm', '.2f'),
    ('PSNR dB', 'psnr_db', '.1f'), ('edge mean q', 'mean_edge_q', '.2f'),
    ('interior mean q', 'mean_interior_q', '.3f'), ('flying', 'flying', '.2%'),
    ('holes exact', 'holes_exact', '.0%'), ('enc ms', 'encode_ms', '.1f'),
    ('dec ms', 'decode_ms', '.1f'), ('preparation ms', 'preparation_ms', '.1f'),
)
_ERROR_NAMES = {'mean_q': 'mean', 'rms_q': 'RMS'}


def flat(point: OperatingPoint) -> dict[str, Any]:
    """Return an operating point as one level of names and values."""
    row = asdict(point)
    metrics: dict[str, float] = row.pop('metrics')
    return row | metrics


def write_json(
    path: Path, points: Sequence[OperatingPoint], summaries: Sequence[FolderSummary], threads: int
) -> None:
    """Write everything measured; what has no finite value is null."""
    report = {
        'threads': threads,
        'conditions': CONDITIONS.format(threads=threads),
        'summaries': [asdict(summary) for summary in summaries],
        'operating_points': [flat(point) for point in points],
    }
    path.write_text(json.dumps(finite(report), indent=1, allow_nan=False) + '\n')


def write_csv(path: Path, points: Sequence[OperatingPoint]) -> None:
    """Write one line per operating point."""
    rows = [flat(point) for point in points]
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def markdown(
    points: Sequence[OperatingPoint], summaries: Sequence[FolderSummary], threads: int
) -> str:
    """Return the tables of all folders."""
    lines = ['# Rate and distortion', '', CONDITIONS.format(threads=threads), '']
    groups = by_folder(points)
    for summary in summaries:
        some = groups[summary.folder]
        lines += [f'## {summary.folder} ({some[0].frames} frames)', '']
        lossy = [point for point in some if point.setting_name != 'bound']
        exact = [point for point in some if point.setting_name == 'bound']
        for title, rows in (('Lossy', lossy), ('Lossless and bounded', exact)):
            lines += [f'### {title}', '', *_points_table(rows), ''] if rows else []
        lines += ['### Fewest bits of any peer', '', *_hull_table(summary), '']
        lines += ['### Our bits relative to the best peer', '', *_ratio_table(summary), '']
    return '\n'.join(lines)


def finite(value: Any) -> Any:
    """Replace numbers that are not finite by None throughout nested lists and dictionaries."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _points_table(points: Sequence[OperatingPoint]) -> list[str]:
    rows = [
        [f'{point.codec}, {point.setting_name} {point.setting:g}']
        + [format(flat(point)[key], style) for _, key, style in _COLUMNS]
        for point in points
    ]
    return _table(['codec', *(title for title, _, _ in _COLUMNS)], rows)


def _hull_table(summary: FolderSummary) -> list[str]:
    rows = [
        [f'{name}, {_ERROR_NAMES[error]}']
        + ['-' if math.isnan(bits) else f'{bits:.4f}' for bits in hull.values()]
        for error, hulls in summary.hull.items()
        for name, hull in hulls.items()
    ]
    return _table(['bit/px at quanta', *(f'{level:g}' for level in HULL_LEVELS)], rows)


def _ratio_table(summary: FolderSummary) -> list[str]:
    rows = [
        [f'{name}, at equal {_ERROR_NAMES[error]}', *_ratio_cells(comparison)]
        for error, ratios in summary.ratios.items()
        for name, comparison in ratios.items()
    ]
    return _table(['against', 'ratio', 'quanta covered', 'of the range asked'], rows)


def _ratio_cells(comparison: Comparison) -> list[str]:
    if comparison.covered == 0:
        return ['-', '-', '0 %']
    return [
        f'{comparison.ratio:.3f}', f'{comparison.low:.2f} to {comparison.high:.2f}',
        f'{comparison.covered:.0%}',
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ['---'] + ['---:'] * (len(header) - 1)
    return ['| ' + ' | '.join(cells) + ' |' for cells in (header, rule, *rows)]
