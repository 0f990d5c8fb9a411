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
"""A process that runs until it is stopped."""

from __future__ import annotations

from collections.abc import Sequence
import signal
import subprocess
import threading
from types import TracebackType
from typing import TypeVar

STOP_TIMEOUT_S = 20.0
Child = TypeVar('Child', bound='ChildProcess')


class ChildProcess:
    """
    Runs a command and keeps what it prints, line by line.

    As a context manager it stops the process at the end of the block.
    """

    def __init__(self, command: Sequence[str], *, with_errors: bool = False) -> None:
        """Start the command; its standard error is kept as well, or else passed on."""
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT if with_errors else None,
            text=True)
        self.lines: list[str] = []
        # A full pipe would stop the process in the middle of a line.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self: Child) -> Child:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self.terminate()

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    def is_running(self) -> bool:
        """Return whether the process has not ended."""
        return self._process.poll() is None

    def is_read(self) -> bool:
        """Return whether the process has ended and all that it printed is in `lines`."""
        return not self._reader.is_alive()

    def terminate(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit code; kill what does not end."""
        if self.is_running():
            self._process.send_signal(number)
        try:
            exit_code = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            exit_code = self._process.wait()
        self._reader.join()
        return exit_code

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.lines.extend(self._process.stdout)
