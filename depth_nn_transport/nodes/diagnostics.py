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
"""The state of a node as REP-107 diagnostics: figures, and what is wrong, if anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from depth_nn_transport.nodes.drop_reasons import BITRATE, LOST, MAX_RATE, REPLACED, STALE
from depth_nn_transport.nodes.error_sample import ErrorSample
from depth_nn_transport.nodes.frame_statistics import Recent

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR

# Frames that the user asked to leave out.
WANTED_DROPS = frozenset({MAX_RATE})
# Frames that were in order, but too many or too late.
OVERLOAD_DROPS = frozenset({REPLACED, BITRATE, LOST, STALE})
# While a model meets frames of a new size, one is overtaken by the next for a while.
PASSING_DROPS = frozenset({REPLACED, LOST})
MAX_OVERLOAD_SHARE = 0.2
MAX_HOLE_SHARE = 0.9
MAX_AGE_MS = 500.0
# A stamp further away is of another clock.
MAX_CREDIBLE_AGE_MS = 60_000.0


@dataclass(frozen=True)
class Problem:
    """Something wrong: WARN or ERROR, and what it is."""

    level: bytes
    text: str


def problems_of(recent: Recent) -> list[Problem]:
    """Return what is wrong with the frames of the last seconds of an active node."""
    if recent.received == 0:
        return [Problem(WARN, 'no frames come in')]
    return [*failed(recent), *overloaded(recent), *doubtful(recent)]


def failed(recent: Recent) -> list[Problem]:
    """Return the problem of frames that could not be coded, or of none that passes."""
    expected = WANTED_DROPS | (OVERLOAD_DROPS if recent.frames else PASSING_DROPS)
    failures = {reason: count for reason, count in recent.drops.items() if reason not in expected}
    if not failures:
        return []
    reasons = ', '.join(f'{reason} {count}' for reason, count in failures.items())
    if not recent.frames:
        return [Problem(ERROR, f'no frame passes: {reasons}')]
    return [Problem(WARN, f'frames dropped: {reasons}')]


def overloaded(recent: Recent) -> list[Problem]:
    """Return the problem of too many frames for machine or link."""
    counts = {reason: recent.drops[reason] for reason in sorted(OVERLOAD_DROPS)
              if recent.drops[reason] > MAX_OVERLOAD_SHARE * recent.received}
    return [Problem(WARN, f'{count} of {recent.received} frames dropped: {reason}')
            for reason, count in counts.items()]


def doubtful(recent: Recent) -> list[Problem]:
    """Return the problems of frames that passed: nearly all holes, or late."""
    found = []
    if recent.percentile('hole_share', 50) > MAX_HOLE_SHARE:
        found.append(Problem(WARN, 'nearly all pixels are holes; is the camera covered?'))
    if MAX_AGE_MS < recent.percentile('age_ms', 50) < MAX_CREDIBLE_AGE_MS:
        found.append(Problem(WARN, f'frames are older than {MAX_AGE_MS:g} ms'))
    return found


def problems_of_sample(sample: ErrorSample | None, bound_quanta: float) -> list[Problem]:
    """Return the problems of a decoded sample: the promises that a frame makes must hold."""
    if sample is None:
        return []
    found = []
    if sample.changed_holes:
        found.append(Problem(ERROR, f'{sample.changed_holes} pixels changed from or to holes'))
    if sample.max_quanta > bound_quanta:
        found.append(Problem(ERROR, f'error of {sample.max_quanta:.1f} quanta exceeds the bound '
                                    f'of {bound_quanta:.1f}'))
    return found


def figures_of(recent: Recent) -> dict[str, str]:
    """Return the figures of the last seconds."""
    age = recent.percentile('age_ms', 50)
    on_lattice = sum(frame.on_lattice for frame in recent.frames)
    return {
        'frames in per second': f'{recent.received / recent.seconds:.1f}',
        'frames out per second': f'{len(recent.frames) / recent.seconds:.1f}',
        'bit/px': f'{recent.bits_per_pixel:.3f}',
        'Mbit/s': f'{recent.megabits_per_second:.2f}',
        'work, median ms': f'{recent.percentile("work_ms", 50):.1f}',
        'work, p99 ms': f'{recent.percentile("work_ms", 99):.1f}',
        'end to end, median ms': f'{age:.1f}' if abs(age) < MAX_CREDIBLE_AGE_MS else
                                 'unknown: the stamps are of another clock',
        'lattice found': f'{on_lattice} of {len(recent.frames)} frames',
        'hole share': f'{recent.percentile("hole_share", 50):.3f}',
    }


def figures_of_sample(sample: ErrorSample | None) -> dict[str, str]:
    """Return the figures of the last decoded sample."""
    if sample is None:
        return {}
    return {
        'error, mean quanta': f'{sample.mean_quanta:.2f}',
        'error, maximum quanta': f'{sample.max_quanta:.1f}',
        'error, mean mm': f'{sample.mean_mm:.2f}',
        'error, maximum mm': f'{sample.max_mm:.0f}',
    }


def status(name: str, hardware_id: str, problems: Sequence[Problem], fine: str,
           figures: Mapping[str, Any]) -> DiagnosticStatus:
    """Return the message; the worst problem makes the level, `fine` is said if there is none."""
    worst_first = sorted(problems, key=lambda problem: problem.level, reverse=True)
    return DiagnosticStatus(
        name=name, hardware_id=hardware_id,
        level=worst_first[0].level if worst_first else OK,
        message='; '.join(problem.text for problem in worst_first) or fine,
        values=[KeyValue(key=key, value=str(value)) for key, value in figures.items()])
