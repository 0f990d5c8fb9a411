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
"""Leaving out frames."""

from __future__ import annotations

from itertools import pairwise

from depth_nn_transport.nodes.frame_rate_limit import FrameRateLimit

from hypothesis import given, strategies as st


def taken(limit: FrameRateLimit, times) -> int:
    """Return how many of the frames are taken."""
    return sum(limit.takes(time) for time in times)


def test_no_limit_takes_all():
    assert taken(FrameRateLimit(0), range(10)) == 10


def test_a_rate_between_two_divisors_is_met():
    assert abs(taken(FrameRateLimit(20), [1 + i / 30 for i in range(300)]) - 200) <= 1


def test_a_pause_is_not_followed_by_two_frames_at_once():
    limit = FrameRateLimit(1)
    times = [5 + i / 30 for i in range(90)] + [20 + i / 30 for i in range(90)]
    accepted = [time for time in times if limit.takes(time)]
    assert min(after - before for before, after in pairwise(accepted)) >= 0.5


def test_a_camera_of_the_same_rate_loses_nothing_to_jitter():
    limit = FrameRateLimit(30)
    assert taken(limit, [1 + (i + 0.2 * (-1) ** i) / 30 for i in range(100)]) == 100


@given(st.lists(st.floats(0, 100), max_size=200).map(sorted), st.floats(0.5, 60))
def test_the_rate_is_never_exceeded_by_more_than_a_frame(times, rate):
    limit = FrameRateLimit(rate)
    accepted = [time for time in times if limit.takes(time)]
    for index, start in enumerate(accepted):
        for count, end in enumerate(accepted[index:], 1):
            assert count <= rate * (end - start) + 2 + 1e-6
