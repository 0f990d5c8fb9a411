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
"""The lattice of a camera, remembered from frame to frame."""

from __future__ import annotations

from depth_nn_transport.codec.lattice import Lattice
import numpy as np
from numpy.typing import NDArray

# Frames without a search, at most, while none finds a lattice.
LONGEST_PAUSE = 9


class LatticeMemory:
    """
    Finds the lattice of each frame of a stream.

    Confirming the lattice of the frame before takes half a millisecond, a search that finds none
    fifteen. So while frames lie on none, there are ever longer pauses between searches.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget all frames, as the next one is of another camera."""
        self._lattice: Lattice | None = None
        self._shape: tuple[int, ...] = ()
        self._pause, self._left = 0, 0

    def of(self, depth: NDArray[np.uint16], *, surely: bool = False) -> Lattice:
        """
        Return the lattice of a frame, uint16 (H, W) mm; 0 is a hole.

        :param depth: the frame; one of another size is taken for another camera's.
        :param surely: makes no pause, for who promises errors in the frame's own quanta.
        """
        if depth.shape != self._shape:
            self.forget()
            self._shape = depth.shape
        known = self._lattice
        if known is not None and not known.is_found and self._left > 0 and not surely:
            self._left -= 1
            return known
        self._lattice = Lattice.from_depth(depth, known)
        if self._lattice.is_found:
            self._pause = 0
        elif depth.any():
            self._left = self._pause
            self._pause = min(2 * self._pause + 1, LONGEST_PAUSE)
        return self._lattice
