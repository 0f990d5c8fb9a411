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

"""A place to look at: what stands in it and who walks in it."""

from __future__ import annotations

from dataclasses import dataclass

from depth_nn_transport.simulator import furniture
from depth_nn_transport.simulator.furniture import Placement
from depth_nn_transport.simulator.scene import Solid

import numpy as np


@dataclass(frozen=True)
class Walker:
    """A person who walks an ellipse (half axes in metres) around the origin."""

    half_axes: tuple[float, float]
    start: float
    speed: float
    height: float
    texture: float

    def solids(self, time: float) -> list[Solid]:
        """Return the body at `time` seconds."""
        a, b = self.half_axes
        angle = self.start + self.speed * time / max(a, b)
        heading = np.arctan2(
            self.speed * b * np.cos(angle), -self.speed * a * np.sin(angle))
        at = Placement(float(a * np.cos(angle)), float(b * np.sin(angle)), float(heading))
        stride = self.start + 4.5 * abs(self.speed) * time
        return furniture.person(at, self.height, self.texture, stride)


@dataclass(frozen=True)
class Place:
    """
    A place around the origin of the world, the floor at z = 0.

    `roaming` holds the half sizes in metres of the rectangle kept free for the camera; `ambient`
    is the infrared light around, relative to what a dot of a camera's projector sends back from a
    white wall 1 m away.
    """

    fixed: tuple[Solid, ...]
    walkers: tuple[Walker, ...]
    roaming: tuple[float, float]
    ambient: float = 0.05

    def solids(self, time: float) -> list[Solid]:
        """Return everything in the place at `time` seconds."""
        return [*self.fixed, *(s for walker in self.walkers for s in walker.solids(time))]
