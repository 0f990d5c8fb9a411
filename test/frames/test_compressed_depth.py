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
"""What compressed_depth_image_transport sends is read, and nothing else is believed."""

from __future__ import annotations

import struct

import cv2

from depth_nn_transport.codec.errors import InvalidDepthError
from depth_nn_transport.frames.compressed_depth import decode_transport, encode_transport

from hypothesis import given, strategies as st
from hypothesis.extra import numpy as npst

import numpy as np

import pytest

IMAGES = npst.arrays(np.uint16, st.tuples(st.integers(1, 12), st.integers(1, 12)))
FORMS = ('png', 'rvl')


@given(IMAGES, st.sampled_from(FORMS))
def test_depth_comes_back(depth, form):
    data = encode_transport(depth, form)
    assert data[:12] == bytes(12)
    np.testing.assert_array_equal(decode_transport(data, form, '16UC1'), depth)


def test_metres_are_restored_as_the_transport_does():
    # Its encoder, with its default quantisation and range.
    scale = np.float32(100 * 101)
    offset = np.float32(1) - scale / np.float32(10)
    metres = np.linspace(0.3, 9.9, 64 * 48, dtype=np.float32).reshape(48, 64)
    inverse = (scale / metres + offset).astype(np.uint16)
    inverse[0] = 0
    config = struct.pack('<iff', 0, scale, offset)
    body = cv2.imencode('.png', inverse)[1].tobytes()
    depth = decode_transport(config + body, 'png', '32FC1')
    assert depth.dtype == np.float32 and np.isnan(depth[0]).all()
    np.testing.assert_allclose(depth[1:], metres[1:], rtol=2e-2)


@given(st.binary(max_size=200), st.sampled_from(FORMS), st.booleans())
def test_any_bytes_are_depth_or_refused(data, form, with_config):
    prefix = bytes(12) if with_config else b''
    try:
        depth = decode_transport(prefix + data, form, '16UC1')
    except InvalidDepthError:
        return
    assert depth.dtype == np.uint16 and depth.ndim == 2


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('width, height', [(0, 480), (4097, 4), (2**31, 2**31)])
def test_absurd_sizes_are_refused_before_they_take_memory(form, width, height):
    body = struct.pack('<II', width, height) + bytes(8) if form == 'rvl' else (
        b'\x89PNG\r\n\x1a\n' + struct.pack('>I4sII', 13, b'IHDR', width, height) + bytes(9))
    with pytest.raises(InvalidDepthError, match=f'size is {width}x{height}'):
        decode_transport(bytes(12) + body, form, '16UC1')
