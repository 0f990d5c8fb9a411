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
"""What the nodes say about their health."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from depth_nn_transport.nodes.diagnostics import (
    ERROR,
    figures_of,
    OK,
    Problem,
    problems_of,
    problems_of_sample,
    status,
    WARN,
)
from depth_nn_transport.nodes.error_sample import ErrorSample
from depth_nn_transport.nodes.frame_statistics import Frame, Recent

import pytest

FRAME = Frame(size=1000, pixels=4000, hole_share=0.1, on_lattice=True, work_ms=5.0, age_ms=20.0)


def recent(frame=FRAME, count=10, **drops) -> Recent:
    """Return five seconds of equal frames."""
    return Recent(10, [frame] * count, Counter(drops), 5.0)


def level(problems) -> bytes:
    """Return the level of the message about problems."""
    return status('node', 'camera', problems, 'running', {}).level


def test_a_good_stream_is_fine():
    assert level(problems_of(recent())) == OK
    assert status('node', 'camera', [], 'running', {}).message == 'running'


@pytest.mark.parametrize('state', [
    Recent(0, [], Counter(), 5.0), recent(CorruptStreamError=1), recent(replaced=5),
    recent(StaleFrameError=5), recent(count=0, replaced=10),
    recent(replace(FRAME, hole_share=0.95)), recent(replace(FRAME, age_ms=800.0))])
def test_a_doubtful_stream_is_a_warning(state):
    assert level(problems_of(state)) == WARN


@pytest.mark.parametrize('reason', ['ModelMismatchError', 'StaleFrameError', 'bitrate'])
def test_a_stream_of_failures_is_an_error(reason):
    problems = problems_of(recent(count=0, **{reason: 10}))
    assert level(problems) == ERROR
    assert f'{reason} 10' in problems[0].text


def test_a_few_late_frames_are_no_problem():
    assert problems_of(recent(StaleFrameError=1)) == []


def test_drops_are_weighed_against_the_frames_that_came():
    assert problems_of(recent(count=4, replaced=2)) == []


def test_what_the_user_asked_for_is_no_problem():
    assert problems_of(recent(max_rate=8)) == []


@pytest.mark.parametrize('age_ms', [1e12, -1e12])
def test_another_clock_is_not_taken_for_latency(age_ms):
    state = recent(replace(FRAME, age_ms=age_ms))
    assert problems_of(state) == []
    assert 'another clock' in figures_of(state)['end to end, median ms']


def test_a_broken_promise_is_an_error():
    sample = ErrorSample(0.5, 3.0, 1.0, 9.0, 0)
    assert problems_of_sample(sample, 4.0) == problems_of_sample(sample, 3.0) == []
    assert level(problems_of_sample(sample, 2.0)) == ERROR
    assert level(problems_of_sample(replace(sample, changed_holes=1), 4.0)) == ERROR
    assert problems_of_sample(None, 0.0) == []


def test_the_worst_problem_is_told_first_and_makes_the_level():
    problems = [Problem(WARN, 'late'), Problem(ERROR, 'lost')]
    message = status('node', 'camera', problems, 'running', {})
    assert (message.level, message.message) == (ERROR, 'lost; late')
