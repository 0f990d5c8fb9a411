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

"""The stereo camera: intrinsics, baseline and the lattice of its depth values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SUBPIXELS = 32
"""Disparity steps per pixel of a D4xx."""

FOCAL_PER_WIDTH = 424.0 / 848.0
BASELINE_MM = 50.0
MIN_SIZE, MAX_SIZE = 16, 4096


@dataclass(frozen=True)
class Camera:
    """
    Pinhole model of the left imager; lengths in pixels, baseline in millimetres.

    The right imager stands `baseline_mm` along +x of the optical frame.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    baseline_mm: float

    @classmethod
    def sample(cls, width: int, height: int, rng: np.random.Generator) -> Camera:
        """
        Return a D435 at this image size with the calibration spread of its kind.

        :raises ValueError: if a side lies outside 16..4096 pixels.
        """
        for side, value in (('width', width), ('height', height)):
            if not MIN_SIZE <= value <= MAX_SIZE:
                raise ValueError(
                    f'{side} is {value} pixels, expected {MIN_SIZE}..{MAX_SIZE}')
        focal = FOCAL_PER_WIDTH * width * rng.uniform(0.985, 1.015)
        return cls(
            width, height, focal, focal,
            cx=(width - 1) / 2 + 0.005 * width * rng.uniform(-1, 1),
            cy=(height - 1) / 2 + 0.005 * height * rng.uniform(-1, 1),
            baseline_mm=BASELINE_MM + rng.uniform(-0.2, 0.2))

    @property
    def lattice_constant(self) -> float:
        """Return K in `depth_mm = round(K / n)`, n the disparity in 1/32 px."""
        return self.fx * self.baseline_mm * SUBPIXELS

    def ray_slopes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return x/z of every column (W,) and y/z of every row (H,), float32."""
        x = (np.arange(self.width) - self.cx) / self.fx
        y = (np.arange(self.height) - self.cy) / self.fy
        return x.astype(np.float32), y.astype(np.float32)
