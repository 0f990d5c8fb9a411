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

from __future__ import annotations

from depth_nn_transport import DepthCodec
from depth_nn_transport.bench.floor import floor_pose
from depth_nn_transport.bench.navigation import (
    base_pose, compare_cells, laser_scan, level_pose, ObstacleLayer, point_cloud,
)
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.simulator import Camera, simulate_sequence
from depth_nn_transport.simulator.trajectory import optical_rotation

import numpy as np

import pytest

CAMERA = Camera(160, 120, 80.0, 80.0, 79.5, 59.5, 50.0)
HEIGHT_M = 0.5
POSE = level_pose(HEIGHT_M)
LAYER = ObstacleLayer()


def wall(distance_mm=2000):
    """Return a wall across the view, uint16 (H, W) in mm."""
    return np.full((CAMERA.height, CAMERA.width), distance_mm, np.uint16)


def pillar(distance_mm=1500, columns=slice(70, 90)):
    """Return a pillar in front of nothing."""
    depth = np.zeros((CAMERA.height, CAMERA.width), np.uint16)
    depth[:, columns] = distance_mm
    return depth


def floor(pitch=0.0):
    """Return a floor that ends in holes at the horizon, and the pose of the camera above it."""
    pose = level_pose(HEIGHT_M)
    pose[:3, :3] = optical_rotation(0.0, pitch, 0.0)
    x, y = CAMERA.ray_slopes()
    rays = np.stack(np.broadcast_arrays(x, y[:, None], np.float32(1)), axis=-1)
    down = -(rays @ pose[:3, :3].T)[..., 2]
    depth_mm = 1000 * HEIGHT_M / np.maximum(down, 1e-3)
    return np.where(depth_mm < 8000, np.rint(depth_mm), 0).astype(np.uint16), pose


def cells(depth, pose=POSE):
    """Return rows and columns of the obstacle cells, relative to the camera."""
    return np.argwhere(LAYER.mark(point_cloud(depth, CAMERA), pose)) - LAYER.half_cells


def test_points_lie_on_the_rays_of_their_pixels():
    points = point_cloud(wall(), CAMERA)
    assert np.all(points[..., 2] == 2)
    np.testing.assert_allclose(points[10, 30], [2 * -49.5 / 80, 2 * -49.5 / 80, 2], rtol=1e-6)


def test_holes_are_no_points():
    points = point_cloud(pillar(), CAMERA)
    assert np.isnan(points[:, 0]).all()
    assert np.isfinite(points[:, 75]).all()


def test_a_wall_marks_a_line_of_cells_across():
    rows, columns = cells(wall()).T
    assert set(rows) == {40}
    # As far as the view goes, 79.5 / 80 of 2 m.
    assert columns.min() == -40
    assert columns.max() == 39


def test_a_pillar_marks_what_is_as_wide():
    rows, columns = cells(pillar()).T
    assert set(rows) == {30}
    assert set(columns) == set(range(-4, 4))


def test_left_is_where_ros_has_it():
    _, columns = cells(pillar(columns=slice(0, 20))).T
    assert columns.min() > 0


@pytest.mark.parametrize('pitch', [0.0, 0.3])
def test_the_floor_is_no_obstacle(pitch):
    depth, pose = floor(pitch)
    assert np.count_nonzero(depth) > 5000
    assert len(cells(depth, pose)) == 0


def test_what_is_too_high_or_too_far_is_no_obstacle():
    depth = pillar(4000)
    rows = (np.arange(CAMERA.height) - CAMERA.cy) / CAMERA.fy
    depth[HEIGHT_M - 4 * rows <= LAYER.max_height_m] = 0
    assert np.count_nonzero(depth) > 0
    assert len(cells(depth)) == 0
    assert len(cells(wall(5100))) == 0


@pytest.mark.parametrize('pitch', [0.0, 0.3])
def test_the_floor_is_found_from_its_points(pitch):
    depth, pose = floor(pitch)
    np.testing.assert_allclose(floor_pose(point_cloud(depth, CAMERA)), pose, atol=0.03)


def test_without_a_floor_the_camera_counts_as_level():
    np.testing.assert_array_equal(floor_pose(point_cloud(wall(), CAMERA)), level_pose(0.5))


def test_the_base_frame_looks_where_the_camera_does():
    world = np.eye(4)
    world[:3, :3] = optical_rotation(1.1, 0.2, 0.05)
    world[:3, 3] = 3, -2, HEIGHT_M
    ahead = base_pose(world) @ [0, 0, 1, 1]
    np.testing.assert_allclose(ahead, [np.cos(0.2), 0, HEIGHT_M - np.sin(0.2), 1], atol=1e-12)


