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
"""Fixtures of the codec's tests."""

from depth_nn_transport import DepthCodec
from depth_nn_transport.codec.table_coder import Tables
import numpy as np
import pytest


@pytest.fixture(scope='session')
def codec():
    return DepthCodec()


@pytest.fixture(scope='session')
def tables():
    """Five tables: narrow, flat, certain, wide, and one that holds nothing but zero."""
    weights = [
        [1, 8, 100, 8, 1, 1],
        [1, 1, 1, 1],
        [1, 9990, 1, 1],
        [*(100 // (1 + abs(x)) + 1 for x in range(-40, 41)), 5],
        [3, 1],
    ]
    step = 2.0**22
    return Tables([
        (np.rint(np.array(w) / sum(w) * step) / step).astype(np.float32) for w in weights
    ])
