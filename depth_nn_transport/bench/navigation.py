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
"""
What a navigation stack makes of a depth image, as a reference in numpy.

Point cloud, laser scan and obstacle layer are those of ``depth_image_proc``,
``depthimage_to_laserscan`` and ``nav2_costmap_2d``, without filters: a single point marks a cell.
Frames are those of REP-103. Optical: x right, y down, z forward. Base: x forward, y left, z up,
its origin on the floor below the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2

from depth_nn_transport.simulator.camera import Camera
from depth_nn_transport.simulator.trajectory import optical_rotation

import numpy as np
from numpy.typing import NDArray

Depth = NDArray[np.uint16]
Grid = NDArray[np.bool_]
Points = NDArray[np.float32]
Pose = NDArray[np.float64]

MM_PER_M = 1000.0


@dataclass(frozen=True)
class ObstacleLayer:
    """
    A costmap's layer around the camera, which marks the cells that obstacles stand in.

    :ivar cell_m: side of a cell.
    :ivar max_range_m: distance from the camera up to which points are taken.
    :ivar min_height_m, max_height_m: points between these heights above the floor are obstacles.
    """

    cell_m: float = 0.05
    max_range_m: float = 5.0
    min_height_m: float = 0.1
    max_height_m: float = 1.8

    @property
    def half_cells(self) -> int:
        """Return the number of cells from the middle of the grid to its edge."""
        return math.ceil(self.max_range_m / self.cell_m) + 2

    def mark(self, points: Points, pose: Pose, slack_m: float = 0.0) -> Grid:
        """
        Return the cells with an obstacle.

        :param points: float32 (..., 3), m, in the optical frame; NaN is no point.
        :param pose: float64 (4, 4), from the optical frame to the base frame.
        :param slack_m: by so much all limits are wider, a cell at most.
        :returns: bool (N, N), rows along x (forward), columns along y (left), the camera in the
            middle.
        """
        seen = points[np.isfinite(points[..., 2])]
        base = seen @ pose[:3, :3].T + pose[:3, 3]
        height = base[:, 2]
        near = np.linalg.norm(seen, axis=1) <= self.max_range_m + slack_m
        band = ((height >= self.min_height_m - slack_m) & (height <= self.max_height_m + slack_m))
        cells = np.floor(base[near & band, :2] / self.cell_m).astype(np.int64) + self.half_cells
        grid = np.zeros((2 * self.half_cells,) * 2, np.bool_)
        grid[cells[:, 0], cells[:, 1]] = True
        return grid


@dataclass(frozen=True)
class CellChanges:
    """
    What becomes of the cells of an obstacle layer; all are bool (N, N).

    A change is `beyond` one cell if nothing stands in the other grid within a cell of it, in any
    direction, height and range included.
    """

    obstacles: Grid
    appeared: Grid
    vanished: Grid
    appeared_beyond: Grid
    vanished_beyond: Grid


def compare_cells(
        layer: ObstacleLayer, pose: Pose, original: Points, restored: Points) -> CellChanges:
    """Compare the obstacles of two point clouds, float32 (H, W, 3), optical frame."""
    before, after = (layer.mark(points, pose) for points in (original, restored))
    near_before, near_after = (
        cv2.dilate(layer.mark(points, pose, layer.cell_m).astype(np.uint8),
                   np.ones((3, 3), np.uint8)) > 0
        for points in (original, restored))
    appeared, vanished = after & ~before, before & ~after
    return CellChanges(
        before, appeared, vanished, appeared & ~near_before, vanished & ~near_after)


def point_cloud(depth: Depth, camera: Camera) -> Points:
    """
    Return the points of a depth image as `depth_image_proc` does.

    `depth` is uint16 (H, W) in mm, 0 in holes; the points are float32 (H, W, 3) in m in the
    optical frame, NaN in holes.
    """
    z = np.where(depth > 0, depth / np.float32(MM_PER_M), np.float32(np.nan))
    x, y = camera.ray_slopes()
    return np.stack([z * x, z * y[:, None], z], axis=-1)


def laser_scan(
        depth: Depth, camera: Camera, scan_height: int = 10, range_min_m: float = 0.45,
        range_max_m: float = 10.0) -> NDArray[np.float32]:
    """
    Return the ranges of a laser scan as `depthimage_to_laserscan` does.

    Of `scan_height` rows around the middle of `depth`, uint16 (H, W) in mm, each direction takes
    the nearest point within the limits. The ranges are float32 (W,) in m, from right to left at
    equal angles, NaN where there is none.
    """
    first = int(camera.cy - scan_height / 2)
    z = depth[first:first + scan_height] / np.float32(MM_PER_M)
    slopes = (np.arange(camera.width) - camera.cx) / camera.fx
    angles = -np.arctan(slopes)
    increment = (angles[0] - angles[-1]) / (camera.width - 1)
    ranges = z * np.hypot(1, slopes).astype(np.float32)
    within = (ranges >= range_min_m) & (ranges <= range_max_m)
    nearest = np.where(within, ranges, np.float32(np.inf)).min(axis=0)
    scan = np.full(camera.width, np.inf, np.float32)
    # Equal angles are not equal columns: some directions share columns, others have none.
    # The last column may come out as one direction too many by rounding.
    index = ((angles - angles[-1]) / increment).astype(np.int64).clip(0, camera.width - 1)
    np.minimum.at(scan, index, nearest)
    return np.where(np.isfinite(scan), scan, np.float32(np.nan))


def level_pose(height_m: float) -> Pose:
    """Return the pose, float64 (4, 4), of a camera that looks straight ahead."""
    pose = np.eye(4)
    pose[:3, :3] = optical_rotation(0.0, 0.0, 0.0)
    pose[2, 3] = height_m
    return pose


def base_pose(world_pose: Pose) -> Pose:
    """Return a pose in the world, whose floor is at z = 0, as one in the base frame."""
    x, y = world_pose[:2, 2] / np.linalg.norm(world_pose[:2, 2])
    pose = np.eye(4)
    pose[:3, :3] = np.array([[x, y, 0], [-y, x, 0], [0, 0, 1]]) @ world_pose[:3, :3]
    pose[2, 3] = world_pose[2, 3]
    return pose
