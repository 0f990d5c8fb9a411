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

from collections.abc import Iterable, Sequence
import csv
from dataclasses import asdict
import json
import math
from pathlib import Path
from typing import Any

from depth_nn_transport.bench.measurement import OperatingPoint
from depth_nn_transport.bench.metrics import REGIONS
from depth_nn_transport.bench.processor import processor_name
from depth_nn_transport.bench.rate_distortion import Comparison
from depth_nn_transport.bench.summary import (
    by_codec, by_folder, COMMON_RATE, FolderSummary, HULL_LEVELS, is_lossy,
)

CONDITIONS = (
    'One process, {threads} thread(s) of {processor}. Bits are of complete streams, hole mask and '
    'lattice included. Masks of transform peers are JPEG XL, lossless, effort 7; a row of the '
    'first table gives them our masks instead. Errors are over valid pixels, in quanta (q) or mm, '
    'averaged over the frames. PSNR has the peak 65535 mm. Flying: share of restored points '
    'between two surfaces, more than 3 quanta from every valid original in a 3x3 window. Times '
    'are medians over bytes in memory. Encoding includes the preparation: confirming the lattice, '
    'filling holes and coding the mask; a codec without such a figure does what it needs itself. '
    'Video encoders are opened anew for each frame.'
)
LARGEST_ERRORS_SUFFIX = '_largest_errors'
# The setting of each codec that comes nearest to it is shown in more detail.
_COMMON_ERROR_Q = 1.0
_COLUMNS = (
    ('bit/px', 'bits', '.4f'), ('mean q', 'mean_q', '.3f'), ('RMS q', 'rms_q', '.3f'),
    ('99 % q', 'p99_q', '.1f'), ('max q', 'max_q', '.1f'), ('mean mm', 'mean_mm', '.2f'),
    ('PSNR dB', 'psnr_db', '.1f'), ('edge mean q', 'mean_edge_q', '.2f'),
    ('interior mean q', 'mean_interior_q', '.3f'), ('flying', 'flying', '.2%'),
    ('holes exact', 'holes_exact', '.0%'), ('enc ms', 'encode_ms', '.1f'),
    ('dec ms', 'decode_ms', '.1f'), ('preparation ms', 'preparation_ms', '.1f'),
)
_RATE_COLUMNS = (
    ('PSNR dB', 'psnr_db', '.1f'), ('PSNR dB within 4 m', 'psnr_within_4m_db', '.1f'),
    ('mean mm within 4 m', 'mean_within_4m_mm', '.2f'), ('flying', 'flying', '.3%'),
    ('mean q', 'mean_q', '.3f'), ('RMS q', 'rms_q', '.3f'), ('max q', 'max_q', '.1f'),
)
_REGION_NAMES = {
    '0_to_2m': '0 to 2 m', '2_to_4m': '2 to 4 m', '4_to_10m': '4 to 10 m',
    'beyond_10m': 'beyond 10 m', 'edge': 'edges', 'interior': 'interiors',
}
_STATISTICS = ('mean', 'rms', 'p99', 'max')
_ERROR_NAMES = {'mean_q': 'mean', 'rms_q': 'RMS'}


def _conditions(threads: int) -> str:
    return CONDITIONS.format(threads=threads, processor=processor_name())


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
        'conditions': _conditions(threads),
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
    points: Sequence[OperatingPoint], summaries: Sequence[FolderSummary], threads: int,
    pictures: Path,
) -> str:
    """
    Return the report: what it comes to, each folder, and all operating points.

    :param points: all that was measured.
    :param summaries: of the folders, in order.
    :param threads: of all codecs.
    :param pictures: folder of the pictures; those that it holds are linked by their names.
    """
    groups = by_folder(points)
    lines = ['# Rate and distortion', '', _conditions(threads), '']
    lines += ['## Our bits relative to the best peer', '', *ratio_table(summaries), '']
    lines += [f'## At {COMMON_RATE} bit/px', '', *_rate_table(summaries), '']
    for summary in summaries:
        lines += _folder_section(summary, groups[summary.folder], pictures)
    lines += ['## All operating points', '']
    for name, some in groups.items():
        lossy = [point for point in some if is_lossy(point)]
        exact = [point for point in some if not is_lossy(point)]
        for title, rows in (('lossy', lossy), ('lossless and bounded', exact)):
            lines += [f'### {name}, {title}', '', *_points_table(rows), ''] if rows else []
    return '\n'.join(lines)


