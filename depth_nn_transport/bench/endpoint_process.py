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
"""The ends of a transport as processes: where frames come from, and where they go."""

from __future__ import annotations

from collections.abc import Sequence
import json
import sys
import time
from typing import Any

from depth_nn_transport.processes.child_process import ChildProcess

START_TIMEOUT_S = 90.0
_POLL_S = 0.1


class EndpointProcess(ChildProcess):
    """Runs a module that prints events, each a line of JSON."""

    def __init__(
        self, module: str, arguments: Sequence[str], prefix: Sequence[str] = ()
    ) -> None:
        """Start a module of the bench; `prefix` are words before the command."""
        super().__init__(
            [*prefix, sys.executable, '-m', f'depth_nn_transport.bench.{module}', *arguments])

    @property
    def events(self) -> list[Any]:
        """Return the events so far."""
        return [json.loads(line) for line in self.lines]

    def wait_for(self, count: int) -> bool:
        """Wait until there are so many events; return whether they came in time."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while len(self.lines) < count and not self.is_read() and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return len(self.lines) >= count
