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

"""Convex solids and the casting of one ray per pixel at them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import combinations, product

from depth_nn_transport.simulator.camera import Camera

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Vector = NDArray[np.float64]

NEAR_PLANE_M = 0.05
FAR_PLANE_M = 100.0

CUBE_CORNERS = np.array(list(product((-1.0, 1.0), repeat=3)))
CUBE_EDGES = np.array([
    (a, b) for a, b in combinations(range(8), 2)
    if np.count_nonzero(CUBE_CORNERS[a] != CUBE_CORNERS[b]) == 1])


class Shape(Enum):
    """A solid in its own frame, where it just fits the cube [-1, 1]^3."""

    BOX = 'box'
    ELLIPSOID = 'ellipsoid'
    CYLINDER = 'cylinder'


@dataclass(frozen=True)
class Solid:
    """
    A shape placed in the world.

    `center` (3,) in metres; the columns of `axes` (3, 3) are its half axes in metres, the
    third one being the axis of a cylinder; `texture` in 0..1 says how well stereo matches it.
    """

    shape: Shape
    center: Vector
    axes: Vector
    texture: float = 1.0


@dataclass(frozen=True)
class View:
    """
    What an imager sees of the solids that were cast.

    `depth` float32 (H, W) in metres; `texture` float32 (H, W); `solid` int16 (H, W), the position
    of the solid in the list of those cast, -1 where there is none.
    """

    depth: Array
    texture: Array
    solid: NDArray[np.int16]


def cast(solids: Iterable[Solid], camera: Camera, pose: Vector) -> View:
    """Return the nearest surface of every pixel, `pose` (4, 4) being camera-to-world."""
    size = (camera.height, camera.width)
    view = View(
        np.full(size, FAR_PLANE_M, np.float32), np.zeros(size, np.float32),
        np.full(size, -1, np.int16))
    slopes = camera.ray_slopes()
    for index, solid in enumerate(solids):
        window = _image_window(solid, camera, pose)
        if window is not None:
            _draw(solid, index, pose, slopes, window, view)
    return view


def _image_window(
        solid: Solid, camera: Camera, pose: Vector) -> tuple[slice, slice] | None:
    """Return the rows and columns a solid may touch, None if it is out of sight."""
    corners = (solid.center + CUBE_CORNERS @ solid.axes.T - pose[:3, 3]) @ pose[:3, :3]
    start, end = corners[CUBE_EDGES[:, 0]], corners[CUBE_EDGES[:, 1]]
    crossing = (start[:, 2] > NEAR_PLANE_M) != (end[:, 2] > NEAR_PLANE_M)
    start, end = start[crossing], end[crossing]
    share = (NEAR_PLANE_M - start[:, 2:]) / (end[:, 2:] - start[:, 2:])
    points = np.concatenate(
        [corners[corners[:, 2] > NEAR_PLANE_M], start + share * (end - start)])
    if not len(points):
        return None
    columns = camera.fx * points[:, 0] / points[:, 2] + camera.cx
    rows = camera.fy * points[:, 1] / points[:, 2] + camera.cy
    window = _clip(rows, camera.height), _clip(columns, camera.width)
    return window if all(part.start < part.stop for part in window) else None


def _clip(positions: Vector, size: int) -> slice:
    low, high = np.clip([positions.min(), positions.max() + 1], 0, size)
    return slice(int(np.floor(low)), int(np.ceil(high)))


def _draw(
        solid: Solid, index: int, pose: Vector, slopes: tuple[Array, Array],
        window: tuple[slice, slice], view: View) -> None:
    """Put a solid into the part of the view it may touch, where it is the nearest."""
    to_solid = np.linalg.inv(solid.axes)
    origin = to_solid @ (pose[:3, 3] - solid.center)
    turn = (to_solid @ pose[:3, :3]).astype(np.float32)
    x, y = slopes[0][window[1]], slopes[1][window[0]]
    # Direction with z = 1 in the camera, so the ray parameter is the depth itself.
    ray = [row[0] * x[None, :] + (row[1] * y + row[2])[:, None] for row in turn]
    enter, leave = INTERVALS[solid.shape](origin.astype(np.float32), ray)
    depth = view.depth[window]
    visible = (enter < leave) & (enter > NEAR_PLANE_M) & (enter < depth)
    np.copyto(depth, enter, where=visible)
    np.copyto(view.texture[window], np.float32(solid.texture), where=visible)
    np.copyto(view.solid[window], np.int16(index), where=visible)


def _slab(origin: np.float32, ray: Array) -> tuple[Array, Array]:
    with np.errstate(divide='ignore', invalid='ignore'):
        inverse = 1 / ray
        first, second = (-1 - origin) * inverse, (1 - origin) * inverse
    return np.minimum(first, second), np.maximum(first, second)


def _quadric(origin: Array, ray: list[Array]) -> tuple[Array, Array]:
    a = sum(np.square(d) for d in ray)
    b = sum(o * d for o, d in zip(origin, ray, strict=True))
    c = origin @ origin - 1
    with np.errstate(divide='ignore', invalid='ignore'):
        # A miss has a negative discriminant; NaN then fails every comparison.
        root = np.sqrt(b * b - a * c)
        return (-b - root) / a, (root - b) / a


def _box(origin: Array, ray: list[Array]) -> tuple[Array, Array]:
    return _intersect(*(_slab(o, d) for o, d in zip(origin, ray, strict=True)))


def _cylinder(origin: Array, ray: list[Array]) -> tuple[Array, Array]:
    return _intersect(_quadric(origin[:2], ray[:2]), _slab(origin[2], ray[2]))


def _intersect(*intervals: tuple[Array, Array]) -> tuple[Array, Array]:
    enter, leave = intervals[0]
    for other_enter, other_leave in intervals[1:]:
        enter, leave = np.maximum(enter, other_enter), np.minimum(leave, other_leave)
    return enter, leave


INTERVALS = {Shape.BOX: _box, Shape.ELLIPSOID: _quadric, Shape.CYLINDER: _cylinder}
