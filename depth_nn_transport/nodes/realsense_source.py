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
"""The node that publishes the depth of a RealSense camera or of a recording of one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
import sys
import threading
import time
from typing import Any

from depth_nn_transport.nodes.image_conversion import depth_to_image
from depth_nn_transport.nodes.realsense_device import (
    Calibration,
    CameraSettings,
    DepthFrame,
    DepthStream,
    load_library,
    open_camera,
    RealSenseError,
    Recording,
)
from depth_nn_transport.nodes.runner import spin
from depth_nn_transport.nodes.topics import IMAGE_TOPIC, INFO_TOPIC

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions

from sensor_msgs.msg import CameraInfo, Image

from std_msgs.msg import Header

EMITTER_STATES = ('', 'on', 'off')
_NS_PER_S = 10**9
_POLL_S = 0.1
_RETRY_S = 1.0
# A camera that is there but silent for so long is started anew.
_SILENCE_S = 5.0
# Short, as rclpy lets no other thread run meanwhile.
_ACKNOWLEDGEMENT = Duration(nanoseconds=50 * 10**6)
_PAUSE_S = 0.01


class RealsenseSource(Node):
    """Publishes `camera/depth/image_rect_raw` and `camera/depth/camera_info`."""

    def __init__(self) -> None:
        super().__init__('realsense_source')
        self.settings = self.declare_settings()
        self.frames = 0
        self.failed = False
        # What looping adds to the time stamps, so that they never go back.
        self.offset_ns = 0
        self.images = self.advertise(Image, IMAGE_TOPIC)
        self.infos = self.advertise(CameraInfo, INFO_TOPIC)
        self.stopping = threading.Event()
        self.library = load_library()
        self.play = self.prepare_recording() if self.value('recording') else self.prepare_camera()
        self.thread = threading.Thread(target=self.work, name='realsense', daemon=True)
        self.thread.start()

    def declare_settings(self) -> CameraSettings:
        """Declare all parameters and return those of the camera."""
        self.declare('recording', '', 'a .db3 or .bag file to play in the place of a camera')
        self.declare('real_time', True, 'play a recording at the pace of its time stamps; if '
                                        'false, as fast as reliable subscribers take it')
        self.declare('loop', False, 'play a recording again and again')
        self.declare('frame_id', 'camera_depth_optical_frame', 'z forward, x right, y down')
        return CameraSettings(
            serial=self.declare('serial_no', '', 'of the camera; any if empty'),
            width=self.declare('width', 848, 'pixels', integer_range=span(1, 4096)),
            height=self.declare('height', 480, 'pixels', integer_range=span(1, 4096)),
            rate=self.declare('rate', 30, 'Hz', integer_range=span(1, 300)),
            preset=self.declare('preset', '', "visual preset, as high_accuracy; the camera's own "
                                              'if empty'),
            emitter=self.declare('emitter', '', "on or off; the camera's own if empty"),
            depth_unit=self.declare(
                'depth_unit', 0.0, "m; the camera's own if 0. What is published is in mm",
                floating_point_range=[FloatingPointRange(from_value=0.0, to_value=0.01)]))

    def declare(self, name: str, default: str | float | bool, meaning: str, **limits: Any) -> Any:
        """Declare a parameter that is fixed once the node runs, and return its value."""
        descriptor = ParameterDescriptor(description=meaning, read_only=True, **limits)
        return self.declare_parameter(name, default, descriptor).value

    def value(self, name: str) -> Any:
        """Return the value of a parameter."""
        return self.get_parameter(name).value

    def advertise(self, message_type: type, topic: str) -> Any:
        """Return a reliable publisher with QoS that parameters may override."""
        return self.create_publisher(
            message_type, topic, QoSProfile(depth=5),
            qos_overriding_options=QoSOverridingOptions.with_default_policies())

    def prepare_recording(self) -> Callable[[], None]:
        """Open the recording and return what plays it; raise RealSenseError if it is bad."""
        recording = Recording(self.library, Path(self.value('recording')))
        return partial(self.play_recording, recording)

    def prepare_camera(self) -> Callable[[], None]:
        """Open the camera and return what plays it; raise RealSenseError if there is none."""
        if self.settings.emitter not in EMITTER_STATES:
            raise RealSenseError(f'emitter is {self.settings.emitter!r}, expected on or off')
        context = self.library.context()
        stream = open_camera(self.library, context, self.settings)
        return partial(self.play_camera, context, stream)

    def work(self) -> None:
        """Publish until the end, then end the node; runs on a thread of its own."""
        try:
            self.play()
        except RealSenseError as error:
            self.failed = True
            self.get_logger().fatal(str(error))
        except Exception as error:  # noqa: BLE001 - publishing fails once the context is gone
            if self.context.ok():
                self.failed = True
                self.get_logger().fatal(f'{type(error).__name__}: {error}; please report it')
        self.context.try_shutdown()

    def play_recording(self, recording: Recording) -> None:
        """Publish the frames of a recording, once or again and again."""
        while not self.stopping.is_set():
            published = self.play_once(recording)
            if published is None or not self.value('loop'):
                break
            first, last = published
            self.offset_ns += last - first + _NS_PER_S // recording.stream.rate
        self.wait_until_received()
        if not self.stopping.is_set():
            self.get_logger().info(f'end of the recording, {self.frames} frames')

    def play_once(self, recording: Recording) -> tuple[int, int] | None:
        """Publish all frames; return the first and the last time stamp, None without frames."""
        real_time, start = self.value('real_time'), time.monotonic()
        first = last = None
        for frame in recording.frames():
            first, last = frame.stamp_ns if first is None else first, frame.stamp_ns
            if real_time:
                due = start + (last - first) / _NS_PER_S
                self.stopping.wait(max(0.0, due - time.monotonic()))
            else:
                self.wait_for_listeners()
                self.wait_until_received()
            if self.stopping.is_set():
                break
            self.publish(frame, recording.stream.calibration)
        return None if first is None or last is None else (first, last)

    def wait_for_listeners(self) -> None:
        """Wait until somebody listens."""
        while not self.stopping.is_set() and self.images.get_subscription_count() == 0:
            self.stopping.wait(_POLL_S)

    def wait_until_received(self) -> None:
        """Wait until reliable subscribers, if there are any, have all that was published."""
        while not self.stopping.is_set() and not self.images.wait_for_all_acked(_ACKNOWLEDGEMENT):
            self.stopping.wait(_PAUSE_S)

    def play_camera(self, context: Any, stream: DepthStream) -> None:
        """Publish what the camera sees; wait for it when it is unplugged."""
        stream.start()
        while not self.stopping.is_set():
            self.follow(stream)
            stream.stop()
            if not self.stopping.is_set():
                self.get_logger().warning('the camera is gone or silent; waiting for it')
                stream = self.reconnect(context) or stream
        if stream.replaced:
            self.get_logger().warning(f'{stream.replaced} frames were replaced by newer ones')

    def follow(self, stream: DepthStream) -> None:
        """Publish frames until none comes any more."""
        last = time.monotonic()
        while not self.stopping.is_set() and time.monotonic() < last + _SILENCE_S:
            frame = stream.take(_POLL_S)
            if frame is not None:
                last = time.monotonic()
                self.publish(frame, stream.calibration)

    def reconnect(self, context: Any) -> DepthStream | None:
        """Return the started stream of the camera once it is back, None if the node ends."""
        stream = None
        while stream is None and not self.stopping.wait(_RETRY_S):
            stream = self.try_to_start(context)
        return stream

    def try_to_start(self, context: Any) -> DepthStream | None:
        """Return the started stream of the camera, None if it is not there."""
        try:
            stream = open_camera(self.library, context, self.settings)
            stream.start()
        except RealSenseError as error:
            self.get_logger().debug(str(error))
            return None
        self.get_logger().info('the camera is back')
        return stream

    def publish(self, frame: DepthFrame, calibration: Calibration) -> None:
        """Publish a frame and its calibration, both with the sensor's time stamp."""
        header = Header(frame_id=self.value('frame_id'))
        header.stamp.sec, header.stamp.nanosec = divmod(
            frame.stamp_ns + self.offset_ns, _NS_PER_S)
        self.infos.publish(camera_info(calibration, header))
        self.images.publish(depth_to_image(frame.depth, '16UC1', header))
        self.frames += 1

    def close(self) -> None:
        """Stop the stream and the node."""
        self.stopping.set()
        self.thread.join()
        self.destroy_node()


def camera_info(calibration: Calibration, header: Header) -> CameraInfo:
    """Return the message of a calibration; a depth image is rectified, so R is the identity."""
    (fx, fy), (cx, cy) = calibration.focal, calibration.centre
    return CameraInfo(
        header=header, width=calibration.width, height=calibration.height,
        distortion_model=calibration.model, d=list(calibration.coefficients),
        k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0])


def span(low: int, high: int) -> list[IntegerRange]:
    """Return the range of an integer parameter."""
    return [IntegerRange(from_value=low, to_value=high, step=1)]


def main(arguments: list[str] | None = None) -> None:
    """Run the node until SIGINT, SIGTERM or the end of the recording; exit with 1 on failure."""
    node = spin(RealsenseSource, arguments, RealSenseError)
    if node is not None and node.failed:
        sys.exit(1)


if __name__ == '__main__':
    main()
