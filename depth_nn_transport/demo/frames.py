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
"""The frames that the demo plays."""

from __future__ import annotations

from pathlib import Path

from depth_nn_transport.codec.container import MAX_SIZE, MIN_SIZE
from depth_nn_transport.frames.files import (
    find_files,
    FrameFileError,
    IMAGE_SUFFIX,
    read_depth,
)
from depth_nn_transport.simulator import simulate_sequence

import numpy as np
from numpy.typing import NDArray

from tqdm import tqdm

SIMULATED_FRAMES = 120


def load_frames(folder: Path, count: int | None) -> list[NDArray[np.uint16]]:
    """
    Return the 16-bit PNGs of a folder in the order of their names, at most `count` of them.

    :raises FrameFileError: for a folder without PNGs, or a PNG that is not 16 bit with one
        channel or of a size that the codec does not take.
    """
    paths = find_files([folder], IMAGE_SUFFIX)[:count]
    return [_read(path) for path in tqdm(paths, 'reading', unit='frame', disable=None)]


def _read(path: Path) -> NDArray[np.uint16]:
    depth = read_depth(path)
    if not all(MIN_SIZE <= side <= MAX_SIZE for side in depth.shape):
        raise FrameFileError(f'{path} has {depth.shape[1]}x{depth.shape[0]} pixels; each side '
                             f'must be within {MIN_SIZE}..{MAX_SIZE}')
    return depth


def simulate_frames(count: int | None) -> list[NDArray[np.uint16]]:
    """Return simulated frames of a D435 at 848x480."""
    count = count or SIMULATED_FRAMES
    sequence = simulate_sequence(frames=count)
    bar = tqdm(sequence, 'simulating', count, unit='frame', disable=None)
    return [frame.depth for frame in bar]
