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
"""What the bag commands tell in the end."""

from __future__ import annotations

from collections.abc import Sequence
import math
from typing import Any

from depth_nn_transport.bag.convert import TopicReport
from depth_nn_transport.bag.table import table
from depth_nn_transport.bag.verify import DepthReport, OtherReport

MB = 1e6


def is_good(depth: Sequence[DepthReport], others: Sequence[OtherReport]) -> bool:
    """Return whether nothing is lost: no frame, hole, promise or other message."""
    return all(one.is_good() for one in depth) and all(one.identical for one in others)


def conversion_summary(
    reports: Sequence[TopicReport], bytes_in: int, bytes_out: int, seconds: float
) -> dict[str, Any]:
    """Return the figures of a conversion, as ``--json`` prints them."""
    frames = sum(report.frames for report in reports)
    return {
        'bytes_in': bytes_in, 'bytes_out': bytes_out, 'seconds': round(seconds, 3),
        'frames': frames, 'frames_per_second': round(frames / seconds, 2),
        'topics': [
            {'source': report.source, 'target': report.target, 'frames': report.frames,
             'left': sum(report.refused.values()), 'bytes_in': report.bytes_in,
             'bytes_out': report.bytes_out, 'pixels': report.pixels}
            for report in reports
        ],
    }


def conversion_text(reports: Sequence[TopicReport], summary: dict[str, Any]) -> str:
    """Return the figures of a conversion as a table."""
    rows = [
        (report.target, str(report.frames), f'{report.bytes_in / MB:.2f}',
         f'{report.bytes_out / MB:.2f}', f'{report.bytes_out / max(report.bytes_in, 1):.4f}',
         str(sum(report.refused.values())))
        for report in reports
    ]
    return '\n'.join((
        table(('topic', 'frames', 'MB before', 'MB after', 'ratio', 'left as they were'), rows),
        f'bag: {summary["bytes_in"] / MB:.2f} MB, now {summary["bytes_out"] / MB:.2f} MB; '
        f'{summary["seconds"]:.1f} s, {summary["frames_per_second"]:.1f} frames/s',
    ))


def verification_summary(
    depth: Sequence[DepthReport], others: Sequence[OtherReport]
) -> dict[str, Any]:
    """Return the outcome of a comparison, as ``--json`` prints it."""
    return {
        'good': is_good(depth, others),
        'depth': [
            {'original': report.original, 'restored': report.restored, 'frames': report.frames,
             'missing': report.missing, 'extra': report.extra,
             'mean_mm': _number(report.mm.mean()), 'p99_mm': report.mm.percentile(99),
             'max_mm': report.max_mm, 'mean_quanta': _number(report.quanta.mean()),
             'p99_quanta': report.quanta.percentile(99), 'max_quanta': report.max_quanta,
             'changed_holes': report.changed_holes, 'problems': dict(report.problems),
             'bytes_before': report.bytes_before, 'bytes_after': report.bytes_after}
            for report in depth
        ],
        'different': [report.topic for report in others if not report.identical],
    }


def verification_text(depth: Sequence[DepthReport], others: Sequence[OtherReport]) -> str:
    """Return the outcome of a comparison as a table."""
    rows = [
        (report.restored, str(report.frames), str(report.missing + report.extra),
         _spread(report.mm.mean(), report.mm.percentile(99), report.max_mm),
         _spread(report.quanta.mean(), report.quanta.percentile(99), report.max_quanta),
         'exact' if not report.changed_holes else f'{report.changed_holes} px changed',
         f'{report.bytes_before / MB:.2f} to {report.bytes_after / MB:.2f}')
        for report in depth
    ]
    titles = ('topic', 'frames', 'unmatched', 'mm: mean / 99 % / max',
              'quanta: mean / 99 % / max', 'holes', 'MB')
    lines = [table(titles, rows)]
    for report in depth:
        lines += [f'{report.restored}: {frames} frames: {problem}'
                  for problem, frames in report.problems.items()]
    different = [report.topic for report in others if not report.identical]
    lines.append(f'other topics: {len(others) - len(different)} identical'
                 + (f', different: {", ".join(different)}' if different else ''))
    return '\n'.join(lines)


def _number(value: float) -> float | None:
    """Return a value as JSON has it, which knows no NaN."""
    return None if math.isnan(value) else value


def _spread(*values: float) -> str:
    return ' / '.join(f'{value:.2f}' for value in values)