def ratio_table(summaries: Sequence[FolderSummary]) -> list[str]:
    """Return the lines of the table of our bits relative to the best peer."""
    rows = [
        [summary.folder, name] + [
            cell for error in _ERROR_NAMES for cell in _ratio_cells(summary.ratios[error][name])
        ]
        for summary in summaries for name in summary.ratios['mean_q']
    ]
    titles = [
        cell for error in _ERROR_NAMES.values()
        for cell in (f'ratio at equal {error}', 'quanta covered by both')
    ]
    return table(['folder', 'against', *titles], rows)


def finite(value: Any) -> Any:
    """Replace numbers that are not finite by None throughout nested lists and dictionaries."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _folder_section(
    summary: FolderSummary, points: Sequence[OperatingPoint], pictures: Path
) -> list[str]:
    lines = [f'## {summary.folder} ({points[0].frames} frames)', '']
    for suffix, title in (
        ('', 'rate and distortion'), (LARGEST_ERRORS_SUFFIX, 'the largest errors'),
    ):
        picture = f'{summary.folder}{suffix}.png'
        if (pictures / picture).exists():
            lines += [f'![{title}]({picture})', '']
    lines += ['### Fewest bits of any peer', '', *_hull_table(summary), '']
    lossy = [_nearest(some) for some in by_codec(points).values() if is_lossy(some[0])]
    if lossy:
        lines += ['### At about one quantum of mean error', '', *_points_table(lossy), '']
        lines += [
            '### Errors by region, at about one quantum', '',
            'mean / RMS / 99 % / max, in quanta, and below in mm', '', *_region_table(lossy), '',
        ]
    return lines


def _nearest(points: Iterable[OperatingPoint]) -> OperatingPoint:
    return min(points, key=lambda point: abs(point.metrics['mean_q'] - _COMMON_ERROR_Q))


def _points_table(points: Sequence[OperatingPoint]) -> list[str]:
    rows = [
        [_label(point)] + [format(flat(point)[key], style) for _, key, style in _COLUMNS]
        for point in points
    ]
    return table(['codec', *(title for title, _, _ in _COLUMNS)], rows)


def _rate_table(summaries: Sequence[FolderSummary]) -> list[str]:
    rows = [
        [summary.folder, codec] + [format(metrics[key], style) for _, key, style in _RATE_COLUMNS]
        for summary in summaries for codec, metrics in summary.at_common_rate.items()
    ]
    return table(['folder', 'codec', *(title for title, _, _ in _RATE_COLUMNS)], rows)


def _region_table(points: Sequence[OperatingPoint]) -> list[str]:
    regions = [region for region in REGIONS if region in _REGION_NAMES]
    rows = [
        [_label(point) if unit == 'q' else 'mm']
        + [_statistics(point, region, unit) for region in regions]
        for point in points for unit in ('q', 'mm')
    ]
    return table(['codec', *(_REGION_NAMES[region] for region in regions)], rows)


def _statistics(point: OperatingPoint, region: str, unit: str) -> str:
    values = [point.metrics[f'{name}_{region}_{unit}'] for name in _STATISTICS]
    return '-' if math.isnan(values[0]) else ' / '.join(f'{value:.3g}' for value in values)


def _label(point: OperatingPoint) -> str:
    return f'{point.codec}, {point.setting_name} {point.setting:g}'


def _hull_table(summary: FolderSummary) -> list[str]:
    rows = [
        [f'{name}, {_ERROR_NAMES[error]}']
        + ['-' if math.isnan(bits) else f'{bits:.4f}' for bits in hull.values()]
        for error, hulls in summary.hull.items()
        for name, hull in hulls.items()
    ]
    return table(['bit/px at quanta', *(f'{level:g}' for level in HULL_LEVELS)], rows)


def _ratio_cells(comparison: Comparison) -> list[str]:
    if comparison.covered == 0:
        return ['-', '-']
    return [
        f'{comparison.ratio:.3f}',
        f'{comparison.low:.2f} to {comparison.high:.2f} ({comparison.covered:.0%})',
    ]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    rule = ['---'] + ['---:'] * (len(header) - 1)
    return ['| ' + ' | '.join(cells) + ' |' for cells in (header, rule, *rows)]
