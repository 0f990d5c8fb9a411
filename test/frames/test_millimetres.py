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
"""Depth in whole millimetres: rounded, and a hole where they do not fit."""

from depth_nn_transport.frames.millimetres import to_millimetres
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as npst
import numpy as np


@given(npst.arrays(np.uint16, (4, 4)))
def test_millimetres_stay_as_they_are(depth):
    assert np.array_equal(to_millimetres(depth), depth)
    assert np.array_equal(to_millimetres((depth / 1000).astype(np.float32)), depth)


@given(npst.arrays(np.float32, (4, 4), elements=st.floats(width=32)))
def test_no_depth_of_metres_is_wrong(depth):
    millimetres = to_millimetres(depth)
    assert millimetres.dtype == np.uint16
    there = millimetres > 0
    assert (np.abs(millimetres[there] - 1000 * depth[there]) < 0.51).all()
    assert there[(depth > 0.00051) & (depth < 65.535)].all()
