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
"""Running codecs over the frames of a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import math
from pathlib import Path
import time

from depth_nn_transport.bench.frames import Frame, frame_paths, unit_mm
from depth_nn_transport.bench.metrics import measure, Metrics
from depth_nn_transport.bench.peers import Codec
from depth_nn_transport.frames.errors import psnr_db
from depth_nn_transport.frames.files import read_depth

import numpy as np


@dataclass(frozen=True)
class OperatingPoint:
    """
    A codec at one setting, over the frames of one folder.

    :ivar folder, codec, setting_name, setting: what was measured.
    :ivar frames: how many.
    :ivar bits: per pixel.
    :ivar mask_bits: per pixel, those of them that tell the holes alone.
    :ivar encode_ms, decode_ms: medians, preparation included.
    :ivar preparation_ms: median of what the preparation takes of ``encode_ms``.
    :ivar metrics: over the frames the mean, the root mean square of errors named ``rms`` and the
        maximum of those named ``max``; ``psnr_db`` and ``psnr_within_4m_db`` besides.
    """

    folder: str
    codec: str
    setting_name: str
    setting: float
    frames: int
    bits: float
    mask_bits: float
    encode_ms: float
    decode_ms: float
    preparation_ms: float
    metrics: Metrics


@dataclass(frozen=True)
class Sample:
    """One frame through one codec at one setting."""

    bits: float
    mask_bits: float
    encode_ms: float
    decode_ms: float
    preparation_ms: float
    metrics: Metrics


def load_frames(folder: Path, limit: int | None, threads: int = 1) -> list[Frame]:
    """
    Read and prepare the frames of a folder, evenly subsampled.

    They share a lattice as far as it fits, as in a stream: constants that fit equally well may
    differ in a few of the depths that are reachable.
    """
    frames: list[Frame] = []
    for path in frame_paths(folder, limit):
        hint = frames[-1].lattice if frames else None
        frames.append(Frame.prepare(read_depth(path), threads, hint))
    return frames


def measure_folder(
    folder: Path,
    frames: Sequence[Frame],
    codecs: Sequence[Codec],
    progress: Callable[[], object] = lambda: None,
) -> list[OperatingPoint]:
    """
    Run all codecs at all their settings over the frames.

    :param folder: gives the name and the depth unit.
    :param frames: prepared frames.
    :param codecs: under comparison.
    :param progress: called after each frame at each setting.
    """
    points = []
    for codec in codecs:
        # What a codec sets up once is not part of the time of a frame. Loose and tight settings
        # may set up different things.
        for setting in {codec.settings[0], codec.settings[-1]}:
            codec.decode(codec.encode(frames[0], setting))
        points += [
            measure_setting(folder, frames, codec, setting, progress)
            for setting in codec.settings
        ]
    return points


def measure_setting(
    folder: Path, frames: Sequence[Frame], codec: Codec, setting: float,
    progress: Callable[[], object] = lambda: None,
) -> OperatingPoint:
    """Run one codec at one of its settings over the frames of a folder."""
    samples = []
    codec.forget()
    for frame in frames:
        samples.append(measure_frame(codec, frame, setting, unit_mm(folder)))
        progress()
    return summarise(folder.name, codec, setting, samples)


def measure_frame(codec: Codec, frame: Frame, setting: float, unit: float = 1.0) -> Sample:
    """Code one frame to bytes and back."""
    start = time.perf_counter()
    stream = codec.encode(frame, setting)
    encoded = time.perf_counter()
    restored = codec.decode(stream)
    end = time.perf_counter()
    preparation_ms = codec.preparation_ms(frame)
    return Sample(
        8 * len(stream) / frame.depth.size,
        8 * codec.mask_bytes(stream) / frame.depth.size,
        1e3 * (encoded - start) + preparation_ms,
        1e3 * (end - encoded),
        preparation_ms,
        measure(frame.depth, restored, frame.lattice, unit),
    )


def summarise(
    folder: str, codec: Codec, setting: float, samples: Sequence[Sample]
) -> OperatingPoint:
    """Average the frames of an operating point."""
    metrics = {
        name: _combine(name, [sample.metrics[name] for sample in samples])
        for name in samples[0].metrics
    }
    # Averaged over frames, the PSNR of a single exact frame would hide all the others.
    metrics['psnr_db'] = psnr_db(metrics['rms_mm'])
    metrics['psnr_within_4m_db'] = psnr_db(metrics['rms_within_4m_mm'])
    return OperatingPoint(
        folder, codec.name, codec.setting_name, float(setting), len(samples),
        float(np.mean([sample.bits for sample in samples])),
        float(np.mean([sample.mask_bits for sample in samples])),
        float(np.median([sample.encode_ms for sample in samples])),
        float(np.median([sample.decode_ms for sample in samples])),
        float(np.median([sample.preparation_ms for sample in samples])),
        metrics,
    )


def _combine(name: str, values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return math.nan
    if name.startswith('max'):
        return max(known)
    if name.startswith('rms'):
        return math.sqrt(float(np.mean(np.square(known))))
    return float(np.mean(known))
