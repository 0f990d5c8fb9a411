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
"""What worker processes do to single messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cv2
from depth_nn_transport.bag.depth_messages import (
    compressed_message,
    depth_of,
    encoding_of,
    image_message,
    read_message,
)
from depth_nn_transport.bag.message_types import COMPRESSED_DEPTH
from depth_nn_transport.codec.depth_codec import DepthCodec
from depth_nn_transport.codec.depth_frame import Depth
from depth_nn_transport.codec.errors import (
    CorruptStreamError,
    InvalidDepthError,
    UnsupportedFormatError,
)
from depth_nn_transport.codec.model_files import DEFAULT_MODEL
from depth_nn_transport.frames.files import write_depth
from depth_nn_transport.frames.messages import message_to_encoded
from depth_nn_transport.runtime.registry import AUTO

# Cameras in one bag that each keep an encoder with their lattice at hand; making one takes as long
# as many frames.
_ENCODERS = 16

_model = DEFAULT_MODEL
_runtime = AUTO


@dataclass(frozen=True)
class Converted:
    """A converted message: its bytes and the number of pixels in it."""

    data: bytes
    pixels: int


@dataclass(frozen=True)
class Refused:
    """A message that cannot be converted, and why."""

    reason: str


def prepare(model: str, runtime: str) -> None:
    """Choose model and runtime and keep to one thread; called once in each worker."""
    # A worker process has one model for life.
    global _model, _runtime
    _model, _runtime = model, runtime
    cv2.setNumThreads(1)


@lru_cache(_ENCODERS)
def _encoder(topic: str) -> DepthCodec:
    """Return the encoder of a topic, which remembers the lattice of its camera."""
    return DepthCodec(_model, 1, _runtime)


@cache
def _decoder() -> DepthCodec:
    """Return the decoder of all topics: a frame holds what it takes to decode it."""
    return DepthCodec(_model, 1, _runtime)


def compress(
    topic: str, msgtype: str, settings: Mapping[str, Any], number: int, data: bytes
) -> Converted | Refused:
    """
    Turn a message that holds depth into a CompressedDepth.

    :param topic: of the message.
    :param msgtype: of the message.
    :param settings: of ``DepthCodec.encode``.
    :param number: of the message in its topic.
    :param data: its CDR bytes.
    """
    try:
        message = read_message(data, msgtype)
        depth = depth_of(message)
        encoded = _encoder(topic).encode(depth, **settings)
    except InvalidDepthError as error:
        return Refused(str(error))
    # Each worker's encoder has seen some of the frames only.
    numbered = encoded.numbered(number)
    compressed = compressed_message(numbered, encoding_of(message), message.header)
    return Converted(compressed, depth.size)


def decompress(_: int, data: bytes) -> Converted | Refused:
    """Turn a CompressedDepth into an Image, whatever its number."""
    try:
        message = read_message(data, COMPRESSED_DEPTH)
        depth = _decoder().decode(message_to_encoded(message))
    except (InvalidDepthError, CorruptStreamError, UnsupportedFormatError) as error:
        return Refused(str(error))
    return Converted(image_message(depth, message.encoding, message.header), depth.size)


def export(msgtype: str, data: bytes, path: Path) -> Refused | None:
    """Write the depth of a message to a 16-bit PNG in mm."""
    try:
        write_depth(path, restore(msgtype, data)[1])
    except (InvalidDepthError, CorruptStreamError, UnsupportedFormatError) as error:
        return Refused(str(error))
    return None


def restore(msgtype: str, data: bytes) -> tuple[Any, Depth]:
    """
    Return a message of any type that holds depth, and its depth image.

    :raises DepthCodecError: if it holds none, or cannot be decoded.
    """
    message = read_message(data, msgtype)
    if msgtype == COMPRESSED_DEPTH:
        return message, _decoder().decode(message_to_encoded(message))
    return message, depth_of(message)
