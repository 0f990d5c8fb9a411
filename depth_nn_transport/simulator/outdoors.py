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

"""Open ground with trees, stones, fences, house walls and people, by daylight."""

from __future__ import annotations

from depth_nn_transport.simulator import furniture
from depth_nn_transport.simulator.furniture import Placement, Rng
from depth_nn_transport.simulator.place import Place, Walker
from depth_nn_transport.simulator.scene import Shape, Solid

import numpy as np

HALF_SIZE_M = 40.0
ROAMING_M = 1.5
PIECES = (furniture.plant, furniture.plant, furniture.pole, furniture.box, furniture.barrel)


def build_outdoors(rng: Rng) -> Place:
    """Return a random piece of open ground."""
    ground = Placement(0, 0, 0).solid(
        Shape.BOX, (0, 0, -0.05), (HALF_SIZE_M, HALF_SIZE_M, 0.05), rng.uniform(0.7, 1.0))
    solids = [ground, *_house(rng), *_fence(rng)]
    for _ in range(rng.integers(120, 240)):
        solids += _stone(_spot(rng, 1.0, 9.0), rng)
    for _ in range(rng.integers(5, 14)):
        solids += _tree(_spot(rng, 3.0, 20.0), rng)
    for _ in range(rng.integers(3, 12)):
        solids += PIECES[rng.integers(len(PIECES))](_spot(rng, 2.5, 9.0), rng)
    walkers = tuple(
        Walker((radius, radius), rng.uniform(-np.pi, np.pi),
               rng.choice((-1, 1)) * rng.uniform(0.6, 1.5), rng.uniform(1.5, 1.95),
               rng.uniform(0.4, 1.0))
        for radius in rng.uniform(2.5, 7, rng.integers(0, 4)))
    return Place(tuple(solids), walkers, (ROAMING_M, ROAMING_M), ambient=rng.uniform(0.6, 2.5))


def _spot(rng: Rng, nearest: float, farthest: float) -> Placement:
    """Return a spot between two distances from the roaming camera."""
    distance, bearing = ROAMING_M + rng.uniform(nearest, farthest), rng.uniform(-np.pi, np.pi)
    return Placement(
        distance * np.cos(bearing), distance * np.sin(bearing), rng.uniform(-np.pi, np.pi))


def _stone(at: Placement, rng: Rng) -> list[Solid]:
    a, b, c = rng.uniform((0.03, 0.03, 0.02), (0.2, 0.2, 0.1))
    return [at.solid(Shape.ELLIPSOID, (0, 0, c / 3), (a, b, c), rng.uniform(0.5, 1.0))]


def _tree(at: Placement, rng: Rng) -> list[Solid]:
    radius, height = rng.uniform((0.05, 2.0), (0.25, 5.0))
    crown = [
        at.solid(Shape.ELLIPSOID, tuple(rng.uniform((-1, -1, height), (1, 1, height + 2))),
                 tuple(rng.uniform(0.3, 1.0, 3)), rng.uniform(0.7, 1.0))
        for _ in range(rng.integers(3, 8))]
    return [at.solid(Shape.CYLINDER, (0, 0, height / 2), (radius, radius, height / 2), 0.8),
            *crown]


def _fence(rng: Rng) -> list[Solid]:
    """Return a straight fence of thin posts and rails."""
    at, half = _spot(rng, 2.0, 6.0), 6.0
    posts = [at.solid(Shape.CYLINDER, (0, y, 0.55), (0.03, 0.03, 0.55), 0.7)
             for y in np.arange(-half, half, 0.8).tolist()]
    rails = [at.solid(Shape.BOX, (0, 0, z), (0.012, half, 0.02), 0.7) for z in (0.45, 0.75, 1.0)]
    return posts + rails


def _house(rng: Rng) -> list[Solid]:
    at = _spot(rng, 6.0, 20.0)
    a, b, height = rng.uniform((2, 3, 2.5), (5, 8, 6))
    windows = [
        at.solid(Shape.BOX, (side * a, y, 1.5), (0.05, 0.5, 0.6), furniture.TEXTURELESS)
        for side in (-1, 1) for y in np.arange(-b + 1, b, 2.0).tolist()]
    return [at.solid(Shape.BOX, (0, 0, height / 2), (a, b, height / 2), rng.uniform(0.6, 1.0)),
            *windows]
