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
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Any

from depth_nn_transport.demo.node_process import STOP_TIMEOUT_S

START_TIMEOUT_S = 90.0
_POLL_S = 0.1


class EndpointProcess:
    """Runs a module that prints events, each a line of JSON, until it is stopped.

    As a context manager it stops the process at the end of the block.

    Attributes:
        events: so far.

    """

    def __init__(
        self, module: str, arguments: Sequence[str], prefix: Sequence[str] = ()
    ) -> None:
        """Start a module of the bench; `prefix` are words before the command."""
        self.events: list[Any] = []
        self._process = subprocess.Popen(
            [*prefix, sys.executable, '-m', f'depth_nn_transport.bench.{module}', *arguments],
            stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> EndpointProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def wait_for(self, count: int) -> bool:
        """Wait until there are so many events; return whether they came in time."""
        deadline = time.monotonic() + START_TIMEOUT_S
        # The reader ends with the process, past its last event.
        while (len(self.events) < count and self._reader.is_alive()
               and time.monotonic() < deadline):
            time.sleep(_POLL_S)
        return len(self.events) >= count

    def stop(self) -> None:
        """End the process, with time to tell its last events."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.events.extend(json.loads(line) for line in self._process.stdout)
