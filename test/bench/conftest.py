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
"""A small synthetic frame on a lattice: a tilted plane, a nearer disc before it and holes."""

import numpy as np

import pytest

CONSTANT = 612_000.0


def make_depth(height=96, width=128, seed=0):
    """Return depth, uint16 (H, W), mm; about 5 % holes."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:height, :width]
    disparity = 300 + row + column / 4 + rng.normal(0, 0.4, (height, width))
    near = (column - width / 2)**2 + (row - height / 2)**2 < (height / 4)**2
    disparity = np.rint(disparity + 250 * near)
    depth = np.rint(CONSTANT / disparity).astype(np.uint16)
    depth[:, :width // 20] = 0
    depth[rng.random((height, width)) < 0.01] = 0
    return depth


@pytest.fixture(scope='session')
def synthetic_depth():
    """Return a function of height, width and seed that makes a frame."""
    return make_depth
