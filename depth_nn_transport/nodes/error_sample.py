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
"""Error of a frame as its receiver will see it, measured by the sender; free of ROS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from depth_nn_transport import EncodedDepth
from depth_nn_transport.frames.errors import FrameErrors

from numpy.typing import NDArray


@dataclass(frozen=True)
class ErrorSample:
    """Absolute error over a frame's valid pixels, and pixels that changed from or to holes."""

    mean_quanta: float
    max_quanta: float
    mean_mm: float
    max_mm: float
    changed_holes: int


def compare(original: NDArray[Any], restored: NDArray[Any], encoded: EncodedDepth) -> ErrorSample:
    """
    Compare a frame with its original, both (H, W) of one type: uint16 in mm or float32 in m.

    A quantum is a step of the frame's own lattice.
    """
    errors = FrameErrors.of(original, restored, encoded.lattice)
    if errors.mm.size == 0:
        return ErrorSample(0.0, 0.0, 0.0, 0.0, errors.changed_holes)
    return ErrorSample(float(errors.quanta.mean()), float(errors.quanta.max()),
                       float(errors.mm.mean()), float(errors.mm.max()), errors.changed_holes)
