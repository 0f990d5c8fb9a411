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

"""What stands in a room, as lists of solids; metres, z up, origin on the floor."""

from __future__ import annotations

from dataclasses import dataclass

from depth_nn_transport.simulator.scene import Shape, Solid, Vector

import numpy as np

Rng = np.random.Generator
TEXTURELESS = 0.08


def yaw_matrix(angle: float) -> Vector:
    """Return the (3, 3) rotation about z by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Placement:
    """A spot on the floor (metres) and a heading (radians) to build a piece at."""

    x: float
    y: float
    yaw: float

    def solid(
            self, shape: Shape, center: tuple[float, float, float],
            half: tuple[float, float, float], texture: float,
            tilt: float = 0.0) -> Solid:
        """Return a solid with half sizes `half`, tilted about its own y by radians."""
        turn = yaw_matrix(self.yaw)
        c, s = np.cos(tilt), np.sin(tilt)
        lean = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
        origin = np.array([self.x, self.y, 0.0])
        return Solid(
            shape, origin + turn @ np.array(center), turn @ lean @ np.diag(half), texture)


def box(at: Placement, rng: Rng) -> list[Solid]:
    """Return a carton or a cabinet."""
    a, b, c = rng.uniform((0.12, 0.12, 0.15), (0.45, 0.35, 0.8))
    return [at.solid(Shape.BOX, (0, 0, c), (a, b, c), _texture(rng))]


def barrel(at: Placement, rng: Rng) -> list[Solid]:
    """Return an upright cylinder: a bin, a barrel, a column."""
    radius, half = rng.uniform((0.1, 0.2), (0.3, 0.6))
    return [at.solid(Shape.CYLINDER, (0, 0, half), (radius, radius, half), _texture(rng))]


def ball(at: Placement, rng: Rng) -> list[Solid]:
    """Return a ball or a cushion."""
    a, b, c = rng.uniform(0.1, 0.35, 3)
    return [at.solid(Shape.ELLIPSOID, (0, 0, c), (a, b, c), _texture(rng))]


def pole(at: Placement, rng: Rng) -> list[Solid]:
    """Return a thin lamp stand: foot, pole, shade."""
    height, radius = rng.uniform((1.2, 0.006), (1.9, 0.03))
    texture = _texture(rng)
    return [
        at.solid(Shape.CYLINDER, (0, 0, 0.015), (0.16, 0.16, 0.015), texture),
        at.solid(Shape.CYLINDER, (0, 0, height / 2), (radius, radius, height / 2), texture),
        at.solid(Shape.ELLIPSOID, (0, 0, height), (0.17, 0.17, 0.13), _texture(rng))]


def table(at: Placement, rng: Rng) -> list[Solid]:
    """Return a table with thin legs and some clutter on it."""
    a, b, height = rng.uniform((0.4, 0.3, 0.45), (0.8, 0.45, 0.78))
    leg = rng.uniform(0.012, 0.03)
    solids = [at.solid(Shape.BOX, (0, 0, height), (a, b, 0.018), _texture(rng))]
    solids += _legs(at, a - 0.04, b - 0.04, height, leg)
    for _ in range(rng.integers(1, 6)):
        x, y = rng.uniform(-0.85, 0.85, 2) * (a, b)
        half = rng.uniform(0.03, 0.14, 3)
        shape = list(Shape)[rng.integers(len(Shape))]
        solids.append(at.solid(
            shape, (x, y, height + half[2]), (half[0], half[1], half[2]), _texture(rng)))
    return solids


def chair(at: Placement, rng: Rng) -> list[Solid]:
    """Return a chair: seat, back, four thin legs."""
    texture = _texture(rng)
    return [
        at.solid(Shape.BOX, (0, 0, 0.45), (0.21, 0.21, 0.025), texture),
        at.solid(Shape.BOX, (-0.2, 0, 0.75), (0.02, 0.2, 0.18), texture, tilt=-0.12),
        at.solid(Shape.CYLINDER, (-0.2, 0.18, 0.55), (0.012, 0.012, 0.3), texture),
        at.solid(Shape.CYLINDER, (-0.2, -0.18, 0.55), (0.012, 0.012, 0.3), texture),
        *_legs(at, 0.19, 0.19, 0.44, 0.014)]


def shelf(at: Placement, rng: Rng) -> list[Solid]:
    """Return an open shelf with boards and things on them; its back is at x = 0."""
    half_width, height, depth = rng.uniform((0.4, 1.2, 0.14), (0.9, 2.1, 0.22))
    wood = _texture(rng)
    solids = [at.solid(
        Shape.BOX, (depth, side * half_width, height / 2), (depth, 0.012, height / 2), wood)
        for side in (-1, 1)]
    for level in np.arange(0.05, height, rng.uniform(0.3, 0.45)):
        solids.append(at.solid(
            Shape.BOX, (depth, 0, level), (depth, half_width, 0.012), wood))
        for _ in range(rng.integers(0, 5)):
            y = rng.uniform(-0.85, 0.85) * half_width
            half = rng.uniform((0.05, 0.03, 0.05), (depth, 0.15, 0.13))
            solids.append(at.solid(
                Shape.BOX, (depth, y, level + half[2]), (half[0], half[1], half[2]),
                _texture(rng)))
    return solids


def sofa(at: Placement, rng: Rng) -> list[Solid]:
    """Return a sofa with its back at x = 0."""
    half_width = rng.uniform(0.6, 1.0)
    texture = _texture(rng)
    return [
        at.solid(Shape.BOX, (0.42, 0, 0.2), (0.42, half_width, 0.2), texture),
        at.solid(Shape.BOX, (0.14, 0, 0.6), (0.1, half_width, 0.25), texture, tilt=-0.15),
        *(at.solid(Shape.CYLINDER, (0.42, side * half_width, 0.3), (0.4, 0.12, 0.3), texture)
          for side in (-1, 1)),
        at.solid(Shape.ELLIPSOID, (0.3, 0.3, 0.5), (0.1, 0.2, 0.2), _texture(rng), tilt=-0.4)]


def plant(at: Placement, rng: Rng) -> list[Solid]:
    """Return a potted plant: thin stems with leaves."""
    solids = [at.solid(Shape.CYLINDER, (0, 0, 0.15), (0.15, 0.15, 0.15), _texture(rng))]
    for _ in range(rng.integers(4, 10)):
        height, lean = rng.uniform(0.25, 0.6), rng.uniform(-0.5, 0.5)
        x, y = rng.uniform(-0.08, 0.08, 2)
        reach = 2 * height * np.sin(lean)
        solids += [
            at.solid(Shape.CYLINDER, (x + reach / 2, y, 0.3 + height * np.cos(lean)),
                     (0.006, 0.006, height), 0.7, lean),
            at.solid(Shape.ELLIPSOID, (x + reach, y, 0.3 + 2 * height * np.cos(lean)),
                     (0.1, 0.05, 0.012), 0.8, lean + rng.uniform(-0.8, 0.8))]
    return solids


def person(at: Placement, height: float, texture: float, phase: float) -> list[Solid]:
    """Return a person facing +x, `phase` radians into the stride, `height` metres tall."""
    swing = 0.45 * np.sin(phase)
    scale = height / 1.75

    def part(shape: Shape, center: tuple[float, float, float],
             half: tuple[float, float, float], tilt: float = 0.0) -> Solid:
        x, y, z = (scale * value for value in center)
        a, b, c = (scale * value for value in half)
        return at.solid(shape, (x, y, z), (a, b, c), texture, tilt)

    solids = [
        part(Shape.ELLIPSOID, (0, 0, 1.62), (0.1, 0.08, 0.13)),
        part(Shape.CYLINDER, (0, 0, 1.46), (0.06, 0.06, 0.08)),
        part(Shape.ELLIPSOID, (0, 0, 1.2), (0.13, 0.22, 0.32)),
        part(Shape.CYLINDER, (0, 0, 0.95), (0.11, 0.16, 0.14))]
    for side in (-1, 1):
        lean = side * swing
        solids += [
            part(Shape.ELLIPSOID, (-0.43 * np.sin(lean), side * 0.09, 0.47),
                 (0.085, 0.08, 0.5), lean),
            part(Shape.ELLIPSOID, (0.28 * np.sin(lean), side * 0.24, 1.14),
                 (0.055, 0.05, 0.36), -lean),
            part(Shape.ELLIPSOID, (0.05 - 0.86 * np.sin(lean), side * 0.09, 0.05),
                 (0.13, 0.05, 0.05))]
    return solids


def _legs(at: Placement, x: float, y: float, height: float, radius: float) -> list[Solid]:
    return [at.solid(
        Shape.CYLINDER, (sx * x, sy * y, height / 2), (radius, radius, height / 2), 0.5)
        for sx in (-1, 1) for sy in (-1, 1)]


def _texture(rng: Rng) -> float:
    """Return a texture, one in six being dark or blank."""
    return TEXTURELESS if rng.random() < 1 / 6 else float(rng.uniform(0.45, 1.0))
