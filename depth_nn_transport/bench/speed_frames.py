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
"""Recorded frames of the sizes at which speed is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from depth_nn_transport.bench.frames import frame_paths
from depth_nn_transport.frames.files import read_depth

import numpy as np
from numpy.typing import NDArray

Depth = NDArray[np.uint16]
Size = tuple[int, int]


@dataclass(frozen=True)
class Source:
    """
    Where the frames of a size come from.

    :ivar size: width and height that is measured.
    :ivar folder: of 16-bit PNGs.
    :ivar recorded: width and height of these.
    """

    size: Size
    folder: Path
    recorded: Size

    @property
    def repeats(self) -> int:
        """Return how often each pixel is repeated in a row, and each row."""
        return _repeats(self.recorded, self.size)

    def load(self, limit: int) -> list[Depth]:
        """Read frames, evenly subsampled."""
        return [fit(read_depth(path), self.size) for path in frame_paths(self.folder, limit)]


def choose_source(folders: Sequence[Path], size: Size) -> Source:
    """
    Return the folder of a size; else one to crop, else one of which to repeat pixels.

    :raises FileNotFoundError: if a folder holds no PNG.
    :raises ValueError: if a PNG is not a 16-bit single-channel image.
    """
    sources = [Source(size, folder, _size(read_depth(frame_paths(folder, 1)[0])))
               for folder in folders]
    return min(sources, key=lambda source: (source.recorded != size, source.repeats))


def fit(depth: Depth, size: Size) -> Depth:
    """Repeat pixels as often as the size needs and cut its middle out: (H, W)."""
    repeats = _repeats(_size(depth), size)
    enlarged = depth.repeat(repeats, 0).repeat(repeats, 1)
    width, height = size
    top, left = (enlarged.shape[0] - height) // 2, (enlarged.shape[1] - width) // 2
    return np.ascontiguousarray(enlarged[top:top + height, left:left + width])


def _size(depth: Depth) -> Size:
    return depth.shape[1], depth.shape[0]


def _repeats(recorded: Size, wanted: Size) -> int:
    return max(-(-some // given) for some, given in zip(wanted, recorded, strict=True))
