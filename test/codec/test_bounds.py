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
"""Bounds in millimetres are as many quanta as they allow, and errors past a bound are noticed."""

from depth_nn_transport.codec.bounds import Bound
from depth_nn_transport.codec.lattice import Lattice
from hypothesis import given, strategies as st
import numpy as np
import pytest

LATTICE = Lattice(612_000.0, True)
FARTHEST = 4000.0
RANKS = {int(depth): rank for rank, depth in enumerate(LATTICE.reachable)}


def greatest_error(quanta, limit):
    """Millimetres by which depths up to a limit change at most, moved by so many quanta."""
    reachable = LATTICE.reachable.astype(int)
    ranks = np.flatnonzero(reachable <= limit)
    return float((reachable[np.maximum(ranks - quanta, 0)] - reachable[ranks]).max())


@given(st.integers(0, 3000), st.sampled_from(sorted(RANKS)))
def test_one_quantum_more_would_break_the_bound(millimetres, farthest):
    quanta = Bound(None, millimetres).in_quanta(LATTICE, farthest)
    depths = LATTICE.reachable.astype(int)
    ranks = np.arange(RANKS[farthest], len(depths))

    def error(steps):
        return (depths[np.maximum(ranks - steps, 0)] - depths[ranks]).max()

    assert error(int(quanta)) <= millimetres
    assert quanta == 1000 or error(int(quanta) + 1) > millimetres


@pytest.mark.parametrize('quanta', [1, 7, 200])
@pytest.mark.parametrize('at', [None, 1.5])
def test_millimetres_are_as_many_quanta_as_stay_within_them(quanta, at):
    limit = FARTHEST if at is None else 1000 * at
    millimetres = greatest_error(quanta, limit)
    assert Bound(None, millimetres, at).in_quanta(LATTICE, FARTHEST) == quanta
    assert Bound(None, millimetres - 0.5, at).in_quanta(LATTICE, FARTHEST) == quanta - 1


@pytest.mark.parametrize('shift', [-2, 2])
def test_an_error_past_the_bound_is_noticed_on_either_side(shift):
    original = LATTICE.reachable[100:110]
    restored = LATTICE.reachable[100 + shift:110 + shift]
    assert Bound(2.0).holds(original, restored, 2.0, LATTICE)
    assert not Bound(1.0).holds(original, restored, 1.0, LATTICE)


def test_millimetres_hold_up_to_their_depth_and_no_further():
    original, restored = np.array([[2000, 2001]], np.uint16), np.array([[2005, 2030]], np.uint16)
    assert Bound(None, 5.0, 2.0).holds(original, restored, 1000.0, LATTICE)
    assert not Bound(None, 4.0, 2.0).holds(original, restored, 1000.0, LATTICE)
    assert not Bound(None, 5.0).holds(original, restored, 1000.0, LATTICE)
