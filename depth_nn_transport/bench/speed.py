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
"""How long the stages of our codec take, and how long it takes beside others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
import time

import cv2

from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.bench import image_codecs
from depth_nn_transport.bench.frames import Frame
from depth_nn_transport.bench.measurement import measure_frame
from depth_nn_transport.bench.ours import BoundedCodec, LossyCodec
from depth_nn_transport.bench.peers import Codec, LossyPeer, RawPeer
from depth_nn_transport.bench.speed_frames import Depth, Size, Source
from depth_nn_transport.bench.stages import StageClock, STAGES
from depth_nn_transport.bench.throughput import measure_throughput, Throughput
from depth_nn_transport.codec.depth_codec import DEFAULT_QUALITY
from depth_nn_transport.runtime.registry import AUTO

import numpy as np

SIZES: tuple[Size, ...] = ((640, 480), (848, 480), (1280, 720))
THREADS = (1, 2)
# Quanta that our bounded mode is timed at.
BOUNDS = 4, 1
# Loads and compiles what a stream would not notice, and finds the lattice.
_WARM_UP = 1


@dataclass(frozen=True)
class StageTimes:
    """Times of our codec in ms a frame by stage, of the encoder and the decoder."""

    size: Size
    threads: int
    encode_ms: dict[str, float]
    decode_ms: dict[str, float]


@dataclass(frozen=True)
class CodecTimes:
    """
    What a codec takes on one thread.

    :ivar size: width and height.
    :ivar codec: name.
    :ivar bits: per pixel, the whole stream.
    :ivar mean_q: mean error in quanta.
    :ivar encode_ms, decode_ms: a frame.
    """

    size: Size
    codec: str
    bits: float
    mean_q: float
    encode_ms: float
    decode_ms: float


def speed_codecs(model: str, runtime: str = AUTO) -> list[Codec]:
    """Our codec, first at its default quality, and fast peers at about its error or lossless."""
    ours = DepthCodec(model, runtime=runtime)
    return [
        LossyCodec(ours, (DEFAULT_QUALITY,)),
        *(BoundedCodec(ours, (bound,), f'ours, within {bound}') for bound in BOUNDS),
        BoundedCodec(ours, (0,), 'ours, lossless'),
        LossyPeer('JPEG XL e3', (0.15,), 'distance', image_codecs.JpegXl(effort=3), 16, 16, 8192),
        LossyPeer('x265 ultrafast', (8,), 'crf', image_codecs.x265(preset='ultrafast'), 12),
        RawPeer('JPEG XL e3, lossless', image_codecs.JpegXl(True, 3)),
        RawPeer('PNG-1, lossless', image_codecs.Png(1)),
        RawPeer('RVL, lossless', image_codecs.Rvl()),
    ]


def measure_sources(
    sources: Sequence[Source], limit: int, model: str, rounds: int, runtime: str,
    progress: Callable[[], object] = lambda: None,
) -> tuple[list[StageTimes], list[CodecTimes], list[Throughput]]:
    """
    Time stages, codecs and codecs at once on as many frames of each source as the limit allows.

    :param sources: of the frames, one for each size.
    :param limit: number of frames.
    :param model: of our codec.
    :param rounds: times that each frame is coded; the fastest counts.
    :param runtime: of our codec.
    :param progress: called now and then.
    """
    stages: list[StageTimes] = []
    codecs: list[CodecTimes] = []
    throughputs: list[Throughput] = []
    under_test = speed_codecs(model, runtime)
    for source in sources:
        frames = source.load(limit)
        stages += [measure_stages(frames, threads, model, rounds, runtime, progress)
                   for threads in THREADS]
        codecs += measure_codecs(frames, under_test, rounds, progress)
        throughputs += [measure_throughput(frames, threads, model, rounds, runtime, progress)
                        for threads in THREADS]
    return stages, codecs, throughputs


def measure_stages(
    frames: Sequence[Depth], threads: int, model: str, rounds: int, runtime: str,
    progress: Callable[[], object] = lambda: None,
) -> StageTimes:
    """Time the stages of our codec at its default quality, from image to bytes and back."""
    cv2.setNumThreads(threads)
    codec = DepthCodec(model, threads, runtime)
    encode: list[list[dict[str, float]]] = [[] for _ in frames]
    decode: list[list[dict[str, float]]] = [[] for _ in frames]
    for turn in range(_WARM_UP + rounds):
        for number, depth in enumerate(frames):
            with StageClock() as encoder:
                stream = codec.encode(depth).to_bytes()
            with StageClock() as decoder:
                codec.decode(EncodedDepth.from_bytes(stream))
            if turn >= _WARM_UP:
                encode[number].append(encoder.seconds)
                decode[number].append(decoder.seconds)
            progress()
    height, width = frames[0].shape
    return StageTimes((width, height), threads, _mean_ms(encode), _mean_ms(decode))


def measure_codecs(
    frames: Sequence[Depth], codecs: Sequence[Codec], rounds: int,
    progress: Callable[[], object] = lambda: None,
) -> Iterator[CodecTimes]:
    """
    Time codecs in turns, so that a busy machine slows all of them alike.

    The preparation that the lossy peers share, which includes filling and coding the holes, is
    left out of their times, but not of ours.
    """
    cv2.setNumThreads(1)
    prepared = [Frame.prepare(depth) for depth in frames]
    # Unlike times, bits and errors are the same in every round.
    samples = [
        [measure_frame(codec, frame, codec.settings[0]) for frame in prepared]
        for codec in codecs
    ]
    fastest = np.full((2, len(codecs), len(frames)), np.inf)
    for _ in range(rounds):
        for number, codec in enumerate(codecs):
            for index, frame in enumerate(prepared):
                seconds = _time(codec, frame)
                fastest[:, number, index] = np.minimum(fastest[:, number, index], seconds)
                progress()
    encode_ms, decode_ms = 1e3 * fastest.mean(2)
    height, width = frames[0].shape
    for number, codec in enumerate(codecs):
        yield CodecTimes(
            (width, height), codec.name,
            float(np.mean([sample.bits for sample in samples[number]])),
            float(np.mean([sample.metrics['mean_q'] for sample in samples[number]])),
            float(encode_ms[number]), float(decode_ms[number]),
        )


def _time(codec: Codec, frame: Frame) -> tuple[float, float]:
    """Seconds to encode and to decode a frame."""
    start = time.perf_counter()
    stream = codec.encode(frame, codec.settings[0])
    middle = time.perf_counter()
    codec.decode(stream)
    return middle - start, time.perf_counter() - middle


def _mean_ms(rounds: Sequence[Sequence[dict[str, float]]]) -> dict[str, float]:
    """Mean over the frames, each by its fastest round, so that the stages add up to the whole."""
    fastest = [min(some, key=lambda seconds: sum(seconds.values())) for some in rounds]
    return {
        stage: 1e3 * float(np.mean([seconds.get(stage, 0.0) for seconds in fastest]))
        for stage in STAGES
    }
