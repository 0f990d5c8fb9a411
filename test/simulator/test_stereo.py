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

"""Stereo frames: depth comes from the images and has the holes of a stereo camera."""

from depth_nn_transport.simulator import simulate_stereo
from depth_nn_transport.simulator.camera import Camera
from depth_nn_transport.simulator.stereo import to_depth

import numpy as np

import pytest


@pytest.fixture(scope='module', params=range(3), ids=['room', 'corridor', 'outdoors'])
def frames(request):
    return list(simulate_stereo(request.param, 2, 424, 240))


def test_every_image_has_its_type_and_size(frames):
    for frame in frames:
        assert frame.depth.dtype == np.uint16
        assert frame.left.dtype == frame.right.dtype == frame.colour.dtype == np.uint8
        assert frame.colour.shape == (240, 424, 3)
        assert (frame.depth.shape == frame.left.shape == frame.right.shape
                == frame.ground_truth.shape == (240, 424))


def test_depth_agrees_with_ground_truth(frames):
    frame = frames[0]
    valid = frame.depth > 0
    assert 0.1 < valid.mean() < 1
    constant = frame.camera.lattice_constant
    error = constant / frame.depth[valid] - constant / 1000 / frame.ground_truth[valid]
    assert np.median(np.abs(error)) < 12
    assert np.mean(np.abs(error) < 64) > 0.8


def test_equal_seeds_give_equal_frames():
    first, second = (next(iter(simulate_stereo(1, 1, 160, 96))) for _ in range(2))
    for name in ('depth', 'left', 'right', 'colour', 'ground_truth'):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_the_scene_moves(frames):
    assert np.mean(frames[0].left != frames[1].left) > 0.3
    assert not np.array_equal(frames[0].depth, frames[1].depth)


def test_depth_lies_on_the_lattice():
    camera = Camera(64, 48, 32.0, 32.0, 31.5, 23.5, baseline_mm=50.0)
    depth = to_depth(np.array([[0, 1 / 64, 1 / 32, 2]], np.float32), camera)
    assert depth.tolist() == [[0, 0, 51200, 800]]


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match='seed is -1'):
        simulate_stereo(-1)


def test_depth_beyond_16_bits_is_a_hole():
    camera = Camera(64, 48, 32.0, 32.0, 31.5, 23.5, baseline_mm=100.0)
    assert to_depth(np.array([[1 / 32, 2 / 32]], np.float32), camera).tolist() == [[0, 51200]]
