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
"""Recorded depth frames and what every peer is told about them: lattice, holes, filled quanta."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import time

from depth_nn_transport.codec.fill import fill_holes
from depth_nn_transport.codec.lattice import Lattice

import imagecodecs

import numpy as np
from numpy.typing import NDArray

# Recordings state another depth unit than the millimetre in the name of their folder.
_UNITS_MM = {'100um': 0.1, '125um': 0.125}


@dataclass(frozen=True)
class Frame:
    """
    A depth frame with the preparation that all transform peers share.

    :ivar depth: uint16 (H, W), depth units; 0 is a hole.
    :ivar lattice: grid of the frame, as a stream finds it.
    :ivar quanta: float32 (H, W), holes filled.
    :ivar mask: the hole mask, JPEG XL lossless effort 7.
    :ivar lattice_ms: time to confirm the lattice, known from an earlier frame as in a stream.
    :ivar holes_ms: time to map to quanta, fill the holes and code the mask.
    """

    depth: NDArray[np.uint16]
    lattice: Lattice
    quanta: NDArray[np.float32]
    mask: bytes
    lattice_ms: float
    holes_ms: float

    @classmethod
    def prepare(
        cls, depth: NDArray[np.uint16], threads: int = 1, hint: Lattice | None = None
    ) -> Frame:
        """
        Recover the lattice, fill the holes and code the mask.

        :param depth: uint16 (H, W), depth units; 0 is a hole.
        :param threads: of the mask coder.
        :param hint: lattice of the frame before.
        """
        lattice = Lattice.from_depth(depth, hint)
        start = time.perf_counter()
        Lattice.from_depth(depth, lattice)
        known = time.perf_counter()
        valid = depth > 0
        quanta = fill_holes(lattice.to_quanta(depth), valid)
        mask = encode_mask(valid, threads)
        end = time.perf_counter()
        return cls(depth, lattice, quanta, mask, 1e3 * (known - start), 1e3 * (end - known))


def encode_mask(valid: NDArray[np.bool_], threads: int = 1) -> bytes:
    """Code a mask, bool (H, W), by JPEG XL."""
    return bytes(imagecodecs.jpegxl_encode(
        valid.astype(np.uint8), lossless=True, effort=7, numthreads=threads
    ))


def decode_mask(stream: bytes, threads: int = 1) -> NDArray[np.bool_]:
    """Restore a mask, bool (H, W)."""
    plane: NDArray[np.uint8] = imagecodecs.jpegxl_decode(stream, numthreads=threads)
    return plane > 0


def unit_mm(folder: Path) -> float:
    """Depth unit of a recording in mm, by the name of its folder."""
    return next((unit for name, unit in _UNITS_MM.items() if name in folder.name), 1.0)


def frame_paths(folder: Path, limit: int | None = None) -> list[Path]:
    """
    Frames of a folder in order, evenly subsampled to at most ``limit``.

    :raises FileNotFoundError: the folder holds no PNG.
    """
    paths = sorted(folder.glob('*.png'))
    if not paths:
        raise FileNotFoundError(f'no .png frames in {folder}')
    if limit is None or limit >= len(paths):
        return paths
    return [paths[i] for i in np.linspace(0, len(paths) - 1, limit).round().astype(int)]
