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

"""From true depth to what a D4xx reports: matching, noise, holes, lattice."""

from __future__ import annotations

from math import sqrt

import cv2

from depth_nn_transport.simulator.camera import Camera, SUBPIXELS
from depth_nn_transport.simulator.noise import grain_tile, Rng, smooth_field, SurfaceMap
from depth_nn_transport.simulator.scene import Array, Vector, View

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

WINDOW = 7
"""Side of the matching window in pixels."""
EDGE_JUMP = 32.0
EDGE_CURVATURE = 6.0
"""Disparity span, and departure from its mean, in a window with an edge (quanta)."""
FOREGROUND_SHARE = 0.36
"""Share of the window from which on the foreground wins; below a half, so objects fatten."""
SEARCH_RANGE_PER_WIDTH = 126.0 / 848.0
MAX_DEPTH_MM = 65535

NOISE_GRAIN_PX = (2.8, 3.4)
SURFACE_SHARE = 0.5
"""Share of the noise variance that sticks to the surfaces; the rest is new in every frame."""

# What raises or lowers the confidence of a match, on the scale of a solid's texture.
CONTRAST_SPREAD = 0.2
CONTRAST_TILES_PER_M = 0.25
FLICKER = 0.07
FADE_FROM_M, FADE_PER_M = 5.0, 0.03
GRAZING_FROM_TANGENT, GRAZING_LOSS = 6.0, 0.06

MISMATCH_LEVEL = 2.3
"""Standard deviations of a field above which a hole holds a wrong match."""
MISMATCH_CELL_PX = 12
PIXELS_PER_SPECKLE = 4000


