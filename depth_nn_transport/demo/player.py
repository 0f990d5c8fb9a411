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
"""Plays frames as a camera would and records what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import math
import time
from typing import Any

from depth_nn_transport.nodes.image_conversion import depth_to_image, image_to_depth
from depth_nn_transport.nodes.topics import (
    COMPRESSED_TOPIC,
    IMAGE_TOPIC,
    INFO_TOPIC,
    RESTORED_TOPIC,
)

from depth_nn_transport_msgs.msg import CompressedDepth

import numpy as np
from numpy.typing import NDArray

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message

from sensor_msgs.msg import CameraInfo, Image

from std_msgs.msg import Header

from tqdm import tqdm

# The demo counts every loss, so no queue may be what loses a frame.
PATIENT = QoSProfile(depth=1000)
FRAME_ID = 'camera_depth_optical_frame'
# The first start on a machine compiles, in both nodes at once.
START_TIMEOUT_S = 300.0
IDLE_TIMEOUT_S = 3.0
# Number of the frame that finds out whether frames pass, and how long it may take: networks may
# have to be compiled for its size.
PROBE = 0
PROBE_PERIOD_S = 10.0


@dataclass
class Passage:
    """One frame on its way; times in seconds of the monotonic clock, None until it arrived."""

    original: NDArray[Any]
    sent_at: float
    compressed_bytes: int | None = None
    restored_at: float | None = None
    restored: NDArray[Any] | None = None


class Player(Node):
    """Source and sink in one process, so that both ends are timed by the same clock."""

    def __init__(self, namespace: str) -> None:
        super().__init__('player', namespace=namespace)
        self.passages: list[Passage] = []
        self.last_arrival = 0.0
        self._probe_came_back = False
        self.image_publisher = self.create_publisher(Image, IMAGE_TOPIC, PATIENT)
        self.info_publisher = self.create_publisher(
            CameraInfo, INFO_TOPIC, PATIENT)
        self.create_subscription(
            CompressedDepth, COMPRESSED_TOPIC, self.receive_compressed, PATIENT)
        self.create_subscription(Image, RESTORED_TOPIC, self.receive_restored, PATIENT)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def play(self, frames: list[NDArray[Any]], rate: float) -> list[Passage]:
        """Publish the frames at a rate in Hz and return their passages once no more arrives."""
        start = time.monotonic()
        for index, frame in enumerate(tqdm(frames, 'playing', unit='frame', disable=None)):
            self.spin_until(lambda: False, start + index / rate)
            self.passages.append(Passage(frame, time.monotonic()))
            self.send(frame, len(self.passages))
        self.last_arrival = time.monotonic()
        self.spin_until(self.is_over, math.inf)
        return self.passages

    def wait_for_nodes(self, frame: NDArray[Any], alive: Callable[[], bool]) -> bool:
        """
        Return whether encoder and decoder came up and found each other and this node.

        That they found each other nobody else can tell, so a frame is sent until it comes back.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        self.spin_until(lambda: self.is_connected() or not alive(), deadline)
        while not self._probe_came_back and alive() and time.monotonic() < deadline:
            self.send(frame, PROBE)
            self.spin_until(lambda: self._probe_came_back or not alive(),
                            time.monotonic() + PROBE_PERIOD_S)
        return self._probe_came_back

    def is_connected(self) -> bool:
        """Return whether every topic has both its ends."""
        compressed, restored = COMPRESSED_TOPIC, RESTORED_TOPIC
        return all((
            self.image_publisher.get_subscription_count() > 0,
            self.info_publisher.get_subscription_count() > 0,
            self.count_publishers(compressed) > 0,
            self.count_subscribers(compressed) > 1,
            self.count_publishers(restored) > 0))

    def spin_until(self, done: Callable[[], bool], deadline: float) -> None:
        """Handle messages until something is true or the monotonic clock reaches the deadline."""
        while not done() and (left := deadline - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=min(left, 0.1))

    def is_over(self) -> bool:
        """Return whether every frame arrived, or none has for a while."""
        arrived = all(passage.restored is not None for passage in self.passages)
        return arrived or time.monotonic() > self.last_arrival + IDLE_TIMEOUT_S

    def send(self, frame: NDArray[Any], number: int) -> None:
        """Publish a frame with its calibration; the stamp is the frame's number, from 1 on."""
        header = Header(frame_id=FRAME_ID)
        header.stamp.sec = number
        image = depth_to_image(frame, '16UC1', header)
        height, width = frame.shape
        self.info_publisher.publish(CameraInfo(header=header, height=height, width=width))
        self.image_publisher.publish(image)

    def receive_compressed(self, message: CompressedDepth) -> None:
        """Note the size of a compressed frame, header and all."""
        number = message.header.stamp.sec
        if number != PROBE:
            self.passages[number - 1].compressed_bytes = len(serialize_message(message))

    def receive_restored(self, message: Image) -> None:
        """Note a restored frame and when it came."""
        number = message.header.stamp.sec
        if number == PROBE:
            self._probe_came_back = True
            return
        passage = self.passages[number - 1]
        passage.restored_at = self.last_arrival = time.monotonic()
        passage.restored = np.array(image_to_depth(message))
