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

"""What two infrared imagers and a colour camera see by ambient light and a dot projector."""

from __future__ import annotations

import cv2

from depth_nn_transport.simulator.camera import Camera
from depth_nn_transport.simulator.noise import grain_tile, Rng, SurfaceMap
from depth_nn_transport.simulator.scene import Array, Vector, View

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

PROJECTOR_SHARE = 0.6
"""Where the projector stands on the baseline, from left to right."""
PATTERN_SIZE = 1024
TEXELS_PER_SLOPE = 848.0
DOT_SPACING, DOT_SIGMA = 17.0, 1.5
"""Side of the periodic pattern, texels in a slope of 1; grid and size of the dots in texels."""

LENS_SIGMA_PX = 0.6
VIGNETTING = 1.5
"""Light falls off with the cosine of the angle off the axis to twice this power."""
FULL_WELL = 8000.0
READ_NOISE = 9.0
"""Electrons of a pixel at full scale, and of its noise in the dark."""
TARGET_LEVEL = 0.3
MAX_EXPOSURE = 60_000.0
"""Mean level that exposure aims at, and the most electrons that it makes of unit radiance."""

COLOURS = 512
GRAIN_LIMIT = 2.0
WEATHERING = 0.25


class InfraredRig:
    """
    A pair of infrared imagers with a dot projector between them.

    Radiance is in units of what a white wall 1 m before the projector sends back from a dot;
    `ambient` is the infrared light around in the same units.
    """

    def __init__(self, camera: Camera, ambient: float, rng: Rng) -> None:
        self._camera = camera
        self._ambient = ambient
        self._power = rng.uniform(0.7, 1.3)
        # A dot smaller than a pixel would come and go with its place on the grid of pixels.
        self._dots = dot_pattern(rng, max(DOT_SIGMA, 0.5 * TEXELS_PER_SLOPE / camera.fx))
        self._grain = grain_tile(rng, {0.8: 0.7, 1.6: 0.6, 4.0: 0.5, 16.0: 0.6})
        self._blotches = grain_tile(rng, {3.0: 0.5, 12.0: 1.0})
        self._paint = rng.uniform(0.25, 1.0, (COLOURS, 3)).astype(np.float32)

    def right_pose(self, pose: Vector) -> Vector:
        """Return the pose (4, 4) of the right imager for that of the left one."""
        right = pose.copy()
        right[:3, 3] += pose[:3, 0] * self._camera.baseline_mm / 1000
        return right

    def expose(self, view: View, pose: Vector, baseline_share: float, rng: Rng) -> Image:
        """
        Return an infrared image, uint8 (H, W).

        `baseline_share` is 0 for the left imager and 1 for the right one.
        """
        surface = SurfaceMap(view.depth, self._camera, pose)
        facing = self._facing(view)
        aside = (PROJECTOR_SHARE - baseline_share) * self._camera.baseline_mm / 1000
        light = self._ambient * (0.5 + 0.5 * facing)
        light += self._power * facing * self._projected(view, aside) / np.square(view.depth)
        radiance = self._albedo(view, surface) * light
        radiance[view.solid < 0] = self._ambient
        radiance = cv2.GaussianBlur(radiance, (0, 0), LENS_SIGMA_PX) * self._vignette()
        return develop(np.asarray(radiance, np.float32), rng)

    def colour(self, view: View, pose: Vector) -> NDArray[np.uint8]:
        """Return what a colour camera in place of the left imager sees, uint8 (H, W, 3) RGB."""
        surface = SurfaceMap(view.depth, self._camera, pose)
        shade = self._albedo(view, surface) * (0.35 + 0.65 * self._facing(view))
        paint = self._paint[view.solid % COLOURS]
        paint[view.solid < 0] = (0.6, 0.8, 1.0)
        shade[view.solid < 0] = 1
        return np.rint(255 * np.clip(paint * shade[..., None] ** 0.6, 0, 1)).astype(np.uint8)

    def _albedo(self, view: View, surface: SurfaceMap) -> Array:
        """Return reflectance (H, W), which grows with the texture of a solid."""
        grain = np.clip(surface.lookup_at_pixel_scale(self._grain), -GRAIN_LIMIT, GRAIN_LIMIT)
        blotches = np.clip(surface.lookup(self._blotches, 0.3), -GRAIN_LIMIT, GRAIN_LIMIT)
        contrast = np.float32(0.16) * np.square(view.texture)
        albedo = 0.75 * view.texture * (1 + contrast * grain) * (1 + WEATHERING * blotches)
        return np.asarray(np.clip(albedo, 0.02, 1), np.float32)

    def _facing(self, view: View) -> Array:
        """Return the cosine of the angle between ray and surface normal (H, W)."""
        x, y = self._camera.ray_slopes()
        inverse = 1 / view.depth
        # On a plane 1/z is linear in the slopes of the ray; its coefficients are the normal.
        a = cv2.Sobel(inverse, cv2.CV_32F, 1, 0, scale=self._camera.fx / 8)
        b = cv2.Sobel(inverse, cv2.CV_32F, 0, 1, scale=self._camera.fy / 8)
        c = inverse - a * x[None, :] - b * y[:, None]
        length = np.sqrt((a * a + b * b + c * c) * self._ray_square())
        # The maximum over neighbours drops the steps between objects.
        return np.asarray(cv2.dilate(inverse / length, np.ones((3, 3), np.uint8)), np.float32)

    def _projected(self, view: View, aside: float) -> Array:
        """Return the dots on the surfaces (H, W), the projector standing `aside` metres right."""
        x, y = self._camera.ray_slopes()
        u = (x[None, :] - np.float32(aside) / view.depth) * np.float32(TEXELS_PER_SLOPE)
        v = np.broadcast_to(y[:, None] * np.float32(TEXELS_PER_SLOPE), u.shape)
        return np.asarray(cv2.remap(
            self._dots, np.mod(u, PATTERN_SIZE), np.mod(v, PATTERN_SIZE), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP), np.float32)

    def _vignette(self) -> Array:
        return np.asarray(self._ray_square() ** -VIGNETTING, np.float32)

    def _ray_square(self) -> Array:
        x, y = self._camera.ray_slopes()
        return np.asarray(1 + np.square(x)[None, :] + np.square(y)[:, None], np.float32)


