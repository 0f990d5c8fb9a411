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
"""What the encoder and the decoder node share."""

from __future__ import annotations

from collections import deque
import json
import time
from typing import Any

from depth_nn_transport import DepthCodec
from depth_nn_transport.codec.errors import DepthCodecError
from depth_nn_transport.nodes.drop_log import DropLog
from depth_nn_transport.nodes.newest_worker import NewestWorker

import numpy as np

from rcl_interfaces.msg import IntegerRange, ParameterDescriptor

from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions

# A link that has to hold back more than these is too slow for the stream anyway.
RELIABLE = QoSProfile(depth=5)
WARM_UP_SIZE = (480, 848)
SUMMARY = 'summary: '
REMEMBERED_DURATIONS = 10_000


class CodecNode(Node):
    """
    A node that passes frames through the codec on a thread of its own, newest frame first.

    A subclass defines `process`, which turns a message into published ones. `drops.counts` has the
    number of frames dropped for each reason; the node logs them when it is closed.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.drops = DropLog(self.get_logger())
        self.durations_ms: deque[float] = deque(maxlen=REMEMBERED_DURATIONS)
        self.frames = 0
        self.declare('model', 'main', 'name or folder of the model; both ends need the same',
                     read_only=True)
        self.declare('threads', 1, 'threads for one frame', read_only=True,
                     integer_range=[IntegerRange(from_value=1, to_value=64, step=1)])
        self.declare('lazy', True, 'work only while somebody listens')
        self.codec = DepthCodec(
            model=self.value('model'), threads=self.value('threads'))
        self.warm_up()
        self.worker: NewestWorker[Any] = NewestWorker(self.work, self.count_replaced)

    def declare(
            self, name: str, default: str | float | bool, description: str, **options: Any,
    ) -> None:
        """Declare a parameter; options go to its descriptor."""
        descriptor = ParameterDescriptor(description=description, **options)
        self.declare_parameter(name, default, descriptor)

    def value(self, name: str) -> Any:
        """Return the current value of a parameter."""
        return self.get_parameter(name).value

    def warm_up(self) -> None:
        """Let the runtime allocate and compile what it does for the first frame only."""
        self.codec.decode(self.codec.encode(np.full(WARM_UP_SIZE, 1000, np.uint16)))

    def subscribe(self, message_type: type, topic: str, callback: Any, qos: QoSProfile) -> None:
        """Subscribe with QoS that parameters may override."""
        self.create_subscription(
            message_type, topic, callback, qos,
            qos_overriding_options=QoSOverridingOptions.with_default_policies())

    def advertise(self, message_type: type, topic: str) -> Any:
        """Return a reliable publisher with QoS that parameters may override."""
        return self.create_publisher(
            message_type, topic, RELIABLE,
            qos_overriding_options=QoSOverridingOptions.with_default_policies())

    def is_wanted(self, publisher: Any) -> bool:
        """Return whether a frame for this publisher is worth the work."""
        return not self.value('lazy') or publisher.get_subscription_count() > 0

    def process(self, message: Any) -> None:
        """Pass a frame through the codec and publish the outcome."""
        raise NotImplementedError

    def work(self, message: Any) -> None:
        """Process a frame, or drop and count it; bad input must not end the node."""
        start = time.perf_counter()
        try:
            self.process(message)
        except DepthCodecError as error:
            self.drops.drop(type(error).__name__, str(error))
        except Exception as error:  # noqa: BLE001
            if self.context.ok():
                self.drops.drop('unexpected', f'{type(error).__name__}: {error}; please report it')
        else:
            self.frames += 1
            self.durations_ms.append((time.perf_counter() - start) * 1e3)

    def count_replaced(self) -> None:
        """Count a frame that a newer one overtook."""
        self.drops.drop('replaced', 'a newer one came before this machine got to it; lower the '
                                    'frame rate or the resolution, or raise threads')

    def summary(self) -> dict[str, Any]:
        """Return the number of frames passed and dropped and what one takes, in ms."""
        durations = self.durations_ms or [0.0]
        return {
            'frames': self.frames,
            'dropped': dict(self.drops.counts),
            'median_ms': round(float(np.median(durations)), 2),
            'p99_ms': round(float(np.percentile(durations, 99)), 2),
        }

    def close(self) -> None:
        """Finish the frame at hand and log the summary."""
        self.worker.close()
        # Not the node's own logger: at shutdown /rosout is gone already.
        get_logger(type(self).__name__).info(SUMMARY + json.dumps(self.summary()))
        self.destroy_node()


def sibling(topic: str, name: str) -> str:
    """Return the topic of another name beside this one."""
    return f'{topic.rpartition("/")[0]}/{name}'
