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
"""Depth through DDS with source, encoder, decoder and sink as four processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
import os
from pathlib import Path
import time
from typing import Any

from depth_nn_transport import DepthCodec
from depth_nn_transport.bench.endpoint_process import EndpointProcess
from depth_nn_transport.bench.speed_frames import Size, Source
from depth_nn_transport.nodes.remembered_size import remember_size
from depth_nn_transport.processes.node_process import NodeProcess

import numpy as np

# Past the first frame: what was sent while the nodes started is not part of the steady state.
_SETTLE_S = 5.0
# Camera and user were there before the nodes. Fast DDS looks for others at once and then every
# three seconds, so that processes that start together find each other late now and then.
_AHEAD_S = 4.0
_SAMPLE_PERIOD_S = 1.0
_LAST_FRAMES_S = 2.0
_MINUTE_S = 60.0
_NODES = 'encoder', 'decoder'


@dataclass(frozen=True)
class Usage:
    """CPU seconds used so far and resident MB of a process, at a time in seconds."""

    at: float
    cpu_s: float
    rss_mb: float

    @classmethod
    def of(cls, pid: int) -> Usage:
        """Read the usage of a process from Linux."""
        fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
        ticks = int(fields[11]) + int(fields[12])
        return cls(
            time.monotonic(), ticks / os.sysconf('SC_CLK_TCK'),
            pages * os.sysconf('SC_PAGE_SIZE') / 1e6,
        )


@dataclass(frozen=True)
class Load:
    """Share of one core and mean resident MB of a process over some time."""

    cpu_share: float
    rss_mb: float

    @classmethod
    def over(cls, samples: Sequence[Usage]) -> Load:
        """Return the load between the first and the last of the samples."""
        first, last = samples[0], samples[-1]
        share = (last.cpu_s - first.cpu_s) / max(last.at - first.at, 1e-9)
        return cls(share, float(np.mean([sample.rss_mb for sample in samples])))


@dataclass(frozen=True)
class Passage:
    """
    What became of the frames of one run.

    :ivar size: width and height.
    :ivar rate: frames per second.
    :ivar threads: of encoder and decoder each.
    :ivar first_frame_s: from the start of the nodes to the first restored frame.
    :ivar sent, received: frames of the steady state.
    :ivar delays_ms: from the source's stamp to the sink, steady state.
    :ivar usage: samples of ``encoder`` and ``decoder`` in the steady state.
    :ivar summaries: what the nodes logged at their end.
    """

    size: Size
    rate: float
    threads: int
    first_frame_s: float
    sent: int
    received: int
    delays_ms: tuple[float, ...]
    usage: dict[str, list[Usage]]
    summaries: dict[str, dict[str, Any]]

    @property
    def window_s(self) -> float:
        """Return how long the first and the last minute are: half of a shorter run each."""
        samples = next(iter(self.usage.values()))
        return min(_MINUTE_S, (samples[-1].at - samples[0].at) / 2)

    def loads(self, name: str) -> tuple[Load, Load]:
        """Return the load by a node in the first and in the last minute."""
        samples = self.usage[name]
        begin, end = samples[0].at + self.window_s, samples[-1].at - self.window_s
        return (Load.over([sample for sample in samples if sample.at <= begin]),
                Load.over([sample for sample in samples if sample.at >= end]))


def measure_transport(
    frames: Source, rate: float, threads: int, seconds: float, model: str, runtime: str,
) -> Passage:
    """
    Run the four processes until frames arrive, and for some time more.

    :raises RuntimeError: if a process does not start, or no frame arrives.
    """
    parameters = {'threads': threads, 'model': model, 'runtime': runtime}
    _start_once(frames, model, runtime)
    with ExitStack() as stack:
        sink = stack.enter_context(EndpointProcess('endpoints', ['sink']))
        arguments = [str(frames.folder), *map(str, frames.size), str(rate)]
        source = stack.enter_context(EndpointProcess('endpoints', ['source', *arguments]))
        if not (sink.wait_for(1) and source.wait_for(1)):
            raise RuntimeError('the source or the sink of frames did not start')
        time.sleep(_AHEAD_S)
        start = time.monotonic()
        nodes = {
            name: stack.enter_context(
                NodeProcess(f'depth_{name}', parameters, ['-r', f'__node:=timed_{name}'])
            )
            for name in _NODES
        }
        # The first event is that the sink is ready.
        if not sink.wait_for(2):
            logged = ''.join(node.output for node in nodes.values())
            raise RuntimeError(f'no frame arrived; the nodes logged:\n{logged}')
        time.sleep(_SETTLE_S)
        usage = _watch(nodes, seconds)
        time.sleep(_LAST_FRAMES_S)
        for end in (source, sink):
            end.terminate()
        reports = {name: node.stop() for name, node in nodes.items()}
    stamps, arrivals = source.events[1:], sink.events[1:]
    begin, until = (usage['encoder'][index].at for index in (0, -1))
    delays = [1e3 * delay for sent, delay in arrivals if begin <= sent < until]
    return Passage(
        frames.size, rate, threads, sum(arrivals[0]) - start,
        sum(begin <= stamp < until for stamp in stamps), len(delays), tuple(delays), usage,
        {name: report.summary for name, report in reports.items()},
    )


def _start_once(frames: Source, model: str, runtime: str) -> None:
    """Keep what the first start with a camera leaves: compiled networks, the size of frames."""
    codec = DepthCodec(model, runtime=runtime)
    for depth in frames.load(1):
        codec.decode(codec.encode(depth))
    for name in _NODES:
        remember_size(f'/timed_{name}', frames.size[::-1])


def _watch(nodes: Mapping[str, NodeProcess], seconds: float) -> dict[str, list[Usage]]:
    usage: dict[str, list[Usage]] = {name: [] for name in nodes}
    end = time.monotonic() + seconds
    while True:
        for name, node in nodes.items():
            usage[name].append(Usage.of(node.pid))
        left = end - time.monotonic()
        if left <= 0:
            return usage
        time.sleep(min(_SAMPLE_PERIOD_S, left))