def dot_pattern(rng: Rng, sigma: float) -> Array:
    """Return a periodic pattern of dots of `sigma` texels on a jittered grid, peaks at 1."""
    count = int(PATTERN_SIZE / DOT_SPACING)
    grid = np.stack(np.meshgrid(np.arange(count), np.arange(count)), axis=-1)
    place = (grid + rng.uniform(0.1, 0.9, grid.shape)) * PATTERN_SIZE / count
    dots = np.zeros((PATTERN_SIZE, PATTERN_SIZE), np.float32)
    column, row = np.moveaxis(place.astype(np.intp), -1, 0)
    dots[row, column] = rng.uniform(0.6, 1.0, row.shape)
    margin = int(4 * sigma) + 1
    spread = cv2.GaussianBlur(np.pad(dots, margin, mode='wrap'), (0, 0), sigma)
    pattern = spread[margin:-margin, margin:-margin]
    return np.asarray(pattern / pattern.max(), np.float32)


def develop(radiance: Array, rng: Rng) -> Image:
    """Return a picture (H, W) with automatic exposure, shot noise and read noise."""
    mean = float(radiance.mean())
    exposure = min(TARGET_LEVEL * FULL_WELL / mean, MAX_EXPOSURE)
    gain = TARGET_LEVEL / (exposure * mean / FULL_WELL)
    electrons = radiance * np.float32(exposure)
    noise = rng.standard_normal(radiance.shape, dtype=np.float32)
    electrons += noise * np.sqrt(electrons + np.float32(READ_NOISE**2))
    levels = np.rint(electrons * np.float32(255 * gain / FULL_WELL))
    return np.asarray(np.clip(levels, 0, 255), np.uint8)
