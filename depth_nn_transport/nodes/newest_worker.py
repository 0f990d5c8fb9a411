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
"""Threads that work on the newest items only, and the order in which they hand on results."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
import threading
import time
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar('Item')

# Streams that can wait at once; beyond, the one that waits longest gives way.
MAX_STREAMS = 8


class Turns:
    """The order in which the items of each group were begun."""

    def __init__(self) -> None:
        self._begun = 0
        self._open: dict[int, Hashable] = {}
        self._changed = threading.Condition()

    def begin(self, group: Hashable) -> Turn:
        """Return the place of an item that is begun now."""
        with self._changed:
            self._begun += 1
            self._open[self._begun] = group
            return Turn(self, self._begun)

    def wait_for(self, number: int) -> None:
        """Wait until no item of the group that was begun earlier still has to take its turn."""
        with self._changed:
            group = self._open.get(number)
            self._changed.wait_for(lambda: all(
                other >= number for other, its in self._open.items() if its == group))

    def end(self, number: int) -> None:
        """Let those behind go on."""
        with self._changed:
            self._open.pop(number, None)
            self._changed.notify_all()


class Turn:
    """
    The place of an item: what is done within this context is done in the order of its group.

    `waited_s` is how long the turn was waited for.
    """

    def __init__(self, turns: Turns, number: int) -> None:
        self.waited_s = 0.0
        self._turns = turns
        self._number = number

    def __enter__(self) -> None:
        start = time.perf_counter()
        self._turns.wait_for(self._number)
        self.waited_s = time.perf_counter() - start

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            traceback: TracebackType | None) -> None:
        self.end()

    def end(self) -> None:
        """Give the turn up, or let it be over; more than once does no harm."""
        self._turns.end(self._number)


class NewestWorker(Generic[Item]):
    """
    Calls `work` with the newest item of each stream, the streams in turn, on threads of its own.

    An item that still waits when another one of its stream comes is replaced. Streams of a group
    take their turns in common. `work` is called with an item and its `Turn`; `at_once` returns how
    many items may be worked on at once.
    """

    def __init__(
            self, work: Callable[[Item, Turn], None], on_replaced: Callable[[], None],
            at_once: Callable[[], int] = lambda: 1) -> None:
        self._work = work
        self._on_replaced = on_replaced
        self._at_once = at_once
        # By stream, each with its group.
        self._waiting: OrderedDict[Hashable, tuple[Item, Hashable]] = OrderedDict()
        self._turns = Turns()
        self._busy = 0
        self._closed = False
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    @property
    def waiting(self) -> int:
        """Return the number of items that wait."""
        return len(self._waiting)

    def put(self, item: Item, stream: Hashable = None, group: Hashable = None) -> None:
        """Hand over an item without waiting."""
        with self._changed:
            replaced = stream in self._waiting
            self._waiting[stream] = item, group
            if len(self._waiting) > MAX_STREAMS:
                self._waiting.popitem(last=False)
                replaced = True
            if len(self._threads) < self._at_once():
                self._start_thread()
            self._changed.notify()
        if replaced:
            self._on_replaced()

    def close(self) -> None:
        """Let the items being worked on finish, forget the waiting ones and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let no item be worked on within this context, once those at hand are finished."""
        with self._changed:
            self._changed.wait_for(lambda: self._busy == 0)
            yield
            self._changed.notify_all()

    def _start_thread(self) -> None:
        name = f'newest_worker_{len(self._threads)}'
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _run(self) -> None:
        while (begun := self._begin()) is not None:
            item, turn = begun
            try:
                self._work(item, turn)
            finally:
                turn.end()
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

    def _begin(self) -> tuple[Item, Turn] | None:
        """Wait for an item and take it; none when closed."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or (self._waiting and self._busy < self._at_once()))
            if self._closed:
                return None
            self._busy += 1
            _, (item, group) = self._waiting.popitem(last=False)
            return item, self._turns.begin(group)
