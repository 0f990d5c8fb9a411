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
"""Encoded frames as messages and back."""

from __future__ import annotations

import math

from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.codec.errors import CorruptStreamError, DepthCodecError
from depth_nn_transport.nodes.message_conversion import encoded_to_message, message_to_encoded

from hypothesis import given, strategies as st

import numpy as np

import pytest

from rclpy.serialization import deserialize_message, serialize_message

from std_msgs.msg import Header

NUMERIC_FIELDS = (
    'height', 'width', 'format_version', 'mode', 'quality', 'max_error', 'lattice_constant',
    'sequence', 'reference', 'crc32')


@pytest.fixture(scope='module')
def encoded() -> EncodedDepth:
    """Return a frame of 64x48 pixels, a third of it holes."""
    depth = np.tile(np.arange(500, 564, dtype=np.uint16), (48, 1))
    depth[:16] = 0
    return DepthCodec().encode(depth, quality=33.0)


@pytest.mark.parametrize('encoding', ['16UC1', 'mono16'])
def test_round_trip_over_the_wire(encoded, encoding):
    sent = encoded_to_message(encoded, encoding, Header(frame_id='camera'))
    received = deserialize_message(serialize_message(sent), type(sent))
    assert received.encoding == encoding
    assert received.header == sent.header
    assert message_to_encoded(received).to_bytes() == encoded.to_bytes()


def test_another_encoding_is_rejected(encoded):
    with pytest.raises(CorruptStreamError, match='bgr8'):
        message_to_encoded(encoded_to_message(encoded, 'bgr8', Header()))


@given(st.sampled_from(['mask', 'latents']), st.data())
def test_every_flipped_bit_is_found(encoded, field, data):
    message = encoded_to_message(encoded, '16UC1', Header())
    content = getattr(message, field)
    index = data.draw(st.integers(0, len(content) - 1))
    content[index] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptStreamError):
        message_to_encoded(message)


@pytest.mark.parametrize('field', ['mask', 'latents'])
def test_truncation_is_found(encoded, field):
    message = encoded_to_message(encoded, '16UC1', Header())
    setattr(message, field, getattr(message, field)[:-1])
    with pytest.raises(CorruptStreamError):
        message_to_encoded(message)


@pytest.mark.parametrize('field', NUMERIC_FIELDS)
def test_every_changed_number_is_found(encoded, field):
    message = encoded_to_message(encoded, '16UC1', Header())
    setattr(message, field, getattr(message, field) + 1)
    with pytest.raises(DepthCodecError):
        message_to_encoded(message)


@pytest.mark.parametrize('field', ['quality', 'max_error', 'lattice_constant'])
@pytest.mark.parametrize('value', [math.nan, math.inf, -1.0])
def test_impossible_numbers_are_found(encoded, field, value):
    message = encoded_to_message(encoded, '16UC1', Header())
    setattr(message, field, value)
    with pytest.raises(DepthCodecError):
        message_to_encoded(message)
