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
"""A bad link in user space, for kernels without ``tc netem``: a relay between two TAP devices."""

from __future__ import annotations

from collections import deque
import contextlib
import fcntl
import os
import random
import select
import struct
import threading
import time
from types import TracebackType

from depth_nn_transport.bench.link import (
    LinkQuality, NetworkError, PERFECT, QUEUE_PACKETS, run,
)

# Of <linux/if_tun.h>.
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_MAX_PACKET = 65536
_IDLE_S = 0.05


class Direction:
    """
    One direction of a link, which keeps the order of its packets as netem with a rate does.

    A packet gets lost, or finds the queue full and is dropped, or waits until those before it are
    sent, takes its own size at the link's rate, and is delayed.
    """

    def __init__(self, seed: int) -> None:
        self.quality = PERFECT
        self._random = random.Random(seed)
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._sent_at = 0.0

    def put(self, packet: bytes, now: float) -> None:
        """Take in a packet at a time in seconds."""
        quality = self.quality
        if len(self._waiting) >= QUEUE_PACKETS or self._random.random() < quality.loss:
            return
        self._sent_at = max(self._sent_at, now) + 8e-6 * len(packet) / quality.rate_mbit
        delay_ms = quality.delay_ms + quality.jitter_ms * self._random.uniform(-1, 1)
        due = self._sent_at + delay_ms / 1e3
        if self._waiting:
            due = max(due, self._waiting[-1][0])
        self._waiting.append((due, packet))

    def take(self, now: float) -> bytes | None:
        """Return the next packet that has arrived by a time in seconds, None if none has."""
        if not self._waiting or self._waiting[0][0] > now:
            return None
        return self._waiting.popleft()[1]

    def next_arrival(self) -> float | None:
        """Return when the next packet arrives, None if none is under way."""
        return self._waiting[0][0] if self._waiting else None


class RelayLink:
    """Two TAP devices and a thread that carries packets from one to the other."""

    kind = 'a relay in user space, as the kernel has no netem'

    def __init__(self, namespaces: tuple[str, str], devices: tuple[str, str]) -> None:
        self.devices = devices
        self._directions = (Direction(0), Direction(1))
        self._taps: list[int] = []
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._carry, name='relay', daemon=True)
        try:
            for namespace, device in zip(namespaces, devices, strict=True):
                self._taps.append(_open_tap(device))
                run('ip', 'link', 'set', device, 'netns', namespace)
        except (OSError, NetworkError):
            self._close_taps()
            raise

    def __enter__(self) -> RelayLink:
        self._thread.start()
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self._closed.set()
        self._thread.join()
        self._close_taps()

    def shape(self, quality: LinkQuality) -> None:
        """See `Link`."""
        for direction in self._directions:
            direction.quality = quality

    def _carry(self) -> None:
        while not self._closed.is_set():
            readable, _, _ = select.select(self._taps, [], [], self._patience())
            now = time.monotonic()
            for tap in readable:
                with contextlib.suppress(OSError):  # not up yet
                    self._directions[self._taps.index(tap)].put(os.read(tap, _MAX_PACKET), now)
            for direction, target in zip(self._directions, reversed(self._taps), strict=True):
                while (packet := direction.take(now)) is not None:
                    with contextlib.suppress(OSError):
                        os.write(target, packet)

    def _patience(self) -> float:
        """Return for how many seconds nothing is due."""
        arrivals = [direction.next_arrival() for direction in self._directions]
        waits = [arrival - time.monotonic() for arrival in arrivals if arrival is not None]
        return max(min([_IDLE_S, *waits]), 0.0)

    def _close_taps(self) -> None:
        for tap in self._taps:
            os.close(tap)


def _open_tap(name: str) -> int:
    """
    Return the descriptor of a new TAP device.

    :raises NetworkError: if the machine has none.
    """
    tap = None
    try:
        tap = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack('16sH22x', name.encode(), _IFF_TAP | _IFF_NO_PI))
    except OSError as error:
        if tap is not None:
            os.close(tap)
        raise NetworkError(f'the kernel has neither netem nor TAP devices: {error}') from error
    return tap
