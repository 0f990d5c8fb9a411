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
"""A plane coder that has learned takes fewer bits, and restores what it coded."""

from depth_nn_transport.codec.plane_coder import PlaneCoder
from depth_nn_transport.training.plane_model import train_plane_coder
import numpy as np


def test_a_trained_plane_coder_is_cheaper_than_an_ignorant_one():
    rows, columns = np.mgrid[:96, :128]
    plane = (300 + rows // 3 + columns // 5).astype(np.int32)
    valid = (rows + columns) % 17 > 0
    ignorant = PlaneCoder(train_plane_coder([], 0))
    coder = PlaneCoder(train_plane_coder([(plane, valid)], 0))
    data = coder.encode(plane, valid)
    np.testing.assert_array_equal(coder.decode(data, valid)[valid], plane[valid])
    assert len(data) < 0.7 * len(ignorant.encode(plane, valid))
