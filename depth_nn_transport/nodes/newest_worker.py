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
"""A thread that works on the newest item only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
import threading
from typing import Generic, TypeVar

Item = TypeVar('Item')

# Streams that can wait at once; beyond, the one that waits longest gives way.
MAX_STREAMS = 8


class NewestWorker(Generic[Item]):
    """
    Calls `work` with the newest item of each stream, the streams in turn.

    An item that still waits when another one of its stream comes is replaced.
    """

    def __init__(self, work: Callable[[Item], None], on_replaced: Callable[[], None]) -> None:
        self._work = work
        self._on_replaced = on_replaced
        self._waiting: OrderedDict[Hashable, Item] = OrderedDict()
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name='newest_worker', daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Return the number of items that wait."""
        return len(self._waiting)

    def put(self, item: Item, stream: Hashable = None) -> None:
        """Hand over an item without waiting."""
        with self._changed:
            replaced = stream in self._waiting
            self._waiting[stream] = item
            if len(self._waiting) > MAX_STREAMS:
                self._waiting.popitem(last=False)
                replaced = True
            self._changed.notify()
        if replaced:
            self._on_replaced()

    def close(self) -> None:
        """Let the item being worked on finish, forget the waiting ones and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                _, item = self._waiting.popitem(last=False)
            self._work(item)
