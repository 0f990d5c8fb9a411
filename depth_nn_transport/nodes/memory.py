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
"""Keeps the memory of a process small; free of ROS."""

from __future__ import annotations

import ctypes

# Of glibc's malloc.h; other C libraries have no such limit, or no need for one.
M_ARENA_MAX = -8


def use_one_heap() -> None:
    """
    Let all threads that are started from now on share a heap.

    By default each gets one of its own. A codec is warmed up on one thread and works on another,
    so that whatever it needs for a frame would be held twice, tens of megabytes in all.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, 'mallopt'):
        library.mallopt(M_ARENA_MAX, 1)


def give_back_unused() -> None:
    """Return memory to the system that was freed, such as what loading a model took."""
    library = ctypes.CDLL(None)
    if hasattr(library, 'malloc_trim'):
        library.malloc_trim(0)
