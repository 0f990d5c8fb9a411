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
"""Random crops of depth frames, as planes in quanta with their holes filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from depth_nn_transport.codec.fill import fill_holes
from depth_nn_transport.codec.lattice import DEFAULT_CONSTANT, Lattice
from depth_nn_transport.codec.networks import BLOCK
from depth_nn_transport.codec.steps import find_steps, take_out_steps
from depth_nn_transport.frames.files import IMAGE_SUFFIX, read_depth
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
from tqdm import tqdm

Plane = NDArray[np.float32]
Valid = NDArray[np.bool_]
Scalar = TypeVar('Scalar', bound=np.generic)


@dataclass(frozen=True)
class Recording:
    """Frames of one folder, in memory."""

    name: str
    planes: list[Plane]
    valid: list[Valid]


def load_recording(folder: Path) -> Recording:
    """
    Read a folder of 16-bit depth PNGs.

    :raises ValueError: if the folder holds no such image.
    """
    planes, masks = [], []
    lattice: Lattice | None = None
    for path in sorted(folder.glob(f'*{IMAGE_SUFFIX}')):
        depth = read_depth(path)
        valid = depth > 0
        if not valid.any():
            continue
        lattice = Lattice.from_depth(depth, lattice)
        planes.append(fill_holes(lattice.to_quanta(depth), valid))
        masks.append(valid)
    if not planes:
        raise ValueError(f'{folder} holds no 16-bit depth PNG with a valid pixel')
    return Recording(folder.name, planes, masks)


def recording_folders(root: Path) -> list[Path]:
    """
    Return the subfolders, each of one recording, in order.

    :raises ValueError: if there is none.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    if not folders:
        raise ValueError(f'{root} holds no folder of depth PNGs')
    return folders


def load_recordings(root: Path) -> list[Recording]:
    """
    Read every subfolder of depth PNGs.

    :raises ValueError: if there is none, or one without such an image.
    """
    folders = recording_folders(root)
    return [load_recording(f) for f in tqdm(folders, 'reading', disable=None)]


def hole_masks(recordings: Sequence[Recording]) -> list[list[Valid]]:
    """Hole masks, bool (H, W), of each recording's frames."""
    return [[~valid for valid in recording.valid] for recording in recordings]


def thin(recordings: Sequence[Recording], frames: int) -> list[Recording]:
    """Keep a few frames of each recording, evenly spaced."""
    kept = []
    for recording in recordings:
        last = len(recording.planes) - 1
        chosen = sorted({round(place) for place in np.linspace(0, last, frames)})
        planes = [recording.planes[k] for k in chosen]
        kept.append(Recording(recording.name, planes, [recording.valid[k] for k in chosen]))
    return kept


def remove_steps(plane: Plane, valid: Valid) -> Plane:
    """Take out all steps that the codec may take out, as at the best quality; (8 h, 8 w)."""
    _, smooth = take_out_steps(plane, valid)
    return smooth


def step_maps(recordings: Sequence[Recording]) -> list[list[Valid]]:
    """List the maps of near pixels, bool (H, W), of each recording's frames that have steps."""
    return [maps for recording in recordings if (maps := _step_maps(recording))]


def _step_maps(recording: Recording) -> list[Valid]:
    maps = []
    for plane, valid in zip(recording.planes, recording.valid, strict=True):
        height, width = (n // BLOCK * BLOCK for n in plane.shape)
        steps = find_steps(plane[:height, :width], valid[:height, :width])
        if len(steps.heights):
            maps.append(steps.near)
    return maps


class CropSampler:
    """
    Draws batches of augmented crops.

    Folders are drawn in proportion to the square root of their frames, so that long recordings
    do not drown the others. Augmentation keeps the statistics of stereo depth: planes are
    mirrored top to bottom only (occlusion shadows stay on the left), shifted by whole quanta,
    and now and then stretched, which is the same scene under another focal length.
    """

    def __init__(self, recordings: Sequence[Recording], crop: int, seed: int) -> None:
        self.recordings = list(recordings)
        self.crop = crop
        self.random = np.random.default_rng(seed)
        weights = np.sqrt([len(r.planes) for r in self.recordings])
        self.probability = weights / weights.sum()

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """
        Draw a batch.

        :returns: planes, float32 (N, 1, crop, crop) quanta, and validity of the same shape.
        """
        crops = [self._crop() for _ in range(size)]
        planes = torch.from_numpy(np.stack([c[0] for c in crops]))[:, None]
        valid = torch.from_numpy(np.stack([c[1] for c in crops]))[:, None]
        return planes, valid.float()

    def _crop(self) -> tuple[Plane, Valid]:
        for _ in range(8):
            plane, valid = self._window()
            if valid.mean() > 0.15:
                break
        return self._augment(plane, valid)

    def _window(self) -> tuple[Plane, Valid]:
        recording = self.recordings[self.random.choice(len(self.recordings), p=self.probability)]
        index = self.random.integers(len(recording.planes))
        plane, valid = recording.planes[index], recording.valid[index]
        stride = 2 if min(plane.shape) >= 2 * self.crop and self.random.random() < 0.4 else 1
        plane, valid = plane[::stride, ::stride], valid[::stride, ::stride]
        plane, valid = self._pad(plane), self._pad(valid)
        row = self.random.integers(plane.shape[0] - self.crop + 1)
        column = self.random.integers(plane.shape[1] - self.crop + 1)
        # Depth aligned to a colour camera repeats rows and columns where it was enlarged.
        zoom = self.random.uniform(1.0, 1.6) if self.random.random() < 0.3 else 1.0
        reach = (np.arange(self.crop) / zoom + self.random.random() * (1 - 1 / zoom)).astype(int)
        window = np.ix_(row + reach, column + reach)
        return plane[window], valid[window]

    def _pad(self, image: NDArray[Scalar]) -> NDArray[Scalar]:
        missing = [(0, max(0, self.crop - n)) for n in image.shape]
        return np.pad(image, missing, mode='symmetric') if any(m[1] for m in missing) else image

    def _augment(self, plane: Plane, valid: Valid) -> tuple[Plane, Valid]:
        if self.random.random() < 0.5:
            plane, valid = plane[::-1], valid[::-1]
        if self.random.random() < 0.3:
            plane = np.rint(plane * self.random.uniform(0.5, 1.5))
        plane = plane + np.rint(self.random.uniform(-0.1, 0.1) * np.sqrt(DEFAULT_CONSTANT))
        plane, valid = np.ascontiguousarray(plane, np.float32), np.ascontiguousarray(valid)
        return remove_steps(plane, valid), valid
