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

"""Rays hit each shape where geometry says."""

from depth_nn_transport.simulator.camera import Camera
from depth_nn_transport.simulator.scene import cast, FAR_PLANE_M, Shape, Solid

import numpy as np

import pytest

CAMERA = Camera(65, 49, 40.0, 40.0, 32.0, 24.0, baseline_mm=50.0)


@pytest.mark.parametrize('shape', Shape)
def test_front_of_a_solid_is_at_its_depth(shape):
    """The centre ray meets a solid of half size 0.5 at 2 m after 1.5 m."""
    axes = 0.5 * np.eye(3)[:, [2, 0, 1]]
    view = cast([Solid(shape, np.array([0, 0, 2.0]), axes, 0.7)], CAMERA, np.eye(4))
    assert view.depth[24, 32] == pytest.approx(1.5, abs=1e-5)
    assert view.texture[24, 32] == np.float32(0.7)
    assert view.depth[0, 0] == FAR_PLANE_M


def test_sphere_is_exact():
    """Every hit lies on the sphere."""
    center = np.array([0.1, -0.2, 2.0])
    view = cast([Solid(Shape.ELLIPSOID, center, 0.4 * np.eye(3))], CAMERA, np.eye(4))
    x, y = CAMERA.ray_slopes()
    rays = np.stack(np.broadcast_arrays(x[None, :], y[:, None], 1.0), axis=-1)
    hit = view.depth < FAR_PLANE_M
    points = (rays * view.depth[..., None])[hit]
    assert hit.sum() > 100
    np.testing.assert_allclose(np.linalg.norm(points - center, axis=1), 0.4, atol=1e-4)


def test_nearer_solid_hides_the_farther():
    """The order of the solids does not matter."""
    wall = Solid(Shape.BOX, np.array([0, 0, 4.0]), np.diag([9, 9, 0.1]), 0.3)
    ball = Solid(Shape.ELLIPSOID, np.array([0, 0, 2.0]), 0.5 * np.eye(3), 0.9)
    one, other = (cast(order, CAMERA, np.eye(4)) for order in ((wall, ball), (ball, wall)))
    np.testing.assert_array_equal(one.depth, other.depth)
    assert one.texture[24, 32] == np.float32(0.9)
    assert one.texture[0, 0] == np.float32(0.3)


def test_solid_that_passes_the_camera_is_seen():
    """A floor under the camera is drawn although some of its corners lie behind it."""
    floor = Solid(Shape.BOX, np.array([0, 1.1, 0]), np.diag([20, 0.1, 20]))
    view = cast([floor], CAMERA, np.eye(4))
    y = (48 - CAMERA.cy) / CAMERA.fy
    np.testing.assert_allclose(view.depth[48], 1 / y, rtol=1e-4)
    assert (view.depth[:24] == FAR_PLANE_M).all()


def test_solid_behind_the_camera_is_not_seen():
    """Nothing is drawn."""
    view = cast([Solid(Shape.BOX, np.array([0, 0, -2.0]), np.eye(3))], CAMERA, np.eye(4))
    assert (view.depth == FAR_PLANE_M).all()
