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
"""The byte layout: what is written is read back, and nothing else is believed."""

import dataclasses
import struct
import tracemalloc
import zlib

from depth_nn_transport.codec.container import EncodedDepth, FORMAT_VERSION, Mode
from depth_nn_transport.codec.errors import (
    CorruptStreamError,
    DepthCodecError,
    UnsupportedFormatError,
)
from hypothesis import given, strategies as st
import numpy as np
import pytest

FRAME = EncodedDepth(
    height=480, width=848, encoding='16UC1', model_id='main-0123abcd', mode=Mode.LOSSY,
    quality=50.0, max_error=0.0, lattice_constant=612358.25, sequence=7, reference=7,
    mask=b'mask', latents=b'latents',
)
# Offset of the model id's length.
NAME_AT = 17
ALTERED = [
    ('height', 15), ('width', 4097), ('encoding', 'mono16'), ('model_id', 'k\xf6ln'),
    ('model_id', 'a' * 256), ('quality', 50.5), ('quality', 101.0), ('max_error', -1.0),
    ('lattice_constant', 0.0), ('lattice_constant', -2e9), ('sequence', -1), ('reference', 2**32),
]

side = st.integers(16, 4096)
number = st.integers(0, 2**32 - 1)
modes = st.one_of(
    st.fixed_dictionaries({'mode': st.sampled_from([Mode.LOSSY, Mode.LOSSLESS]),
                           'max_error': st.just(0.0)}),
    st.fixed_dictionaries({'mode': st.just(Mode.BOUNDED),
                           'max_error': st.floats(0, 1e6, width=32)}),
)
frames = modes.flatmap(lambda mode: st.builds(
    EncodedDepth, height=side, width=side, encoding=st.sampled_from(['16UC1', '32FC1']),
    model_id=st.text(st.characters(max_codepoint=127), max_size=255),
    quality=st.integers(0, 100).map(float), **{name: st.just(mode[name]) for name in mode},
    lattice_constant=st.floats(1e3, 1e9, width=32) | st.floats(-1e9, -1e3, width=32),
    sequence=number,
    reference=number, mask=st.binary(max_size=99), latents=st.binary(max_size=99),
))


def reseal(data):
    """Give altered bytes the checksum that they need to be believed."""
    return bytes(data[:-4]) + struct.pack('<I', zlib.crc32(data[:-4]))


def patched(offset, new):
    data = bytearray(FRAME.to_bytes())
    data[offset:offset + len(new)] = new
    return reseal(data)


@given(frames)
def test_round_trip(frame):
    data = frame.to_bytes()
    restored = EncodedDepth.from_bytes(data)
    assert restored == frame
    assert restored.to_bytes() == data
    assert restored.crc32 == struct.unpack('<I', data[-4:])[0]


def test_every_flipped_bit_is_noticed():
    data = FRAME.to_bytes()
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DepthCodecError):
            EncodedDepth.from_bytes(bytes(damaged))


def test_every_truncation_and_any_excess_is_noticed():
    data = FRAME.to_bytes()
    for damaged in [data[:size] for size in range(len(data))] + [data + b'\0']:
        with pytest.raises(CorruptStreamError):
            EncodedDepth.from_bytes(damaged)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data):
    with pytest.raises(DepthCodecError):
        EncodedDepth.from_bytes(data)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_after_a_good_header_are_refused(data):
    with pytest.raises(DepthCodecError):
        EncodedDepth.from_bytes(FRAME.to_bytes()[:NAME_AT] + data)


def test_another_version_is_told_from_damage():
    other = FORMAT_VERSION + 1
    with pytest.raises(UnsupportedFormatError, match=f'version {other}'):
        EncodedDepth.from_bytes(patched(3, bytes([other])))
    with pytest.raises(UnsupportedFormatError, match=f'version {other}'):
        dataclasses.replace(FRAME, format_version=other)


@pytest.mark.parametrize('offset, new', [
    (0, b'PNG'), (4, b'\2'), (5, b'\3'), (6, b'\0\0'), (8, b'\xff\xff'),
    (10, b'\x65'), (11, struct.pack('<f', np.nan)), (11, struct.pack('<f', 999)),
    (NAME_AT, b'\xff'), (NAME_AT + 1, b'\xff'),
])
def test_fields_out_of_range_are_refused_in_spite_of_a_good_checksum(offset, new):
    with pytest.raises(CorruptStreamError):
        EncodedDepth.from_bytes(patched(offset, new))


def test_a_lattice_constant_that_the_bytes_would_round_is_refused():
    with pytest.raises(CorruptStreamError, match='float32'):
        dataclasses.replace(FRAME, lattice_constant=612358.3)


@pytest.mark.parametrize('name, value', ALTERED)
def test_fields_out_of_range_are_named(name, value):
    with pytest.raises(CorruptStreamError, match=name.split('_')[0]):
        dataclasses.replace(FRAME, **{name: value})


def test_bound_out_of_range_is_refused_in_spite_of_a_good_checksum():
    data = bytearray(dataclasses.replace(FRAME, mode=Mode.BOUNDED, max_error=2.0).to_bytes())
    data[NAME_AT - 2:NAME_AT + 2] = struct.pack('<f', np.inf)
    with pytest.raises(CorruptStreamError, match='max_error'):
        EncodedDepth.from_bytes(reseal(data))


def test_a_bound_belongs_to_bounded_mode():
    with pytest.raises(CorruptStreamError, match='LOSSY'):
        dataclasses.replace(FRAME, max_error=2.0)


def test_hostile_lengths_allocate_nothing():
    data = patched(NAME_AT + 1 + len(FRAME.model_id), b'\xff\xff\xff\xff\x0f')
    tracemalloc.start()
    with pytest.raises(CorruptStreamError, match='truncated'):
        EncodedDepth.from_bytes(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


def test_checksum_that_travelled_apart():
    FRAME.verify_crc(FRAME.crc32)
    with pytest.raises(CorruptStreamError, match='checksum'):
        FRAME.verify_crc(FRAME.crc32 ^ 1)


def test_a_frame_that_is_numbered_refers_to_no_other():
    numbered = dataclasses.replace(FRAME, reference=3).numbered(12)
    assert (numbered.sequence, numbered.reference) == (12, 12)
