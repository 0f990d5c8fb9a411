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
"""Coded bytes decode to what was encoded, and none of them could be left out."""

import constriction
from depth_nn_transport.codec.words import bytes_to_words, coded_bytes
from hypothesis import given, settings, strategies as st
import numpy as np

MODEL = constriction.stream.model.Categorical(
    np.array([0.7, 0.2, 0.0999, 0.0001], np.float32), perfect=False
)
symbols_of = st.lists(st.integers(0, 3), max_size=200).map(lambda x: np.array(x, np.int32))


def encoded(symbols: np.ndarray) -> constriction.stream.queue.RangeEncoder:
    coder = constriction.stream.queue.RangeEncoder()
    if len(symbols):
        coder.encode(symbols, MODEL)
    return coder


def decodes(data: bytes, symbols: np.ndarray) -> bool:
    decoder = constriction.stream.queue.RangeDecoder(bytes_to_words(data))
    try:
        return len(symbols) == 0 or np.array_equal(decoder.decode(MODEL, len(symbols)), symbols)
    except AssertionError:
        # What no encoder can have written.
        return False


@settings(max_examples=300)
@given(symbols=symbols_of)
def test_bytes_decode_to_the_symbols(symbols):
    assert decodes(coded_bytes(encoded(symbols)), symbols)


@settings(max_examples=100)
@given(symbols=symbols_of)
def test_no_byte_fewer_would_do(symbols):
    data = coded_bytes(encoded(symbols))
    for last in range(256) if len(data) > 1 else ():
        assert not decodes(data[:-2] + bytes([last]), symbols)


def test_bytes_are_the_same_on_every_machine():
    symbols = np.random.default_rng(0).choice(4, 100, p=[0.7, 0.2, 0.09, 0.01]).astype(np.int32)
    assert coded_bytes(encoded(symbols)).hex() == '36cf3dce1fedd40386de3aba5eb8a6a8133c32bd'


def test_nothing_takes_no_bytes():
    assert coded_bytes(encoded(np.zeros(0, np.int32))) == b''
