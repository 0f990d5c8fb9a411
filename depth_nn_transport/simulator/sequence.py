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

"""Frames of a simulated camera moving through a simulated room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from depth_nn_transport.simulator.camera import Camera
from depth_nn_transport.simulator.room import furnish
from depth_nn_transport.simulator.scene import cast
from depth_nn_transport.simulator.sensor import DepthSensor
from depth_nn_transport.simulator.trajectory import Trajectory

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SimulatedFrame:
    """
    One frame and the truth behind it.

    `depth` uint16 (H, W) in mm, 0 = hole; `ground_truth` float32 (H, W), noiseless z in metres;
    `pose` float64 (4, 4), camera-to-world with the camera in the optical frame of REP-103
    (z forward, x right, y down); `stamp` in seconds from the first frame.
    """

    depth: NDArray[np.uint16]
    ground_truth: NDArray[np.float32]
    camera: Camera
    pose: NDArray[np.float64]
    stamp: float


def simulate_sequence(
        seed: int = 0, frames: int = 90, width: int = 848, height: int = 480,
        fps: float = 30.0) -> Iterator[SimulatedFrame]:
    """
    Yield the frames of a sequence, bit-identical for equal arguments.

    :param seed: chooses room, path, calibration and noise; not negative.
    :param frames: length of the sequence.
    :param width, height: image size in pixels, each 16 to 4096.
    :param fps: frames per second; the motion is the same at any rate.
    :raises ValueError: on the call if an argument is out of range.
    """
    check_sequence(seed, frames, fps)
    camera = Camera.sample(width, height, np.random.default_rng((seed, 0)))
    return _frames(seed, frames, camera, fps)


def check_sequence(seed: int, frames: int, fps: float) -> None:
    """Raise ValueError if an argument is out of range."""
    if seed < 0:
        raise ValueError(f'seed is {seed}, expected 0 or more')
    if frames < 0:
        raise ValueError(f'frames is {frames}, expected 0 or more')
    if not fps > 0:
        raise ValueError(f'fps is {fps}, expected more than 0')


def _frames(seed: int, frames: int, camera: Camera, fps: float) -> Iterator[SimulatedFrame]:
    world = np.random.default_rng((seed, 1))
    room = furnish(world)
    trajectory = Trajectory(room.roaming, world)
    sensor = DepthSensor(camera, world)
    for index in range(frames):
        time = index / fps
        pose = trajectory.pose(time)
        view = cast(room.solids(time), camera, pose)
        # A generator of its own makes a frame's noise independent of the frames before it.
        depth = sensor.measure(view, pose, np.random.default_rng((seed, 2, index)))
        yield SimulatedFrame(depth, view.depth, camera, pose, time)
