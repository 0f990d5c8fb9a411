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

"""A furnished room with a doorway into a far hall, and people who walk in it."""

from __future__ import annotations

from collections.abc import Callable

from depth_nn_transport.simulator import furniture
from depth_nn_transport.simulator.furniture import Placement, Rng
from depth_nn_transport.simulator.place import Place, Walker
from depth_nn_transport.simulator.scene import Shape, Solid

import numpy as np

Builder = Callable[[Placement, Rng], list[Solid]]

WALL_HALF_THICKNESS_M = 0.06
HALL_HALF_SIZE_M = 16.0
DOOR_HALF_WIDTH_M = 0.55
DOOR_HEIGHT_M = 2.05
CLEARANCE_M = 0.15
FREE_STANDING: tuple[Builder, ...] = (
    furniture.box, furniture.barrel, furniture.ball, furniture.pole, furniture.table,
    furniture.table, furniture.chair, furniture.chair)
AGAINST_WALL: tuple[Builder, ...] = (furniture.shelf, furniture.sofa, furniture.shelf)


def furnish(rng: Rng) -> Place:
    """Return a random room."""
    half_x, half_y, height = rng.uniform((1.8, 1.6, 2.4), (4.2, 3.2, 3.2))
    roaming = (0.35 * half_x, 0.35 * half_y)
    fixed = (*_shell(half_x, half_y, height, rng), *_wall_furniture(half_x, half_y, rng),
             *_free_furniture(half_x, half_y, roaming, rng))
    walkers = tuple(_walker(half_x, half_y, rng) for _ in range(rng.integers(0, 3)))
    return Place(fixed, walkers, roaming)


def _shell(half_x: float, half_y: float, height: float, rng: Rng) -> list[Solid]:
    """Return floor, ceiling, walls (the first with a doorway) and the hall around them."""
    floor, ceiling, wall, hall = rng.uniform((0.5, 0.25, 0.35, 0.4), (1.0, 0.7, 0.95, 0.8))
    ground, far = Placement(0, 0, 0), HALL_HALF_SIZE_M
    solids = [
        ground.solid(Shape.BOX, (0, 0, -0.05), (far, far, 0.05), floor),
        ground.solid(Shape.BOX, (0, 0, height + 0.05), (far, far, 0.05), ceiling)]
    for quarter in range(4):
        yaw = quarter * np.pi / 2
        reach, half = (half_x, half_y) if quarter % 2 == 0 else (half_y, half_x)
        at = Placement(reach * np.cos(yaw), reach * np.sin(yaw), yaw)
        solids += _wall_with_door(at, half, height, wall, rng) if quarter == 0 else [
            _wall_part(at, -half, half, 0, height, wall)]
        outer = Placement(far * np.cos(yaw), far * np.sin(yaw), yaw)
        solids.append(_wall_part(outer, -far, far, 0, height, hall))
    return solids


def _wall_with_door(
        at: Placement, half: float, height: float, texture: float, rng: Rng) -> list[Solid]:
    middle = rng.uniform(-0.5, 0.5) * half
    left, right = middle - DOOR_HALF_WIDTH_M, middle + DOOR_HALF_WIDTH_M
    return [
        _wall_part(at, -half, left, 0, height, texture),
        _wall_part(at, right, half, 0, height, texture),
        _wall_part(at, left, right, DOOR_HEIGHT_M, height, texture)]


def _wall_part(
        at: Placement, left: float, right: float, bottom: float, top: float,
        texture: float) -> Solid:
    return at.solid(
        Shape.BOX, (WALL_HALF_THICKNESS_M, (left + right) / 2, (bottom + top) / 2),
        (WALL_HALF_THICKNESS_M, (right - left) / 2, (top - bottom) / 2), texture)


def _wall_furniture(half_x: float, half_y: float, rng: Rng) -> list[Solid]:
    """Return shelves, sofas and blank panels along the three walls without a door."""
    solids = []
    for quarter in range(1, 4):
        yaw = quarter * np.pi / 2
        reach, half = (half_x, half_y) if quarter % 2 == 0 else (half_y, half_x)
        for along in (-0.5, 0.5):
            y = (along + rng.uniform(-0.1, 0.1)) * half
            x = reach - 0.01
            at = Placement(
                x * np.cos(yaw) - y * np.sin(yaw), x * np.sin(yaw) + y * np.cos(yaw),
                yaw + np.pi)
            if rng.random() < 0.65:
                solids += AGAINST_WALL[rng.integers(len(AGAINST_WALL))](at, rng)
            else:
                solids.append(_panel(at, rng))
    return solids


def _panel(at: Placement, rng: Rng) -> Solid:
    """Return a blank screen or window on a wall."""
    half_width, half_height = rng.uniform((0.3, 0.25), (0.7, 0.5))
    return at.solid(
        Shape.BOX, (0.02, 0, 1.45), (0.02, half_width, half_height), furniture.TEXTURELESS)


def _free_furniture(
        half_x: float, half_y: float, roaming: tuple[float, float], rng: Rng) -> list[Solid]:
    """Return pieces scattered over the floor, clear of where the camera roams."""
    solids: list[Solid] = []
    for _ in range(rng.integers(24, 45)):
        x, y = rng.uniform(-1, 1, 2) * (half_x - 0.4, half_y - 0.4)
        yaw = rng.uniform(-np.pi, np.pi)
        piece = FREE_STANDING[rng.integers(len(FREE_STANDING))](Placement(x, y, yaw), rng)
        radius = max(np.abs(solid.axes[:2]).sum(axis=1).max() for solid in piece)
        if abs(x) > roaming[0] + radius + CLEARANCE_M or (
                abs(y) > roaming[1] + radius + CLEARANCE_M):
            solids += piece
    return solids


def _walker(half_x: float, half_y: float, rng: Rng) -> Walker:
    share = rng.uniform(0.6, 0.8)
    return Walker(
        half_axes=(share * half_x, share * half_y),
        start=rng.uniform(-np.pi, np.pi),
        speed=rng.choice((-1, 1)) * rng.uniform(0.4, 1.1),
        height=rng.uniform(1.55, 1.95),
        texture=rng.uniform(0.5, 1.0))
