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
"""Random crops of depth as it is, in 16-bit units and with its holes filled."""

from __future__ import annotations

from pathlib import Path

from depth_nn_transport.codec.fill import fill_holes
from depth_nn_transport.frames.files import find_files, IMAGE_SUFFIX, read_depth
from depth_nn_transport.training.dataset import (
    CropSampler,
    Plane,
    Recording,
    recording_folders,
    Valid,
)
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm


def load_depths(root: Path) -> list[Recording]:
    """
    Read every subfolder of 16-bit depth PNGs.

    :raises ValueError: if there is none, or one that holds no such image, or something else.
    """
    folders = tqdm(recording_folders(root), 'reading', disable=None)
    return [load_depth_recording(folder) for folder in folders]


def load_depth_recording(folder: Path) -> Recording:
    """
    Read a folder; frames without a valid pixel are left out.

    :raises ValueError: if none is left.
    """
    depths = [read_depth(path) for path in find_files([folder], IMAGE_SUFFIX)]
    depths = [depth for depth in depths if depth.any()]
    if not depths:
        raise ValueError(f'{folder} holds no 16-bit depth PNG with a valid pixel')
    return Recording(folder.name, [filled(d) for d in depths], [d > 0 for d in depths])


def filled(depth: NDArray[np.uint16]) -> Plane:
    """Fill the holes of a frame: uint16 (H, W) -> float32 (H, W) of the same unit."""
    return fill_holes(depth.astype(np.float32), depth > 0)


class DepthCropSampler(CropSampler):
    """Draws batches of crops in 16-bit units, mirrored top to bottom and stretched in depth."""

    def _augment(self, plane: Plane, valid: Valid) -> tuple[Plane, Valid]:
        if self.random.random() < 0.5:
            plane, valid = plane[::-1], valid[::-1]
        stretch = self.random.uniform(0.7, 1.4) if self.random.random() < 0.5 else 1.0
        plane = np.minimum(np.rint(plane * stretch), np.iinfo(np.uint16).max)
        return np.ascontiguousarray(plane, np.float32), np.ascontiguousarray(valid)
