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
"""The codec on every executor of this machine: the same streams, the same exact frames."""

from dataclasses import replace
import os

from depth_nn_transport.bench.exactness import examine, examine_at, make_cases, SETTINGS
from depth_nn_transport.bench.executors import executors
from depth_nn_transport.simulator import simulate_sequence
import pytest

EXECUTORS = [
    pytest.param(k, marks=pytest.mark.skipif(bool(executor.missing), reason=executor.missing),
                 id=executor.name)
    for k, executor in enumerate(executors())
]
THREADS = sorted({1, 2, os.cpu_count() or 1})


@pytest.fixture(scope='module')
def cases():
    """Streams of one frame by every executor, in every mode."""
    (frame,) = simulate_sequence(frames=1, width=256, height=192)
    return make_cases([frame.depth], SETTINGS[1:])


@pytest.mark.parametrize('k', EXECUTORS)
@pytest.mark.parametrize('threads', THREADS)
def test_streams_and_frames_are_the_same_everywhere(cases, k, threads):
    finding = examine(cases, executors()[k], threads)
    assert finding.same_streams == finding.same_frames == len(cases)


@pytest.mark.parametrize('instruction_set', [
    name for name in executors()[0].instruction_sets if name != 'native'])
def test_older_processors_write_and_read_the_same(cases, instruction_set):
    findings = examine_at(instruction_set, cases, [1])
    assert {finding.instruction_set for finding in findings} == {instruction_set}
    assert all(finding.is_good for finding in findings)


def test_a_difference_is_found(cases):
    executor = executors()[0]
    lossy = [case for case in cases if case.settings == {'mode': 'lossy', 'quality': 50}]
    wrong = [replace(case, restored=case.restored ^ 1) for case in lossy]
    assert not examine(wrong, executor, 1).is_good
    wrong = [replace(case, depth=case.depth[::-1].copy()) for case in lossy]
    assert not examine(wrong, executor, 1).is_good
