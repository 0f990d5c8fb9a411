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
"""Bounds in millimetres become as many quanta as they allow."""

from depth_nn_transport.codec.bounds import Bound
from depth_nn_transport.codec.lattice import Lattice
from hypothesis import given, strategies as st
import numpy as np

LATTICE = Lattice(640_000, True)
RANKS = {int(depth): rank for rank, depth in enumerate(LATTICE.reachable)}


@given(st.integers(0, 3000), st.sampled_from(sorted(RANKS)))
def test_one_quantum_more_would_break_the_bound(millimetres, farthest):
    quanta = Bound(None, millimetres).in_quanta(LATTICE, farthest)
    depths = LATTICE.reachable.astype(int)
    ranks = np.arange(RANKS[farthest], len(depths))

    def error(steps):
        return (depths[np.maximum(ranks - steps, 0)] - depths[ranks]).max()

    assert error(int(quanta)) <= millimetres
    assert quanta == 1000 or error(int(quanta) + 1) > millimetres
