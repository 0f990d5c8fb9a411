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
"""The recorder, as a process, on topics of this process."""

from __future__ import annotations

from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.message_types import COMPRESSED_DEPTH
from depth_nn_transport.bag.reader import BagReader
from depth_nn_transport.bag.writer import BagWriter

import pytest

from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosReliability
from rosbags.rosbag2 import StoragePlugin

rclpy = pytest.importorskip('rclpy')

pytestmark = pytest.mark.dds

TOPIC = '/camera/depth/image_rect_raw/depth_nn'
MESSAGES = 20
TIMEOUT_S = 60


@pytest.fixture
def publisher():
    """Return a reliable publisher whose queue holds all messages."""
    from depth_nn_transport_msgs.msg import CompressedDepth
    from rclpy.qos import QoSProfile

    rclpy.init()
    node = rclpy.create_node('camera')
    yield node.create_publisher(CompressedDepth, TOPIC, QoSProfile(depth=MESSAGES))
    node.destroy_node()
    rclpy.try_shutdown()


def start(*command: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def publish_all(publisher) -> None:
    """Publish numbered messages to whoever records, and wait until all are acknowledged."""
    from depth_nn_transport_msgs.msg import CompressedDepth
    from rclpy.duration import Duration

    deadline = time.monotonic() + TIMEOUT_S
    while publisher.get_subscription_count() == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    for number in range(MESSAGES):
        publisher.publish(CompressedDepth(sequence=number, encoding='16UC1'))
    # What waits in the recorder's queue is acknowledged; the recorder writes it before it ends.
    assert publisher.wait_for_all_acked(Duration(seconds=TIMEOUT_S))


def recorded_numbers(path: Path) -> list[int]:
    """Return the sequence numbers in a bag, read with no type registered."""
    with AnyReader([path]) as reader:
        return [reader.deserialize(data, topic.msgtype).sequence
                for topic, _, data in reader.messages()]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_no_message_is_lost_and_the_bag_is_whole(publisher, tmp_path, number):
    path = tmp_path / 'bag'
    recorder = start(sys.executable, '-m', 'depth_nn_transport', 'bag', 'record', path, TOPIC)
    publish_all(publisher)
    assert not path.exists()
    recorder.send_signal(number)
    output, _ = recorder.communicate(timeout=TIMEOUT_S)
    assert recorder.returncode == 0, output
    assert f'{TOPIC}: {MESSAGES} messages' in output
    assert recorded_numbers(path) == list(range(MESSAGES))
    with BagReader(path) as reader:
        (topic,) = reader.connections
    assert topic.msgtype == COMPRESSED_DEPTH
    assert topic.ext.offered_qos_profiles[0].reliability is QosReliability.RELIABLE


def test_a_duration_ends_the_recording(tmp_path):
    path = tmp_path / 'bag'
    recorder = start(sys.executable, '-m', 'depth_nn_transport', 'bag', 'record', path, TOPIC,
                     '--duration', 1)
    output, _ = recorder.communicate(timeout=TIMEOUT_S)
    assert recorder.returncode == 0 and f'{TOPIC}: 0 messages' in output
    assert path.exists()


@pytest.mark.skipif(shutil.which('ros2') is None, reason='no rosbag2 on this machine')
def test_rosbag2_records_the_topic(publisher, tmp_path):
    path = tmp_path / 'bag'
    recorder = start('ros2', 'bag', 'record', '--output', path, '--topics', TOPIC)
    publish_all(publisher)
    recorder.send_signal(signal.SIGINT)
    recorder.communicate(timeout=TIMEOUT_S)
    assert recorded_numbers(path) == list(range(MESSAGES))


def test_a_name_that_no_topic_can_have_is_told(tmp_path):
    ended = start(sys.executable, '-m', 'depth_nn_transport', 'bag', 'record', tmp_path / 'bag',
                  '/no topic')
    output, _ = ended.communicate(timeout=TIMEOUT_S)
    assert ended.returncode == 1 and "'/no topic' cannot be recorded" in output
    assert list(tmp_path.iterdir()) == []


def find_topic(writer) -> None:
    """Let a recorder with this writer find the topic."""
    from depth_nn_transport.bag.record import Recorder
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor()
    executor.add_node(recorder := Recorder(writer, [TOPIC]))
    while not recorder.get_publishers_info_by_topic(TOPIC):
        time.sleep(0.05)
    # The recorder looks for topics whenever its timer fires.
    executor.spin_once(TIMEOUT_S)
    recorder.destroy_node()


def test_a_topic_of_a_type_that_is_not_installed_is_told_and_left_out(
        publisher, tmp_path, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, 'depth_nn_transport_msgs.msg', None)
    with BagWriter(tmp_path / 'bag', StoragePlugin.MCAP) as writer:
        find_topic(writer)
    assert f'{TOPIC} is not recorded' in capfd.readouterr().err
    with BagReader(tmp_path / 'bag') as reader:
        assert reader.connections == []


def test_a_bag_that_cannot_be_written_ends_the_recording(publisher):
    class FullDisk:

        def add_topic(self, *_):
            raise BagError('no space left')

    with pytest.raises(BagError, match='no space left'):
        find_topic(FullDisk())


class Waiting:
    """Stands for recorder and executor: events that wait, each handled by a spin as rclpy does."""

    def __init__(self, *events: str) -> None:
        self.events = list(events)
        self.counts = {TOPIC: 0}

    @property
    def written(self) -> int:
        return self.counts[TOPIC]

    def spin_once(self, timeout_sec: float) -> None:
        if not self.events:
            time.sleep(timeout_sec)
        elif self.events.pop(0) == 'message':
            self.counts[TOPIC] += 1


def test_messages_that_wait_behind_a_timer_are_written():
    from depth_nn_transport.bag.record import _drain

    waiting = Waiting('message', 'timer', 'message', 'timer', 'timer', 'message')
    _drain(waiting, waiting)
    assert waiting.written == 3


def test_messages_that_keep_coming_do_not_keep_a_recording_from_ending(tmp_path):
    path = tmp_path / 'bag'
    publisher = start(sys.executable, '-c', PUBLISHER)
    recorder = start(sys.executable, '-m', 'depth_nn_transport', 'bag', 'record', path, TOPIC,
                     '--duration', 3)
    try:
        output, _ = recorder.communicate(timeout=TIMEOUT_S)
    finally:
        publisher.kill()
        publisher.communicate()
    assert recorder.returncode == 0, output
    with BagReader(path) as reader:
        assert reader.message_count > 0 and reader.duration_s < 3.2


# Publishes fifty messages a second until it is killed.
PUBLISHER = f"""
import time
import rclpy
from depth_nn_transport_msgs.msg import CompressedDepth
rclpy.init()
publisher = rclpy.create_node('camera').create_publisher(CompressedDepth, '{TOPIC}', 10)
while True:
    publisher.publish(CompressedDepth(encoding='16UC1'))
    time.sleep(0.02)
"""
