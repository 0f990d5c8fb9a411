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

from depth_nn_transport.codec.engine_memory import EngineMemory
import pytest

ONE, OTHER = (0, 2.0), (1, 2.0)


def due(memory, trial):
    return memory.expected(trial, 1.0) == 0


def test_what_was_never_tried_is_due():
    memory = EngineMemory()
    memory.note({ONE: 2.0}, ONE)
    assert due(memory, OTHER) and not due(memory, ONE)
    # Of another bound, it is another trial.
    assert due(memory, (0, 3.0))


def test_expectations_follow_the_guess():
    memory = EngineMemory()
    memory.note({ONE: 2.0, OTHER: 3.0}, ONE)
    assert memory.expected(ONE, 100.0) == pytest.approx(200)
    assert memory.expected(OTHER, 50.0) == pytest.approx(150)


def test_what_loses_is_tried_ever_more_seldom_and_what_wins_again_often():
    memory, tried = EngineMemory(), []
    for frame in range(150):
        ratios = {ONE: 1.0}
        if due(memory, OTHER):
            ratios[OTHER] = 2.0
            tried.append(frame)
        memory.note(ratios, ONE)
    assert tried == [0, 2, 6, 14, 30, 62, 94, 126]
    memory.note({ONE: 2.0, OTHER: 1.0}, OTHER)
    memory.note({ONE: 1.0, OTHER: 2.0}, ONE)
    assert not due(memory, OTHER)
    memory.note({ONE: 1.0}, ONE)
    assert due(memory, OTHER)


def test_what_is_no_longer_tried_is_due_after_a_while():
    memory = EngineMemory()
    memory.note({ONE: 1.0}, ONE)
    for _ in range(40):
        memory.note({OTHER: 1.0}, OTHER)
    assert due(memory, ONE)
