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
"""Tables and the chart of depth over bad Wi-Fi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
import json
from pathlib import Path
from typing import Any

from depth_nn_transport.bench.link import LinkQuality
from depth_nn_transport.bench.report import finite, table
from depth_nn_transport.bench.wifi import Passage
from depth_nn_transport.bench.wifi_endpoints import SIZE, Stream

from matplotlib.figure import Figure

_FORMS = {'raw': 'raw `16UC1`', 'png': 'PNG', 'ours': 'ours'}
_COLOURS = {'raw': '#9a9a9a', 'png': '#ff7f0e', 'ours': 'black'}
_STYLES = {('best_effort', 5): ':', ('reliable', 5): '-', ('reliable', 1): '--'}
_TICKS_MS = (20, 50, 100, 200, 500, 1000, 2000)
_COLUMNS = ('sent as', 'QoS', 'frames/s', 'of them', 'latency ms, median', '99 %', 'longest gap s',
            'Mbit/s carried', 'mean error, quanta')


def write_report(out: Path, passages: Sequence[Passage], rate: float, link_kind: str) -> str:
    """Write JSON, Markdown and the chart into a folder; return the Markdown."""
    text = markdown(passages, rate, link_kind)
    (out / 'wifi.md').write_text(text)
    (out / 'wifi.json').write_text(json.dumps(finite({
        'rate': rate, 'link': link_kind, 'passages': [asdict(passage) for passage in passages],
    })) + '\n')
    draw(out / 'wifi.png', passages, rate)
    return text


def markdown(passages: Sequence[Passage], rate: float, link_kind: str) -> str:
    """Return a table for each link."""
    lines = [
        f'{SIZE[0]}x{SIZE[1]} at {rate:g} Hz, each link for {passages[0].seconds:.0f} s; '
        f'impaired by {link_kind}.', '']
    for link in dict.fromkeys(passage.link for passage in passages):
        rows = [_row(passage) for passage in passages if passage.link == link]
        lines += [f'## {_title(link)}', '', *table(_COLUMNS, rows), '']
    return '\n'.join(lines)


def draw(path: Path, passages: Sequence[Passage], rate: float) -> None:
    """Draw frames per second and latency over loss, for the links of the lowest rate."""
    lowest = min(passage.link.rate_mbit for passage in passages)
    figure = Figure(figsize=(12, 5.2), layout='constrained')
    frames, delays = figure.subplots(1, 2)
    for stream in dict.fromkeys(passage.stream for passage in passages):
        some = [passage for passage in passages
                if passage.stream == stream and passage.link.rate_mbit == lowest]
        style: dict[str, Any] = {
            'color': _COLOURS[stream.form], 'marker': '.', 'label': _label(stream),
            'linestyle': _STYLES.get((stream.reliability, stream.depth), '-.')}
        loss = [100 * passage.link.loss for passage in some]
        frames.plot(loss, [passage.frames_per_second for passage in some], **style)
        delays.plot(loss, [passage.delay_ms(50) for passage in some], **style)
    frames.axhline(rate, color='grey', linewidth=0.5)
    frames.set(xlabel='packets lost, %', ylabel='frames/s that came', ylim=(0, None))
    delays.set(xlabel='packets lost, %', ylabel='median latency, ms', yscale='log',
               ylim=(_TICKS_MS[0], _TICKS_MS[-1]))
    delays.set_yticks(_TICKS_MS, [str(tick) for tick in _TICKS_MS])
    delays.minorticks_off()
    figure.legend(*frames.get_legend_handles_labels(), loc='outside lower center', ncols=4)
    figure.suptitle(f'{SIZE[0]}x{SIZE[1]} depth at {rate:g} Hz over {lowest:g} Mbit/s')
    figure.savefig(path, dpi=90)


def _row(passage: Passage) -> list[str]:
    came = [f'{passage.delay_ms(percent):.0f}' if passage.delays_ms else '-'
            for percent in (50, 99)]
    error = passage.error_quanta if passage.delays_ms else None
    return [
        _FORMS[passage.stream.form], _qos(passage.stream), f'{passage.frames_per_second:.1f}',
        f'{passage.received / max(passage.sent, 1):.0%}', *came, f'{passage.longest_gap_s:.1f}',
        f'{passage.carried_mbit:.2f}', '-' if error is None else f'{error:.2f}']


def _title(link: LinkQuality) -> str:
    return (f'{link.rate_mbit:g} Mbit/s, {link.loss:.0%} loss, {link.delay_ms:g} ms '
            f'-+ {link.jitter_ms:g}')


def _label(stream: Stream) -> str:
    return f'{_FORMS[stream.form].replace("`", "")}, {_qos(stream)}'


def _qos(stream: Stream) -> str:
    return f'{stream.reliability.replace("_", " ")}, depth {stream.depth}'
