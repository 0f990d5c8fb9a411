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

import json
import os

from click.testing import CliRunner

from depth_nn_transport.bench.command import bench
from depth_nn_transport.bench.link import LinkQuality, NetworkError
from depth_nn_transport.bench.network import robot_and_base
from depth_nn_transport.bench.wifi import LINKS, measure_stream, passage_of, STREAMS, Watch
from depth_nn_transport.bench.wifi_endpoints import (
    mean_error, simulated, Stream, to_depth, to_message,
)
from depth_nn_transport.bench.wifi_report import write_report

import numpy as np

import pytest

from std_msgs.msg import Header

LINK = LinkQuality(5.0, 10.0, 5.0, 0.05)
STREAM = Stream('ours', 'reliable', 5)
WATCH = Watch(LINK, 10.0, 20.0, 2_500_000)


def test_what_came_while_it_was_watched_counts():
    stamps = [9.5, 10.5, 12.0, 19.95]
    arrivals = [(9.0, 0.5), (9.5, 1.0), (10.5, 0.5), (12.0, 0.25), (19.95, 0.1)]
    passage = passage_of(STREAM, WATCH, stamps, arrivals, 0.7)
    assert (passage.sent, passage.received) == (3, 3)
    assert passage.frames_per_second == pytest.approx(0.3)
    assert passage.delays_ms == (1000, 500, 250)
    assert passage.delay_ms(50) == 500
    assert passage.longest_gap_s == 20 - 12.25
    assert passage.carried_mbit == 2


def test_nothing_that_came_is_one_long_gap():
    passage = passage_of(STREAM, WATCH, [10.5], [], None)
    assert passage.received == 0
    assert passage.longest_gap_s == 10
    assert np.isnan(passage.delay_ms(50))


@pytest.mark.parametrize('form', ['raw', 'png'])
def test_what_drivers_send_is_lossless(form):
    (depth,) = simulated(1)
    message = to_message(form, depth, Header(frame_id='camera'))
    assert message.header.frame_id == 'camera'
    np.testing.assert_array_equal(to_depth(form, message), depth)


def test_the_error_is_that_of_the_frame_of_the_same_number():
    frames = simulated(20)
    assert mean_error(frames, {0: frames[0], 7: frames[7]}) == 0
    assert mean_error(frames, {0: frames[7]}) > 1
    assert mean_error(frames, {}) is None


def test_the_report_has_a_table_for_each_link_and_a_chart(tmp_path):
    passages = [
        passage_of(stream, Watch(link, 0.0, 10.0, 10**6), [1.0], [(1.0, 0.05)], 0.5)
        for stream in STREAMS for link in LINKS]
    passages.append(passage_of(STREAM, WATCH, [10.5], [], None))
    text = write_report(tmp_path, passages, 10.0, '`tc netem`')
    assert text.count('| ours | reliable, depth 1 |') == len(LINKS)
    assert '5 Mbit/s, 20% loss' in text and '`tc netem`' in text
    assert len(json.loads((tmp_path / 'wifi.json').read_text())['passages']) == len(passages)
    assert (tmp_path / 'wifi.png').read_bytes().startswith(b'\x89PNG')


def test_the_command_says_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    result = CliRunner().invoke(bench, ['wifi', '--out', str(tmp_path)])
    assert result.exit_code == 1
    assert 'need root' in result.output


@pytest.mark.dds
@pytest.mark.timeout(300)
def test_our_frames_pass_a_bad_link():
    try:
        with robot_and_base() as (robot, base, link):
            passages = measure_stream(STREAM, [LINK], robot, base, link, 6.0, rate=3.0)
    except NetworkError as error:
        pytest.skip(str(error))
    assert passages[0].sent > 0
    assert passages[0].received > 0
    assert 0 < passages[0].error_quanta < 3
    # Raw depth at this rate would be 15 Mbit/s.
    assert passages[0].carried_mbit < 2
