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
"""Warns of frames that could not be passed on."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time
from typing import Protocol

WARNING_PERIOD_S = 5.0


class Logger(Protocol):
    """The part of an rclpy logger that is needed here."""

    def warning(self, message: str) -> bool:
        """Log a message."""


class DropLog:
    """Warns of dropped frames, of each reason once in a while."""

    def __init__(self, logger: Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._next_warning: dict[str, float] = {}
        self._lock = threading.Lock()

    def warn(self, reason: str, count: int, advice: str) -> None:
        """Warn of the reason, which it is that often so far, unless that was done lately."""
        now = self._clock()
        with self._lock:
            if now < self._next_warning.get(reason, now):
                return
            self._next_warning[reason] = now + WARNING_PERIOD_S
        self._logger.warning(f'dropped a frame ({reason}, {count} so far): {advice}')
