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

from __future__ import annotations

import os
import signal
import subprocess
import sys

from depth_nn_transport.bench import network
from depth_nn_transport.bench.link import LinkQuality, netem_arguments, NetworkError, run
from depth_nn_transport.bench.network import ended_by_signals, robot_and_base

import pytest

BAD = LinkQuality(5.0, 10.0, 5.0, 0.05)
HOLD = """
import time
from depth_nn_transport.bench.network import ended_by_signals, robot_and_base
with ended_by_signals(), robot_and_base() as (robot, base, link):
    print(robot.namespace, base.namespace, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def ends():
    """Return robot, base and link; skip where they cannot be made."""
    try:
        with robot_and_base() as made:
            yield made
    except NetworkError as error:
        pytest.skip(str(error))


def ping_ms(site, address):
    """Return the round trip in ms of a datagram that comes back from the other site."""
    code = (
        'import socket, sys, time\n'
        's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)\n'
        's.sendto(b"x", (sys.argv[1], 7777)); start = time.monotonic()\n'
        's.recv(9); print(1e3 * (time.monotonic() - start))\n')
    return float(run(*site.prefix, sys.executable, '-c', code, address))


def echo(site):
    """Return a process that sends datagrams back."""
    code = (
        'import socket\n'
        's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 7777))\n'
        'print("ready", flush=True)\n'
        'while True: s.sendto(*s.recvfrom(9))\n')
    process = subprocess.Popen(
        [*site.prefix, sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    return process


def test_netem_is_told_everything():
    assert ' '.join(netem_arguments('veth', BAD)) == (
        'qdisc replace dev veth root netem limit 500 delay 10ms 5ms loss 5% rate 5mbit')


def test_a_user_without_rights_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    with pytest.raises(NetworkError, match='root'):
        network.check_requirements()


def test_a_machine_without_iproute2_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    monkeypatch.setattr(network.shutil, 'which', lambda tool: None)
    with pytest.raises(NetworkError, match='apt-get install iproute2'):
        network.check_requirements()


def test_a_command_that_fails_is_quoted_with_its_complaint():
    with pytest.raises(NetworkError, match='false'):
        run('false')


def test_the_link_carries_packets_as_slowly_as_asked(ends):
    robot, base, link = ends
    process = echo(base)
    try:
        ping_ms(robot, '10.77.0.2')
        link.shape(LinkQuality(5.0, 200.0, 0.0, 0.0))
        before = base.received_bytes()
        assert ping_ms(robot, '10.77.0.2') >= 400
        assert base.received_bytes() > before
    finally:
        process.kill()
        process.wait()


def test_there_is_no_way_out(ends):
    robot, base, _ = ends
    for site in (robot, base):
        assert 'default' not in run('ip', '-n', site.namespace, 'route')
        shown = run('ip', '-n', site.namespace, '-o', 'link').splitlines()
        assert len(shown) == 2
        assert 'lo:' in shown[0] and site.device in shown[1]


@pytest.mark.usefixtures('ends')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_namespaces_are_taken_away_after_a_signal(number):
    process = subprocess.Popen(
        [sys.executable, '-c', HOLD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    names = process.stdout.readline().split()
    assert len(names) == 2 and all(name in run('ip', 'netns') for name in names)
    process.send_signal(number)
    process.wait(20)
    assert not any(name in run('ip', 'netns') for name in names)


def test_signals_are_as_before_at_the_end():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
