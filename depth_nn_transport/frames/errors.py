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
"""Errors of a restored frame against its original."""

from __future__ import annotations

from dataclasses import dataclass
import math

from depth_nn_transport.codec.depth_frame import Depth, plain_millimetres
from depth_nn_transport.codec.lattice import Lattice
import numpy as np
from numpy.typing import NDArray

PEAK_MM = 65535


@dataclass(frozen=True)
class FrameErrors:
    """
    Errors of a frame over the pixels that are valid on both sides.

    :ivar mm, quanta: absolute errors, float32 (N,).
    :ivar changed_holes: pixels that are a hole on one side only.
    """

    mm: NDArray[np.float32]
    quanta: NDArray[np.float32]
    changed_holes: int

    @classmethod
    def of(cls, original: Depth, restored: Depth, lattice: Lattice) -> FrameErrors:
        """
        Compare a frame with its original.

        :param original: uint16 (H, W) mm, or float32 (H, W) m.
        :param restored: likewise.
        :param lattice: gives the quantum.
        """
        before, after = plain_millimetres(original), plain_millimetres(restored)
        changed = int(((before > 0) != (after > 0)).sum())
        valid = (before > 0) & (after > 0)
        before, after = before[valid], after[valid]
        return cls(np.abs(after - before), quanta_errors(before, after, lattice), changed)


def quanta_errors(
    original: NDArray[np.generic], restored: NDArray[np.generic], lattice: Lattice
) -> NDArray[np.float32]:
    """Return absolute errors in quanta of depths (mm) of one shape; in holes any value."""
    errors: NDArray[np.float32] = np.abs(lattice.to_quanta(restored) - lattice.to_quanta(original))
    return errors


def psnr_db(rms_mm: float) -> float:
    """PSNR of an RMS error, peak 65535 mm; infinite if there is no error."""
    return 20 * math.log10(PEAK_MM / rms_mm) if rms_mm != 0 else math.inf
