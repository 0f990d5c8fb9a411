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
"""A node of this package as a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
import signal
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any

from depth_nn_transport.nodes.codec_node import SUMMARY

STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class NodeReport:
    """How a node ended: its exit code, what it logged and the summary it gave, if any."""

    exit_code: int
    output: str
    summary: dict[str, Any]


class NodeProcess:
    """
    Runs `depth_encoder` or `depth_decoder` with parameters until it is stopped.

    `prefix` are words before the command, such as `ip netns exec robot`. As a context manager it
    stops the node at the end of the block.
    """

    def __init__(
            self, name: str, parameters: Mapping[str, Any] | None = None,
            arguments: Sequence[str] = (), prefix: Sequence[str] = ()) -> None:
        settings = [f'{key}:={value}' for key, value in (parameters or {}).items()]
        options = [word for setting in settings for word in ('-p', setting)]
        self._process = subprocess.Popen(
            [*prefix, sys.executable, '-m', f'depth_nn_transport.nodes.{name}',
             '--ros-args', *options, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._lines: list[str] = []
        # A full pipe would stop the node in the middle of a log message.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    @property
    def output(self) -> str:
        """Return what the node has logged so far."""
        return ''.join(self._lines)

    def is_running(self) -> bool:
        """Return whether the process has not ended."""
        return self._process.poll() is None

    def stop(self, number: int = signal.SIGINT) -> NodeReport:
        """Send a signal, wait for the end and return the report; kill what does not end."""
        if self.is_running():
            self._process.send_signal(number)
        try:
            exit_code = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            exit_code = self._process.wait()
        self._reader.join()
        return NodeReport(exit_code, self.output, find_summary(self.output))

    def _read(self) -> None:
        assert self._process.stdout is not None
        self._lines.extend(self._process.stdout)


def find_summary(output: str) -> dict[str, Any]:
    """Return the summary that a node logs at its end, empty if there is none."""
    for line in reversed(output.splitlines()):
        _, found, summary = line.partition(SUMMARY)
        if found:
            return dict(json.loads(summary))
    return {}
