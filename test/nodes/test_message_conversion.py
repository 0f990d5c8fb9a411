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

from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.frames.messages import message_to_encoded
from depth_nn_transport.nodes.message_conversion import encoded_to_message

import numpy as np

import pytest

from rclpy.serialization import deserialize_message, serialize_message

from std_msgs.msg import Header


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
