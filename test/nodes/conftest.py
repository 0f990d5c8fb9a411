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
"""A camera and a viewer for the nodes under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import time
from typing import Any

from depth_nn_transport.processes.node_process import NodeProcess

import pytest

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

TIMEOUT_S = 120
# Whatever must not arrive is waited for this long.
SILENCE_S = 0.5


class Partner(Node):
    """Publishes to the nodes under test and keeps what they publish."""

    def __init__(self):
        super().__init__('partner')
        self.own_executor = SingleThreadedExecutor()
        self.own_executor.add_node(self)

    def listen(self, message_type: type, topic: str) -> list[Any]:
        """Return a list that messages of a topic are appended to."""
        received: list[Any] = []
        self.create_subscription(message_type, topic, received.append, QoSProfile(depth=100))
        return received

    def speak(self, message_type: type, topic: str) -> Any:
        """Return a publisher."""
        return self.create_publisher(message_type, topic, QoSProfile(depth=100))

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Handle messages until a condition holds; fail if it takes too long."""
        assert self.spin(condition, TIMEOUT_S), 'nothing came in time'

    def wait_for_silence(self) -> None:
        """Handle messages for a while."""
        self.spin(lambda: False, SILENCE_S)

    def spin(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Handle messages until a condition holds or the time is over; return whether it did."""
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            self.own_executor.spin_once(timeout_sec=0.05)
        return condition()


@pytest.fixture
def partner() -> Iterator[Partner]:
    """Return a node of this process."""
    rclpy.init()
    node = Partner()
    yield node
    node.destroy_node()
    rclpy.try_shutdown()


@pytest.fixture
def start_node() -> Iterator[Callable[..., NodeProcess]]:
    """
    Return a function that starts a node of the package; it is stopped after the test.

    Words after the node's name are passed on behind its parameters, such as a remapping.
    """
    started: list[NodeProcess] = []

    def start(name: str, *words: str, **parameters: Any) -> NodeProcess:
        started.append(NodeProcess(name, parameters, words))
        return started[-1]

    yield start
    for process in started:
        # pytest shows this if the test failed.
        print(process.stop().output)
