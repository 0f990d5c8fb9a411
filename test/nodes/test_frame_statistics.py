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
"""What a node remembers of its frames."""

from __future__ import annotations

from depth_nn_transport.nodes.frame_statistics import Frame, FrameStatistics, WINDOW_S

FRAME = Frame(size=1000, pixels=4000, hole_share=0.1, on_lattice=True, work_ms=5.0, age_ms=20.0)


class Watch:
    """A clock that is set by hand."""

    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


def test_rates_are_those_of_the_last_seconds():
    watch = Watch()
    statistics = FrameStatistics(watch)
    for _ in range(10):
        watch.time += 1
        statistics.receive()
        statistics.passes(FRAME)
    recent = statistics.recent()
    assert recent.received == len(recent.frames) == WINDOW_S
    assert recent.bits_per_pixel == 2
    assert recent.megabits_per_second == 8e-3
    assert statistics.received == statistics.passed == 10


def test_drops_are_told_apart_and_recent_ones_forgotten():
    watch = Watch()
    statistics = FrameStatistics(watch)
    assert [statistics.drop(reason) for reason in ('late', 'late', 'bad')] == [1, 2, 1]
    assert statistics.recent().drops == {'late': 2, 'bad': 1}
    watch.time += WINDOW_S
    assert not statistics.recent().drops
    assert statistics.dropped == {'late': 2, 'bad': 1}


def test_nothing_yet_is_no_division_by_zero():
    statistics = FrameStatistics(Watch())
    recent = statistics.recent()
    assert recent.bits_per_pixel == recent.megabits_per_second == 0
    assert recent.percentile('work_ms', 50) == statistics.work_ms(99) == 0
