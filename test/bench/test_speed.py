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
import json
import time

import cv2

from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.bench.frames import Frame
from depth_nn_transport.bench.speed import (
    CodecTimes, measure_codecs, measure_stages, speed_codecs, StageTimes,
)
from depth_nn_transport.bench.speed_frames import Source
from depth_nn_transport.bench.speed_report import Speed, write_report
from depth_nn_transport.bench.stages import StageClock, STAGES
from depth_nn_transport.bench.throughput import Throughput
from depth_nn_transport.bench.transport import Passage, Usage

import pytest

# What only an encoder does.
ENCODING = {'fill', 'analysis'}
SECONDS = dict.fromkeys(STAGES, 1.5)
USAGE = [Usage(0, 0, 200), Usage(60, 30, 200), Usage(120, 45, 210)]


def test_encoder_and_decoder_pass_all_of_their_stages(synthetic_depth):
    codec, depth = DepthCodec(), synthetic_depth()
    start = time.perf_counter()
    with StageClock() as encoder:
        stream = codec.encode(depth).to_bytes()
    with StageClock() as decoder:
        codec.decode(EncodedDepth.from_bytes(stream))
    elapsed = time.perf_counter() - start
    assert set(encoder.seconds) == set(STAGES)
    assert set(decoder.seconds) == set(STAGES) - ENCODING
    times = [*encoder.seconds.values(), *decoder.seconds.values()]
    assert min(times) > 0
    assert sum(times) <= elapsed


def test_a_clock_leaves_the_codec_as_it_was(synthetic_depth):
    codec, depth = DepthCodec(), synthetic_depth(48, 64)
    before = dict(vars(DepthCodec)), dict(vars(EncodedDepth))
    with pytest.raises(ValueError, match='mode'), StageClock() as clock:
        codec.encode(depth, 'unknown')
    assert (dict(vars(DepthCodec)), dict(vars(EncodedDepth))) == before
    seen = dict(clock.seconds)
    codec.encode(depth)
    assert clock.seconds == seen


def test_stages_are_of_the_whole_frame(synthetic_depth):
    frames = [synthetic_depth(48, 64, seed) for seed in range(2)]
    seen = []
    times = measure_stages(frames, 1, 'main', 1, 'auto', lambda: seen.append(1))
    assert times.size == (64, 48) and len(seen) == 4
    assert list(times.encode_ms) == list(times.decode_ms) == list(STAGES)
    assert {stage for stage, ms in times.decode_ms.items() if ms == 0} == ENCODING


def test_every_codec_under_test_keeps_the_holes(synthetic_depth):
    depth = synthetic_depth(48, 64)
    codecs = speed_codecs('main')
    frame = Frame.prepare(depth)
    for codec in codecs:
        restored = codec.decode(codec.encode(frame, codec.settings[0]))
        assert ((restored > 0) == (depth > 0)).all(), codec.name
    ours, *peers = measure_codecs([depth], codecs, 1)
    assert ours.codec == 'ours'
    assert all(some.bits > ours.bits and some.encode_ms > 0 for some in peers)
    assert [some.mean_q == 0 for some in peers] == ['lossless' in some.codec for some in peers]


def passage(*delays_ms):
    """Return a run of two minutes with what arrived."""
    return Passage((64, 48), 30.0, 1, 1.5, 300, len(delays_ms), delays_ms,
                   {'encoder': USAGE, 'decoder': USAGE}, {})


def test_report_has_stages_ratios_and_losses(tmp_path):
    codecs = [CodecTimes((64, 48), name, bits, 1.0, 10 * bits, 5 * bits)
              for name, bits in (('ours', 0.2), ('PNG-1, lossless', 4.0))]
    speed = Speed(
        [Source((64, 48), tmp_path / 'recording', (32, 32))],
        [StageTimes((64, 48), threads, SECONDS, SECONDS) for threads in (1, 2)],
        codecs, [Throughput((64, 48), 2, 40.0, 60.0)], [passage(20, 30, 40), passage()])
    text = write_report(tmp_path / 'out', speed)
    assert '| 64x48 | recording | pixels repeated 2x2, cropped from 32x32 |' in text
    assert '| stage | encode, 1 thread | decode, 1 thread | encode, 2 threads |' in text
    assert '| mask | 1.50 | 1.50 | 1.50 | 1.50 |' in text
    assert '| 64x48 | PNG-1, lossless | 4.000 | 1.00 | 40.0 | 20.0 | 0.050 | 0.05 | 0.05 |' in text
    assert '| 64x48 at 30 Hz | 1 | 300 | 3 | 297 | 30 | 40 | 1.50 | 50% / 25% |' in text
    assert '| 64x48 | 2 | 40.0 | 60.0 |' in text
    assert '| 300 | 0 | 300 | - | - |' in text
    figures = json.loads((tmp_path / 'out' / 'speed.json').read_text())
    assert figures['sources'][0]['folder'] == 'recording'
    assert figures['passages'][0]['sent'] == 300
    assert cv2.imread(str(tmp_path / 'out' / 'speed.png')) is not None