class DepthSensor:
    """
    A simulated D4xx looking at a world of its own random texture.

    Everything is computed on disparity in quanta of 1/32 px, where stereo noise is uniform.
    """

    def __init__(self, camera: Camera, rng: Rng) -> None:
        self._camera = camera
        self._roughness = rng.uniform(1.0, 2.4)
        self._least_texture = rng.uniform(0.15, 0.4)
        self._search_range = SEARCH_RANGE_PER_WIDTH * camera.width * SUBPIXELS
        self._depth_of_disparity = _depth_table(camera.lattice_constant, self._search_range)
        self._noise_tile = grain_tile(rng, {3.0: 0.7, 6.0: 0.5, 14.0: 0.5})
        self._contrast_tile = grain_tile(rng, {2.0: 0.3, 5.0: 0.4, 20.0: 0.9})

    def measure(self, view: View, pose: Vector, rng: Rng) -> NDArray[np.uint16]:
        """Return depth (H, W) in mm, 0 = hole; `rng` supplies the noise of this frame."""
        surface = SurfaceMap(view.depth, self._camera, pose)
        truth = np.float32(self._camera.lattice_constant / 1000) / view.depth
        wobble = smooth_field(rng, truth.shape, (2.5, 2.0))
        matched, holes = match_edges(truth, wobble)
        confidence = self._confidence(view, truth, surface, rng)
        holes |= (confidence < 0) | unseen_by_right_imager(matched, wobble)
        self._mismatch(matched, holes, rng)
        matched += self._noise(confidence, surface, rng)
        holes[speckle(truth.shape, rng)] = True
        matched[holes] = 0
        return self._quantise(matched)

    def _confidence(
            self, view: View, truth: Array, surface: SurfaceMap, rng: Rng) -> Array:
        """Return how well a pixel matches (H, W): 1 is best, below 0 it is a hole."""
        confidence = view.texture - np.float32(self._least_texture)
        confidence += CONTRAST_SPREAD * surface.lookup(
            self._contrast_tile, CONTRAST_TILES_PER_M)
        confidence += FLICKER * smooth_field(rng, truth.shape, (1.0, 3.0))
        confidence -= FADE_PER_M * np.maximum(view.depth - FADE_FROM_M, 0)
        confidence -= GRAZING_LOSS * np.maximum(
            self._incidence(truth) - GRAZING_FROM_TANGENT, 0)
        return confidence

    def _incidence(self, truth: Array) -> Array:
        """Return about the tangent of the angle between ray and surface normal (H, W)."""
        across = cv2.Sobel(truth, cv2.CV_32F, 1, 0, scale=1 / 8)
        down = cv2.Sobel(truth, cv2.CV_32F, 0, 1, scale=1 / 8)
        slope = self._camera.fx * cv2.magnitude(across, down) / truth
        # The minimum over neighbours drops the steps between objects.
        return np.asarray(cv2.erode(slope, np.ones((3, 3), np.uint8)), np.float32)

    def _noise(self, confidence: Array, surface: SurfaceMap, rng: Rng) -> Array:
        """Return matching noise (H, W) in quanta, stronger where the match is poor."""
        fresh = smooth_field(rng, confidence.shape, NOISE_GRAIN_PX)
        steady = surface.lookup_at_pixel_scale(self._noise_tile)
        noise = sqrt(1 - SURFACE_SHARE) * fresh + sqrt(SURFACE_SHARE) * steady
        spread = self._roughness * (0.8 + 1.4 * np.clip(1 - 1.4 * confidence, 0, 1))
        return np.asarray(noise * spread, np.float32)

    def _mismatch(self, matched: Array, holes: Mask, rng: Rng) -> None:
        """Turn blobs of the holes into wrong disparity, as ambiguous texture does."""
        height, width = matched.shape
        blobs = holes & (smooth_field(rng, matched.shape, (2.5, 3.5)) > MISMATCH_LEVEL)
        cells = (height // MISMATCH_CELL_PX + 1, width // MISMATCH_CELL_PX + 1)
        guesses = rng.uniform(SUBPIXELS, 0.6 * self._search_range, cells)
        guess = cv2.resize(
            guesses.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
        np.copyto(matched, guess, where=blobs)
        holes[blobs] = False

    def _quantise(self, disparity: Array) -> NDArray[np.uint16]:
        steps = np.rint(disparity)
        # The table's first and last entries are holes: no match, nearer than searched.
        return self._depth_of_disparity[
            np.clip(steps, 0, len(self._depth_of_disparity) - 1).astype(np.intp)]


def _depth_table(lattice_constant: float, search_range: float) -> NDArray[np.uint16]:
    """Return depth in mm by disparity in quanta, 0 where it is out of range."""
    steps = np.arange(1, int(search_range) + 1)
    depth = np.rint(lattice_constant / steps)
    return np.concatenate(
        [[0], np.where(depth <= MAX_DEPTH_MM, depth, 0), [0]]).astype(np.uint16)


def match_edges(truth: Array, wobble: Array) -> tuple[Array, Mask]:
    """
    Return disparity as a matching window sees it, and the holes along its edges (H, W).

    Surfaces come out smoothed over the window; at an edge the foreground grows by a ragged
    pixel or two (`wobble`, unit variance), with a thin line of failed matches around it.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (WINDOW, WINDOW))
    nearest, farthest = cv2.dilate(truth, kernel), cv2.erode(truth, kernel)
    mean = cv2.blur(truth, (WINDOW, WINDOW))
    span = nearest - farthest
    edge = (span > EDGE_JUMP) & (np.abs(truth - mean) > EDGE_CURVATURE)
    margin = (mean - farthest) / np.maximum(span, 1) + 0.1 * wobble - FOREGROUND_SHARE
    matched = np.where(edge, np.where(margin > 0, nearest, farthest), mean)
    return matched, edge & (margin < 0) & (margin > -0.15 - 0.08 * wobble)


def unseen_by_right_imager(disparity: Array, wobble: Array) -> Mask:
    """Return pixels (H, W) that the right imager has outside its view or hidden."""
    column = np.arange(disparity.shape[1], dtype=np.float32)
    right_column = column - disparity / SUBPIXELS
    nearest_to_left = np.minimum.accumulate(right_column[:, ::-1], axis=1)[:, ::-1]
    hidden = right_column > nearest_to_left + np.maximum(1 + 0.5 * wobble, 0.3)
    return np.asarray(hidden | (right_column < 2 + wobble))


def speckle(size: tuple[int, ...], rng: Rng) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of scattered one to two pixel holes."""
    count = rng.poisson(size[0] * size[1] / PIXELS_PER_SPECKLE)
    rows, columns = (rng.integers(0, side, count) for side in size)
    doubled = np.minimum(columns + rng.integers(0, 2, count), size[1] - 1)
    return np.concatenate([rows, rows]), np.concatenate([columns, doubled])
