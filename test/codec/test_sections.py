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
"""Sections come back as they went in, and a length is never believed beyond the bytes."""

from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.sections import (
    pack_number,
    pack_section,
    unpack_number,
    unpack_section,
)
from hypothesis import given, strategies as st
import pytest


@given(st.integers(0, 2**32 - 1), st.binary(max_size=9))
def test_numbers_come_back(number, rest):
    assert unpack_number(pack_number(number) + rest) == (number, rest)


def test_small_numbers_take_one_byte():
    assert [len(pack_number(n)) for n in (0, 127, 128, 2**14 - 1, 2**14)] == [1, 1, 2, 2, 3]


@given(st.binary(max_size=300), st.binary(max_size=9))
def test_sections_come_back(section, rest):
    assert unpack_section(pack_section(section) + rest) == (section, rest)


@pytest.mark.parametrize('data', [
    b'', b'\x80', b'\xff\xff\xff\xff\xff', b'\x80\x80\x80\x80\x10', b'\xff\xff\xff\xff\x1f',
    b'\x80\x80\x80\x80\x80\x01',
])
def test_what_is_no_number_is_refused(data):
    with pytest.raises(CorruptStreamError):
        unpack_number(data)


def test_a_section_that_ends_early_is_refused():
    with pytest.raises(CorruptStreamError, match='truncated'):
        unpack_section(b'\x05four')
