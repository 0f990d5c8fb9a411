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
"""Measures what arrives of depth over bad Wi-Fi: raw, as PNG and by our nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
import json
import time

from depth_nn_transport.bench.endpoint_process import EndpointProcess
from depth_nn_transport.bench.link import Link, LinkQuality, PERFECT
from depth_nn_transport.bench.network import Site
from depth_nn_transport.bench.wifi_endpoints import Stream
from depth_nn_transport.processes.node_process import NodeProcess

import numpy as np

STREAMS = (
    Stream('raw', 'best_effort', 5), Stream('raw', 'reliable', 5),
    Stream('png', 'best_effort', 5), Stream('png', 'reliable', 5),
    Stream('ours', 'best_effort', 5), Stream('ours', 'reliable', 5), Stream('ours', 'reliable', 1),
)
DELAY_MS, JITTER_MS = 10.0, 5.0
LINKS = (
    *(LinkQuality(5.0, DELAY_MS, JITTER_MS, loss) for loss in (0.0, 0.01, 0.05, 0.1, 0.2)),
    *(LinkQuality(20.0, DELAY_MS, JITTER_MS, loss) for loss in (0.01, 0.1)),
)
# Only the two namespaces of ours hear this domain.
DOMAIN = 42
# Past this time after a change, queues hold what belongs to the new link.
SETTLE_S = 2.0
# Frames that are to come over the perfect link before it gets bad.
_FIRST_FRAMES = 5


@dataclass(frozen=True)
class Passage:
    """
    What came of a stream over a link.

    :ivar stream: what was sent.
    :ivar link: the link.
    :ivar seconds: that were watched.
    :ivar sent, received: frames.
    :ivar delays_ms: from the camera's stamp to the user, of the frames that came.
    :ivar longest_gap_s: longest time without a frame.
    :ivar carried_mbit: Mbit/s that came over the link, all overhead included.
    :ivar error_quanta: mean error of the frames that came over any link, None if none did, in
        quanta.
    """

    stream: Stream
    link: LinkQuality
    seconds: float
    sent: int
    received: int
    delays_ms: tuple[float, ...]
    longest_gap_s: float
    carried_mbit: float
    error_quanta: float | None

    @property
    def frames_per_second(self) -> float:
        """Return the frames that came in a second."""
        return self.received / self.seconds

    def delay_ms(self, percent: float) -> float:
        """Return a percentile of the delays, NaN if nothing came."""
        return float(np.percentile(self.delays_ms, percent)) if self.delays_ms else float('nan')


@dataclass(frozen=True)
class Watch:
    """A span of the monotonic clock in s in which the link had a quality, and bytes carried."""

    link: LinkQuality
    start: float
    end: float
    carried: int


def command_prefix(site: Site) -> tuple[str, ...]:
    """Return the words that make a ROS command run at a site, on the link and nowhere else."""
    settings = {
        'ROS_DOMAIN_ID': DOMAIN, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET',
        'ROS_LOCALHOST_ONLY': 0,
        # Namespaces share their memory, and Fast DDS would not use the link.
        'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}
    return (*site.prefix, 'env', *(f'{name}={value}' for name, value in settings.items()))


def measure_stream(
        stream: Stream, links: Sequence[LinkQuality], robot: Site, base: Site, link: Link,
        seconds: float, rate: float,
        progress: Callable[[], object] = lambda: None) -> list[Passage]:
    """
    Send a stream over all links, one after the other; it is set up over a perfect one.

    :raises RuntimeError: if nothing comes even over the perfect link.
    """
    link.shape(PERFECT)
    with ExitStack() as stack:
        sink = stack.enter_context(_endpoint(base, 'sink', stream))
        nodes = []
        if stream.form == 'ours':
            for site, name in ((base, 'depth_decoder'), (robot, 'depth_encoder')):
                nodes.append(stack.enter_context(NodeProcess(
                    name, stream.overrides(), prefix=command_prefix(site))))
        source = stack.enter_context(_endpoint(robot, 'source', stream, rate))
        if not sink.wait_for(_FIRST_FRAMES):
            logged = ''.join(node.output for node in nodes)
            raise RuntimeError(f'no frames came over a perfect link; the nodes logged:\n{logged}')
        watches = []
        for quality in links:
            link.shape(quality)
            watches.append(_watch(quality, base, seconds))
            progress()
        link.shape(PERFECT)
        source.terminate()
        sink.terminate()
    arrivals = [event for event in sink.events if isinstance(event, list)]
    errors = [event for event in sink.events if isinstance(event, float)]
    return [
        passage_of(stream, watch, source.events, arrivals, errors[-1] if errors else None)
        for watch in watches]


def passage_of(
        stream: Stream, watch: Watch, stamps: Sequence[float],
        arrivals: Sequence[Sequence[float]], error: float | None) -> Passage:
    """Sum up what was sent (stamps in s) and came (stamp and delay in s) while it was watched."""
    came = [(stamp + delay, delay) for stamp, delay in arrivals
            if watch.start <= stamp + delay < watch.end]
    moments = [watch.start, *(moment for moment, _ in came), watch.end]
    return Passage(
        stream, watch.link, watch.end - watch.start,
        sent=sum(watch.start <= stamp < watch.end for stamp in stamps),
        received=len(came),
        delays_ms=tuple(1e3 * delay for _, delay in came),
        longest_gap_s=float(np.diff(moments).max()),
        carried_mbit=8e-6 * watch.carried / (watch.end - watch.start),
        error_quanta=error)


def _watch(quality: LinkQuality, base: Site, seconds: float) -> Watch:
    time.sleep(SETTLE_S)
    start, before = time.monotonic(), base.received_bytes()
    time.sleep(seconds)
    return Watch(quality, start, time.monotonic(), base.received_bytes() - before)


def _endpoint(site: Site, name: str, stream: Stream, *arguments: float) -> EndpointProcess:
    return EndpointProcess(
        'wifi_endpoints', [name, json.dumps(asdict(stream)), *map(str, arguments)],
        command_prefix(site))
