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

"""A long corridor with doors, pipes, cabinets and people."""

from __future__ import annotations

from depth_nn_transport.simulator import furniture
from depth_nn_transport.simulator.furniture import Placement, Rng
from depth_nn_transport.simulator.place import Place, Walker
from depth_nn_transport.simulator.scene import Shape, Solid

import numpy as np

DOOR_SPACING_M = 2.5
PIECES = (furniture.box, furniture.barrel, furniture.plant, furniture.chair, furniture.pole)


def build_corridor(rng: Rng) -> Place:
    """Return a random corridor along x."""
    half_length, half_width, height = rng.uniform((6, 0.9, 2.4), (14, 1.6, 3.2))
    solids = _shell(half_length, half_width, height, rng)
    for side in (-1, 1):
        solids += _wall_fittings(half_length, side * half_width, height, rng)
    walkers = tuple(
        Walker((0.8 * half_length, 0.55 * half_width), rng.uniform(-np.pi, np.pi),
               rng.choice((-1, 1)) * rng.uniform(0.6, 1.3), rng.uniform(1.55, 1.95),
               rng.uniform(0.4, 1.0))
        for _ in range(rng.integers(1, 4)))
    return Place(tuple(solids), walkers, (0.5 * half_length, 0.15 * half_width))


def _shell(half_length: float, half_width: float, height: float, rng: Rng) -> list[Solid]:
    floor, ceiling, wall, end = rng.uniform((0.4, 0.25, 0.35, 0.3), (1.0, 0.8, 0.95, 0.9))
    at = Placement(0, 0, 0)
    walls = [
        at.solid(Shape.BOX, (0, side * (half_width + 0.06), height / 2),
                 (half_length, 0.06, height / 2), wall) for side in (-1, 1)]
    ends = [
        at.solid(Shape.BOX, (side * (half_length + 0.06), 0, height / 2),
                 (0.06, half_width + 0.12, height / 2), end) for side in (-1, 1)]
    return [
        at.solid(Shape.BOX, (0, 0, -0.05), (half_length, half_width, 0.05), floor),
        at.solid(Shape.BOX, (0, 0, height + 0.05), (half_length, half_width, 0.05), ceiling),
        *walls, *ends]


def _wall_fittings(half_length: float, y: float, height: float, rng: Rng) -> list[Solid]:
    """Return a pipe, doors in frames and what stands between them along the wall at `y`."""
    at, inward = Placement(0, 0, 0), -float(np.sign(y))
    pipe = rng.uniform(0.015, 0.06)
    solids = [at.solid(
        Shape.BOX, (0, y + inward * 0.1, height - 0.25), (half_length, pipe, pipe),
        rng.uniform(0.3, 1.0))]
    for x in np.arange(-half_length + 1, half_length - 1, DOOR_SPACING_M).tolist():
        solids += _door(at, x, y, inward, rng)
        if rng.random() < 0.6:
            piece = PIECES[rng.integers(len(PIECES))]
            solids += piece(Placement(x + 1.2, y + inward * 0.3, rng.uniform(-0.4, 0.4)), rng)
    return solids


def _door(at: Placement, x: float, y: float, inward: float, rng: Rng) -> list[Solid]:
    frame = rng.uniform(0.3, 0.9)
    return [
        at.solid(Shape.BOX, (x, y, 1.0), (0.42, 0.01, 1.0), rng.uniform(0.1, 1.0)),
        *(at.solid(Shape.BOX, (x + side * 0.45, y, 1.02), (0.04, 0.04, 1.02), frame)
          for side in (-1, 1)),
        at.solid(Shape.CYLINDER, (x + 0.35, y + inward * 0.06, 1.0), (0.012, 0.012, 0.06), 0.3)]
