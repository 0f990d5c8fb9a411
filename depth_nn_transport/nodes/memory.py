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

from collections.abc import Iterator
from contextlib import suppress
import ctypes
import mmap
from pathlib import Path
import re

# Of glibc's malloc.h; other C libraries have no such limit, or no need for one.
M_ARENA_MAX = -8
# What Linux tells of the memory of a process, and how a mapping of a file begins there that cannot
# be written to.
MAPPINGS = Path('/proc/self/smaps')
READ_ONLY_FILE = re.compile(r'([0-9a-f]+)-([0-9a-f]+) r-[-x]p .* /')


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
    """
    Return memory to the system that is not in use, such as what loading a model took.

    That is memory that was freed, and all code of libraries, of which a compiler is the largest:
    what is needed again comes back by itself.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, 'malloc_trim'):
        library.malloc_trim(0)
    with suppress(FileNotFoundError):
        for start, end in unchanged_file_mappings(MAPPINGS.read_text()):
            library.madvise(
                ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)


def unchanged_file_mappings(mappings: str) -> Iterator[tuple[int, int]]:
    """Yield first address and end of memory that is a file's content and nothing else."""
    found: tuple[int, int] | None = None
    for line in mappings.splitlines():
        if begins := READ_ONLY_FILE.match(line):
            found = int(begins[1], 16), int(begins[2], 16)
        elif line.startswith('Anonymous:'):
            # Pages that were changed before they were write-protected would be lost.
            if found is not None and line.split()[1] == '0':
                yield found
            found = None
