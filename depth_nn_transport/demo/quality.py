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
"""Compares restored frames with the originals."""

from __future__ import annotations

import math

from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.frames.error_histogram import ErrorHistogram, QUANTA_BIN
from depth_nn_transport.frames.errors import FrameErrors, psnr_db

import numpy as np
from numpy.typing import NDArray


class Quality:
    """Errors of restored frames over the pixels that are valid, and whether holes are exact."""

    def __init__(self) -> None:
        self.mm = ErrorHistogram(1)
        self.quanta = ErrorHistogram(QUANTA_BIN)
        self.changed_holes = 0
        self._lattice: Lattice | None = None

    def add(self, original: NDArray[np.uint16], restored: NDArray[np.uint16]) -> None:
        """Compare a frame, mm, 0 is a hole."""
        self._lattice = Lattice.from_depth(original, self._lattice)
        errors = FrameErrors.of(original, restored, self._lattice)
        self.mm.add(errors.mm)
        self.quanta.add(errors.quanta)
        self.changed_holes += errors.changed_holes

    def psnr(self) -> float:
        """Return the PSNR in dB over valid pixels for the peak of a 16-bit image."""
        return psnr_db(math.sqrt(self.mm.mean_square()))
