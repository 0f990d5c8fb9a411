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
"""Starting and ending a node, at moments that are hard to hit from outside."""

from __future__ import annotations

import subprocess
import sys

import pytest

SIGNAL_WHILE_STARTING = """
import os, signal, time
import rclpy
from depth_nn_transport.nodes.depth_encoder import DepthEncoder
from depth_nn_transport.nodes.runner import run

def create():
    os.kill(os.getpid(), signal.{name})
    while rclpy.ok():
        time.sleep(0.01)
    return DepthEncoder()

run(create, None)
"""


@pytest.mark.dds
@pytest.mark.parametrize('name', ['SIGINT', 'SIGTERM'])
def test_a_signal_while_starting_is_a_clean_end(name):
    ended = subprocess.run(
        [sys.executable, '-c', SIGNAL_WHILE_STARTING.format(name=name)],
        capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert 'Traceback' not in ended.stderr
