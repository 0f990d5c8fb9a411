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
"""What a node does before the first frame, so that it takes no longer than the others."""

from __future__ import annotations

from depth_nn_transport import DepthCodec
from depth_nn_transport.nodes.memory import give_back_unused

import numpy as np
from numpy.typing import NDArray

# Height and width of what is warmed up whatever the size of frames.
PART = 64
COMPILED_FOR_A_SIZE = 'openvino'


def warm_codec(model: str, runtime: str, size: tuple[int, int]) -> DepthCodec:
    """Return a codec that has done everything it does for the first frame of each mode only."""
    codec = DepthCodec(model, runtime=runtime)
    # Where networks are not compiled for a size, any size will do.
    depth = warm_up_depth(size if codec.runtime == COMPILED_FOR_A_SIZE else (PART, PART))
    codec.decode(codec.encode(depth))
    codec.encode(depth, 'bounded', max_error=8.0)
    part = depth[-PART:, -PART:]
    codec.encode(part, 'bounded', max_error=1.0)
    codec.decode(codec.encode(part, 'lossless'))
    # Off the grid, as filters leave depth.
    codec.decode(codec.encode(part + part % 7, 'bounded', max_error=1.0))
    codec.forget()
    give_back_unused()
    return codec


def warm_up_depth(size: tuple[int, int]) -> NDArray[np.uint16]:
    """Return depth in mm, (H, W), with what a camera's has: a grid, an object, outliers, holes."""
    height, width = size
    disparity = np.rint(np.linspace(100, 400, width)) * np.ones((height, 1))
    disparity[height // 4:height // 2, width // 4:width // 2] = 800
    disparity[::7, ::11] //= 1.5
    depth: NDArray[np.uint16] = np.rint(640_000 / disparity).astype(np.uint16)
    depth[::50], depth[:, :width // 8] = 0, 0
    return depth
