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
"""Finds the floor in a point cloud, for recordings that come without the pose of their camera."""

from __future__ import annotations

from depth_nn_transport.bench.navigation import level_pose, Points, Pose

import numpy as np

_TRIALS = 300
_SAMPLE = 4000
_TOLERANCE_M = 0.02
# Beyond, noise hides the plane.
_REACH_M = 3.0
# Cosine of the steepest pitch or roll that is believed.
_LEAST_UPRIGHT = 0.8
_DEFAULT_HEIGHT_M = 0.5


def floor_pose(points: Points) -> Pose:
    """
    Return the pose of a camera above the plane that most points below its axis lie in.

    :param points: float32 (H, W, 3), m, in the optical frame; NaN is no point.
    :returns: float64 (4, 4), from the optical frame to the base frame; of a level camera half a
        metre above the floor if there is no such plane. Equal points give equal poses.
    """
    rng = np.random.default_rng(0)
    low = points[(points[..., 1] > 0) & (points[..., 2] < _REACH_M)].astype(np.float64)
    if len(low) < _SAMPLE:
        return level_pose(_DEFAULT_HEIGHT_M)
    low = low[rng.choice(len(low), _SAMPLE, replace=False)]
    corners = low[rng.integers(0, _SAMPLE, (_TRIALS, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    corners, normals = corners[lengths > 0, 0], normals[lengths > 0] / lengths[lengths > 0, None]
    # Up is -y in the optical frame.
    normals *= -np.sign(normals[:, 1:2])
    upright = -normals[:, 1] > _LEAST_UPRIGHT
    if not upright.any():
        return level_pose(_DEFAULT_HEIGHT_M)
    corners, normals = corners[upright], normals[upright]
    distances = np.abs(low @ normals.T - (corners * normals).sum(axis=1))
    best = int((distances < _TOLERANCE_M).sum(axis=0).argmax())
    return _pose_above(normals[best], -float(corners[best] @ normals[best]))


def _pose_above(up: Pose, height_m: float) -> Pose:
    """Return the pose of a camera that sees `up` (3,), of length 1, at a height."""
    forward = np.array([0.0, 0.0, 1.0]) - up[2] * up
    forward /= np.linalg.norm(forward)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([forward, np.cross(up, forward), up])
    pose[2, 3] = height_m
    return pose
