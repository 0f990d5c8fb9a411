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
"""A link between two network namespaces that the kernel makes as bad as one likes."""

from __future__ import annotations

from dataclasses import dataclass
import subprocess
from typing import Protocol

# Packets that wait or are under way, in each direction.
QUEUE_PACKETS = 500


class NetworkError(Exception):
    """The machine does not let us make namespaces or links; the message says what it lacks."""


@dataclass(frozen=True)
class LinkQuality:
    """
    How bad a link is, in each direction.

    :ivar rate_mbit: mbit/s.
    :ivar delay_ms, jitter_ms: of each packet, in ms: the delay is even within `delay_ms` -+
        `jitter_ms`.
    :ivar loss: share of the packets that get lost, each on its own.
    """

    rate_mbit: float
    delay_ms: float
    jitter_ms: float
    loss: float


PERFECT = LinkQuality(1000.0, 0.0, 0.0, 0.0)


class Link(Protocol):
    """
    What joins the two namespaces.

    `devices` are its ends; `kind` says in words what impairs it.
    """

    kind: str
    devices: tuple[str, str]

    def shape(self, quality: LinkQuality) -> None:
        """Give the link another quality."""


class NetemLink:
    """A veth pair, impaired by the kernel."""

    kind = '`tc netem`'

    def __init__(self, namespaces: tuple[str, str], devices: tuple[str, str]) -> None:
        self.devices = devices
        self._namespaces = namespaces
        run('ip', 'link', 'add', devices[0], 'netns', namespaces[0], 'type', 'veth',
            'peer', 'name', devices[1], 'netns', namespaces[1])

    def shape(self, quality: LinkQuality) -> None:
        """See `Link`."""
        for namespace, device in zip(self._namespaces, self.devices, strict=True):
            run('tc', '-n', namespace, *netem_arguments(device, quality))


def netem_arguments(device: str, quality: LinkQuality) -> list[str]:
    """Return what `tc` is told to impair a device."""
    return [
        'qdisc', 'replace', 'dev', device, 'root', 'netem', 'limit', str(QUEUE_PACKETS),
        'delay', f'{quality.delay_ms:g}ms', f'{quality.jitter_ms:g}ms',
        'loss', f'{100 * quality.loss:g}%', 'rate', f'{quality.rate_mbit:g}mbit']


def run(*command: str) -> str:
    """
    Return what a command prints.

    :raises NetworkError: if it fails; with the command and what it complains of.
    """
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise NetworkError(f'{" ".join(command)}: {result.stderr.strip()}')
    return result.stdout
