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
"""Counting and reporting of dropped frames."""

from __future__ import annotations

from depth_nn_transport.nodes.drop_log import DropLog, WARNING_PERIOD_S


class Recorder:
    """A logger that keeps what it is told, and a clock."""

    def __init__(self):
        self.warnings = []
        self.time = 100.0

    def warning(self, message):
        self.warnings.append(message)

    def clock(self):
        return self.time


def test_first_drop_is_reported_with_reason_and_advice():
    recorder = Recorder()
    DropLog(recorder, recorder.clock).drop('wrong', 'do this')
    assert recorder.warnings == ['dropped a frame (wrong, 1 so far): do this']


def test_every_drop_is_counted_but_not_reported():
    recorder = Recorder()
    drops = DropLog(recorder, recorder.clock)
    for _ in range(10):
        drops.drop('wrong', 'do this')
    assert drops.counts == {'wrong': 10}
    assert len(recorder.warnings) == 1


def test_reasons_do_not_silence_each_other():
    recorder = Recorder()
    drops = DropLog(recorder, recorder.clock)
    drops.drop('one', 'a')
    drops.drop('other', 'b')
    assert len(recorder.warnings) == 2


def test_a_reason_that_lasts_is_reported_again():
    recorder = Recorder()
    drops = DropLog(recorder, recorder.clock)
    drops.drop('wrong', 'do this')
    recorder.time += WARNING_PERIOD_S
    drops.drop('wrong', 'do this')
    assert '2 so far' in recorder.warnings[1]


def test_what_is_dropped_on_purpose_is_counted_in_silence():
    recorder = Recorder()
    drops = DropLog(recorder, recorder.clock)
    drops.count('wanted')
    assert drops.counts['wanted'] == 1
    assert recorder.warnings == []
