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
"""How many frames a second pass when several are worked on at once, as the nodes do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import time

from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.bench.speed_frames import Depth, Size


@dataclass(frozen=True)
class Throughput:
    """Frames a second of encoders and of decoders, each on a thread of its own."""

    size: Size
    at_once: int
    encode_hz: float
    decode_hz: float


def measure_throughput(
    frames: Sequence[Depth], at_once: int, model: str, rounds: int, runtime: str,
    progress: Callable[[], object] = lambda: None,
) -> Throughput:
    """
    Code all frames on so many threads at once, each on all of them; the fastest round counts.

    :param frames: uint16 (H, W) mm, of one size.
    :param at_once: codecs that work at once.
    :param model: of the codecs.
    :param rounds: times that the frames are coded.
    :param runtime: of the codecs.
    :param progress: called after each round of encoding or decoding.
    """
    codecs = [DepthCodec(model, runtime=runtime) for _ in range(at_once)]
    streams: list[bytes] = []
    for codec in codecs:
        streams = _encode(codec, frames)
        _decode(codec, streams[:1])

    def fastest(work: Callable[[DepthCodec], object]) -> float:
        seconds = []
        with ThreadPoolExecutor(at_once) as pool:
            for _ in range(rounds):
                start = time.perf_counter()
                list(pool.map(work, codecs))
                seconds.append(time.perf_counter() - start)
                progress()
        return at_once * len(frames) / min(seconds)

    height, width = frames[0].shape
    return Throughput(
        (width, height), at_once, fastest(lambda codec: _encode(codec, frames)),
        fastest(lambda codec: _decode(codec, streams)),
    )


def _encode(codec: DepthCodec, frames: Sequence[Depth]) -> list[bytes]:
    return [codec.encode(depth).to_bytes() for depth in frames]


def _decode(codec: DepthCodec, streams: Sequence[bytes]) -> None:
    for stream in streams:
        codec.decode(EncodedDepth.from_bytes(stream))
