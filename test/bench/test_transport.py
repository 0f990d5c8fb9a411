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
import os

import cv2

from depth_nn_transport.bench import transport
from depth_nn_transport.bench.speed_frames import choose_source
from depth_nn_transport.bench.transport import Load, measure_transport, Passage, Usage

import pytest


def passage(seconds):
    """Return a run with a sample a second: half a core and 200 MB, then a quarter and 210 MB."""
    half = seconds // 2
    usage = [Usage(at, 0.5 * min(at, half) + 0.25 * max(at - half, 0), 200 if at <= half else 210)
             for at in range(seconds + 1)]
    return Passage((64, 48), 30.0, 1, 1.5, 300, 0, (), {'encoder': usage, 'decoder': usage}, {})


def test_usage_of_a_process():
    before = Usage.of(os.getpid())
    sum(range(3_000_000))
    after = Usage.of(os.getpid())
    assert after.at > before.at
    assert after.cpu_s >= before.cpu_s
    assert 10 < after.rss_mb < 100_000


def test_first_and_last_minute_are_told_apart():
    assert passage(200).window_s == 60
    assert passage(200).loads('encoder') == (Load(0.5, 200), Load(0.25, 210))
    assert passage(20).window_s == 10
    first, last = passage(20).loads('decoder')
    assert (first, last.cpu_share) == (Load(0.5, 200), 0.25)


@pytest.mark.dds
def test_frames_pass_four_processes(tmp_path, synthetic_depth, monkeypatch):
    monkeypatch.setattr(transport, '_SETTLE_S', 0.0)
    cv2.imwrite(str(tmp_path / '0.png'), synthetic_depth(48, 64))
    source = choose_source([tmp_path], (64, 48))
    run = measure_transport(source, 5.0, 1, 2.0, 'main', 'auto')
    assert run.size == (64, 48) and run.first_frame_s > 0
    # The window is what was really measured; a busy machine makes it longer and the source late.
    assert run.sent == pytest.approx(5 * 2 * run.window_s, abs=5)
    assert 0 < run.received <= run.sent
    assert len(run.delays_ms) == run.received and min(run.delays_ms) > 0
    assert set(run.usage) == set(run.summaries) == {'encoder', 'decoder'}
    assert run.loads('encoder')[0].rss_mb > 10
