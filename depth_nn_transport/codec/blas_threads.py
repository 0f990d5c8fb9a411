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
"""Threads of numpy's BLAS, whose number is one for the whole process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, ExitStack
from functools import cached_property
import threading

from threadpoolctl import ThreadpoolController


class BlasThreads:
    """
    Limits them while any codec is at work.

    The first codec to begin sets the limit and the last one to end lifts it: each by itself would
    bring back the limit of another one that began before it.
    """

    def __init__(self) -> None:
        """Begin without a limit."""
        self._lock = threading.Lock()
        self._users = 0
        self._limit = ExitStack()

    @contextmanager
    def limited(self, threads: int) -> Iterator[None]:
        """Allow so many threads, or as many as a codec that is at work already."""
        self._begin(threads)
        try:
            yield
        finally:
            self._end()

    @cached_property
    def _controller(self) -> ThreadpoolController:
        return ThreadpoolController()

    def _begin(self, threads: int) -> None:
        with self._lock:
            if self._users == 0:
                self._limit.enter_context(self._controller.limit(limits=threads))
            self._users += 1

    def _end(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._limit.close()


BLAS_THREADS = BlasThreads()
