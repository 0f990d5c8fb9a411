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
"""Depth frames of a RealSense camera or of a recording of one, through librealsense."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
import importlib
from pathlib import Path
import queue
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

MM = 0.001
_NS_PER_MS = 1_000_000
# How long a callback of the library waits before it looks whether it is still wanted.
_POLL_S = 0.1
# Frames of a recording come at once; silence for so long after its end means that all are here.
_END_SILENCE_S = 0.2


class RealSenseError(Exception):
    """The camera, the recording or the library cannot be used; the message says what to do."""


@dataclass(frozen=True)
class CameraSettings:
    """
    What is asked of a camera.

    :ivar serial: empty for any camera.
    :ivar width: pixels.
    :ivar height: pixels.
    :ivar rate: Hz.
    :ivar preset: empty for what the camera has.
    :ivar emitter: empty for what the camera has.
    :ivar depth_unit: m, 0 for what the camera has.
    """

    serial: str = ''
    width: int = 848
    height: int = 480
    rate: int = 30
    preset: str = ''
    emitter: str = ''
    depth_unit: float = 0.0


@dataclass(frozen=True)
class Calibration:
    """Pinhole model of a stream: size, focal lengths and centre in pixels, distortion."""

    width: int
    height: int
    focal: tuple[float, float]
    centre: tuple[float, float]
    model: str
    coefficients: tuple[float, ...]


@dataclass(frozen=True)
class DepthFrame:
    """A frame: the sensor's time stamp in ns, uint16 (H, W) in mm with 0 in holes."""

    stamp_ns: int
    depth: NDArray[np.uint16]


