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
import sys
from typing import Any

from depth_nn_transport.nodes.codec_node import SUMMARY
from depth_nn_transport.processes.child_process import ChildProcess


@dataclass(frozen=True)
class NodeReport:
    """How a node ended: its exit code, what it logged and the summary it gave, if any."""

    exit_code: int
    output: str
    summary: dict[str, Any]


class NodeProcess(ChildProcess):
    """
    Runs `depth_encoder` or `depth_decoder` with parameters.

    `prefix` are words before the command, such as `ip netns exec robot`.
    """

    def __init__(
            self, name: str, parameters: Mapping[str, Any] | None = None,
            arguments: Sequence[str] = (), prefix: Sequence[str] = ()) -> None:
        settings = [f'{key}:={value}' for key, value in (parameters or {}).items()]
        options = [word for setting in settings for word in ('-p', setting)]
        super().__init__(
            [*prefix, sys.executable, '-m', f'depth_nn_transport.nodes.{name}',
             '--ros-args', *options, *arguments], with_errors=True)

    @property
    def output(self) -> str:
        """Return what the node has logged so far."""
        return ''.join(self.lines)

    def stop(self, number: int = signal.SIGINT) -> NodeReport:
        """End the node by a signal and return how it ended."""
        exit_code = self.terminate(number)
        return NodeReport(exit_code, self.output, find_summary(self.output))


def find_summary(output: str) -> dict[str, Any]:
    """Return the summary that a node logs at its end, empty if there is none."""
    for line in reversed(output.splitlines()):
        _, found, summary = line.partition(SUMMARY)
        if found:
            return dict(json.loads(summary))
    return {}
