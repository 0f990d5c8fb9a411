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
"""Shifts of table indices are the cheapest ones, and both sides agree on them."""

from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import LATENT_CHANNELS, TABLES
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
from depth_nn_transport.codec.table_shifts import NARROWEST, TableShifts, WIDEST
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

CHANNELS = slice(16, 64)


@pytest.fixture(scope='module')
def tables():
    files = ModelFiles.load('main')
    sizes = np.cumsum(files.tables['latent_sizes'])[:-1].astype(int)
    return Tables(np.split(files.tables['latent'], sizes))


def drawn(tables, index, random):
    """Symbols as likely as the tables say, none of them an escape."""
    symbols = np.empty(len(index), np.int32)
    for k in np.unique(index):
        reach = tables.radius[k]
        weights = np.exp2(-tables.costs(256)[k] / 256)
        middle = len(weights) // 2
        weights = weights[middle - reach:middle + reach + 1]
        here = index == k
        symbols[here] = random.choice(2 * reach + 1, here.sum(), p=weights / weights.sum()) - reach
    return symbols


def coded_size(tables, index, symbols):
    encoder = TableEncoder()
    encoder.code(tables, index, symbols)
    return len(encoder.to_bytes())


@pytest.mark.parametrize('shift', [-2, 0, 3])
def test_a_channel_that_scatters_otherwise_is_found(tables, shift):
    random = np.random.default_rng(0)
    true = random.integers(12, 40, (2000, 48)).astype(np.uint8)
    expected = true.copy()
    expected[:, 5] -= np.uint8(shift % 256)
    symbols = drawn(tables, true.ravel(), random)
    shifts = TableShifts(tables)
    found = shifts.choose([(CHANNELS, expected.ravel(), symbols)])
    assert found[16 + 5] == shift
    assert np.count_nonzero(np.delete(found, 16 + 5)) < 5


def test_shifts_save_what_they_promise(tables):
    random = np.random.default_rng(1)
    index = random.integers(0, 40, 48 * 500).astype(np.uint8)
    symbols = tables.seen(index, drawn(tables, np.minimum(index + 3, 63), random))
    shifts = TableShifts(tables)
    found = shifts.choose([(CHANNELS, index, symbols)])
    shifted = shifts.apply(found[CHANNELS], index)
    assert coded_size(tables, shifted, symbols) < 0.98 * coded_size(tables, index, symbols)


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_latent_depends_on_the_shifts(tables, seed):
    random = np.random.default_rng(seed)
    index = random.integers(0, TABLES, 48 * 20).astype(np.uint8)
    symbols = tables.seen(index, random.integers(-400, 400, len(index)).astype(np.int32))
    shifted = TableShifts(tables).apply(
        random.integers(NARROWEST, WIDEST + 1, 48).astype(np.int32), index
    )
    encoder = TableEncoder()
    np.testing.assert_array_equal(encoder.code(tables, shifted, symbols), symbols)
    decoded = TableDecoder(encoder.to_bytes()).code(tables, shifted)
    np.testing.assert_array_equal(decoded, symbols)


@given(shifts=st.lists(
    st.integers(NARROWEST, WIDEST), min_size=LATENT_CHANNELS, max_size=LATENT_CHANNELS))
def test_shifts_round_trip(tables, shifts):
    coder, encoder = TableShifts(tables), TableEncoder()
    coder.encode(np.array(shifts, np.int32), encoder)
    assert coder.decode(TableDecoder(encoder.to_bytes())).tolist() == shifts


def test_no_shifts_take_a_byte(tables):
    encoder = TableEncoder()
    TableShifts(tables).encode(np.zeros(LATENT_CHANNELS, np.int32), encoder)
    assert len(encoder.to_bytes()) <= 1
