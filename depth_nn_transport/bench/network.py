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
"""
Two network namespaces, the robot and its base, joined by a link that can be made bad.

Nothing in them reaches another network. Impairments are those of ``tc netem`` on a veth pair or,
on a kernel without netem, of a relay between two TAP devices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass
import json
import os
import shutil
import signal

from depth_nn_transport.bench.link import (
    Link, netem_arguments, NetemLink, NetworkError, PERFECT, run,
)
from depth_nn_transport.bench.relay import RelayLink

# What the documentation of ROS 2 recommends for lossy links: the kernel must not keep the parts of
# datagrams that lack one for long, or there is no room for others.
REASSEMBLY = {'ipfrag_time': 3, 'ipfrag_high_thresh': 2**27}
ADDRESSES = ('10.77.0.1/24', '10.77.0.2/24')


@dataclass(frozen=True)
class Site:
    """One end: a namespace and its device on the link."""

    namespace: str
    device: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """Return the words that make a command run here."""
        return ('ip', 'netns', 'exec', self.namespace)

    def received_bytes(self) -> int:
        """Return what came over the link so far."""
        shown = run('ip', '-n', self.namespace, '-s', '-j', 'link', 'show', self.device)
        return int(json.loads(shown)[0]['stats64']['rx']['bytes'])


@contextmanager
def robot_and_base() -> Iterator[tuple[Site, Site, Link]]:
    """
    Make both namespaces and a perfect link; take them away at the end of the block.

    :raises NetworkError: if this user or machine cannot.
    """
    check_requirements()
    names = (f'dnt{os.getpid()}r', f'dnt{os.getpid()}b')
    with ExitStack() as stack:
        for name in names:
            run('ip', 'netns', 'add', name)
            stack.callback(run, 'ip', 'netns', 'delete', name)
        link = stack.enter_context(_link(names))
        for name, device, address in zip(names, link.devices, ADDRESSES, strict=True):
            run('ip', '-n', name, 'address', 'add', address, 'dev', device)
            for setting, value in REASSEMBLY.items():
                run('ip', 'netns', 'exec', name, 'sh', '-c',
                    f'echo {value} > /proc/sys/net/ipv4/{setting}')
            for interface in ('lo', device):
                run('ip', '-n', name, 'link', 'set', interface, 'up', 'multicast', 'on')
        link.shape(PERFECT)
        robot, base = (Site(*end) for end in zip(names, link.devices, strict=True))
        yield robot, base, link


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """
    Let SIGTERM and SIGINT unwind the block, so that it cleans up after itself.

    Shells let processes in the background ignore SIGINT, hence both.
    """
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_requirements() -> None:
    """Raise NetworkError unless there is what it takes to make namespaces."""
    if os.geteuid() != 0:
        raise NetworkError('network namespaces need root: run this as root or with sudo')
    if missing := [tool for tool in ('ip', 'tc') if shutil.which(tool) is None]:
        raise NetworkError(f'{" and ".join(missing)} not found: apt-get install iproute2')


def has_netem(namespace: str) -> bool:
    """Return whether the kernel can impair a device."""
    try:
        run('tc', '-n', namespace, *netem_arguments('lo', PERFECT))
        run('tc', '-n', namespace, 'qdisc', 'delete', 'dev', 'lo', 'root')
    except NetworkError:
        return False
    return True


@contextmanager
def _link(names: Sequence[str]) -> Iterator[Link]:
    robot, base = names
    devices = (f'{robot}0', f'{base}0')
    if has_netem(robot):
        yield NetemLink((robot, base), devices)
    else:
        with RelayLink((robot, base), devices) as link:
            yield link
