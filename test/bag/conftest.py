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
"""A small bag with depth in every form, a topic of a standard type and one of an unknown type."""

from __future__ import annotations

from pathlib import Path
import struct
from typing import Any

import cv2

from depth_nn_transport.bag.depth_messages import image_message
from depth_nn_transport.bag.message_types import (
    COMPRESSED_IMAGE,
    Definition,
    IMAGE,
    known_definition,
    make,
    serialize,
    UNKNOWN_HASH,
)
from depth_nn_transport.bag.reader import BagReader
from depth_nn_transport.bag.writer import BagWriter
from depth_nn_transport.frames.rvl import rvl_encode

import numpy as np

import pytest

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin

FRAMES = 6
PERIOD_NS = 33_333_333
START_NS = 1_700_000_000 * 10**9

QOS = Qos(
    QosHistory.KEEP_LAST, 7, QosReliability.BEST_EFFORT, QosDurability.VOLATILE, QosTime(1, 2),
    QosTime(3, 4), QosLiveliness.AUTOMATIC, QosTime(5, 6), False,
)
RAW, METRES = '/camera/depth/image_rect_raw', '/float/depth'
PNG, RVL = '/png/depth/compressedDepth', '/rvl/depth/compressedDepth'
COLOUR, TEXT, UNKNOWN = '/camera/color/image_raw', '/chatter', '/robot/state'


def frame(number: int) -> np.ndarray:
    """Return a frame of 64x48 pixels on a lattice, with holes, different for each number."""
    depth = np.tile(np.rint(640_000 / np.arange(400, 464)), (48, 1)).astype(np.uint16)
    depth[:16] = 0
    return np.roll(depth, number, axis=1)


def header(number: int) -> Any:
    """Return the header of a frame."""
    seconds, nanoseconds = divmod(START_NS + number * PERIOD_NS, 10**9)
    stamp = make('builtin_interfaces/msg/Time', sec=seconds, nanosec=nanoseconds)
    return make('std_msgs/msg/Header', stamp=stamp, frame_id='camera_depth_optical_frame')


def transport_message(depth: np.ndarray, form: str, number: int) -> bytes:
    """Return what compressed_depth_image_transport makes of a 16UC1 frame."""
    config = struct.pack('<iff', 0, 0.0, 0.0)
    if form == 'png':
        body = cv2.imencode('.png', depth)[1].tobytes()
    else:
        body = struct.pack('<II', depth.shape[1], depth.shape[0]) + rvl_encode(depth)
    return serialize(make(
        COMPRESSED_IMAGE, header=header(number), format=f'16UC1; compressedDepth {form}',
        data=np.frombuffer(config + body, np.uint8),
    ))


def messages(number: int) -> dict[str, bytes]:
    """Return the messages of all topics at one time."""
    depth = frame(number)
    metres = np.where(depth > 0, depth / np.float32(1000), np.nan).astype(np.float32)
    colour = make(
        IMAGE, header=header(number), height=2, width=2, encoding='rgb8', is_bigendian=0, step=6,
        data=np.arange(12, dtype=np.uint8),
    )
    return {
        RAW: image_message(depth, '16UC1', header(number)),
        METRES: image_message(metres, '32FC1', header(number)),
        PNG: transport_message(depth, 'png', number),
        RVL: transport_message(depth, 'rvl', number),
        COLOUR: serialize(colour),
        TEXT: serialize(make('std_msgs/msg/String', data=f'text {number}')),
        UNKNOWN: b'\x00\x01\x00\x00' + bytes([number] * 5),
    }


def write_bag(path: Path, storage: StoragePlugin, frames: int = FRAMES) -> Path:
    """Write the bag; all messages of a moment bear the same time, so that order shows."""
    types = {TEXT: 'std_msgs/msg/String', UNKNOWN: 'robot_msgs/msg/State',
             PNG: COMPRESSED_IMAGE, RVL: COMPRESSED_IMAGE}
    with BagWriter(path, storage, {'operator': 'me'}) as writer:
        topics = {}
        for name in messages(0):
            msgtype = types.get(name, IMAGE)
            definition = known_definition(msgtype) or Definition('', UNKNOWN_HASH)
            topics[name] = writer.add_topic(name, msgtype, definition, [QOS])
        for number in range(frames):
            for name, data in messages(number).items():
                writer.write(topics[name], START_NS + number * PERIOD_NS, data)
    return path


def contents(path: Path) -> list[tuple[str, int, bytes]]:
    """Return topic, time and bytes of all messages, in order."""
    with BagReader(path) as reader:
        return [(topic.topic, time, bytes(data)) for topic, time, data in reader.messages()]


@pytest.fixture(scope='session', params=list(StoragePlugin), ids=lambda one: one.name.lower())
def bag(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bag, in each of the formats."""
    return write_bag(tmp_path_factory.mktemp('bags') / 'source', request.param)
