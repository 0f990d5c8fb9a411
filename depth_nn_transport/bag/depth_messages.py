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

from typing import Any

from depth_nn_transport.bag.message_types import (
    COMPRESSED_DEPTH,
    COMPRESSED_IMAGE,
    deserialize,
    IMAGE,
    make,
    serialize,
)
from depth_nn_transport.codec.container import EncodedDepth
from depth_nn_transport.codec.depth_frame import Depth
from depth_nn_transport.codec.errors import InvalidDepthError
from depth_nn_transport.frames.compressed_depth import decode_transport, PNG, RVL
from depth_nn_transport.frames.messages import (
    check_encoding,
    check_image,
    message_fields,
    PIXEL_TYPES,
    read_rows,
)
import numpy as np
from rosbags.serde import SerdeError


def stamp_ns(message: Any) -> int:
    """Return the time stamp of a message's header in ns."""
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def read_message(data: bytes, msgtype: str) -> Any:
    """
    Return a message that may hold depth.

    :raises InvalidDepthError: if the bytes are no message of this type.
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
    """
    Return the depth image of an Image or CompressedImage.

    :returns: uint16 (H, W) mm with 0 in holes, or float32 (H, W) m.
    :raises InvalidDepthError: if the message holds none, or contradicts itself.
    """
    encoding = encoding_of(message)
    if message.__msgtype__ == COMPRESSED_IMAGE:
        check_encoding(encoding)
        if not is_compressed_depth_transport(message):
            raise InvalidDepthError(f'{message.format!r} is no depth image')
        form = RVL if message.format.rstrip().endswith(RVL) else PNG
        return decode_transport(message.data.tobytes(), form, encoding)
    check_image(message)
    return read_rows(message)


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
    return serialize(make(COMPRESSED_DEPTH, **{
        **message_fields(encoded, encoding), 'header': header,
        'mask': np.frombuffer(encoded.mask, np.uint8),
        'latents': np.frombuffer(encoded.latents, np.uint8),
    }))
