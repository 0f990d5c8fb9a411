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

"""The path of a hand-held or robot-borne camera, smooth in time."""

from __future__ import annotations

from dataclasses import dataclass

from depth_nn_transport.simulator.scene import Vector

import numpy as np

HARMONICS = 4


@dataclass(frozen=True)
class Wander:
    """A smooth quasi-periodic signal in -1..1: a sum of slow sines (rad/s, rad)."""

    weights: Vector
    rates: Vector
    phases: Vector

    @classmethod
    def sample(cls, rng: np.random.Generator, slowest: float, fastest: float) -> Wander:
        """Return a signal with angular rates between two bounds in rad/s."""
        rates = rng.uniform(slowest, fastest, HARMONICS)
        weights = 1 / rates
        return cls(weights / weights.sum(), rates, rng.uniform(0, 2 * np.pi, HARMONICS))

    def __call__(self, time: float) -> float:
        """Return the value at `time` seconds."""
        return float(self.weights @ np.sin(self.rates * time + self.phases))


class Trajectory:
    """
    Camera poses over time inside a rectangle around the origin.

    `roaming` holds the half sizes of the rectangle in metres.
    """

    def __init__(self, roaming: tuple[float, float], rng: np.random.Generator) -> None:
        self._roaming = roaming
        self._height = rng.uniform(0.5, 1.5)
        self._yaw = rng.uniform(-np.pi, np.pi)
        self._yaw_rate = rng.choice((-1, 1)) * rng.uniform(0.02, 0.12)
        self._pitch = rng.uniform(-0.1, 0.45)
        self._tilt = rng.uniform(-0.07, 0.07)
        self._position = [Wander.sample(rng, 0.2, 1.0) for _ in range(3)]
        self._turn = Wander.sample(rng, 0.2, 1.2)
        self._nod = Wander.sample(rng, 0.3, 2.0)
        self._roll = Wander.sample(rng, 0.5, 3.0)

    def pose(self, time: float) -> Vector:
        """Return camera-to-world at `time` seconds, float64 (4, 4), optical frame."""
        x, y, z = (wander(time) for wander in self._position)
        yaw = self._yaw + self._yaw_rate * time + 0.5 * self._turn(time)
        pose = np.eye(4)
        pose[:3, :3] = optical_rotation(
            yaw, self._pitch + 0.15 * self._nod(time),
            self._tilt + 0.04 * self._roll(time))
        pose[:3, 3] = (
            self._roaming[0] * x, self._roaming[1] * y, self._height + 0.12 * z)
        return pose


def optical_rotation(yaw: float, pitch: float, roll: float) -> Vector:
    """
    Return the (3, 3) rotation from the optical frame (x right, y down) to the world (z up).

    Angles in radians: `yaw` about the world's z, `pitch` down positive, `roll` about the view.
    """
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    forward = np.array([cp * cy, cp * sy, -sp])
    level_right = np.array([sy, -cy, 0.0])
    level_down = np.cross(forward, level_right)
    right = np.cos(roll) * level_right + np.sin(roll) * level_down
    return np.stack([right, np.cross(forward, right), forward], axis=1)
