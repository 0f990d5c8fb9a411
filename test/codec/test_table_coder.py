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
"""Symbols come back whatever their table thinks of them, and garbage does no harm."""

from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
from hypothesis import given, strategies as st
import numpy as np
import pytest

CERTAIN_TABLE = 2

small = st.integers(-3, 3)
large = st.integers(-16384, 16384)
sequences = st.lists(st.tuples(st.integers(0, 4), small | large), max_size=200)


def columns(pairs):
    table = np.array([k for k, _ in pairs], np.uint8)
    return table, np.array([x for _, x in pairs], np.int32)


@given(parts=st.lists(sequences, max_size=4))
def test_round_trip(tables, parts):
    encoder = TableEncoder()
    seen = [encoder.code(tables, *columns(part)) for part in parts]
    decoder = TableDecoder(encoder.to_bytes())
    for part, expected in zip(parts, seen, strict=True):
        index, symbols = columns(part)
        np.testing.assert_array_equal(expected, np.where(index == CERTAIN_TABLE, 0, symbols))
        np.testing.assert_array_equal(decoder.code(tables, index), expected)


def test_nothing_costs_nothing(tables):
    encoder = TableEncoder()
    encoder.code(tables, *columns([]))
    encoder.raw(np.zeros(0, np.int32), 256)
    encoder.code(tables, np.full(1000, CERTAIN_TABLE, np.uint8), np.ones(1000, np.int32))
    assert encoder.to_bytes() == b''


def test_likely_symbols_are_cheap(tables):
    encoder = TableEncoder()
    encoder.code(tables, np.zeros(8000, np.uint8), np.zeros(8000, np.int32))
    assert len(encoder.to_bytes()) < 350


@given(st.sets(st.integers(0, 1199), max_size=8))
def test_uncertain_symbols_are_found_among_many_certain_ones(places):
    certain, flat = [0.0002, 0.9994, 0.0002, 0.0002], [0.25, 0.25, 0.25, 0.25]
    tables = Tables([np.array(p, np.float32) for p in (certain, flat)])
    index, symbols = np.zeros(1200, np.uint8), np.ones(1200, np.int32)
    index[list(places)] = 1
    encoder = TableEncoder()
    np.testing.assert_array_equal(encoder.code(tables, index, symbols), index)
    np.testing.assert_array_equal(TableDecoder(encoder.to_bytes()).code(tables, index), index)


@given(st.lists(st.integers(0, 999), max_size=50))
def test_raw_round_trip(values):
    encoder = TableEncoder()
    encoder.raw(np.array(values, np.int32), 1000)
    decoder = TableDecoder(encoder.to_bytes())
    np.testing.assert_array_equal(decoder.raw(len(values), 1000), values)


def test_raw_values_of_several_sizes_are_coded_as_one_by_one():
    values, sizes = np.array([3, 1, 65535], np.int32), np.array([7, 2, 65536], np.int32)
    encoder, single = TableEncoder(), TableEncoder()
    encoder.raw(values, sizes)
    for k, size in enumerate(sizes.tolist()):
        single.raw(values[k:k + 1], size)
    assert encoder.to_bytes() == single.to_bytes()
    np.testing.assert_array_equal(TableDecoder(encoder.to_bytes()).raw(3, sizes), values)


@given(data=st.binary(max_size=300), pairs=sequences)
def test_garbage_gives_symbols_or_a_typed_error(tables, data, pairs):
    index, _ = columns(pairs)
    decoder = TableDecoder(data)
    try:
        symbols = [decoder.code(tables, index), decoder.raw(5, 256)]
    except CorruptStreamError:
        return
    assert symbols[0].shape == index.shape
    assert (np.abs(symbols[0]) <= 32768).all()
    assert ((symbols[1] >= 0) & (symbols[1] < 256)).all()


@pytest.mark.parametrize('spread, table', [(0.0, 4), (0.01, 4), (0.15, 0), (0.6, 1), (1e4, 3)])
def test_nearest_spread_is_never_certain(tables, spread, table):
    assert tables.nearest_spread(spread) == table
