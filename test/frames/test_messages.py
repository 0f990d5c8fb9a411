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
"""What ROS messages say of depth."""

from __future__ import annotations

from dataclasses import asdict
import math
from types import SimpleNamespace

from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.codec.errors import (
    CorruptStreamError,
    DepthCodecError,
    UnsupportedFormatError,
)
from depth_nn_transport.frames.messages import (
    check_image,
    InvalidImageError,
    message_to_encoded,
    read_rows,
)
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

NUMERIC_FIELDS = (
    'height', 'width', 'format_version', 'mode', 'quality', 'max_error', 'lattice_constant',
    'sequence', 'reference', 'crc32',
)
IMAGE = {
    'height': 2, 'width': 3, 'encoding': '16UC1', 'step': 6, 'is_bigendian': 0,
    'data': bytes(range(12)),
}


@pytest.fixture(scope='module')
def encoded() -> EncodedDepth:
    """Return a frame of 64x48 pixels, a third of it holes."""
    depth = np.tile(np.arange(500, 564, dtype=np.uint16), (48, 1))
    depth[:16] = 0
    return DepthCodec().encode(depth, quality=33.0)


def message_of(encoded, encoding='16UC1'):
    """Return what a message of a frame has, as something that may be changed."""
    return SimpleNamespace(**{
        **asdict(encoded), 'encoding': encoding, 'mode': int(encoded.mode),
        'mask': bytearray(encoded.mask), 'latents': bytearray(encoded.latents),
        'crc32': encoded.crc32,
    })


@pytest.mark.parametrize('field, value, complaint', [
    ('encoding', 'rgb8', 'rgb8'),
    ('encoding', '', "''"),
    ('height', 0, '3x0'),
    ('width', 0, '0x2'),
    ('height', 2**32 - 1, '4294967295'),
    ('width', 2**31, '2147483648'),
    ('step', 5, 'step is 5'),
    ('step', 2**32 - 1, 'data has 12 bytes'),
    ('data', b'12345678901', 'data has 11 bytes'),
    ('data', b'', 'data has 0 bytes'),
])
def test_contradictory_images_are_named(field, value, complaint):
    message = SimpleNamespace(**{**IMAGE, field: value})
    with pytest.raises(InvalidImageError, match=complaint):
        check_image(message)


@pytest.mark.parametrize('big', [0, 1])
def test_rows_are_read_without_their_padding(big):
    data = b''.join(value.to_bytes(2, 'big' if big else 'little') for value in range(8))
    message = SimpleNamespace(**{**IMAGE, 'step': 8, 'is_bigendian': big, 'data': data})
    check_image(message)
    assert read_rows(message).tolist() == [[0, 1, 2], [4, 5, 6]]


@pytest.mark.parametrize('encoding', ['16UC1', 'mono16'])
def test_a_frame_comes_back_from_its_message(encoded, encoding):
    assert message_to_encoded(message_of(encoded, encoding)).to_bytes() == encoded.to_bytes()


def test_another_encoding_is_rejected(encoded):
    with pytest.raises(CorruptStreamError, match='bgr8'):
        message_to_encoded(message_of(encoded, 'bgr8'))


def test_another_version_is_told_whatever_its_fields_say(encoded):
    message = message_of(encoded, 'bgr8')
    message.format_version, message.mode = encoded.format_version + 1, 9
    with pytest.raises(UnsupportedFormatError, match='update'):
        message_to_encoded(message)


@given(st.sampled_from(['mask', 'latents']), st.data())
def test_every_flipped_bit_is_found(encoded, field, data):
    message = message_of(encoded)
    content = getattr(message, field)
    index = data.draw(st.integers(0, len(content) - 1))
    content[index] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptStreamError):
        message_to_encoded(message)


@pytest.mark.parametrize('field', ['mask', 'latents'])
def test_truncation_is_found(encoded, field):
    message = message_of(encoded)
    setattr(message, field, getattr(message, field)[:-1])
    with pytest.raises(CorruptStreamError):
        message_to_encoded(message)


@pytest.mark.parametrize('field', NUMERIC_FIELDS)
def test_every_changed_number_is_found(encoded, field):
    message = message_of(encoded)
    setattr(message, field, getattr(message, field) + 1)
    with pytest.raises(DepthCodecError):
        message_to_encoded(message)


@pytest.mark.parametrize('field', ['quality', 'max_error', 'lattice_constant'])
@pytest.mark.parametrize('value', [math.nan, math.inf, -1.0])
def test_impossible_numbers_are_found(encoded, field, value):
    message = message_of(encoded)
    setattr(message, field, value)
    with pytest.raises(DepthCodecError):
        message_to_encoded(message)


def test_an_unknown_mode_is_told(encoded):
    message = message_of(encoded)
    message.mode = 9
    with pytest.raises(CorruptStreamError, match='mode 9'):
        message_to_encoded(message)
