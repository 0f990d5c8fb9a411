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
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path

from depth_nn_transport.bench.processor import processor_name
from depth_nn_transport.bench.report import table
from depth_nn_transport.bench.speed import CodecTimes, StageTimes
from depth_nn_transport.bench.speed_frames import Size, Source
from depth_nn_transport.bench.stages import STAGES
from depth_nn_transport.bench.throughput import Throughput
from depth_nn_transport.bench.transport import Passage

import matplotlib
from matplotlib.figure import Figure

import numpy as np

_COLUMNS = ('frames', 'threads', 'sent', 'received', 'lost', 'latency ms, median', '99 %',
            'first frame s')


@dataclass(frozen=True)
class Speed:
    """All that ``bench speed`` measures, and the frames that it measured on."""

    sources: Sequence[Source]
    stages: Sequence[StageTimes]
    codecs: Sequence[CodecTimes]
    throughputs: Sequence[Throughput]
    passages: Sequence[Passage]


def write_report(out: Path, speed: Speed) -> str:
    """Write JSON, Markdown and the bars into a folder; return the Markdown."""
    out.mkdir(parents=True, exist_ok=True)
    text = markdown(speed)
    (out / 'speed.md').write_text(text)
    # Of a folder its name is enough.
    figures = json.dumps(asdict(speed), default=lambda folder: folder.name)
    (out / 'speed.json').write_text(figures + '\n')
    draw(out / 'speed.png', speed.stages)
    return text


def markdown(speed: Speed) -> str:
    """Return the sections on frames, stages, codecs, frames at once and transport."""
    sources = [_source_row(some) for some in speed.sources]
    lines = [f'{os.cpu_count()} cores of {processor_name()}.', '',
             *table(['size', 'frames of', 'how'], sources), '']
    for size in dict.fromkeys(times.size for times in speed.stages):
        some = [times for times in speed.stages if times.size == size]
        lines += [f'## Stages at {_title(size)}, ms a frame', '', *_stage_table(some), '']
    lines += ['## Beside other codecs, one thread', '', *_codec_table(speed.codecs), '']
    lines += ['## Frames at once', '', *_throughput_table(speed.throughputs), '']
    if speed.passages:
        lines += ['## Through DDS', '', *_passage_table(speed.passages), '']
    return '\n'.join(lines)


def draw(path: Path, stages: Sequence[StageTimes]) -> None:
    """Draw a bar for each encoder and decoder, stacked from its stages."""
    bars = {
        f'{name} {_title(times.size)}, {_threads(times.threads)}': some
        for name in ('encode', 'decode') for times in stages
        for some in [times.encode_ms if name == 'encode' else times.decode_ms]
    }
    colours = matplotlib.color_sequences['tab20']
    figure = Figure(figsize=(12, 1.6 + 0.32 * len(bars)), layout='constrained')
    axes = figure.subplots()
    left = np.zeros(len(bars))
    for stage, colour in zip(STAGES, colours, strict=False):
        widths = np.array([times[stage] for times in bars.values()])
        axes.barh(list(bars), widths, left=left, color=colour, label=stage)
        left += widths
    axes.invert_yaxis()
    axes.set_xlabel('ms a frame')
    figure.legend(loc='outside lower center', ncols=(len(STAGES) + 1) // 2)
    figure.savefig(path, dpi=90)


def _source_row(source: Source) -> list[str]:
    repeated = f'pixels repeated {source.repeats}x{source.repeats}, ' * (source.repeats > 1)
    cut = f'{repeated}cropped from {_title(source.recorded)}'
    same = source.recorded == source.size
    return [_title(source.size), source.folder.name, 'as recorded' if same else cut]


def _stage_table(stages: Sequence[StageTimes]) -> list[str]:
    columns = {
        f'{name}, {_threads(times.threads)}': some
        for times in stages
        for name, some in (('encode', times.encode_ms), ('decode', times.decode_ms))
    }
    rows = [[stage, *(f'{some[stage]:.2f}' for some in columns.values())] for stage in STAGES]
    total = ['all', *(f'{sum(some.values()):.2f}' for some in columns.values())]
    return table(['stage', *columns], [*rows, total])


def _codec_table(codecs: Sequence[CodecTimes]) -> list[str]:
    # Ours is the first of each size.
    ours: dict[Size, CodecTimes] = {}
    for times in codecs:
        ours.setdefault(times.size, times)
    rows = [
        [_title(times.size), times.codec, f'{times.bits:.3f}', f'{times.mean_q:.2f}',
         f'{times.encode_ms:.1f}', f'{times.decode_ms:.1f}',
         f'{mine.bits / times.bits:.3f}', f'{mine.encode_ms / times.encode_ms:.2f}',
         f'{mine.decode_ms / times.decode_ms:.2f}']
        for times in codecs for mine in [ours[times.size]]
    ]
    return table(
        ['size', 'codec', 'bit/px', 'mean error q', 'encode ms', 'decode ms',
         'ours / it: bits', 'encode time', 'decode time'], rows)


def _throughput_table(throughputs: Sequence[Throughput]) -> list[str]:
    rows = [
        [_title(some.size), str(some.at_once), f'{some.encode_hz:.1f}', f'{some.decode_hz:.1f}']
        for some in throughputs
    ]
    return table(['size', 'at once', 'encode frames/s', 'decode frames/s'], rows)


def _passage_table(passages: Sequence[Passage]) -> list[str]:
    window = min(run.window_s for run in passages)
    nodes = list(passages[0].usage)
    loads = [f'{node} {what}' for node in nodes for what in ('CPU', 'RSS MB')]
    return [
        f'CPU in shares of one core, CPU and RSS over the first / the last {window:.0f} s.', '',
        *table([*_COLUMNS, *loads], [_passage_row(run, nodes) for run in passages]),
    ]


def _passage_row(run: Passage, nodes: Sequence[str]) -> list[str]:
    cells = [
        f'{_title(run.size)} at {run.rate:g} Hz', str(run.threads), str(run.sent),
        str(run.received), str(run.sent - run.received),
        *(f'{np.percentile(run.delays_ms, percent):.0f}' if run.delays_ms else '-'
          for percent in (50, 99)),
        f'{run.first_frame_s:.2f}',
    ]
    for node in nodes:
        first, last = run.loads(node)
        cells += [f'{first.cpu_share:.0%} / {last.cpu_share:.0%}',
                  f'{first.rss_mb:.0f} / {last.rss_mb:.0f}']
    return cells


def _title(size: Size) -> str:
    return f'{size[0]}x{size[1]}'


def _threads(count: int) -> str:
    return f'{count} thread{"s" * (count > 1)}'
