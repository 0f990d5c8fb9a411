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
"""Queues of symbols: whatever a model draws, in the order it draws it, is what was coded."""

from __future__ import annotations

import constriction
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.queue_coder import (
    decode_queues,
    draw,
    encode_queues,
    EXHAUSTED,
    packed_table,
)
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

SIZES = (2, 5, 2, 40)
MODELS = [
    constriction.stream.model.Categorical(np.arange(1, size + 1, dtype='f4'), perfect=False)
    for size in SIZES
]


UNLIKELY = (0.5, 0.1, 3e-4)
PACKED_MODELS = [
    constriction.stream.model.Categorical(packed_table(p), perfect=False) for p in UNLIKELY
] + MODELS[1:2]


def encode(index: np.ndarray, symbols: np.ndarray) -> bytes:
    encoder = TableEncoder()
    encode_queues(index, symbols, MODELS, encoder)
    return encoder.to_bytes()


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 39)), max_size=300),
    st.lists(st.integers(0, 255), max_size=5))
def test_symbols_are_drawn_in_their_order(pairs, more):
    index = np.array([k for k, _ in pairs], np.uint8)
    symbols = np.array([symbol % SIZES[k] for k, symbol in pairs], np.int32)
    encoder = TableEncoder()
    encode_queues(index, symbols, MODELS, encoder)
    encoder.raw(np.array(more, np.int32), 256)
    decoder = TableDecoder(encoder.to_bytes())
    queues = decode_queues(MODELS, len(pairs), decoder)
    assert [draw(queues, k) for k in index] == symbols.tolist()
    assert [draw(queues, k) for k in range(len(SIZES))] == [EXHAUSTED] * len(SIZES)
    assert decoder.raw(len(more), 256).tolist() == more


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=300))
def test_bits_are_drawn_in_their_order(pairs):
    index = np.array([k for k, _ in pairs], np.uint8)
    symbols = np.array([symbol if k == 3 else symbol % 2 for k, symbol in pairs], np.int32)
    encoder = TableEncoder()
    encode_queues(index, symbols, PACKED_MODELS, encoder, 3)
    queues = decode_queues(
        PACKED_MODELS, len(pairs), TableDecoder(encoder.to_bytes()), np.uint16, 3
    )
    assert [draw(queues, k) for k in index] == symbols.tolist()
    assert [draw(queues, k) for k in range(4)] == [EXHAUSTED] * 4


@pytest.mark.parametrize('unlikely', UNLIKELY)
def test_packed_bits_take_what_they_are_worth(unlikely):
    bits = (np.random.default_rng(0).random(60_000) < unlikely).astype(np.int32)
    encoder = TableEncoder()
    encode_queues(np.zeros(len(bits), np.uint8), bits, [PACKED_MODELS[UNLIKELY.index(unlikely)]],
                  encoder, 1)
    likely = -np.log2(1 - unlikely) * (bits == 0).sum() - np.log2(unlikely) * bits.sum()
    assert len(encoder.to_bytes()) < 1.001 * likely / 8 + 12


def test_long_queues():
    index = np.zeros(1 << 18, np.uint8)
    symbols = np.arange(1 << 18, dtype=np.int32) % 2
    queues = decode_queues(MODELS, 1 << 18, TableDecoder(encode(index, symbols)))
    np.testing.assert_array_equal(queues.symbols, symbols)


def test_lengths_beyond_the_limit_are_refused():
    data = encode(np.zeros(100, np.uint8), np.zeros(100, np.int32))
    with pytest.raises(CorruptStreamError, match='100 symbols; expected at most 99'):
        decode_queues(MODELS, 99, TableDecoder(data))


@settings(max_examples=100)
@given(st.binary(max_size=100))
def test_garbage_is_refused_or_holds_symbols_within_bounds(data):
    try:
        queues = decode_queues(MODELS, 1000, TableDecoder(data))
    except CorruptStreamError:
        return
    assert len(queues.symbols) <= 1000
    for k, size in enumerate(SIZES):
        assert (queues.symbols[queues.place[k]:queues.end[k]] < size).all()
