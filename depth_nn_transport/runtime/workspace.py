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
"""Arrays between the layers of networks."""

from __future__ import annotations

from typing import Any

from depth_nn_transport.codec.networks import Array
import numpy as np
from numpy.typing import NDArray

Shorts = NDArray[np.int16]


class Workspace:
    """
    Arrays that are kept while frames have the same size.

    Memory that is new to the process costs more time than what most layers do with it.
    """

    def __init__(self) -> None:
        self._size: tuple[int, ...] = ()
        self._kept: dict[Any, NDArray[Any]] = {}

    def begin(self, size: tuple[int, ...]) -> None:
        """Begin a network of a frame, whose size tells which arrays will be of use."""
        if size != self._size:
            self._size = size
            self._kept.clear()

    def shorts(
        self, name: str, size: tuple[int, ...], channels: int, margin: int = 0,
        inside: Shorts | None = None,
    ) -> Shorts:
        """
        Return an array to write to, int16 (H, W, C), with a margin of zeros that is to stay so.

        It holds what was written under its name, in its shape, before; at first, within the
        margin, what ``inside`` says of each channel, or zeros.
        """
        shape = *(n + 2 * margin for n in size), channels
        key = name, shape, margin
        if key not in self._kept:
            array = self._kept[key] = np.zeros(shape, np.int16)
            if inside is not None:
                array[margin:size[0] + margin, margin:size[1] + margin] = inside
        return self._kept[key]

    def floats(self, name: str, size: tuple[int, ...], channels: int) -> Array:
        """Return the same in float32, without a margin."""
        key = name, (*size, channels)
        if key not in self._kept:
            self._kept[key] = np.zeros((*size, channels), np.float32)
        return self._kept[key]
