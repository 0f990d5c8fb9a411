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
"""Depth images as messages and back."""

from __future__ import annotations

from array import array
import sys

from depth_nn_transport.frames.messages import InvalidImageError, PIXEL_TYPES
from depth_nn_transport.nodes.image_conversion import (
    convert_depth,
    depth_to_image,
    image_to_depth,
)

from hypothesis import given, strategies as st
from hypothesis.extra import numpy as npst

import numpy as np

import pytest

from sensor_msgs.msg import Image

from std_msgs.msg import Header

SIDES = npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20)


@st.composite
def depth_images(draw):
    """Draw an encoding and pixels of its type, NaN and infinity among them."""
    encoding = draw(st.sampled_from(sorted(PIXEL_TYPES)))
    return encoding, draw(npst.arrays(PIXEL_TYPES[encoding], SIDES))


def padded_image(encoding, pixels, padding, byte_order):
    """Return the message of pixels in a byte order, with padding bytes after each row."""
    sent = pixels.astype(pixels.dtype.newbyteorder(byte_order))
    rows = [row.tobytes() + b'\xaa' * padding for row in sent]
    return Image(
        height=pixels.shape[0], width=pixels.shape[1], encoding=encoding, step=len(rows[0]),
        is_bigendian=int(byte_order == '>'), data=array('B', b''.join(rows)))


def same_bits(one, other):
    """Return whether two arrays are equal to the bit, NaN included."""
    return one.shape == other.shape and one.dtype == other.dtype and (
        one.tobytes() == other.tobytes())


@given(depth_images(), st.integers(0, 7), st.sampled_from('<>'))
def test_padding_and_byte_order_do_not_change_the_pixels(image, padding, byte_order):
    encoding, pixels = image
    depth = image_to_depth(padded_image(encoding, pixels, padding, byte_order))
    assert depth.dtype.isnative
    assert same_bits(depth, pixels)


@given(depth_images())
def test_round_trip(image):
    encoding, pixels = image
    message = depth_to_image(pixels, encoding, Header(frame_id='camera'))
    assert message.encoding == encoding
    assert message.header.frame_id == 'camera'
    assert bool(message.is_bigendian) == (sys.byteorder == 'big')
    assert same_bits(image_to_depth(message), pixels)


def test_data_beyond_the_last_row_is_ignored():
    message = depth_to_image(np.ones((2, 3), np.uint16), 'mono16', Header())
    message.data.extend([1, 2, 3])
    assert np.array_equal(image_to_depth(message), np.ones((2, 3)))


def test_an_image_that_contradicts_itself_is_refused():
    message = depth_to_image(np.ones((2, 3), np.uint16), '16UC1', Header())
    message.step = 5
    with pytest.raises(InvalidImageError, match='step is 5'):
        image_to_depth(message)


def test_metres_that_do_not_fit_into_millimetres_are_holes():
    metres = np.array([[0.0004, 0.0006, 1.2346, 65.535, 65.54, np.nan, np.inf, -1]], np.float32)
    found = convert_depth(metres, '16UC1')
    assert found.dtype == np.uint16 and found.tolist() == [[0, 1, 1235, 65535, 0, 0, 0, 0]]


def test_holes_in_millimetres_are_nan_in_metres():
    found = convert_depth(np.array([[0, 1500]], np.uint16), '32FC1')
    assert same_bits(found, np.array([[np.nan, 1.5]], np.float32))
