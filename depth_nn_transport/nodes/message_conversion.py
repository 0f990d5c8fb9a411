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

from depth_nn_transport import EncodedDepth
from depth_nn_transport.frames.messages import message_fields

from depth_nn_transport_msgs.msg import CompressedDepth

from std_msgs.msg import Header


def encoded_to_message(encoded: EncodedDepth, encoding: str, header: Header) -> CompressedDepth:
    """Return the message of an encoded frame, with encoding and header of the source image."""
    return CompressedDepth(**{
        **message_fields(encoded, encoding), 'header': header,
        # As the fields hold them: other sequences are checked number by number.
        'mask': array('B', encoded.mask), 'latents': array('B', encoded.latents),
    })
