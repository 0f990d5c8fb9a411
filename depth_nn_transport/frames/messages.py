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
"""What ROS messages say of depth, whichever library has read them; free of ROS."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from depth_nn_transport.codec.container import check_version, EncodedDepth, MAX_SIZE, Mode
from depth_nn_transport.codec.errors import CorruptStreamError, InvalidDepthError
import numpy as np
from numpy.typing import NDArray

# Pixels of the encodings that depth has: mm, mm and m.
PIXEL_TYPES: dict[str, np.dtype[Any]] = {
    '16UC1': np.dtype(np.uint16), 'mono16': np.dtype(np.uint16), '32FC1': np.dtype(np.float32),
}
# The codec knows two of them.
CODEC_ENCODINGS = {'16UC1': '16UC1', 'mono16': '16UC1', '32FC1': '32FC1'}


class InvalidImageError(InvalidDepthError):
    """The Image message is no depth image, or contradicts itself."""


def check_encoding(encoding: str) -> None:
    """
    Check that depth comes in an encoding.

    :raises InvalidImageError: if it does not.
    """
    if encoding not in PIXEL_TYPES:
        raise InvalidImageError(
            f'encoding is {encoding!r}, depth comes as one of {", ".join(PIXEL_TYPES)}; '
            'take a depth topic instead'
        )


def check_size(width: int, height: int) -> None:
    """
    Check that an image is not larger than the codec takes.

    :raises InvalidImageError: if it is, or empty.
    """
    if not (0 < height <= MAX_SIZE and 0 < width <= MAX_SIZE):
        raise InvalidImageError(f'size is {width}x{height}, each side has to be 1..{MAX_SIZE}')


def check_image(message: Any) -> None:
    """
    Check that a sensor_msgs/Image can hold a depth image of what it claims.

    :raises InvalidImageError: for another encoding, an impossible size or too little data.
    """
    check_encoding(message.encoding)
    check_size(message.width, message.height)
    row = message.width * PIXEL_TYPES[message.encoding].itemsize
    if message.step < row:
        raise InvalidImageError(f'step is {message.step}, a row takes {row} bytes')
    if len(message.data) < message.height * message.step:
        raise InvalidImageError(
            f'data has {len(message.data)} bytes, height * step is '
            f'{message.height * message.step}'
        )


def read_rows(message: Any) -> NDArray[Any]:
    """
    Return the pixels of a checked sensor_msgs/Image, which they may share memory with.

    :returns: uint16 (H, W), mm, or float32 (H, W), m; without row padding and in native byte
        order.
    """
    native = PIXEL_TYPES[message.encoding]
    padded = np.frombuffer(message.data, np.uint8, message.height * message.step)
    row_bytes: int = message.width * native.itemsize
    rows = padded.reshape(message.height, message.step)[:, :row_bytes]
    sent = native.newbyteorder('>' if message.is_bigendian else '<')
    return np.ascontiguousarray(rows).view(sent).astype(native, copy=False)


def message_fields(encoded: EncodedDepth, encoding: str) -> dict[str, Any]:
    """Return the fields of a CompressedDepth but its header, with the encoding of the source."""
    values = {field.name: getattr(encoded, field.name) for field in fields(encoded)}
    return values | {'encoding': encoding, 'mode': int(encoded.mode), 'crc32': encoded.crc32}


def message_to_encoded(message: Any) -> EncodedDepth:
    """
    Return the encoded frame of a CompressedDepth.

    :raises CorruptStreamError: if it arrived damaged.
    :raises UnsupportedFormatError: if it is of a later release.
    """
    # Fields of another version may mean something else.
    check_version(message.format_version)
    if message.encoding not in CODEC_ENCODINGS:
        raise CorruptStreamError(
            f'encoding is {message.encoding!r}, expected one of {", ".join(CODEC_ENCODINGS)}'
        )
    if message.mode not in list(Mode):
        raise CorruptStreamError(f'mode {message.mode} is not one of {", ".join(map(str, Mode))}')
    encoded = EncodedDepth(
        height=message.height,
        width=message.width,
        encoding=CODEC_ENCODINGS[message.encoding],
        format_version=message.format_version,
        model_id=message.model_id,
        mode=Mode(message.mode),
        quality=message.quality,
        max_error=message.max_error,
        lattice_constant=message.lattice_constant,
        sequence=message.sequence,
        reference=message.reference,
        mask=bytes(message.mask),
        latents=bytes(message.latents),
    )
    encoded.verify_crc(message.crc32)
    return encoded
