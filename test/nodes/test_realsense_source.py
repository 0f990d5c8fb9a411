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
"""The RealSense source, through the real library and over DDS; cameras are software devices."""

from __future__ import annotations

import ast
from pathlib import Path
import re
from types import SimpleNamespace

from depth_nn_transport.nodes.image_conversion import image_to_depth
from depth_nn_transport.nodes.realsense_device import (
    CameraSettings,
    open_camera,
    RealSenseError,
    Recording,
    to_millimetres,
)
from depth_nn_transport.nodes.realsense_source import RealsenseSource

import numpy as np

import pytest

import rclpy

from sensor_msgs.msg import CameraInfo, Image

import yaml

# The wheel of pyrealsense2 brings a Fast DDS of its own. The one loaded first lends its global
# symbols to the other, and ROS may crash with those of another version. In the node ROS is first.
rclpy.init()
rclpy.shutdown()

rs = pytest.importorskip(
    'pyrealsense2', reason='pyrealsense2 or libusb-1.0-0 is missing', exc_type=ImportError)

WIDTH, HEIGHT, RATE, FRAMES = 64, 48, 30, 8
PERIOD_MS = 1000 / RATE
START_MS = 5000.0
SERIAL = '123456789'


def frame(number: int) -> np.ndarray:
    """Return a frame of any values, holes and the largest one among them."""
    depth = np.random.default_rng(number).integers(0, 6000, (HEIGHT, WIDTH)).astype(np.uint16)
    depth[:4], depth[4, 0] = 0, 65535
    return depth


class SoftwareCamera:
    """A camera of librealsense whose frames come from here."""

    def __init__(self, unit: float = 0.001):
        self.device = rs.software_device()
        self.device.register_info(rs.camera_info.serial_number, SERIAL)
        self.device.register_info(rs.camera_info.name, 'software camera')
        self.sensor = self.device.add_sensor('Depth')
        self.profile = self.sensor.add_video_stream(depth_stream()).as_video_stream_profile()
        self.sensor.add_read_only_option(rs.option.depth_units, unit)
        # The library lists no software device among those connected.
        self.context = SimpleNamespace(query_devices=lambda: [self.device])

    def send(self, number: int) -> None:
        """Let the camera see a frame."""
        image = rs.software_video_frame()
        image.pixels, image.bpp, image.stride = frame(number), 2, 2 * WIDTH
        image.timestamp = START_MS + number * PERIOD_MS
        image.domain, image.frame_number = rs.timestamp_domain.hardware_clock, number + 1
        image.profile = self.profile
        self.sensor.on_video_frame(image)


def depth_stream():
    """Return the stream of the camera."""
    intrinsics = rs.intrinsics()
    intrinsics.width, intrinsics.height = WIDTH, HEIGHT
    intrinsics.fx, intrinsics.fy, intrinsics.ppx, intrinsics.ppy = 50.0, 51.0, 32.5, 24.5
    intrinsics.model, intrinsics.coeffs = rs.distortion.brown_conrady, [0.0] * 5
    stream = rs.video_stream()
    stream.type, stream.index, stream.uid = rs.stream.depth, 0, 1
    stream.width, stream.height, stream.fps, stream.bpp = WIDTH, HEIGHT, RATE, 2
    stream.fmt, stream.intrinsics = rs.format.z16, intrinsics
    return stream


def record(path: Path, unit: float = 0.001) -> Path:
    """Record frames with the library."""
    camera = SoftwareCamera(unit)
    recorder = rs.recorder(str(path), camera.device)
    sensor = recorder.query_sensors()[0]
    frames = rs.frame_queue(FRAMES)
    sensor.open(sensor.get_stream_profiles()[0])
    sensor.start(frames)
    for number in range(FRAMES):
        camera.send(number)
        frames.wait_for_frame()
    sensor.stop()
    sensor.close()
    return path


@pytest.fixture
def recording(tmp_path):
    """Return a recording of the library."""
    return record(tmp_path / 'recording.db3')


def stamp_ns(header) -> int:
    """Return the time stamp of a header."""
    return header.stamp.sec * 10**9 + header.stamp.nanosec


def expected_stamp(number: int) -> float:
    """Return the sensor's time of a frame in ns."""
    return (START_MS + number * PERIOD_MS) * 1e6


@pytest.mark.dds
@pytest.mark.parametrize('real_time', ['true', 'false'])
def test_a_recording_is_published_bit_by_bit(partner, start_node, recording, real_time):
    infos = partner.listen(CameraInfo, 'camera/depth/camera_info')
    images = partner.listen(Image, 'camera/depth/image_rect_raw')
    # In real time a late listener misses frames of the first lap.
    node = start_node('realsense_source', recording=recording, real_time=real_time,
                      loop=real_time)
    partner.wait_for(lambda: len(images) >= FRAMES and len(infos) > 0)
    for image in images[:FRAMES]:
        lap_ns = FRAMES * PERIOD_MS * 1e6
        passed = (stamp_ns(image.header) - START_MS * 1e6) % lap_ns / (PERIOD_MS * 1e6)
        np.testing.assert_array_equal(image_to_depth(image), frame(round(passed) % FRAMES))
        assert image.header.frame_id == 'camera_depth_optical_frame'
    times = [stamp_ns(image.header) for image in images]
    assert times == sorted(set(times))
    assert (infos[0].width, infos[0].height) == (WIDTH, HEIGHT)
    assert list(infos[0].k) == [50.0, 0.0, 32.5, 0.0, 51.0, 24.5, 0.0, 0.0, 1.0]
    assert infos[0].distortion_model == 'plumb_bob'
    assert infos[0].header.frame_id == 'camera_depth_optical_frame'
    if real_time == 'false':
        partner.wait_for(lambda: not node.is_running())
        assert node.stop().exit_code == 0
        assert times == pytest.approx([expected_stamp(k) for k in range(FRAMES)], abs=1000)
        assert len(images) == FRAMES


