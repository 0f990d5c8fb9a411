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
"""What is in a bag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from depth_nn_transport.bag.depth_messages import encoding_of, read_message
from depth_nn_transport.bag.message_types import COMPRESSED_DEPTH, COMPRESSED_IMAGE
from depth_nn_transport.bag.plan import image_topics
from depth_nn_transport.bag.reader import BagReader
from depth_nn_transport.codec.container import Mode
from depth_nn_transport.codec.errors import InvalidDepthError
from rosbags.interfaces import Connection


def describe(reader: BagReader, progress: Callable[[int], Any]) -> dict[str, Any]:
    """
    Return what a bag holds, as `bag info --json` prints it.

    :raises BagError: if the bag cannot be read.
    """
    sizes: Counter[int] = Counter()
    counts: Counter[int] = Counter()
    for topic, _, data in reader.messages():
        sizes[topic.id] += len(data)
        counts[topic.id] += 1
        progress(1)
    depth = {topic.id for topic in image_topics(reader)}
    return {
        'storage': reader.storage.name.lower(),
        'messages': sum(counts.values()),
        'duration_s': reader.duration_s,
        'bytes': reader.size,
        'topics': [
            {'name': topic.topic, 'type': topic.msgtype, 'messages': counts[topic.id],
             'rate': _rate(counts[topic.id], reader.duration_s),
             'bytes': sizes[topic.id],
             'depth': _coding(reader, topic, topic.id in depth)}
            for topic in reader.connections
        ],
    }


def _rate(messages: int, duration_s: float) -> float:
    return max(messages - 1, 0) / duration_s if duration_s > 0 else 0.0


def _coding(reader: BagReader, topic: Connection, is_image: bool) -> str:
    """Return how the first message of a topic holds depth, nothing if it does not."""
    first = next(reader.messages([topic]), None)
    if first is None or not (is_image or topic.msgtype == COMPRESSED_DEPTH):
        return ''
    try:
        message = read_message(first[2], topic.msgtype)
    except InvalidDepthError as error:
        return str(error)
    if topic.msgtype == COMPRESSED_DEPTH:
        mode = Mode(message.mode).name.lower() if message.mode in list(Mode) else '?'
        return f'{message.encoding}, {mode}, model {message.model_id}'
    if topic.msgtype == COMPRESSED_IMAGE:
        return str(message.format)
    return encoding_of(message)
