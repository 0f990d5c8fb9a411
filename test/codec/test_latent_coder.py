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
"""Symbols of latents weigh errors against bits."""

from depth_nn_transport.codec.latent_coder import _to_symbols
from hypothesis import given, strategies as st
import numpy as np

CHANNELS = 4
# Bits in 1 / 256 of the symbols -2 to 2 under two tables; the first one makes everything dear.
COSTS = 256 * np.array([[90, 3], [60, 2], [0, 1], [60, 2], [90, 3]], np.int32)
DEAR, CHEAP = 0, 1


def symbols_of(values, table, share):
    """Symbols of a grid of one position; its latents are at the first phase."""
    latents = np.zeros((2, 2, 64), np.float32)
    latents[0, 0, :CHANNELS] = values
    mean = np.zeros((1, 1, CHANNELS), np.float32)
    index = np.full(CHANNELS, table, np.uint8)
    shares = np.full((2, 2), share, np.float32)
    return _to_symbols(latents, 1, (0, 0), 0, mean, index, COSTS, shares).tolist()


def test_cheap_symbols_are_rounded():
    assert symbols_of([0.4, 0.6, -1.4, 1.9], CHEAP, 1.0) == [0, 1, -1, 2]


def test_a_dear_symbol_is_sent_where_its_error_is_worse():
    # One for 60 bits: worth 1.8, more than any error of what rounds to one; two for 30 more: 0.9.
    assert symbols_of([0.6, -1.4, 1.6, 2.4], DEAR, 1.0) == [0, 0, 1, 2]


def test_errors_in_holes_weigh_little():
    assert symbols_of([0.6, -1.4, 1.9, 2.4], CHEAP, 1.0) == [1, -1, 2, 2]
    assert symbols_of([0.6, -1.4, 1.9, 2.4], CHEAP, 1 / 64) == [0, 0, 1, 1]


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=CHANNELS, max_size=CHANNELS),
       st.sampled_from([DEAR, CHEAP]), st.floats(1 / 64, 1))
def test_symbols_are_the_nearest_or_one_closer_to_zero(values, table, share):
    nearest = np.rint(np.clip(np.array(values, np.float32), -8191, 8191)).astype(int)
    found = np.array(symbols_of(values, table, share))
    assert (np.isin(np.abs(nearest) - np.abs(found), (0, 1))).all()
    assert (found * nearest >= 0).all()
