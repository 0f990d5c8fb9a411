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
"""Filling of holes from their neighbourhood, so that the transform sees a continuous plane."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Less than the weight of one valid pixel in the coarsest sample of the largest image.
_LEAST_WEIGHT = np.float32(2.0**-30)


def fill_holes(plane: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fill the holes of a plane by a pull-push pyramid (Gortler et al. 1996, The Lumigraph).

    Valid samples are averaged to ever coarser levels (pull) until every hole is covered; then
    each hole takes the interpolated value of the next coarser level (push).

    Args:
        plane: float32 (H, W); values in holes are ignored.
        valid: bool (H, W).

    Returns:
        float32 (H, W), equal to ``plane`` where valid; all zero if nothing is valid.

    """
    weight = valid.astype(np.float32)
    return _push(plane, plane * weight, weight)


def _push(
    value: NDArray[np.float32], weighted: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Fill the samples without weight from the next coarser level."""
    known = weight > 0
    if known.all():
        return value
    height, width = weight.shape
    if max(height, width) == 1:
        return weighted
    half = ((width + 1) // 2, (height + 1) // 2)
    weighted, weight = (_resize(_make_even(x), half, cv2.INTER_AREA) for x in (weighted, weight))
    coarse = _push(weighted / np.maximum(weight, _LEAST_WEIGHT), weighted, weight)
    filled = _resize(coarse, (2 * half[0], 2 * half[1]), cv2.INTER_LINEAR)[:height, :width]
    np.copyto(filled, value, where=known)
    return filled


def _make_even(image: NDArray[np.float32]) -> NDArray[np.float32]:
    margins = [(0, n % 2) for n in image.shape]
    return np.pad(image, margins) if any(m[1] for m in margins) else image


def _resize(
    image: NDArray[np.float32], size: tuple[int, int], interpolation: int
) -> NDArray[np.float32]:
    resized = cv2.resize(image, size, interpolation=interpolation)
    return resized.astype(np.float32, copy=False)
