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

"""Disparity from a pair of infrared images, with the checks that a D4xx makes."""

from __future__ import annotations

import cv2

from depth_nn_transport.simulator.scene import Array

import numpy as np
from numpy.typing import NDArray

SEARCH_RANGE = 128
"""Disparities searched, in pixels."""
BLOCK = 7
MATCHER_SCALE = 16
REFINEMENT_WINDOW = 11
REFINEMENTS = 2
LEAST_CONTRAST = 8.0
"""Standard deviation within the window (grey levels) below which nothing matches."""
MOST_CHANGE = 1.0
"""Pixels by which a refinement may move a match."""
MEDIAN_SIDE = 5
TORN_SIDE, TORN_STEP = 9, 0.7
"""Disparity must span less than this many pixels in a window of this side."""
MAJORITY_SIZE = (9, 5)


class StereoMatcher:
    """
    Semi-global matching (Hirschmueller 2008) with a subpixel step of its own.

    The left-right check, the margin over the second best match and the removal of specks are
    OpenCV's; its 1/16 px are refined by the parabola through the costs of a window.
    """

    def __init__(self) -> None:
        self._matcher = cv2.StereoSGBM.create(
            minDisparity=0, numDisparities=SEARCH_RANGE, blockSize=BLOCK,
            P1=4 * BLOCK**2, P2=24 * BLOCK**2, disp12MaxDiff=1, preFilterCap=31,
            uniquenessRatio=35, speckleWindowSize=200, speckleRange=2,
            mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY)

    def disparity(self, left: NDArray[np.uint8], right: NDArray[np.uint8]) -> Array:
        """Return the disparity of the left image in pixels, float32 (H, W), 0 = no match."""
        # The matcher gives up on columns nearer to the left border than its search range.
        margin = ((0, 0), (SEARCH_RANGE, 0))
        padded = [np.pad(image, margin, mode='edge') for image in (left, right)]
        found = self._matcher.compute(*padded)[:, SEARCH_RANGE:] / np.float32(MATCHER_SCALE)
        fine = coarse = smooth(np.maximum(found, 0))
        for _ in range(REFINEMENTS):
            refined, change = refine(left, right, fine)
            fine = smooth(refined)
        column = np.arange(left.shape[1], dtype=np.float32)
        matched = (found > 0) & (change < MOST_CHANGE) & (column - fine >= 0)
        matched &= (local_contrast(left) > LEAST_CONTRAST) & ~torn(coarse)
        return np.where(majority(matched), fine, np.float32(0))


def smooth(disparity: Array) -> Array:
    """Return disparity (H, W) without outliers, smooth within surfaces."""
    median = cv2.medianBlur(disparity, MEDIAN_SIDE)
    return np.asarray(cv2.bilateralFilter(median, 9, 0.7, 3), np.float32)


def torn(disparity: Array) -> NDArray[np.bool_]:
    """Return the pixels (H, W) around which the disparity steps: windows see two surfaces."""
    kernel = np.ones((TORN_SIDE, TORN_SIDE), np.uint8)
    return np.asarray(cv2.dilate(disparity, kernel) - cv2.erode(disparity, kernel) > TORN_STEP)


def majority(matched: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels (H, W) in whose neighbourhood most are matched."""
    share = cv2.blur(matched.astype(np.float32), MAJORITY_SIZE)
    return np.asarray(share > 0.5)


def refine(
        left: NDArray[np.uint8], right: NDArray[np.uint8], disparity: Array,
) -> tuple[Array, Array]:
    """Return disparity (H, W) at the vertex of the windowed cost, and how far it moved."""
    reference = left.astype(np.float32)
    column, row = np.meshgrid(
        np.arange(left.shape[1], dtype=np.float32), np.arange(left.shape[0], dtype=np.float32))
    source = right.astype(np.float32)

    def cost(offset: float) -> Array:
        moved = cv2.remap(
            source, column - disparity - np.float32(offset), row, cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE)
        window = (REFINEMENT_WINDOW, REFINEMENT_WINDOW)
        return np.asarray(cv2.boxFilter(np.square(reference - moved), -1, window), np.float32)

    before, here, after = cost(-0.5), cost(0), cost(0.5)
    bend = np.maximum(before - 2 * here + after, np.float32(1e-3))
    step = np.float32(0.25) * (before - after) / bend
    return disparity + np.clip(step, -1, 1), np.abs(step)


def local_contrast(image: NDArray[np.uint8]) -> Array:
    """Return the standard deviation (H, W) of the grey levels around each pixel."""
    window = (REFINEMENT_WINDOW, REFINEMENT_WINDOW)
    mean, square = (
        cv2.boxFilter(np.power(image, power, dtype=np.float32), -1, window) for power in (1, 2))
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)), np.float32)
