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
"""Which frames are compared with which, and what is kept of them."""

from __future__ import annotations

from collections import Counter

from depth_nn_transport.bag.comparison import FrameComparison
from depth_nn_transport.bag.message_types import known_definition
from depth_nn_transport.bag.reader import BagReader
from depth_nn_transport.bag.summary import is_good
from depth_nn_transport.bag.verify import (
    _compare_others,
    _pairs,
    DepthReport,
    OtherReport,
    WORST_FRAMES,
)
from depth_nn_transport.bag.writer import BagWriter
from depth_nn_transport.frames.error_histogram import ErrorHistogram, QUANTA_BIN

from hypothesis import given, strategies as st

import numpy as np

import pytest

from rosbags.rosbag2 import StoragePlugin

TEXT = 'std_msgs/msg/String'
STAMPS = st.lists(st.integers(0, 20)).map(sorted)


def comparison(quanta=0.0, changed_holes=0, broken=''):
    """Return that of a frame of one pixel."""
    mm, histogram = ErrorHistogram(1), ErrorHistogram(QUANTA_BIN)
    mm.add(np.array([10 * quanta]))
    histogram.add(np.array([quanta]))
    return FrameComparison(0, mm, histogram, 10 * quanta, quanta, changed_holes, broken)


@given(STAMPS, STAMPS)
def test_frames_of_equal_stamps_are_partners(before, after):
    report = DepthReport('/a', '/b')
    sides = ([(stamp, (name, stamp)) for stamp in stamps]
             for name, stamps in (('before', before), ('after', after)))
    pairs = list(_pairs(*map(iter, sides), report))
    shared = Counter(before) & Counter(after)
    assert pairs == [(('before', stamp), ('after', stamp)) for stamp in sorted(shared.elements())]
    assert report.missing == len(before) - len(pairs)
    assert report.extra == len(after) - len(pairs)


def test_figures_are_those_of_all_frames():
    report = DepthReport('/a', '/b')
    for quanta in (1.0, 3.0, 2.0):
        report.add((), comparison(quanta))
    assert report.frames == 3
    assert (report.quanta.mean(), report.max_quanta) == (2, 3)
    assert (report.mm.mean(), report.max_mm) == (20, 30)
    assert report.is_good()


@pytest.mark.parametrize('bad', [comparison(changed_holes=1), comparison(broken='not lossless')])
def test_a_frame_that_lost_something_spoils_the_topic(bad):
    report = DepthReport('/a', '/b')
    report.add((), comparison())
    report.add((), bad)
    assert not report.is_good()
    assert report.problems == ({'not lossless': 1} if bad.broken else {})


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0])))
def test_the_worst_frames_are_kept_and_none_without_error(errors):
    report = DepthReport('/a', '/b')
    for quanta in errors:
        report.add((), comparison(quanta))
    kept = sorted((entry[3].max_quanta for entry in report.worst), reverse=True)
    assert kept == sorted(filter(None, errors), reverse=True)[:WORST_FRAMES]


@pytest.mark.parametrize('loss', [
    {'missing': 1}, {'extra': 1}, {'changed_holes': 1}, {'problems': Counter(['damaged'])}])
def test_whatever_is_lost_is_not_good(loss):
    good = DepthReport('/a', '/a')
    assert is_good([good], [OtherReport('/b', True)])
    assert not is_good([good, DepthReport('/a', '/a', **loss)], [])
    assert not is_good([good], [OtherReport('/b', False)])


@pytest.mark.parametrize('time, data, same', [
    (1, b'data', True), (2, b'data', False), (1, b'text', False)])
def test_other_messages_agree_in_times_and_bytes(tmp_path, time, data, same):
    for name, message in (('before', (1, b'data')), ('after', (time, data))):
        with BagWriter(tmp_path / name, StoragePlugin.MCAP) as writer:
            writer.write(writer.add_topic('/b', TEXT, known_definition(TEXT)), *message)
    with BagReader(tmp_path / 'before') as before, BagReader(tmp_path / 'after') as after:
        assert _compare_others(before, after, ()) == [OtherReport('/b', same)]
