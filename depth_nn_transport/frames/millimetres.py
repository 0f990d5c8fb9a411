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
"""Depth in whole millimetres, as ``16UC1`` and PNG hold it."""

from __future__ import annotations

from depth_nn_transport.codec.depth_frame import Depth, plain_millimetres
import numpy as np
from numpy.typing import NDArray

_LARGEST = np.iinfo(np.uint16).max


def to_millimetres(depth: Depth) -> NDArray[np.uint16]:
    """Return a depth image (H, W) rounded to mm; what 16 bits cannot tell is a hole, 0."""
    millimetres = np.rint(plain_millimetres(depth))
    return np.where(millimetres <= _LARGEST, millimetres, 0).astype(np.uint16)
