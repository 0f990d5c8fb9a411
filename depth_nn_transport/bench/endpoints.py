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
"""
Source and sink of the transport that ``bench speed`` measures.

Stamps are the monotonic clock, which all processes of a machine share. Each event is a line of
JSON: that the end is ready, the source's stamps, the sink's pairs of stamp and delay in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
import itertools
import json
import os
from pathlib import Path
import signal
import sys
import time
from typing import Any

from depth_nn_transport.bench.speed_frames import choose_source, Size
from depth_nn_transport.nodes.image_conversion import depth_to_image
from depth_nn_transport.nodes.shared_memory import make_room_for_images
from depth_nn_transport.nodes.topics import IMAGE_TOPIC, INFO_TOPIC, RESTORED_TOPIC

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions

from sensor_msgs.msg import CameraInfo, Image

from std_msgs.msg import Header

READY = 'ready'
# A longer wait would not end at a signal.
POLL_S = 0.1
_QOS = QoSProfile(depth=10)
_FRAMES = 30


def source(folder: Path, size: Size, rate: float) -> None:
    """Publish frames of a folder, in that size, at a rate in Hz until told to stop."""
    frames = choose_source([folder], size).load(_FRAMES)
    width, height = size
    node = Node('source')
    images = node.create_publisher(Image, IMAGE_TOPIC, _QOS)
    infos = node.create_publisher(CameraInfo, INFO_TOPIC, _QOS)
    tell(READY)
    start = time.monotonic()
    for index in itertools.count():
        time.sleep(max(0.0, start + index / rate - time.monotonic()))
        now = time.monotonic_ns()
        header = Header(frame_id='camera_depth_optical_frame')
        header.stamp.sec, header.stamp.nanosec = divmod(now, 10**9)
        infos.publish(CameraInfo(header=header, width=width, height=height))
        images.publish(depth_to_image(frames[index % len(frames)], '16UC1', header))
        tell(now / 1e9)


def sink() -> None:
    """Take restored frames until told to stop."""
    node = Node('sink')

    def receive(message: Any) -> None:
        now = time.monotonic_ns()
        sent = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        tell([sent / 1e9, (now - sent) / 1e9])

    node.create_subscription(Image, RESTORED_TOPIC, receive, _QOS)
    tell(READY)
    while True:
        rclpy.spin_once(node, timeout_sec=POLL_S)


def tell(event: Any) -> None:
    """Print an event as a line."""
    print(json.dumps(event), flush=True)


def run(end: Callable[[], None]) -> None:
    """Run one of the ends until SIGTERM."""
    # A signal is to unwind, not to end what is being published with. Shells let processes in the
    # background ignore SIGINT.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    make_room_for_images(os.environ)
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        end()
    except KeyboardInterrupt:
        pass
    finally:
        rclpy.try_shutdown()


def main() -> None:
    """Run one of the ends: its name and, for the source, folder, width, height and rate."""
    name, *arguments = sys.argv[1:]
    if name == 'sink':
        run(sink)
    else:
        folder, width, height, rate = arguments
        run(lambda: source(Path(folder), (int(width), int(height)), float(rate)))


if __name__ == '__main__':
    main()
