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
"""Warnings of dropped frames."""

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
    DropLog(recorder, recorder.clock).warn('wrong', 1, 'do this')
    assert recorder.warnings == ['dropped a frame (wrong, 1 so far): do this']


def test_not_every_drop_is_reported():
    recorder = Recorder()
    drops = DropLog(recorder, recorder.clock)
    for count in range(10):
        drops.warn('wrong', count, 'do this')
    assert len(recorder.warnings) == 1


def test_reasons_do_not_silence_each_other():
    recorder = Recorder()
    drops = DropLog(recorder, recorder.clock)
    drops.warn('one', 1, 'a')
    drops.warn('other', 1, 'b')
    assert len(recorder.warnings) == 2


def test_a_reason_that_lasts_is_reported_again():
    recorder = Recorder()
    drops = DropLog(recorder, recorder.clock)
    drops.warn('wrong', 1, 'do this')
    recorder.time += WARNING_PERIOD_S
    drops.warn('wrong', 2, 'do this')
    assert '2 so far' in recorder.warnings[1]
