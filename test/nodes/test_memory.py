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
"""The memory of a process."""

from __future__ import annotations

import ctypes
from pathlib import Path
import subprocess
import sys
from types import SimpleNamespace

from depth_nn_transport.nodes import memory
from depth_nn_transport.nodes.memory import give_back_unused, unchanged_file_mappings

import pytest

# Prints what glibc says of its heaps after a thread has come and gone.
THREAD = """
import ctypes, threading
from depth_nn_transport.nodes.memory import use_one_heap
if {one}:
    use_one_heap()
thread = threading.Thread(target=lambda: bytearray(10_000))
thread.start()
thread.join()
library = ctypes.CDLL(None)
library.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(library.fdopen(1, b'w'))
library.malloc_info(0, out)
library.fflush(out)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), 'malloc_info'), reason='not glibc')
def test_a_thread_has_no_heap_of_its_own():
    heaps = {one: subprocess.run(
        [sys.executable, '-c', THREAD.format(one=one)], check=True, capture_output=True,
        text=True).stdout.count('<heap ') for one in (True, False)}
    assert heaps == {True: 1, False: 2}


def test_a_system_that_is_not_linux_is_left_alone(monkeypatch):
    advised = []
    library = SimpleNamespace(madvise=lambda *part: advised.append(part))
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: library)
    monkeypatch.setattr(memory, 'MAPPINGS', Path('/nowhere'))
    give_back_unused()
    assert advised == []


# Prints how much of the process is resident, in kB, before and after, and that it still works.
GIVE_BACK = """
import re
from depth_nn_transport import DepthCodec
from depth_nn_transport.nodes.memory import give_back_unused
import numpy as np
def resident():
    return re.search(r'VmRSS:\\s+(\\d+)', open('/proc/self/status').read())[1]
depth = np.full((64, 64), 1000, np.uint16)
data = DepthCodec(threads=1).encode(depth).to_bytes()
print(resident())
give_back_unused()
print(resident())
print(DepthCodec(threads=1).encode(depth).to_bytes() == data)
"""


@pytest.mark.skipif(not memory.MAPPINGS.exists(), reason='not Linux')
def test_libraries_whose_work_is_done_take_no_memory():
    before, after, same = subprocess.run(
        [sys.executable, '-c', GIVE_BACK], check=True, capture_output=True, text=True,
    ).stdout.split()
    assert int(after) < 0.7 * int(before)
    assert same == 'True'


MAPPINGS = """\
1000-3000 r-xp 00000000 fe:00 1 /lib/code.so
Rss:                   8 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
3000-4000 r--p 00002000 fe:00 1 /lib/code.so
Anonymous:             4 kB
4000-5000 rw-p 00003000 fe:00 1 /lib/code.so
Anonymous:             0 kB
5000-6000 r--p 00000000 00:00 0
Anonymous:             0 kB
6000-7000 r-xp 00000000 00:00 0                  [vdso]
Anonymous:             0 kB
7000-8000 r--s 00000000 fe:00 2 /shared/memory
Anonymous:             0 kB
8000-9000 r--p 00000000 fe:00 3 /a/name with spaces
Anonymous:             0 kB
"""


def test_only_what_a_file_still_holds_is_let_go():
    assert list(unchanged_file_mappings(MAPPINGS)) == [(0x1000, 0x3000), (0x8000, 0x9000)]
