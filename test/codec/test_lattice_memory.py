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

from depth_nn_transport.codec.lattice_memory import LatticeMemory, LONGEST_PAUSE
import numpy as np
import pytest

SHAPE = (60, 80)


def frame(constant=612000, offset=0.0, shape=SHAPE):
    """Depths (mm) at random disparities of a lattice."""
    disparity = np.random.default_rng(0).integers(80, 700, shape)
    return np.rint(constant / (disparity + offset)).astype(np.uint16)


def kinect():
    """Depths (mm) of a sensor whose disparities have an offset."""
    return frame(344000, 2 / 5)


def noise():
    """Depths (mm) that lie on no lattice."""
    return np.random.default_rng(0).integers(500, 6000, SHAPE).astype(np.uint16)


@pytest.fixture
def memory():
    return LatticeMemory()


@pytest.mark.parametrize('frames', [2, 3, 30])
def test_holes_tell_nothing(memory, frames):
    for _ in range(frames):
        assert not memory.of(np.zeros(SHAPE, np.uint16)).is_found
    assert memory.of(frame()).on_grid


def test_a_lattice_is_found_within_the_longest_pause(memory):
    for _ in range(30):
        memory.of(noise())
    assert any(memory.of(frame()).on_grid for _ in range(LONGEST_PAUSE + 1))


def test_a_lattice_is_found_at_once_in_another_size(memory):
    for _ in range(30):
        memory.of(noise())
    assert memory.of(frame(shape=(80, 60))).on_grid


def test_who_promises_something_waits_for_no_search(memory):
    for _ in range(30):
        memory.of(noise())
    assert memory.of(frame(), surely=True).on_grid


def test_another_sensor_is_noticed_at_once(memory):
    assert memory.of(kinect()).spacing > 1
    assert memory.of(frame()).on_grid
    assert not memory.of(kinect()).on_grid


def test_a_forgotten_lattice_leaves_nothing(memory):
    memory.of(frame())
    memory.forget()
    assert memory.of(noise()) == LatticeMemory().of(noise())


def test_pauses_begin_anew_where_a_lattice_was_lost(memory):
    for _ in range(30):
        memory.of(noise())
    assert memory.of(frame(), surely=True).on_grid
    memory.of(noise())
    assert memory.of(frame()).on_grid


def test_another_size_owes_nothing_to_the_frames_before(memory):
    memory.of(frame())
    smaller = noise()[:40]
    assert memory.of(smaller) == LatticeMemory().of(smaller)
