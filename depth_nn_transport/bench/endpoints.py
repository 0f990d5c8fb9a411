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
"""Both ends of a measured transport as processes: ``python -m ...endpoints source|sink ARGS``.

Stamps are the monotonic clock, which all processes of a machine share. At its end each prints
one line of JSON: the source the stamps it sent, the sink pairs of stamp and delay, all in seconds.
"""

from __future__ import annotations

import json
from pathlib import Path
import sys
import time
from typing import Any

from depth_nn_transport.bench.speed_frames import choose_source, Size
from depth_nn_transport.nodes.codec_node import sibling
from depth_nn_transport.nodes.depth_decoder import RESTORED_TOPIC
from depth_nn_transport.nodes.depth_encoder import IMAGE_TOPIC
from depth_nn_transport.nodes.image_conversion import depth_to_image

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile

from sensor_msgs.msg import CameraInfo, Image

from std_msgs.msg import Header

READY = 'ready'
_QOS = QoSProfile(depth=10)
_FRAMES = 30


def source(folder: Path, size: Size, rate: float, seconds: float) -> list[float]:
    """Publish frames of a folder, in that size, and return their stamps."""
    frames = choose_source([folder], size).load(_FRAMES)
    width, height = size
    node = Node('source')
    images = node.create_publisher(Image, IMAGE_TOPIC, _QOS)
    infos = node.create_publisher(CameraInfo, sibling(IMAGE_TOPIC, 'camera_info'), _QOS)
    print(READY, flush=True)
    stamps = []
    start = time.monotonic()
    for index in range(int(seconds * rate)):
        time.sleep(max(0.0, start + index / rate - time.monotonic()))
        now = time.monotonic_ns()
        header = Header(frame_id='camera_depth_optical_frame')
        header.stamp.sec, header.stamp.nanosec = divmod(now, 10**9)
        infos.publish(CameraInfo(header=header, width=width, height=height))
        images.publish(depth_to_image(frames[index % len(frames)], '16UC1', header))
        stamps.append(now / 1e9)
    return stamps


def sink(seconds: float) -> list[tuple[float, float]]:
    """Take restored frames for a time and return stamp and delay of each."""
    node = Node('sink')
    arrivals: list[tuple[float, float]] = []

    def receive(message: Any) -> None:
        now = time.monotonic_ns()
        sent = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        arrivals.append((sent / 1e9, (now - sent) / 1e9))

    node.create_subscription(Image, RESTORED_TOPIC, receive, _QOS)
    print(READY, flush=True)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        rclpy.spin_once(node, timeout_sec=left)
    return arrivals


def main() -> None:
    """Run one of the ends."""
    name, *arguments = sys.argv[1:]
    rclpy.init(args=[])
    if name == 'source':
        folder, width, height, rate, seconds = arguments
        stamps = source(Path(folder), (int(width), int(height)), float(rate), float(seconds))
        print(json.dumps(stamps), flush=True)
    else:
        print(json.dumps(sink(float(*arguments))), flush=True)
    rclpy.shutdown()


if __name__ == '__main__':
    main()
