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
"""Depth in messages of every form, sound and damaged."""

from __future__ import annotations

from contextlib import suppress

from depth_nn_transport.bag.depth_messages import (
    depth_of,
    image_message,
    is_compressed_depth_transport,
    read_message,
)
from depth_nn_transport.bag.message_types import COMPRESSED_IMAGE, deserialize, IMAGE, make
from depth_nn_transport.codec.errors import InvalidDepthError

from hypothesis import given, strategies as st

import numpy as np

import pytest

from .conftest import frame, header, transport_message


@pytest.mark.parametrize('encoding', ['16UC1', 'mono16', '32FC1'])
def test_images_come_back(encoding):
    depth = frame(1) if encoding != '32FC1' else frame(1).astype(np.float32)
    message = deserialize(image_message(depth, encoding, header(1)), IMAGE)
    assert (message.encoding, message.header) == (encoding, header(1))
    np.testing.assert_array_equal(depth_of(message), depth)


@pytest.mark.parametrize('order', ['<', '>'])
def test_padding_and_byte_order_of_images(order):
    padded = np.arange(12, dtype=f'{order}u2').reshape(3, 4)
    message = make(IMAGE, header=header(0), height=3, width=3, encoding='16UC1', step=8,
                   is_bigendian=int(order == '>'), data=padded.view(np.uint8).ravel())
    np.testing.assert_array_equal(depth_of(message), padded[:, :3])


@pytest.mark.parametrize('form', ['png', 'rvl'])
def test_compressed_depth_comes_back(form):
    message = deserialize(transport_message(frame(2), form, 2), COMPRESSED_IMAGE)
    assert is_compressed_depth_transport(message)
    np.testing.assert_array_equal(depth_of(message), frame(2))


def test_the_form_may_be_left_out_as_old_releases_do():
    message = deserialize(transport_message(frame(2), 'png', 2), COMPRESSED_IMAGE)
    message.format = '16UC1; compressedDepth'
    np.testing.assert_array_equal(depth_of(message), frame(2))


@given(st.binary(max_size=100), st.sampled_from([IMAGE, COMPRESSED_IMAGE]))
def test_any_bytes_are_depth_or_refused(data, msgtype):
    with suppress(InvalidDepthError):
        assert depth_of(read_message(data, msgtype)).ndim == 2


def test_images_that_contradict_themselves_are_refused():
    message = deserialize(image_message(frame(0), '16UC1', header(0)), IMAGE)
    message.data = message.data[:-1]
    with pytest.raises(InvalidDepthError, match=r'height \* step'):
        depth_of(message)


def test_colour_is_no_depth():
    message = deserialize(image_message(frame(0), '16UC1', header(0)), IMAGE)
    message.encoding = 'rgb8'
    with pytest.raises(InvalidDepthError, match="encoding is 'rgb8'"):
        depth_of(message)
