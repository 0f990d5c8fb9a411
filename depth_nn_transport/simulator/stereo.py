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

"""Frames of a simulated stereo camera: depth matched from two rendered infrared images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from depth_nn_transport.simulator.camera import Camera, SUBPIXELS
from depth_nn_transport.simulator.corridor import build_corridor
from depth_nn_transport.simulator.infrared import Image, InfraredRig
from depth_nn_transport.simulator.matcher import StereoMatcher
from depth_nn_transport.simulator.noise import Rng
from depth_nn_transport.simulator.outdoors import build_outdoors
from depth_nn_transport.simulator.place import Place
from depth_nn_transport.simulator.room import furnish
from depth_nn_transport.simulator.scene import Array, cast
from depth_nn_transport.simulator.sensor import MAX_DEPTH_MM
from depth_nn_transport.simulator.sequence import check_sequence, SimulatedFrame
from depth_nn_transport.simulator.trajectory import Trajectory

import numpy as np
from numpy.typing import NDArray

PLACES: tuple[Callable[[Rng], Place], ...] = (furnish, build_corridor, build_outdoors)


@dataclass(frozen=True)
class StereoFrame(SimulatedFrame):
    """
    A frame with the images that it was measured on.

    `left` and `right` uint8 (H, W), infrared; `colour` uint8 (H, W, 3) RGB, from the place of the
    left imager.
    """

    left: Image
    right: Image
    colour: Image


def simulate_stereo(
        seed: int = 0, frames: int = 90, width: int = 848, height: int = 480,
        fps: float = 30.0) -> Iterator[StereoFrame]:
    """
    Yield the frames of a stereo camera in a room, a corridor or outdoors.

    Arguments and errors are those of `simulate_sequence`; equal arguments give equal frames on
    one machine and build of OpenCV.
    """
    check_sequence(seed, frames, fps)
    camera = Camera.sample(width, height, np.random.default_rng((seed, 0)))
    return _frames(seed, frames, camera, fps)


def _frames(seed: int, frames: int, camera: Camera, fps: float) -> Iterator[StereoFrame]:
    world = np.random.default_rng((seed, 1))
    place = PLACES[seed % len(PLACES)](world)
    trajectory = Trajectory(place.roaming, world)
    rig = InfraredRig(camera, place.ambient, world)
    matcher = StereoMatcher()
    for index in range(frames):
        time = index / fps
        noise = np.random.default_rng((seed, 2, index))
        solids, pose = place.solids(time), trajectory.pose(time)
        right_pose = rig.right_pose(pose)
        view, right_view = cast(solids, camera, pose), cast(solids, camera, right_pose)
        left = rig.expose(view, pose, 0, noise)
        right = rig.expose(right_view, right_pose, 1, noise)
        depth = to_depth(matcher.disparity(left, right), camera)
        yield StereoFrame(
            depth, view.depth, camera, pose, time, left, right, rig.colour(view, pose))


def to_depth(disparity: Array, camera: Camera) -> NDArray[np.uint16]:
    """Return depth in mm, 0 = hole, from disparity in pixels rounded to the sensor's steps."""
    steps = np.rint(disparity * SUBPIXELS)
    depth = np.rint(camera.lattice_constant / np.maximum(steps, 1))
    return np.where((steps > 0) & (depth <= MAX_DEPTH_MM), depth, 0).astype(np.uint16)
