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
The two ends of the measurement over bad Wi-Fi, each a process: a camera and a user of depth.

Stamps are the monotonic clock, which all processes of a machine share; their last three digits are
the number of the frame, so that the sink knows the original. Each event is a line of JSON: the
source's stamps, the sink's pairs of stamp and delay in seconds and, at SIGTERM, its mean error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import itertools
import json
import sys
import time
from typing import Any

from depth_nn_transport.bench.endpoints import POLL_S, run, tell
from depth_nn_transport.bench.metrics import measure
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.frames.compressed_depth import decode_transport, encode_transport, PNG
from depth_nn_transport.nodes.image_conversion import depth_to_image, image_to_depth
from depth_nn_transport.nodes.topics import (
    COMPRESSED_TOPIC,
    IMAGE_TOPIC,
    INFO_TOPIC,
    RESTORED_TOPIC,
)
from depth_nn_transport.simulator import simulate_sequence

import numpy as np
from numpy.typing import NDArray

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from std_msgs.msg import Header

Depth = NDArray[np.uint16]

SIZE = (424, 240)
FRAMES = 20
FRAME_ID = 'camera_depth_optical_frame'
PNG_TOPIC = f'{IMAGE_TOPIC}/compressedDepth'
_STAMP_UNIT_NS = 1000


@dataclass(frozen=True)
class Stream:
    """
    A way to send depth.

    :ivar form: `raw`, `png` or `ours`.
    :ivar reliability: `reliable` or `best_effort`, of both ends of the link.
    :ivar depth: frames that the history keeps.
    """

    form: str
    reliability: str
    depth: int

    @property
    def qos(self) -> QoSProfile:
        """Return the profile of what goes over the link."""
        return QoSProfile(
            depth=self.depth, reliability=ReliabilityPolicy[self.reliability.upper()])

    def overrides(self) -> dict[str, Any]:
        """Return parameters that give our nodes this profile."""
        topic = f'qos_overrides./{COMPRESSED_TOPIC}'
        return {f'{topic}.{end}.{policy}': value for end in ('publisher', 'subscription')
                for policy, value in (('reliability', self.reliability), ('depth', self.depth))}


def simulated(count: int) -> list[Depth]:
    """Return simulated frames, a third of a second from each other."""
    width, height = SIZE
    return [frame.depth for frame in simulate_sequence(0, count, width, height, fps=3)]


def source(stream: Stream, rate: float) -> None:
    """Publish simulated frames at a rate in Hz until told to stop."""
    node = Node('source')
    frames = simulated(FRAMES)
    # Towards our encoder, which is on the same machine, nothing may get lost.
    local = QoSProfile(depth=5) if stream.form == 'ours' else stream.qos
    infos = node.create_publisher(
        CameraInfo, INFO_TOPIC, QoSProfile(depth=5))
    if stream.form == 'png':
        publisher = node.create_publisher(CompressedImage, PNG_TOPIC, local)
    else:
        publisher = node.create_publisher(Image, IMAGE_TOPIC, local)
    start = time.monotonic()
    for index in itertools.count():
        time.sleep(max(0.0, start + index / rate - time.monotonic()))
        number = index % FRAMES
        stamp = time.monotonic_ns() // _STAMP_UNIT_NS * _STAMP_UNIT_NS + number
        header = Header(frame_id=FRAME_ID)
        header.stamp.sec, header.stamp.nanosec = divmod(stamp, 10**9)
        infos.publish(CameraInfo(header=header, width=SIZE[0], height=SIZE[1]))
        publisher.publish(to_message(stream.form, frames[number], header))
        tell(stamp / 1e9)


def to_message(form: str, depth: Depth, header: Header) -> Any:
    """Return the message that a camera's driver sends of depth, uint16 (H, W) in mm."""
    if form != 'png':
        return depth_to_image(depth, '16UC1', header)
    return CompressedImage(header=header, format='16UC1; compressedDepth png',
                           data=encode_transport(depth, PNG))


def to_depth(form: str, message: Any) -> Depth:
    """Return the depth of a message that a user gets, uint16 (H, W) in mm."""
    if form != 'png':
        return np.array(image_to_depth(message), np.uint16)
    return np.asarray(decode_transport(bytes(message.data), PNG, '16UC1'), np.uint16)


def sink(stream: Stream) -> None:
    """Take depth until told to stop, then tell the mean error over the frames that came."""
    node = Node('sink')
    originals = simulated(FRAMES)
    restored: dict[int, Depth] = {}

    def receive(message: Any) -> None:
        depth = to_depth(stream.form, message)
        now = time.monotonic_ns()
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        restored.setdefault(stamp % _STAMP_UNIT_NS, depth)
        tell([stamp / 1e9, (now - stamp) / 1e9])

    kind, topic, qos = {
        'raw': (Image, IMAGE_TOPIC, stream.qos),
        'png': (CompressedImage, PNG_TOPIC, stream.qos),
        'ours': (Image, RESTORED_TOPIC, QoSProfile(depth=5)),
    }[stream.form]
    node.create_subscription(kind, topic, receive, qos)
    try:
        while True:
            rclpy.spin_once(node, timeout_sec=POLL_S)
    finally:
        tell(mean_error(originals, restored))


def mean_error(originals: Sequence[Depth], restored: Mapping[int, Depth]) -> float | None:
    """Return the mean error in quanta over frames by number, None if there are none."""
    errors = [
        measure(originals[number], depth, Lattice.from_depth(originals[number]))['mean_q']
        for number, depth in restored.items()]
    return float(np.mean(errors)) if errors else None


def main() -> None:
    """Run one of the ends: its name, the stream as JSON and, for the source, the rate."""
    name, stream, *rate = sys.argv[1:]
    ends: dict[str, Callable[..., None]] = {'source': source, 'sink': sink}
    run(lambda: ends[name](Stream(**json.loads(stream)), *map(float, rate)))


if __name__ == '__main__':
    main()