@pytest.mark.dds
def test_a_recording_in_real_time_ends_though_nobody_listens(partner, start_node, recording):
    node = start_node('realsense_source', recording=recording)
    partner.wait_for(lambda: not node.is_running())
    report = node.stop()
    assert report.exit_code == 0
    assert f'end of the recording, {FRAMES} frames' in report.output


def test_a_listener_that_vanished_does_not_hold_up_the_node():
    done = []

    def wait_for_all_acked(timeout) -> bool:
        # rclpy lets no other thread run meanwhile.
        done.append(f'held up for {timeout.nanoseconds // 10**6} ms')
        return len(done) > 2

    node = SimpleNamespace(
        images=SimpleNamespace(wait_for_all_acked=wait_for_all_acked),
        stopping=SimpleNamespace(is_set=lambda: False, wait=lambda _: done.append('free')))
    RealsenseSource.wait_until_received(node)
    assert done == ['held up for 50 ms', 'free', 'held up for 50 ms']


@pytest.mark.dds
@pytest.mark.parametrize('parameters, words', [
    ({'recording': '/no/such.db3'}, '/no/such.db3 does not exist'),
    ({'recording': __file__}, 'cannot be played'),
    ({'serial_no': "'42'"}, 'no RealSense camera is connected'),
    ({'emitter': "'bright'"}, "emitter is 'bright'"),
    ({'width': 0}, 'width'),
])
def test_what_cannot_be_opened_ends_the_node_with_one_line(
        partner, start_node, parameters, words):
    if 'serial_no' in parameters and len(rs.context().query_devices()) > 0:
        pytest.skip('a camera is connected')
    node = start_node('realsense_source', **parameters)
    partner.wait_for(lambda: not node.is_running())
    report = node.stop()
    assert report.exit_code == 1
    assert words in report.output and 'Traceback' not in report.output


def test_a_recording_can_be_played_again(recording):
    opened = Recording(rs, recording)
    for _ in range(2):
        depths = [one.depth for one in opened.frames()]
        np.testing.assert_array_equal(depths, [frame(number) for number in range(FRAMES)])


def test_a_truncated_recording_is_refused(recording):
    recording.write_bytes(recording.read_bytes()[:10_000])
    with pytest.raises(RealSenseError, match='cannot be played'):
        Recording(rs, recording)


def test_a_camera_that_fails_while_it_is_asked_is_told():
    def query_devices():
        raise RuntimeError('No such device')

    context = SimpleNamespace(query_devices=query_devices)
    with pytest.raises(RealSenseError, match='No such device'):
        open_camera(rs, context, CameraSettings())


def test_a_camera_is_opened_by_its_serial_number():
    camera = SoftwareCamera()
    stream = open_camera(rs, camera.context, CameraSettings(SERIAL, WIDTH, HEIGHT, RATE))
    stream.start()
    try:
        camera.send(3)
        received = stream.take(5)
        np.testing.assert_array_equal(received.depth, frame(3))
        assert received.stamp_ns == pytest.approx(expected_stamp(3), abs=1000)
        camera.send(4)
        camera.send(5)
        np.testing.assert_array_equal(stream.take(5).depth, frame(5))
        assert stream.replaced == 1
    finally:
        stream.stop()


@pytest.mark.parametrize('settings, words', [
    (CameraSettings('42'), f'no camera has the serial number 42; connected: .*{SERIAL}'),
    (CameraSettings(SERIAL, 848, 480, 30), '848x480 at 30 Hz; it has: 64x48 at 30 Hz'),
    (CameraSettings(SERIAL, WIDTH, HEIGHT, RATE, preset='sharp'), "preset is 'sharp'.*high_acc"),
    (CameraSettings(SERIAL, WIDTH, HEIGHT, RATE, emitter='on'), 'does not take emitter_enabled 1'),
])
def test_settings_that_the_camera_has_not_are_refused(settings, words):
    camera = SoftwareCamera()
    with pytest.raises(RealSenseError, match=words):
        open_camera(rs, camera.context, settings)


def test_the_parameter_file_sets_every_parameter_to_its_default():
    root = Path(__file__).parents[2]
    parameters = yaml.safe_load((root / 'config' / 'realsense.yaml').read_text())
    source = (root / 'depth_nn_transport' / 'nodes' / 'realsense_source.py').read_text()
    declared = re.findall(r"self\.declare\(\s*'(\w+)', ([^,]+),", source)
    defaults = {name: ast.literal_eval(value) for name, value in declared}
    assert parameters['/**/realsense_source']['ros__parameters'] == defaults


def test_other_units_become_millimetres():
    depth = np.array([[0, 1, 5, 14, 65535]], np.uint16)
    assert to_millimetres(depth, 0.001).tolist() == depth.tolist()
    # What is there stays there, what does not fit is a hole.
    assert to_millimetres(depth, 0.0001).tolist() == [[0, 1, 1, 1, 6554]]
    assert to_millimetres(depth, 0.01).tolist() == [[0, 10, 50, 140, 0]]
