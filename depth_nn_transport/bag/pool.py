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
"""Worker processes whose results come in the order of the tasks, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
import multiprocessing
import os
import signal
import threading
from types import TracebackType
from typing import Any

from depth_nn_transport.bag.errors import BagError

# Enough for every worker to have the next task at hand, whatever the tasks' order.
_TASKS_PER_WORKER = 4
_MAX_WAITING_BYTES = 64 * 2**20
_MAX_WAITING_TASKS = 10_000


@dataclass(frozen=True)
class Task:
    """
    A call in a worker process, or nothing to do but to keep its place.

    :ivar tag: handed back with the result.
    :ivar size: bytes that the task holds.
    :ivar function: of a module that workers can import; None gives the result None.
    :ivar arguments: of the function.
    """

    tag: Any
    size: int
    function: Callable[..., Any] | None = None
    arguments: tuple[Any, ...] = ()


class WorkerPool:
    """A number of worker processes; a context manager that ends them."""

    def __init__(
        self, processes: int, prepare: Callable[..., None], arguments: tuple[Any, ...] = ()
    ) -> None:
        """
        Start workers.

        :param processes: how many.
        :param prepare: called in each worker before its first task.
        :param arguments: of ``prepare``.
        """
        self._limit = _TASKS_PER_WORKER * processes
        # A fork would copy the threads' locks of the runtime in whatever state they are.
        self._executor = ProcessPoolExecutor(
            processes, multiprocessing.get_context('spawn'), _start, (prepare, arguments)
        )
        # Ctrl-C is ignored by processes that start while their parent ignores it.
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for _ in range(processes):
                self._executor.submit(os.getpid)
        finally:
            signal.signal(signal.SIGINT, previous)

    def __enter__(self) -> WorkerPool:
        """Return the pool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the workers; tasks not begun are forgotten."""
        self._executor.shutdown(cancel_futures=True)

    def in_order(self, tasks: Iterable[Task]) -> Iterator[tuple[Any, Any]]:
        """
        Yield tags and results in the order of the tasks, reading only a little ahead.

        :raises BagError: if a worker process dies.
        """
        waiting: deque[tuple[Task, Future[Any] | None]] = deque()
        calls = size = 0
        for task in tasks:
            waiting.append((task, self._submit(task)))
            calls += task.function is not None
            size += task.size
            while calls > self._limit or size > _MAX_WAITING_BYTES or (
                    len(waiting) > _MAX_WAITING_TASKS):
                done, future = waiting.popleft()
                calls -= future is not None
                size -= done.size
                yield done.tag, _result(future)
        for done, future in waiting:
            yield done.tag, _result(future)

    def _submit(self, task: Task) -> Future[Any] | None:
        if task.function is None:
            return None
        try:
            return self._executor.submit(task.function, *task.arguments)
        except BrokenProcessPool as error:
            raise _died() from error


def _result(future: Future[Any] | None) -> Any:
    try:
        return None if future is None else future.result()
    except BrokenProcessPool as error:
        raise _died() from error


def _died() -> BagError:
    return BagError('a worker process ended unexpectedly, perhaps for want of memory; '
                    'use fewer of them (--threads)')


def _start(prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Prepare a worker, which does not outlive its parent."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
