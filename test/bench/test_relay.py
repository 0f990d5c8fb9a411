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

from __future__ import annotations

from depth_nn_transport.bench.link import LinkQuality, QUEUE_PACKETS
from depth_nn_transport.bench.relay import Direction

from hypothesis import given, strategies as st

import pytest

# A packet of 1250 bytes takes 2 ms at 5 Mbit/s.
PACKET = bytes(1250)


def direction(rate_mbit=5.0, delay_ms=0.0, jitter_ms=0.0, loss=0.0):
    """Return a direction of such a quality."""
    made = Direction(seed=1)
    made.quality = LinkQuality(rate_mbit, delay_ms, jitter_ms, loss)
    return made


def arrivals(some, until=100.0):
    """Return times and packets of all that arrives."""
    found = []
    while (due := some.next_arrival()) is not None and due <= until:
        found.append((due, some.take(due)))
    return found


def test_a_packet_takes_its_size_at_the_rate_and_the_delay():
    link = direction(delay_ms=10)
    link.put(PACKET, 1.0)
    assert link.take(1.0119) is None
    assert link.take(1.0121) == PACKET


def test_packets_queue_for_the_rate():
    link = direction()
    for _ in range(3):
        link.put(PACKET, 1.0)
    assert [due for due, _ in arrivals(link)] == pytest.approx([1.002, 1.004, 1.006])


def test_a_full_queue_drops_what_comes_last():
    link = direction()
    for number in range(QUEUE_PACKETS + 10):
        link.put(bytes([number % 256]) * 1250, 0.0)
    came = arrivals(link)
    assert len(came) == QUEUE_PACKETS
    assert came[0][1][0] == 0


def test_the_share_of_the_loss_gets_lost():
    link = direction(rate_mbit=1000, loss=0.2)
    came = 0
    for number in range(5000):
        link.put(b'x', float(number))
        came += len(arrivals(link, number + 0.5))
    assert came / 5000 == pytest.approx(0.8, abs=0.03)


@given(st.lists(st.floats(0, 0.05), min_size=1, max_size=50))
def test_jitter_stays_within_its_limits_and_keeps_the_order(gaps):
    link = direction(rate_mbit=1000, delay_ms=10, jitter_ms=5)
    now, sent = 0.0, []
    for number, gap in enumerate(gaps):
        now += gap
        sent.append(now)
        link.put(bytes([number]), now)
    came = arrivals(link)
    assert [packet[0] for _, packet in came] == list(range(len(gaps)))
    for (due, _), start in zip(came, sent, strict=True):
        assert due - start > 0.0049
    assert came[0][0] - sent[0] < 0.0151
