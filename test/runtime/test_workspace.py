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
"""Arrays between layers are kept for a frame size, and their margins stay zero."""

from depth_nn_transport.runtime.workspace import Workspace
import numpy as np


def test_arrays_are_kept_by_name_and_shape():
    space = Workspace()
    space.begin((4, 6))
    one = space.shorts('x', (4, 6), 8)
    assert (one.shape, one.dtype) == ((4, 6, 8), np.int16)
    assert space.shorts('x', (4, 6), 8) is one
    others = [space.shorts('y', (4, 6), 8), space.shorts('x', (2, 6), 8),
              space.shorts('x', (2, 4), 8, margin=1), space.floats('x', (4, 6), 8)]
    assert len({id(array) for array in (one, *others)}) == 5
    assert others[-1].dtype == np.float32
    space.begin((4, 6))
    assert space.shorts('x', (4, 6), 8) is one


def test_arrays_of_another_size_are_given_back():
    space = Workspace()
    space.begin((4, 6))
    one = space.shorts('x', (4, 6), 8)
    space.begin((4, 8))
    assert space.shorts('x', (4, 6), 8) is not one


def test_margins_are_zero():
    array = Workspace().shorts('x', (2, 3), 8, margin=2)
    assert array.shape == (6, 7, 8) and not array.any()


def test_what_is_inside_a_new_array_is_there_until_it_is_written_to():
    space = Workspace()
    array = space.shorts('x', (2, 3), 2, margin=1, inside=np.array([5, 6], np.int16))
    assert (array[1:-1, 1:-1] == [5, 6]).all()
    assert array.sum() == 2 * 3 * 11
    array[1, 1] = 0
    again = space.shorts('x', (2, 3), 2, margin=1, inside=np.array([5, 6], np.int16))
    assert again is array and again.sum() == (2 * 3 - 1) * 11
