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

"""Infrared images: dots shift with depth, noise and vignetting are there."""

from depth_nn_transport.simulator.camera import Camera
from depth_nn_transport.simulator.infrared import develop, dot_pattern, InfraredRig
from depth_nn_transport.simulator.scene import View

import numpy as np

CAMERA = Camera(424, 240, 212.0, 212.0, 211.5, 119.5, baseline_mm=50.0)


def wall(distance):
    """Return the view of a frontal wall that fills the image."""
    size = (CAMERA.height, CAMERA.width)
    return View(np.full(size, distance, np.float32), np.ones(size, np.float32),
                np.zeros(size, np.int16))


def expose(distance, share, ambient=0.02):
    rig = InfraredRig(CAMERA, ambient, np.random.default_rng(0))
    pose = np.eye(4)
    pose = rig.right_pose(pose) if share else pose
    return rig.expose(wall(distance), pose, share, np.random.default_rng(1)).astype(float)


def test_both_imagers_see_the_same_dots_shifted_by_the_disparity():
    left, right = expose(1.0, 0), expose(1.0, 1)
    shift = round(CAMERA.fx * 0.05 / 1.0)
    aligned = np.corrcoef(left[:, shift:].ravel(), right[:, :-shift].ravel())[0, 1]
    assert aligned > 0.8
    assert np.corrcoef(left.ravel(), right.ravel())[0, 1] < aligned - 0.3


def test_dots_fade_before_daylight():
    assert expose(2.0, 0, ambient=3.0).std() < 0.7 * expose(2.0, 0).std()


def test_corners_are_darker():
    image = expose(1.0, 0)
    assert image[:40, :40].mean() < 0.7 * image[100:140, 190:230].mean()


def test_noise_is_that_of_photons():
    flat = np.full((200, 200), 1.0, np.float32)
    flat[:, 100:] = 0.1
    image = develop(flat, np.random.default_rng(0)).astype(float)
    assert image[:, :100].std() > 1.5 * image[:, 100:].std() > 0.3


def test_pattern_is_periodic_and_of_dots():
    dots = dot_pattern(np.random.default_rng(0), 1.5)
    assert dots.max() == 1
    assert np.mean(dots > 0.3) < 0.15
    np.testing.assert_allclose(dots[0], dots[-1], atol=0.6)
