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
"""Recording of live topics, for machines with rclpy but without rosbag2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
import math
from pathlib import Path
import signal
import threading
import time
from typing import Any

from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.message_types import Definition, known_definition, UNKNOWN_HASH
from depth_nn_transport.bag.writer import BagWriter
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin

# Ten seconds of a camera: what may wait while the disk is busy.
QUEUE_DEPTH = 300
_DISCOVERY_PERIOD_S = 0.5
_POLL_S = 0.1
_IDLE_SPINS = 10
_NO_LIMIT = QosTime(0x7FFFFFFF, 0xFFFFFFFF)


class Recorder(Node):  # type: ignore[misc]
    """
    Writes topics to a bag as they come, each with the QoS that its publishers offer.

    Memory is bounded by the depth of the subscriptions' queues and one chunk of the bag.
    """

    def __init__(self, writer: BagWriter, topics: Sequence[str]) -> None:
        """
        Wait for the topics to appear, subscribe to each when it does.

        :raises BagError: if a topic cannot have such a name, or the bag cannot be written, which
            spinning raises as well.
        """
        super().__init__('depth_bag_recorder')
        self.counts = {self._full_name(topic): 0 for topic in topics}
        self._writer = writer
        self._awaited = set(self.counts)
        self._timer = self.create_timer(_DISCOVERY_PERIOD_S, self.discover)
        self.discover()

    @property
    def written(self) -> int:
        """Messages of all topics so far."""
        return sum(self.counts.values())

    def discover(self) -> None:
        """
        Subscribe to the topics that have appeared; do without those of types not installed.

        :raises BagError: if the bag cannot be written.
        """
        types = dict(self.get_topic_names_and_types())
        for topic in sorted(self._awaited & types.keys()):
            publishers = self.get_publishers_info_by_topic(topic)
            if publishers:
                self._awaited.discard(topic)
                self._subscribe(topic, publishers[0].topic_type, publishers)

    def _full_name(self, topic: str) -> str:
        try:
            return str(self.resolve_topic_name(topic))
        except RuntimeError as error:
            raise BagError(f'{topic!r} cannot be recorded: {error}') from error

    def _subscribe(self, topic: str, msgtype: str, publishers: Sequence[Any]) -> None:
        try:
            message_class = _message_class(msgtype)
        except BagError as error:
            self.get_logger().error(f'{topic} is not recorded: {error}')
            return
        profiles = [publisher.qos_profile for publisher in publishers]
        connection = self._writer.add_topic(
            topic, msgtype, _definition(msgtype), [_recorded(profile) for profile in profiles]
        )
        self.create_subscription(
            message_class, topic, partial(self._write, connection), _compatible(profiles),
            raw=True,
        )
        self.get_logger().info(f'recording {topic}')

    def _write(self, connection: Connection, data: bytes) -> None:
        self._writer.write(connection, time.time_ns(), data)
        self.counts[connection.topic] += 1


def record_topics(
    path: Path, topics: Sequence[str], duration_s: float | None = None
) -> dict[str, int]:
    """
    Record topics until SIGINT or SIGTERM, or for a time; return the messages of each.

    :raises BagError: if the bag cannot be written, or a topic cannot have such a name.
    """
    # The signal handlers of rclpy would take away the context with messages still in the queues.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        # A bag that is being finished is not to be told again.
        with _told_to_stop() as told, BagWriter(path, StoragePlugin.MCAP, keep=True) as writer:
            recorder = Recorder(writer, topics)
            _spin(recorder, duration_s, told)
            return recorder.counts
    finally:
        rclpy.try_shutdown()


def _spin(recorder: Recorder, duration_s: float | None, told: threading.Event) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(recorder)
    end = math.inf if duration_s is None else time.monotonic() + duration_s
    while not told.is_set() and time.monotonic() < end:
        executor.spin_once(timeout_sec=_POLL_S)
    _drain(executor, recorder)


def _drain(executor: SingleThreadedExecutor, recorder: Recorder) -> None:
    """Write what waits in the queues, and no more than they hold."""
    written, idle = recorder.written, 0
    most = written + QUEUE_DEPTH * len(recorder.counts)
    # Without waiting, or messages that keep coming would be recorded on and on. A spin may also be
    # spent on a timer, which tells nothing of the queues.
    while written < most and idle < _IDLE_SPINS:
        executor.spin_once(timeout_sec=0)
        idle = 0 if recorder.written > written else idle + 1
        written = recorder.written


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Return what SIGINT and SIGTERM set instead of what they usually do."""
    told = threading.Event()
    previous = {number: signal.signal(number, lambda *_: told.set())
                for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _message_class(msgtype: str) -> Any:
    package, _, name = msgtype.partition('/msg/')
    try:
        return getattr(import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError) as error:
        raise BagError(f'type {msgtype} is not installed as a message; source its workspace'
                       ) from error


def _definition(msgtype: str) -> Definition:
    return known_definition(msgtype) or Definition('', UNKNOWN_HASH)


def _compatible(profiles: Sequence[Any]) -> QoSProfile:
    """Return the strictest QoS that all publishers satisfy."""
    reliable = all(one.reliability == ReliabilityPolicy.RELIABLE for one in profiles)
    latched = all(one.durability == DurabilityPolicy.TRANSIENT_LOCAL for one in profiles)
    return QoSProfile(
        depth=QUEUE_DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=(
            DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        ),
    )


def _recorded(profile: Any) -> Qos:
    """Return a publisher's QoS as it stands in a bag; a depth of zero is unknown."""
    return Qos(
        QosHistory.KEEP_LAST, max(int(profile.depth), 1), QosReliability[profile.reliability.name],
        QosDurability[profile.durability.name], _NO_LIMIT, _NO_LIMIT, QosLiveliness.AUTOMATIC,
        _NO_LIMIT, False,
    )