def test_a_scan_measures_from_the_camera_along_each_direction():
    scan = laser_scan(wall(), CAMERA)
    assert np.nanmin(scan) == pytest.approx(2, rel=1e-4)
    half_angle = np.arctan(79.5 / 80)
    expected = 2 / np.cos(np.linspace(-half_angle, half_angle, CAMERA.width))
    seen = np.isfinite(scan)
    assert seen.mean() > 0.8
    # A direction may be as much as a column away from that of its range.
    np.testing.assert_allclose(scan[seen], expected[seen], atol=0.04)


def test_a_scan_runs_from_right_to_left():
    scan = laser_scan(pillar(columns=slice(0, 20)), CAMERA)
    assert np.isnan(scan[:100]).all()
    assert np.isfinite(scan[-10:]).any()


def test_a_scan_takes_the_nearest_of_its_rows_within_its_limits():
    depth = wall()
    depth[59] = 1000
    depth[60] = 300
    assert np.nanmin(laser_scan(depth, CAMERA)) == pytest.approx(1, rel=1e-4)
    assert np.nanmin(laser_scan(depth, CAMERA, range_min_m=0.1)) == pytest.approx(0.3, rel=1e-4)
    assert np.isnan(laser_scan(depth, CAMERA, range_min_m=4)).all()


def test_rows_away_from_the_middle_are_not_scanned():
    depth = wall()
    depth[40] = 1000
    assert np.nanmin(laser_scan(depth, CAMERA)) == pytest.approx(2, rel=1e-4)


def changes(original, restored):
    """Return how the cells of two images differ."""
    return compare_cells(
        LAYER, POSE, point_cloud(original, CAMERA), point_cloud(restored, CAMERA))


def test_equal_images_change_no_cell():
    same = changes(pillar(), pillar())
    assert same.obstacles.any()
    assert not same.appeared.any() and not same.vanished.any()


def test_a_shift_by_one_cell_changes_cells_but_none_beyond():
    shifted = changes(wall(2020), wall(2070))
    assert shifted.appeared.any() and shifted.vanished.any()
    assert not shifted.appeared_beyond.any() and not shifted.vanished_beyond.any()


def test_what_appears_out_of_nothing_is_told_from_what_vanishes():
    ghost = pillar()
    ghost[:, 20:30] = 1000
    appeared = changes(pillar(), ghost)
    assert appeared.appeared_beyond.any() and not appeared.vanished.any()
    vanished = changes(ghost, pillar())
    np.testing.assert_array_equal(vanished.vanished_beyond, appeared.appeared_beyond)


def cells_within(depth, camera, pose, quanta):
    """Return the cells that a bound in quanta leaves certain, and those that it makes possible."""
    lattice = Lattice.from_depth(depth)
    plane, valid = lattice.to_quanta(depth), depth > 0
    moved = [np.where(valid, lattice.to_depth(plane + step), 0).astype(np.uint16)
             for step in range(-quanta, quanta + 1)]
    possible = np.any([LAYER.mark(point_cloud(some, camera), pose) for some in moved], axis=0)
    # The cell of each pixel, however far it moves; a pixel in one cell throughout is certain.
    certain = np.zeros_like(possible)
    for row in range(depth.shape[0]):
        marks = [_pixel_cells(some, camera, pose, row) for some in moved]
        same = np.all([some == marks[0] for some in marks], axis=(0, 2)) & (marks[0][:, 0] >= 0)
        certain[tuple(marks[0][same].T)] = True
    return certain, possible


def _pixel_cells(depth, camera, pose, row):
    """Return the cell (W, 2) of each pixel of a row, -1 if it marks none."""
    found = np.full((camera.width, 2), -1)
    points = point_cloud(depth, camera)[row]
    base = points @ pose[:3, :3].T + pose[:3, 3]
    with np.errstate(invalid='ignore'):
        marks = ((np.linalg.norm(points, axis=1) <= LAYER.max_range_m)
                 & (base[:, 2] >= LAYER.min_height_m) & (base[:, 2] <= LAYER.max_height_m))
    found[marks] = np.floor(base[marks, :2] / LAYER.cell_m).astype(int) + LAYER.half_cells
    return found


@pytest.mark.parametrize('quanta', [1, 4])
def test_in_bounded_mode_no_cell_changes_by_more_than_the_bound_implies(quanta):
    frame = next(simulate_sequence(seed=3, frames=1, width=160, height=120))
    codec = DepthCodec()
    restored = codec.decode(codec.encode(frame.depth, 'bounded', max_error=quanta))
    pose = base_pose(frame.pose)
    certain, possible = cells_within(frame.depth, frame.camera, pose, quanta)
    after = LAYER.mark(point_cloud(restored, frame.camera), pose)
    assert certain.any() and (possible & ~certain).any()
    assert not (after & ~possible).any()
    assert not (certain & ~after).any()
