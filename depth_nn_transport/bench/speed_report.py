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
"""The report of ``bench speed``."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import platform

from depth_nn_transport.bench.report import table
from depth_nn_transport.bench.speed import Timing
from depth_nn_transport.bench.transport import Passage

import numpy as np

_REFERENCES = ('jpegxl e3', 'jpegxl e7', 'png1 lossless')
_INTRODUCTION = (
    'Measured by `bench speed` on {cores} cores of {processor}, simulated frames, default '
    'quality; median / 99 %. All codecs take turns in one process. Times of the lossy peers are '
    'those of the plane alone: finding the lattice, filling the holes and coding the mask, which '
    'they need too, is left out, while ours is from image to bytes.'
)


def speed_markdown(
    timings: Sequence[Timing], stages: dict[str, dict[str, float]], size: tuple[int, int],
    passages: Sequence[Passage],
) -> str:
    """Return the sections on codecs, on stages at ``size`` and on transport."""
    lines = [_INTRODUCTION.format(cores=os.cpu_count(), processor=processor_name()), '']
    lines += ['## Codecs', '', *_codec_table(timings), '']
    lines += [f'## Stages at {size[0]}x{size[1]}, one thread, ms a frame', '',
              *_stage_table(stages), '']
    if passages:
        lines += ['## Through DDS, source, encoder, decoder and sink as processes', '',
                  *_passage_table(passages), '']
    return '\n'.join(lines)


def processor_name() -> str:
    """Return the processor's name, of its architecture if Linux does not tell."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()


def _codec_table(timings: Sequence[Timing]) -> list[str]:
    medians = {
        (timing.codec, timing.size, timing.threads): _total(timing) for timing in timings
    }
    rows = [
        [f'{timing.size[0]}x{timing.size[1]}', str(timing.threads), timing.codec,
         _spread(timing.encode_ms), _spread(timing.decode_ms)]
        + [f'{_total(timing) / medians[name, timing.size, timing.threads]:.2f}'
           for name in _REFERENCES]
        for timing in timings
    ]
    ratios = [f'encode + decode relative to {name}' for name in _REFERENCES]
    return table(['size', 'threads', 'codec', 'encode ms', 'decode ms', *ratios], rows)


def _stage_table(stages: dict[str, dict[str, float]]) -> list[str]:
    names = sorted(
        {name for times in stages.values() for name in times},
        key=lambda name: -sum(times.get(name, 0.0) for times in stages.values()))
    rows = [
        [name, *(f'{times.get(name, 0.0):.2f}' for times in stages.values())] for name in names
    ]
    total = ['all', *(f'{sum(times.values()):.2f}' for times in stages.values())]
    return table(['stage', *stages], [*rows, total])


def _passage_table(passages: Sequence[Passage]) -> list[str]:
    rows = [
        [f'{run.size[0]}x{run.size[1]} at {run.rate:g} Hz', str(run.threads),
         f'{run.sent} / {run.received}', _spread(run.delays_ms), f'{run.first_frame_s:.2f}',
         *(f'{run.cpu_share(name):.0%}' for name in run.usage),
         *(f'{samples[0].rss_mb:.0f} to {samples[-1].rss_mb:.0f}'
           for samples in run.usage.values())]
        for run in passages
    ]
    return table(
        ['frames', 'threads', 'sent / received', 'end to end ms', 'first frame s',
         'encoder CPU', 'decoder CPU', 'encoder RSS MB, first to last',
         'decoder RSS MB, first to last'], rows)


def _total(timing: Timing) -> float:
    return float(np.median(timing.encode_ms) + np.median(timing.decode_ms))


def _spread(times_ms: Sequence[float]) -> str:
    if not times_ms:
        return '-'
    return f'{np.median(times_ms):.1f} / {np.percentile(times_ms, 99):.1f}'
