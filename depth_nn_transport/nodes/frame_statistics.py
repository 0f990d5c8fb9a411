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
"""What a node remembers of its frames, for diagnostics; free of ROS."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import threading
import time

import numpy as np

WINDOW_S = 5.0
# More than any camera's frames in a window.
MAX_REMEMBERED = 10_000


@dataclass(frozen=True)
class Frame:
    """
    A frame that passed the codec.

    :ivar size: bytes of the whole message.
    :ivar work_ms: time that the codec and the message took.
    :ivar age_ms: time from the header's stamp to publication.
    """

    size: int
    pixels: int
    hole_share: float
    on_lattice: bool
    work_ms: float
    age_ms: float


@dataclass(frozen=True)
class Recent:
    """The last seconds: number of frames that came, those that passed, and drops by reason."""

    received: int
    frames: Sequence[Frame]
    drops: Counter[str]
    seconds: float

    @property
    def bits_per_pixel(self) -> float:
        """Return the mean, 0 if no frame passed."""
        pixels = sum(frame.pixels for frame in self.frames)
        return 8 * sum(frame.size for frame in self.frames) / pixels if pixels else 0.0

    @property
    def megabits_per_second(self) -> float:
        """Return the bit rate."""
        return 8e-6 * sum(frame.size for frame in self.frames) / self.seconds

    def percentile(self, attribute: str, percent: float) -> float:
        """Return a percentile of an attribute of the frames, 0 if there are none."""
        values = [getattr(frame, attribute) for frame in self.frames]
        return float(np.percentile(values, percent)) if values else 0.0


class FrameStatistics:
    """Counts frames that came, passed or were dropped, in total and over the last seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.received = 0
        self.passed = 0
        self.dropped: Counter[str] = Counter()
        self._clock = clock
        self._start = clock()
        self._arrivals: deque[float] = deque(maxlen=MAX_REMEMBERED)
        self._frames: deque[tuple[float, Frame]] = deque(maxlen=MAX_REMEMBERED)
        self._drops: deque[tuple[float, str]] = deque(maxlen=MAX_REMEMBERED)
        self._work_ms: deque[float] = deque(maxlen=MAX_REMEMBERED)
        self._lock = threading.Lock()

    def receive(self) -> None:
        """Count a frame that came."""
        with self._lock:
            self.received += 1
            self._arrivals.append(self._clock())

    def passes(self, frame: Frame) -> None:
        """Count a frame that was published."""
        with self._lock:
            self.passed += 1
            self._frames.append((self._clock(), frame))
            self._work_ms.append(frame.work_ms)

    def drop(self, reason: str) -> int:
        """Count a frame that was not; return how many it is for that reason."""
        with self._lock:
            self._drops.append((self._clock(), reason))
            self.dropped[reason] += 1
            return self.dropped[reason]

    def recent(self) -> Recent:
        """Return what happened in the last seconds."""
        now = self._clock()
        since = now - WINDOW_S
        with self._lock:
            return Recent(
                received=sum(time > since for time in self._arrivals),
                frames=[frame for time, frame in self._frames if time > since],
                drops=Counter(reason for time, reason in self._drops if time > since),
                seconds=max(min(WINDOW_S, now - self._start), 1e-3))

    def work_ms(self, percent: float) -> float:
        """Return a percentile of the time that frames took, 0 if there were none."""
        with self._lock:
            return float(np.percentile(self._work_ms, percent)) if self._work_ms else 0.0
