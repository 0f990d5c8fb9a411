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
"""Times are taken by stage, by process and put side by side."""

import os
import time

from depth_nn_transport import DepthCodec
from depth_nn_transport.bench.speed import speed_codecs, Timing
from depth_nn_transport.bench.speed_report import speed_markdown
from depth_nn_transport.bench.stages import StageClock
from depth_nn_transport.bench.transport import Passage, Usage

import pytest


def test_stages_add_up_to_no_more_than_the_whole(synthetic_depth):
    codec, depth = DepthCodec(), synthetic_depth()
    start = time.perf_counter()
    with StageClock() as clock:
        codec.encode(depth)
    elapsed = time.perf_counter() - start
    assert {'depth_codec', 'lattice', 'mask_coder'} <= set(clock.seconds)
    assert any(name.startswith('network ') for name in clock.seconds)
    assert 0 < sum(clock.seconds.values()) <= elapsed
    seen = dict(clock.seconds)
    codec.encode(depth)
    assert clock.seconds == seen


def test_every_codec_under_test_restores_the_size(synthetic_depth):
    from depth_nn_transport.bench.frames import Frame

    frame = Frame.prepare(synthetic_depth(48, 64))
    for codec in speed_codecs('main', 1):
        restored = codec.decode(codec.encode(frame, codec.settings[0]))
        assert ((restored > 0) == (frame.depth > 0)).all(), codec.name


def test_usage_of_a_process():
    before = Usage.of(os.getpid())
    sum(range(3_000_000))
    after = Usage.of(os.getpid())
    assert after.at > before.at
    assert after.cpu_s >= before.cpu_s
    assert 10 < after.rss_mb < 100_000


def test_report_has_medians_ratios_and_losses():
    timings = [
        Timing(name, (64, 48), 1, (encode, encode), (1.0, 1.0))
        for name, encode in (('ours', 5.0), ('jpegxl e3', 2.0), ('jpegxl e7', 11.0),
                             ('png1 lossless', 3.0))]
    usage = [Usage(0.0, 1.0, 200.0), Usage(10.0, 6.0, 210.0)]
    passage = Passage((64, 48), 30.0, 1, 1.5, 300, 299, (20.0, 30.0),
                      {'encoder': usage, 'decoder': usage}, {})
    assert passage.cpu_share('encoder') == pytest.approx(0.5)
    text = speed_markdown(timings, {'encode': {'mask': 1.5}, 'decode': {}}, (64, 48), [passage])
    assert '| 64x48 | 1 | ours | 5.0 / 5.0 | 1.0 / 1.0 | 2.00 | 0.50 | 1.50 |' in text
    assert '| mask | 1.50 | 0.00 |' in text
    assert '300 / 299' in text
    assert '200 to 210' in text
