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
"""Encoded frames as `CompressedDepth` messages."""

from __future__ import annotations

from array import array

from depth_nn_transport import EncodedDepth, Mode
from depth_nn_transport.codec.errors import CorruptStreamError

from depth_nn_transport_msgs.msg import CompressedDepth

from std_msgs.msg import Header

# The codec knows two pixel types, ROS three names for them.
CODEC_ENCODINGS = {'16UC1': '16UC1', 'mono16': '16UC1', '32FC1': '32FC1'}


def encoded_to_message(encoded: EncodedDepth, encoding: str, header: Header) -> CompressedDepth:
    """Return the message of an encoded frame, with encoding and header of the source image."""
    return CompressedDepth(
        header=header,
        height=encoded.height,
        width=encoded.width,
        encoding=encoding,
        format_version=encoded.format_version,
        model_id=encoded.model_id,
        mode=int(encoded.mode),
        quality=encoded.quality,
        max_error=encoded.max_error,
        lattice_constant=encoded.lattice_constant,
        sequence=encoded.sequence,
        reference=encoded.reference,
        mask=array('B', encoded.mask),
        latents=array('B', encoded.latents),
        crc32=encoded.crc32,
    )


def message_to_encoded(message: CompressedDepth) -> EncodedDepth:
    """Return the encoded frame of a message; raise CorruptStreamError if it arrived damaged."""
    if message.encoding not in CODEC_ENCODINGS:
        raise CorruptStreamError(
            f'encoding is {message.encoding!r}, expected one of {", ".join(CODEC_ENCODINGS)}')
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
