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
"""Depth images in the CDR bytes of ROS messages."""

from __future__ import annotations

from dataclasses import fields
import struct
from typing import Any

import cv2
from depth_nn_transport.bag.message_types import (
    COMPRESSED_DEPTH,
    COMPRESSED_IMAGE,
    deserialize,
    IMAGE,
    make,
    serialize,
)
from depth_nn_transport.codec.container import EncodedDepth, MAX_SIZE, Mode
from depth_nn_transport.codec.errors import (
    CorruptStreamError,
    DepthCodecError,
    InvalidDepthError,
)
from depth_nn_transport.frames.rvl import rvl_decode
import numpy as np
from numpy.typing import NDArray
from rosbags.serde import SerdeError

Depth = NDArray[np.uint16] | NDArray[np.float32]

PIXEL_TYPES: dict[str, np.dtype[Any]] = {
    '16UC1': np.dtype(np.uint16), 'mono16': np.dtype(np.uint16), '32FC1': np.dtype(np.float32),
}
# The codec knows two pixel types, ROS three names for them.
_CODEC_ENCODINGS = {'16UC1': '16UC1', 'mono16': '16UC1', '32FC1': '32FC1'}

# compressed_depth_image_transport: an unused number and the quantisation of 32FC1, then the image.
_CONFIG = struct.Struct('<iff')
_RVL_SIZE = struct.Struct('<II')
# Signature, length and name of the first chunk, width and height.
_PNG_SIZE = struct.Struct('>16xII')


def stamp_ns(message: Any) -> int:
    """Return the time stamp of a message's header in ns."""
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def read_message(data: bytes, msgtype: str) -> Any:
    """Return a message that may hold depth.

    Raises:
        InvalidDepthError: if the bytes are no message of this type.

    """
    try:
        return deserialize(data, msgtype)
    except SerdeError as error:
        raise InvalidDepthError(f'damaged message: {error}') from error


def encoding_of(message: Any) -> str:
    """Return the pixel encoding of an Image, or of the image that a CompressedImage holds."""
    if message.__msgtype__ == IMAGE:
        return str(message.encoding)
    return str(message.format).partition(';')[0].strip()


def is_compressed_depth_transport(message: Any) -> bool:
    """Return whether a CompressedImage comes from compressed_depth_image_transport."""
    return 'compressedDepth' in message.format


def depth_of(message: Any) -> Depth:
    """Return the depth image of an Image or CompressedImage.

    Returns:
        uint16 (H, W) mm with 0 in holes, or float32 (H, W) m.

    Raises:
        InvalidDepthError: if the message holds none, or contradicts itself.

    """
    encoding = encoding_of(message)
    if encoding not in PIXEL_TYPES:
        raise InvalidDepthError(
            f'encoding is {encoding!r}, depth comes as one of {", ".join(PIXEL_TYPES)}'
        )
    if message.__msgtype__ == COMPRESSED_IMAGE:
        return _decompress(message, encoding)
    return _pixels(message)


def image_message(depth: Depth, encoding: str, header: Any) -> bytes:
    """Return the bytes of an Image."""
    height, width = depth.shape
    pixels = np.ascontiguousarray(depth, PIXEL_TYPES[encoding].newbyteorder('<'))
    return serialize(make(
        IMAGE, header=header, height=height, width=width, encoding=encoding, is_bigendian=0,
        step=width * pixels.itemsize, data=pixels.view(np.uint8).ravel(),
    ))


def compressed_message(encoded: EncodedDepth, encoding: str, header: Any) -> bytes:
    """Return the bytes of a CompressedDepth with encoding and header of the source."""
    values = {field.name: getattr(encoded, field.name) for field in fields(encoded)}
    return serialize(make(COMPRESSED_DEPTH, **{
        **values, 'header': header, 'encoding': encoding, 'mode': int(encoded.mode),
        'mask': np.frombuffer(encoded.mask, np.uint8),
        'latents': np.frombuffer(encoded.latents, np.uint8), 'crc32': encoded.crc32,
    }))


def encoded_of(message: Any) -> EncodedDepth:
    """Return the encoded frame of a CompressedDepth.

    Raises:
        CorruptStreamError: if it was damaged on its way.
        UnsupportedFormatError: if it is of a later release.

    """
    values = {field.name: getattr(message, field.name) for field in fields(EncodedDepth)}
    if message.encoding not in _CODEC_ENCODINGS or message.mode not in list(Mode):
        raise CorruptStreamError(
            f'encoding {message.encoding!r} or mode {message.mode} is unknown'
        )
    encoded = EncodedDepth(**{
        **values, 'encoding': _CODEC_ENCODINGS[message.encoding], 'mode': Mode(message.mode),
        'mask': bytes(message.mask), 'latents': bytes(message.latents),
    })
    encoded.verify_crc(message.crc32)
    return encoded


def _pixels(message: Any) -> Depth:
    """Return the pixels of an Image without its row padding, in native byte order."""
    native = PIXEL_TYPES[message.encoding]
    row = message.width * native.itemsize
    _check_size(message.width, message.height)
    if message.step < row or len(message.data) < message.height * message.step:
        raise InvalidDepthError(
            f'{message.width}x{message.height} pixels of {message.encoding} do not fit into '
            f'{len(message.data)} bytes with a step of {message.step}'
        )
    rows = message.data[:message.height * message.step].reshape(message.height, message.step)
    sent = native.newbyteorder('>' if message.is_bigendian else '<')
    return np.ascontiguousarray(rows[:, :row]).view(sent).astype(native, copy=False)


def _decompress(message: Any, encoding: str) -> Depth:
    """Undo compressed_depth_image_transport, as its decodeCompressedDepthImage does."""
    data = message.data.tobytes()
    if not is_compressed_depth_transport(message) or len(data) <= _CONFIG.size:
        raise InvalidDepthError(f'{len(data)} bytes of {message.format!r} are no depth image')
    _, scale, offset = _CONFIG.unpack_from(data)
    decode = _decode_rvl if message.format.rstrip().endswith('rvl') else _decode_png
    values = decode(data[_CONFIG.size:])
    if encoding != '32FC1':
        return values
    inverse = values.astype(np.float32)
    with np.errstate(divide='ignore'):
        metres = np.float32(scale) / (inverse - np.float32(offset))
    return np.where(values > 0, metres, np.float32(np.nan))


def _decode_png(data: bytes) -> NDArray[np.uint16]:
    if len(data) < _PNG_SIZE.size or data[1:4] != b'PNG':
        raise InvalidDepthError(f'{len(data)} bytes are no PNG')
    _check_size(*_PNG_SIZE.unpack_from(data))
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.ndim != 2:
        raise InvalidDepthError(f'{len(data)} bytes of PNG hold no 16-bit depth image')
    return image.astype(np.uint16, copy=False)


def _decode_rvl(data: bytes) -> NDArray[np.uint16]:
    if len(data) < _RVL_SIZE.size:
        raise InvalidDepthError(f'{len(data)} bytes are too few for RVL')
    width, height = _RVL_SIZE.unpack_from(data)
    _check_size(width, height)
    try:
        return rvl_decode(data[_RVL_SIZE.size:], (height, width))
    except DepthCodecError as error:
        raise InvalidDepthError(str(error)) from error


def _check_size(width: int, height: int) -> None:
    if not (0 < width <= MAX_SIZE and 0 < height <= MAX_SIZE):
        raise InvalidDepthError(f'size is {width}x{height}, each side has to be 1..{MAX_SIZE}')