class DepthStream:
    """
    The depth frames of a sensor of librealsense.

    A camera's frame that nobody took is replaced by the next one; a recording waits.
    """

    def __init__(self, sensor: Any, profile: Any, waits: bool) -> None:
        self.calibration = calibration_of(profile)
        self.rate = int(profile.fps())
        self.replaced = 0
        self._sensor = sensor
        self._profile = profile
        self._waits = waits
        self._unit = float(sensor.as_depth_sensor().get_depth_scale())
        self._frames: queue.Queue[DepthFrame] = queue.Queue(1)
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to receive frames; raise RealSenseError if the sensor is in use or gone."""
        self._stopped.clear()
        try:
            self._sensor.open(self._profile)
            self._sensor.start(self._receive)
        except RuntimeError as error:
            raise RealSenseError(f'the camera cannot be started: {error}') from error

    def take(self, timeout_s: float) -> DepthFrame | None:
        """Return the next frame, None if there is none in time."""
        try:
            return self._frames.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def stop(self) -> None:
        """Receive no more frames; an unplugged camera cannot be told."""
        self._stopped.set()
        with suppress(RuntimeError):
            self._sensor.stop()
        with suppress(RuntimeError):
            self._sensor.close()

    def _receive(self, frame: Any) -> None:
        """Copy a frame, so that the library has its buffer back, and hand it over."""
        stamp_ns = round(frame.get_timestamp() * _NS_PER_MS)
        self._hand_over(DepthFrame(stamp_ns, to_millimetres(frame.get_data(), self._unit)))

    def _hand_over(self, frame: DepthFrame) -> None:
        while not self._stopped.is_set() and not self._put(frame):
            if not self._waits:
                self._forget_oldest()

    def _put(self, frame: DepthFrame) -> bool:
        try:
            self._frames.put(frame, timeout=_POLL_S if self._waits else 0)
        except queue.Full:
            return False
        return True

    def _forget_oldest(self) -> None:
        with suppress(queue.Empty):
            self._frames.get_nowait()
            self.replaced += 1


class Recording:
    """A `.db3` or `.bag` recording of librealsense."""

    def __init__(self, library: Any, path: Path) -> None:
        if not path.is_file():
            raise RealSenseError(f'recording {path} does not exist')
        self._library = library
        try:
            # The device reads on only as long as its context lives.
            self._context = library.context()
            device = self._context.load_device(str(path))
            self._playback = device.as_playback()
            # No frame is left out then; whoever wants real time waits for the time stamps.
            self._playback.set_real_time(False)
            sensor, profile = depth_profiles(library, device)[0]
            self.stream = DepthStream(sensor, profile, waits=True)
        except RuntimeError as error:
            raise RealSenseError(f'recording {path} cannot be played: {error}') from error
        except IndexError as error:
            raise RealSenseError(f'recording {path} holds no depth stream') from error

    def frames(self) -> Iterator[DepthFrame]:
        """Yield all frames once, as fast as they are taken."""
        self.stream.start()
        try:
            while True:
                frame = self.stream.take(_END_SILENCE_S)
                if frame is not None:
                    yield frame
                elif self._playback.current_status() == self._library.playback_status.stopped:
                    return
        finally:
            self.stream.stop()


def load_library() -> Any:
    """Return pyrealsense2; raise RealSenseError if it or what it needs is not installed."""
    try:
        # After rclpy was initialised: the Fast DDS of ROS must be loaded before the wheel's own.
        return importlib.import_module('pyrealsense2')
    except ImportError as error:
        raise RealSenseError(
            f'pyrealsense2 cannot be loaded ({error}): pip install pyrealsense2; '
            'sudo apt install libusb-1.0-0') from error


def open_camera(library: Any, context: Any, settings: CameraSettings) -> DepthStream:
    """Return the depth stream of a camera, not started; raise RealSenseError if there is none."""
    try:
        return _open_camera(library, context, settings)
    except RuntimeError as error:
        # Such as of one that is unplugged while it is asked.
        raise RealSenseError(f'the camera cannot be opened: {error}') from error


def _open_camera(library: Any, context: Any, settings: CameraSettings) -> DepthStream:
    device = find_camera(library, context, settings.serial)
    wanted = (settings.width, settings.height, settings.rate)
    profiles = {size_and_rate(profile): (sensor, profile)
                for sensor, profile in depth_profiles(library, device)}
    if wanted not in profiles:
        known = ', '.join('{}x{} at {} Hz'.format(*one) for one in sorted(profiles)) or 'none'
        raise RealSenseError(f'the camera has no depth of {wanted[0]}x{wanted[1]} at '
                             f'{wanted[2]} Hz; it has: {known}')
    sensor, profile = profiles[wanted]
    for name, value in option_values(library, settings).items():
        set_option(library, sensor, name, value)
    return DepthStream(sensor, profile, waits=False)


def find_camera(library: Any, context: Any, serial: str) -> Any:
    """Return a connected camera; raise RealSenseError if there is none of this serial number."""
    cameras = connected_cameras(library, context)
    if not cameras:
        raise RealSenseError('no RealSense camera is connected; plug one into a USB 3 port, or '
                             'set the parameter recording')
    if not serial:
        return next(iter(cameras.values()))
    if serial not in cameras:
        raise RealSenseError(
            f'no camera has the serial number {serial}; connected: {", ".join(cameras)}')
    return cameras[serial]


def connected_cameras(library: Any, context: Any) -> dict[str, Any]:
    """Return the connected cameras by serial number."""
    return {device.get_info(library.camera_info.serial_number): device
            for device in context.query_devices()
            if device.supports(library.camera_info.serial_number)}


def depth_profiles(library: Any, device: Any) -> list[tuple[Any, Any]]:
    """Return the 16-bit depth streams of a device, each with its sensor."""
    return [(sensor, profile.as_video_stream_profile())
            for sensor in device.query_sensors() if sensor.is_depth_sensor()
            for profile in sensor.get_stream_profiles()
            if profile.stream_type() == library.stream.depth
            and profile.format() == library.format.z16]


def size_and_rate(profile: Any) -> tuple[int, int, int]:
    """Return width, height and rate of a stream."""
    return profile.width(), profile.height(), profile.fps()


def option_values(library: Any, settings: CameraSettings) -> dict[str, float]:
    """Return the options of librealsense that are to be set; raise RealSenseError if unknown."""
    values: dict[str, float] = {}
    if settings.preset:
        presets = library.rs400_visual_preset.__members__
        if settings.preset not in presets:
            raise RealSenseError(
                f'preset is {settings.preset!r}, expected one of {", ".join(presets)}')
        values['visual_preset'] = int(presets[settings.preset])
    if settings.emitter:
        values['emitter_enabled'] = float(settings.emitter == 'on')
    if settings.depth_unit:
        values['depth_units'] = settings.depth_unit
    return values


def set_option(library: Any, sensor: Any, name: str, value: float) -> None:
    """Set an option of a sensor; raise RealSenseError if it does not take it."""
    try:
        sensor.set_option(getattr(library.option, name), value)
    except RuntimeError as error:
        raise RealSenseError(f'the camera does not take {name} {value:g}: {error}') from error


def calibration_of(profile: Any) -> Calibration:
    """Return the calibration of a stream, its distortion by the name that ROS has for it."""
    one = profile.get_intrinsics()
    model = 'equidistant' if 'kannala' in str(one.model) else 'plumb_bob'
    return Calibration(one.width, one.height, (one.fx, one.fy), (one.ppx, one.ppy), model,
                       tuple(one.coeffs))


def to_millimetres(data: Any, unit: float) -> NDArray[np.uint16]:
    """Return a copy of depth in another unit (m) in mm; what is beyond 65.535 m is a hole."""
    depth = np.array(data, np.uint16)
    if abs(unit - MM) < 1e-9:
        return depth
    scaled = np.rint(depth * (unit / MM))
    return np.where(scaled <= 65535, np.maximum(scaled, depth > 0), 0).astype(np.uint16)
