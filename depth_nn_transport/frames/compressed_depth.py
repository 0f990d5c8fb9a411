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
The images of ``compressed_depth_image_transport``: PNG or RVL behind a few numbers.

As its ``codec.cpp`` of https://github.com/ros-perception/image_transport_plugins has them.
"""

from __future__ import annotations

import struct

import cv2
from depth_nn_transport.codec.depth_frame import Depth
from depth_nn_transport.codec.errors import DepthCodecError, InvalidDepthError
from depth_nn_transport.frames.messages import check_size
from depth_nn_transport.frames.rvl import rvl_decode, rvl_encode
import numpy as np
from numpy.typing import NDArray

PNG, RVL = 'png', 'rvl'
# The default of the transport from Iron on.
PNG_LEVEL = 3

# An unused number and the quantisation of 32FC1.
_CONFIG = struct.Struct('<iff')
_RVL_SIZE = struct.Struct('<II')
# Signature, length and name of the first chunk, width and height.
_PNG_SIZE = struct.Struct('>16xII')


def encode_transport(depth: NDArray[np.uint16], form: str) -> bytes:
    """Return the data of a CompressedImage of depth, uint16 (H, W) mm, as ``png`` or ``rvl``."""
    if form == RVL:
        body = _RVL_SIZE.pack(depth.shape[1], depth.shape[0]) + rvl_encode(depth)
    else:
        _, pixels = cv2.imencode('.png', depth, [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
        body = pixels.tobytes()
    return _CONFIG.pack(0, 0.0, 0.0) + body


def decode_transport(data: bytes, form: str, encoding: str) -> Depth:
    """
    Undo the transport.

    :param data: of a CompressedImage.
    :param form: ``png`` or ``rvl``.
    :param encoding: of the image.
    :returns: uint16 (H, W) mm, or of ``32FC1`` float32 (H, W) m with NaN in holes.
    :raises InvalidDepthError: if the data hold no such image.
    """
    if len(data) <= _CONFIG.size:
        raise InvalidDepthError(f'{len(data)} bytes are no depth image')
    _, scale, offset = _CONFIG.unpack_from(data)
    values = (_decode_rvl if form == RVL else _decode_png)(data[_CONFIG.size:])
    if encoding != '32FC1':
        return values
    inverse = values.astype(np.float32)
    with np.errstate(divide='ignore'):
        metres = np.float32(scale) / (inverse - np.float32(offset))
    return np.where(values > 0, metres, np.float32(np.nan))


def _decode_png(data: bytes) -> NDArray[np.uint16]:
    if len(data) < _PNG_SIZE.size or data[1:4] != b'PNG':
        raise InvalidDepthError(f'{len(data)} bytes are no PNG')
    check_size(*_PNG_SIZE.unpack_from(data))
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.ndim != 2:
        raise InvalidDepthError(f'{len(data)} bytes of PNG hold no 16-bit depth image')
    return image.astype(np.uint16, copy=False)


def _decode_rvl(data: bytes) -> NDArray[np.uint16]:
    if len(data) < _RVL_SIZE.size:
        raise InvalidDepthError(f'{len(data)} bytes are too few for RVL')
    width, height = _RVL_SIZE.unpack_from(data)
    check_size(width, height)
    try:
        return rvl_decode(data[_RVL_SIZE.size:], (height, width))
    except DepthCodecError as error:
        raise InvalidDepthError(str(error)) from error
