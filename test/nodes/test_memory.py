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
import subprocess
import sys

from depth_nn_transport.nodes.memory import give_back_unused

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


def test_memory_is_given_back_on_every_system(monkeypatch):
    give_back_unused()
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: object())
    give_back_unused()
