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
"""Results in order, bounded look-ahead, and workers that die."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
import operator
import os
import signal
import time

from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.pool import Task, WorkerPool

import pytest


@pytest.fixture(scope='module')
def pool():
    """Return two workers."""
    with WorkerPool(2, operator.not_, (0,)) as workers:
        yield workers


def test_results_come_in_the_order_of_the_tasks(pool):
    # The first takes longest; every third has nothing to do.
    tasks = [Task(k, 1) if k % 3 == 2 else Task(k, 1, divmod, (100 - k, 7)) for k in range(30)]
    tasks[0] = Task(0, 1, time.sleep, (0.3,))
    expected = [(k, None if k % 3 == 2 else divmod(100 - k, 7)) for k in range(30)]
    assert list(pool.in_order(tasks)) == [(0, None), *expected[1:]]


@pytest.mark.parametrize('task', [
    Task(None, 1, abs, (-1,)), Task(None, 20 * 2**20)], ids=['number', 'size'])
def test_only_a_little_is_read_ahead(pool, task):
    taken = 0

    def tasks():
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield task

    next(pool.in_order(tasks()))
    assert taken <= 9


def test_errors_of_a_task_are_raised_here(pool):
    with pytest.raises(ZeroDivisionError):
        list(pool.in_order([Task(0, 1, divmod, (1, 0))]))


def test_ctrl_c_works_though_no_worker_can_be_started(monkeypatch):
    def refuse(*_):
        raise OSError('no more processes')

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(ProcessPoolExecutor, 'submit', refuse)
    with pytest.raises(OSError, match='no more processes'):
        WorkerPool(1, operator.not_, (0,))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_worker_that_dies_is_told():
    with (
        WorkerPool(1, operator.not_, (0,)) as workers,
        pytest.raises(BagError, match='ended unexpectedly'),
    ):
        list(workers.in_order([Task(0, 1, os._exit, (1,))] * 3))
