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
"""
The range coder's words, pinned by an independent decoder: what docs/format.md says of them.

The words come from a library; should a release of it write others, streams would no longer be
readable, and these tests fail.
"""

from depth_nn_transport.codec.bit_queues import BitModels, push_bit, push_zeros, run_table
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.table_coder import TableEncoder, Tables
from depth_nn_transport.codec.words import bytes_to_words
import numpy as np
import pytest

WHOLE = 1 << 24
WORD, STATE = 1 << 32, 1 << 64


class RangeDecoder:
    """Decoder of symbols by their cumulative frequencies, which end at 2**24."""

    def __init__(self, data):
        self.words = iter(bytes_to_words(data).tolist())
        self.lower, self.range = 0, STATE - 1
        self.point = self.next_word() * WORD + self.next_word()

    def next_word(self):
        return next(self.words, 0)

    def decode(self, cumulative):
        unit = self.range // WHOLE
        quantile = (self.point - self.lower) % STATE // unit
        assert quantile < WHOLE
        symbol = int(np.searchsorted(cumulative, quantile, 'right')) - 1
        start, end = int(cumulative[symbol]), int(cumulative[symbol + 1])
        self.lower = (self.lower + unit * start) % STATE
        self.range = unit * (end - start)
        if self.range < WORD:
            self.lower = self.lower * WORD % STATE
            self.range *= WORD
            self.point = self.point * WORD % STATE + self.next_word()
        return symbol


def categorical(probabilities):
    """Cumulative frequencies of a table, in float32 arithmetic."""
    total = accumulated = np.float32(0)
    for probability in probabilities:
        total = total + probability
    scale = np.float32(WHOLE - len(probabilities)) / total
    cumulative = []
    for k, probability in enumerate(probabilities):
        cumulative.append(int(accumulated * scale) + k)
        accumulated = accumulated + probability
    return np.array([*cumulative, WHOLE])


def uniform(size):
    return np.array([k * (WHOLE // size) for k in range(size)] + [WHOLE])


def bernoulli(probability):
    """Cumulative frequencies of a bit, in float64 arithmetic."""
    return np.array([0, int((1 - float(probability)) * (WHOLE - 2)) + 1, WHOLE])


@pytest.fixture(scope='module')
def files():
    return ModelFiles.load('main')


@pytest.mark.parametrize('name', ['latent', 'hyper'])
def test_symbols_of_tables(files, name):
    sizes = np.cumsum(files.tables[f'{name}_sizes'])[:-1].astype(int)
    probabilities = np.split(files.tables[name], sizes)
    tables = Tables(probabilities)
    random = np.random.default_rng(0)
    index = np.sort(random.integers(0, len(tables), 2000)).astype(np.uint8)
    symbols = random.integers(-tables.radius[index] - 3, tables.radius[index] + 4).astype(np.int32)
    encoder = TableEncoder()
    encoder.code(tables, index, symbols)
    decoder = RangeDecoder(encoder.to_bytes())
    cumulative = [categorical(p) for p in probabilities]
    escaped = []
    for k, symbol in zip(index, symbols, strict=True):
        if tables.certain[k]:
            continue
        expected, radius = symbol + tables.radius[k], tables.radius[k]
        if abs(symbol) > radius:
            expected = 2 * radius + 1
            escaped.append(symbol)
        assert decoder.decode(cumulative[k]) == expected
    assert [decoder.decode(uniform(1 << 16)) - (1 << 15) for _ in escaped] == escaped


def test_raw_values():
    values = np.random.default_rng(0).integers(0, 256, 100).astype(np.int32)
    encoder = TableEncoder()
    encoder.raw(values, 256)
    decoder = RangeDecoder(encoder.to_bytes())
    assert [decoder.decode(uniform(256)) for _ in values] == values.tolist()


def test_bits():
    random = np.random.default_rng(0)
    probability = random.random(500).astype(np.float32)
    bits = (random.random(500) < probability).astype(np.uint8)
    encoder = TableEncoder()
    encoder.bits(probability, bits)
    decoder = RangeDecoder(encoder.to_bytes())
    assert [decoder.decode(bernoulli(p)) for p in probability] == bits.tolist()


def test_queues_of_bits(files):
    unlikely = files.mask['unlikely']
    models = BitModels(unlikely)
    runs = [(k, n) for k in range(0, len(unlikely), 3) for n in (0, 2, 700)]
    writer = models.writer(sum(zeros + 1 for _, zeros in runs))
    for k, zeros in runs:
        push_zeros(writer, k, zeros)
        push_bit(writer, k, 1)
    encoder = TableEncoder()
    models.encode(writer, encoder)
    decoder = RangeDecoder(encoder.to_bytes())
    lengths = decode_lengths(decoder, len(unlikely))
    for k, length in enumerate(lengths):
        longest = max(1, min(int(np.float32(0.7) / unlikely[k]), 512))
        cumulative = categorical(run_table(float(unlikely[k]), longest))
        symbols = [decoder.decode(cumulative) for _ in range(length)]
        zeros = np.array([longest if symbol == 0 else symbol - 1 for symbol in symbols], int)
        ones = np.array(symbols, int) > 0
        found = np.diff(np.cumsum(zeros)[ones], prepend=0).tolist()
        assert found == [n for class_, n in runs if class_ == k]


def decode_lengths(decoder, count):
    """Decode the lengths of queues: their numbers of bits, then the bits."""
    change = categorical([np.float32(2.0 ** -min(k, 32 - k)) for k in range(32)])
    bits = (8 + np.cumsum([decoder.decode(change) for _ in range(count)])) % 32
    return [
        0 if size == 0 else (1 << size - 1) + decoder.decode(uniform(1 << size - 1))
        for size in bits.tolist()
    ]
