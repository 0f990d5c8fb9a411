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

"""Random fields with the grain of a block matcher, fresh or tied to surfaces."""

from __future__ import annotations

from math import pi, sqrt

import cv2

from depth_nn_transport.simulator.camera import Camera
from depth_nn_transport.simulator.scene import Array, Vector

import numpy as np

Rng = np.random.Generator

TILE = 512
# Neither direction nor their cross product lies in a wall or floor, so no flat surface of a
# room sees the projected tile degenerate to stripes; upright walls see it nearly upright.
PROJECTION = np.array([[0.69, 0.72, 0.06], [0.27, -0.22, 0.93]])


def smooth_field(rng: Rng, size: tuple[int, ...], sigma: tuple[float, float]) -> Array:
    """Return unit-variance noise (H, W) with Gaussian grain `sigma` in pixels (rows, columns)."""
    white = rng.standard_normal(size, dtype=np.float32)
    field = cv2.GaussianBlur(white, (0, 0), sigmaX=sigma[1], sigmaY=sigma[0])
    # The inverse of what a Gaussian of these widths leaves of white noise.
    gain = sqrt(4 * pi * sigma[0] * sigma[1])
    return np.asarray(field * gain, np.float32)


def grain_tile(rng: Rng, octaves: dict[float, float]) -> Array:
    """Return a periodic unit-variance tile; `octaves` maps grain in texels to its weight."""
    tile = np.zeros((TILE, TILE), np.float32)
    for grain, weight in octaves.items():
        margin = int(4 * grain) + 1
        white = np.pad(
            rng.standard_normal((TILE, TILE), dtype=np.float32), margin, mode='wrap')
        smooth = cv2.GaussianBlur(white, (0, 0), grain)[margin:-margin, margin:-margin]
        tile += weight / smooth.std() * smooth
    return np.asarray((tile - tile.mean()) / tile.std(), np.float32)


class SurfaceMap:
    """Coordinates that stick to the surfaces of a frame, to look noise tiles up by."""

    def __init__(self, depth: Array, camera: Camera, pose: Vector) -> None:
        x, y = camera.ray_slopes()
        self._coordinates = []
        for direction in PROJECTION:
            a, b, c = (direction @ pose[:3, :3]).astype(np.float32)
            plane = a * x[None, :] + (b * y + c)[:, None]
            plane *= depth
            plane += np.float32(direction @ pose[:3, 3])
            self._coordinates.append(plane)
        self._octave = np.log2(depth)
        self._focal = camera.fx

    def lookup(self, tile: Array, tiles_per_metre: float | Array) -> Array:
        """Return the tile's values (H, W) at a density given for all or for each pixel."""
        u, v = (_wrapped(plane * tiles_per_metre) for plane in self._coordinates)
        values = cv2.remap(tile, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return np.asarray(values, np.float32)

    def lookup_at_pixel_scale(self, tile: Array) -> Array:
        """Return the tile's values (H, W), one texel covering about a pixel at any depth."""
        level = np.floor(self._octave)
        share = self._octave - level
        density: Array = np.float32(self._focal / TILE) * np.exp2(-level)
        near, far = self.lookup(tile, density), self.lookup(tile, density * np.float32(0.5))
        # Weights that keep the variance, the two octaves being all but independent.
        return np.asarray(np.sqrt(1 - share) * near + np.sqrt(share) * far, np.float32)


def _wrapped(turns: Array) -> Array:
    return np.asarray((turns - np.floor(turns)) * TILE, np.float32)
