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
"""How long codecs take, side by side on the same simulated frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
import time

import cv2

from depth_nn_transport import DepthCodec
from depth_nn_transport.bench import image_codecs
from depth_nn_transport.bench.frames import Frame
from depth_nn_transport.bench.ours import LossyCodec
from depth_nn_transport.bench.peers import Codec, LossyPeer, RawPeer
from depth_nn_transport.bench.stages import StageClock
from depth_nn_transport.codec.depth_codec import DEFAULT_QUALITY
from depth_nn_transport.runtime.registry import AUTO
from depth_nn_transport.simulator import simulate_sequence

import numpy as np
from numpy.typing import NDArray

from tqdm import tqdm

SIZES = ((640, 480), (848, 480), (1280, 720))
FRAMES = 6
_WARM_UP = 2


@dataclass(frozen=True)
class Timing:
    """Times of a codec in ms over all frames and rounds."""

    codec: str
    size: tuple[int, int]
    threads: int
    encode_ms: tuple[float, ...]
    decode_ms: tuple[float, ...]


def speed_codecs(model: str, threads: int, runtime: str = AUTO) -> list[Codec]:
    """Our codec at its default quality, and peers at about the same error or lossless."""
    def jpegxl(effort: int, lossless: bool) -> image_codecs.JpegXl:
        return image_codecs.JpegXl(lossless, effort, threads)

    return [
        LossyCodec(DepthCodec(model, threads, runtime), (DEFAULT_QUALITY,)),
        LossyPeer('jpegxl e3', (0.35,), 'distance', jpegxl(3, False), 16, 16, 8192),
        LossyPeer('jpegxl e7', (0.35,), 'distance', jpegxl(7, False), 16, 16, 8192),
        LossyPeer('x265 ultrafast', (12,), 'crf',
                  image_codecs.x265(threads=threads, preset='ultrafast'), 12),
        RawPeer('jpegxl e3 lossless', jpegxl(3, True)),
        RawPeer('jpegxl e7 lossless', jpegxl(7, True)),
        RawPeer('png1 lossless', image_codecs.Png(1)),
        RawPeer('rvl lossless', image_codecs.Rvl()),
    ]


def measure_speed(
    model: str, sizes: Sequence[tuple[int, int]], threads: Sequence[int], rounds: int,
    runtime: str,
) -> Iterator[Timing]:
    """Time all codecs in turns, so that a busy machine slows all of them alike.

    The shared preparation of the transform peers, which includes filling and coding the holes,
    is left out of their times, but not of ours.
    """
    for size in sizes:
        frames = [Frame.prepare(depth) for depth in simulated(size, FRAMES)]
        for count in threads:
            cv2.setNumThreads(count)
            yield from _measure(speed_codecs(model, count, runtime), frames, size, count, rounds)


def simulated(size: tuple[int, int], count: int) -> list[NDArray[np.uint16]]:
    """Return simulated frames, a third of a second from each other."""
    width, height = size
    sequence = simulate_sequence(frames=count, width=width, height=height, fps=3)
    return [frame.depth for frame in sequence]


def _measure(
    codecs: Sequence[Codec], frames: Sequence[Frame], size: tuple[int, int], threads: int,
    rounds: int,
) -> list[Timing]:
    encode: list[list[float]] = [[] for _ in codecs]
    decode: list[list[float]] = [[] for _ in codecs]
    for turn in tqdm(range(_WARM_UP + rounds), desc=f'{size[0]}x{size[1]}, {threads} threads'):
        for number, codec in enumerate(codecs):
            for frame in frames if turn >= _WARM_UP else frames[:1]:
                start = time.perf_counter()
                stream = codec.encode(frame, codec.settings[0])
                middle = time.perf_counter()
                codec.decode(stream)
                end = time.perf_counter()
                if turn >= _WARM_UP:
                    encode[number].append(1e3 * (middle - start))
                    decode[number].append(1e3 * (end - middle))
    return [
        Timing(codec.name, size, threads, tuple(encode[number]), tuple(decode[number]))
        for number, codec in enumerate(codecs)
    ]


def measure_stages(
    model: str, size: tuple[int, int], rounds: int, runtime: str
) -> dict[str, dict[str, float]]:
    """Return ms a frame by stage of our codec on one thread, for ``encode`` and ``decode``."""
    cv2.setNumThreads(1)
    codec = DepthCodec(model, runtime=runtime)
    frames = simulated(size, FRAMES)
    encoded = [codec.encode(frame) for frame in frames]
    for stream in islice(encoded, _WARM_UP):
        codec.decode(stream)
    clocks = {'encode': StageClock(), 'decode': StageClock()}
    for _ in range(rounds):
        with clocks['encode']:
            for frame in frames:
                codec.encode(frame)
        with clocks['decode']:
            for stream in encoded:
                codec.decode(stream)
    scale = 1e3 / (rounds * len(frames))
    return {
        name: {stage: scale * seconds for stage, seconds in clock.seconds.items()}
        for name, clock in clocks.items()
    }
