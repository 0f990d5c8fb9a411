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
"""Processes run until they are stopped, and what they print is kept."""

from __future__ import annotations

import signal
import sys
import time

from depth_nn_transport.processes import child_process
from depth_nn_transport.processes.child_process import ChildProcess
import pytest

# Prints a line, then the signal that ends it, of those it heeds.
SPEAKER = """
import signal, sys, time
def end(number, frame):
    print('told to end', number)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, signal.SIG_IGN)
print('ready', flush=True)
print('aside', file=sys.stderr, flush=True)
time.sleep(60)
"""


def start(program, **settings):
    return ChildProcess([sys.executable, '-c', program], **settings)


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_a_process_tells_its_last_lines_and_how_it_ended():
    process = start(SPEAKER)
    wait_for(lambda: process.lines)
    assert process.is_running()
    assert process.terminate() == 7
    assert not process.is_running()
    assert process.is_read()
    assert process.lines == ['ready\n', f'told to end {int(signal.SIGTERM)}\n']


def test_errors_are_kept_where_that_is_asked_for(capfd):
    with start(SPEAKER, with_errors=True) as process:
        wait_for(lambda: len(process.lines) == 2)
    assert process.lines[:2] == ['ready\n', 'aside\n']
    assert not capfd.readouterr().err


def test_a_block_that_is_left_by_an_error_ends_the_process():
    with pytest.raises(KeyError), start(SPEAKER) as process:
        raise KeyError
    assert not process.is_running()


def test_what_does_not_end_is_killed(monkeypatch):
    monkeypatch.setattr(child_process, 'STOP_TIMEOUT_S', 0.1)
    process = start(SPEAKER)
    wait_for(lambda: process.lines)
    assert process.terminate(signal.SIGINT) == -signal.SIGKILL


def test_a_process_that_has_ended_by_itself_keeps_its_exit_code():
    process = start('print("done"); raise SystemExit(3)')
    wait_for(process.is_read)
    assert process.terminate() == 3
    assert process.lines == ['done\n']
