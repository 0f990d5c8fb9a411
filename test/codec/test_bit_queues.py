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
"""Queues of bits: runs of any length and order come back, rare ones cost next to nothing."""

from __future__ import annotations

from depth_nn_transport.codec.bit_queues import (
    BitModels,
    draw_bit,
    draw_zeros,
    LONGEST_RUN,
    overdrawn,
    push_bit,
    push_zeros,
    run_table,
)
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

MODELS = BitModels(np.array([0.5, 0.2, 0.01, 1e-5], np.float32))
CLASSES = 4


def encode(runs: list[tuple[int, int]]) -> bytes:
    """Encode runs of zeros, each followed by a one, given with their classes."""
    writer = MODELS.writer(sum(zeros + 1 for _, zeros in runs))
    for k, zeros in runs:
        push_zeros(writer, k, zeros)
        push_bit(writer, k, 1)
    encoder = TableEncoder()
    MODELS.encode(writer, encoder)
    return encoder.to_bytes()


def draw_run(reader, k: int, step: int) -> int:
    """Draw zeros up to a one, at most so many at once, and count them."""
    zeros = 0
    while (drawn := draw_zeros(reader, k, step)) > 0:
        zeros += drawn
    assert draw_bit(reader, k) == 1
    return zeros


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1200)), max_size=30), st.integers(1, 700))
def test_runs_come_back_however_they_are_drawn(runs, step):
    bits = sum(zeros + 1 for _, zeros in runs)
    reader = MODELS.decode(TableDecoder(encode(runs)), bits)
    assert [draw_run(reader, k, step) for k, _ in runs] == [zeros for _, zeros in runs]
    assert not overdrawn(reader)


@given(st.integers(0, 3), st.lists(st.booleans(), max_size=700))
def test_bits_come_back_one_by_one_and_their_end_is_noticed(k, bits):
    writer = MODELS.writer(len(bits))
    for bit in bits:
        push_bit(writer, k, bit)
    encoder = TableEncoder()
    MODELS.encode(writer, encoder)
    reader = MODELS.decode(TableDecoder(encoder.to_bytes()), len(bits))
    assert [draw_bit(reader, k) for _ in bits] == bits
    assert not overdrawn(reader)
    assert draw_zeros(reader, k, LONGEST_RUN) == LONGEST_RUN
    assert overdrawn(reader)


def test_nearly_certain_zeros_take_next_to_nothing():
    writer = MODELS.writer(400_000)
    push_zeros(writer, 3, 400_000)
    encoder = TableEncoder()
    MODELS.encode(writer, encoder)
    assert len(encoder.to_bytes()) < 8


@pytest.mark.parametrize('k', range(CLASSES))
def test_bits_cost_their_entropy(k):
    unlikely = [0.5, 0.2, 0.01, 1e-5][k]
    ones = np.flatnonzero(np.random.default_rng(0).random(1 << 20) < unlikely)
    data = encode([(k, int(zeros)) for zeros in np.diff(ones, prepend=-1) - 1])
    entropy = -unlikely * np.log2(unlikely) - (1 - unlikely) * np.log2(1 - unlikely)
    assert 8 * len(data) < 1.02 * entropy * (1 << 20) + 80


@pytest.mark.parametrize('unlikely, longest', [(0.5, 1), (0.07, 10), (1e-5, 512)])
def test_tables_of_runs_are_exact_multiples_that_sum_to_one(unlikely, longest):
    table = run_table(unlikely, longest).astype(np.float64) * 2**22
    assert (table == np.rint(table)).all() and (table >= 1).all()
    assert table.sum() / 2**22 == pytest.approx(1, abs=longest * 2**-21)


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_garbage_is_refused_or_holds_a_bounded_number_of_bits(data):
    try:
        reader = MODELS.decode(TableDecoder(data), 1000)
    except CorruptStreamError:
        return
    assert len(reader.gaps) <= 1000 + 2 * CLASSES + 1
    for k in range(CLASSES):
        for _ in range(1000 + CLASSES):
            draw_zeros(reader, k, LONGEST_RUN)
            draw_bit(reader, k)
    assert overdrawn(reader)
