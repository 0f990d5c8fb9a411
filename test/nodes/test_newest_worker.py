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
"""The thread that works on the newest item only."""

from __future__ import annotations

from collections import Counter
import threading
import time

from depth_nn_transport.nodes.newest_worker import MAX_STREAMS, NewestWorker

import pytest

TIMEOUT_S = 10


class Gate:
    """Work that waits until it is allowed to finish."""

    def __init__(self):
        self.done = []
        self.started = threading.Semaphore(0)
        self.finish = threading.Semaphore(0)
        self.finished = threading.Semaphore(0)

    def work(self, item, turn):
        self.started.release()
        self.finish.acquire(timeout=TIMEOUT_S)
        self.done.append(item)
        self.finished.release()


def test_every_item_is_worked_on_if_there_is_time():
    gate, replaced = Gate(), Counter()
    worker = NewestWorker(gate.work, lambda: replaced.update(['item']))
    for item in range(3):
        worker.put(item)
        assert gate.started.acquire(timeout=TIMEOUT_S)
        gate.finish.release()
        assert gate.finished.acquire(timeout=TIMEOUT_S)
    worker.close()
    assert gate.done == [0, 1, 2]
    assert not replaced


def test_the_newest_item_wins():
    gate, replaced = Gate(), Counter()
    worker = NewestWorker(gate.work, lambda: replaced.update(['item']))
    worker.put(0)
    assert gate.started.acquire(timeout=TIMEOUT_S)
    for item in range(1, 5):
        worker.put(item)
    gate.finish.release(2)
    assert gate.started.acquire(timeout=TIMEOUT_S)
    worker.close()
    assert gate.done == [0, 4]
    assert replaced['item'] == 3


def test_closing_finishes_the_item_at_hand_and_forgets_the_waiting_one():
    gate = Gate()
    worker = NewestWorker(gate.work, lambda: None)
    worker.put('at hand')
    assert gate.started.acquire(timeout=TIMEOUT_S)
    worker.put('waiting')
    closer = threading.Thread(target=worker.close)
    closer.start()
    deadline = time.monotonic() + TIMEOUT_S
    while not worker._closed and time.monotonic() < deadline:
        time.sleep(0.001)
    gate.finish.release(2)
    closer.join(TIMEOUT_S)
    assert not closer.is_alive()
    assert gate.done == ['at hand']


def test_the_stream_that_waits_longest_gives_way_and_the_others_take_their_turns():
    gate, replaced = Gate(), Counter()
    worker = NewestWorker(gate.work, lambda: replaced.update(['item']))
    worker.put('at hand', stream='at hand')
    assert gate.started.acquire(timeout=TIMEOUT_S)
    for stream in range(MAX_STREAMS + 1):
        worker.put(stream, stream)
    assert (worker.waiting, replaced['item']) == (MAX_STREAMS, 1)
    gate.finish.release(MAX_STREAMS + 1)
    for _ in range(MAX_STREAMS + 1):
        assert gate.finished.acquire(timeout=TIMEOUT_S)
    worker.close()
    assert gate.done == ['at hand', *range(1, MAX_STREAMS + 1)]


def test_as_many_items_as_allowed_are_worked_on_at_once():
    gate, at_once = Gate(), [2]
    worker = NewestWorker(gate.work, lambda: None, lambda: at_once[0])
    for item in range(3):
        worker.put(item, stream=item)
    for _ in range(2):
        assert gate.started.acquire(timeout=TIMEOUT_S)
    assert not gate.started.acquire(timeout=0.2)
    at_once[0] = 1
    gate.finish.release()
    assert gate.finished.acquire(timeout=TIMEOUT_S)
    assert not gate.started.acquire(timeout=0.2)
    gate.finish.release(2)
    assert gate.started.acquire(timeout=TIMEOUT_S)
    worker.close()
    assert sorted(gate.done) == [0, 1, 2]


def hand_on(first, second, first_is_dropped=False):
    """Return what comes of two items of which the first takes longer, in order."""
    done, begun, later_is_ready = [], threading.Event(), threading.Event()

    def work(item, turn):
        if item == 'slow':
            begun.set()
            assert later_is_ready.wait(TIMEOUT_S)
            # Time for the other one to pass, if it does not wait.
            time.sleep(0.1)
            if first_is_dropped:
                return
        else:
            later_is_ready.set()
        with turn:
            done.append(item)

    worker = NewestWorker(work, lambda: None, lambda: 2)
    worker.put('slow', *first)
    assert begun.wait(TIMEOUT_S)
    worker.put('fast', *second)
    assert later_is_ready.wait(TIMEOUT_S)
    worker.close()
    return done


@pytest.mark.parametrize('second_stream', [0, 1])
def test_results_are_handed_on_in_the_order_of_their_group(second_stream):
    assert hand_on((0, 'group'), (second_stream, 'group')) == ['slow', 'fast']


def test_groups_do_not_wait_for_each_other():
    assert hand_on((0, 'group'), (1, 'another')) == ['fast', 'slow']


def test_an_item_that_hands_nothing_on_holds_nobody_up():
    assert hand_on((0, 'group'), (0, 'group'), first_is_dropped=True) == ['fast']


def test_nothing_is_at_hand_during_a_pause():
    gate = Gate()
    worker = NewestWorker(gate.work, lambda: None, lambda: 2)
    worker.put('at hand')
    assert gate.started.acquire(timeout=TIMEOUT_S)
    gate.finish.release(2)
    with worker.paused():
        assert gate.done == ['at hand']
        worker.put('waiting')
        assert not gate.started.acquire(timeout=0.2)
    assert gate.started.acquire(timeout=TIMEOUT_S)
    worker.close()
    assert gate.done == ['at hand', 'waiting']
