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
"""Which topics of a bag hold depth, and what they are called when converted."""

from __future__ import annotations

from collections.abc import Sequence

from depth_nn_transport.bag.depth_messages import (
    encoding_of,
    is_compressed_depth_transport,
    read_message,
)
from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.message_types import COMPRESSED_DEPTH, COMPRESSED_IMAGE, IMAGE
from depth_nn_transport.bag.reader import BagReader
from depth_nn_transport.codec.errors import InvalidDepthError
from depth_nn_transport.frames.messages import PIXEL_TYPES
from depth_nn_transport.nodes.topics import COMPRESSED_SUFFIX
from rosbags.interfaces import Connection

TRANSPORT_SUFFIX = '/compressedDepth'
DECODED_SUFFIX = '/decoded'


def image_topics(reader: BagReader, names: Sequence[str] = ()) -> list[Connection]:
    """
    Return the topics of a bag with uncompressed depth, or depth of another codec.

    :param reader: of the bag.
    :param names: of the topics to take; if none, all whose first image is depth for certain.
    :raises BagError: if the bag has no image topic of a name.
    """
    images = [topic for topic in reader.connections if topic.msgtype in {IMAGE, COMPRESSED_IMAGE}]
    if names:
        return _chosen(images, names)
    return [topic for topic in images if _holds_depth(reader, topic)]


def encoded_topics(reader: BagReader, names: Sequence[str] = ()) -> list[Connection]:
    """
    Return the topics of a bag with CompressedDepth, or those of them that are named.

    :raises BagError: if the bag has no such topic of a name.
    """
    topics = [topic for topic in reader.connections if topic.msgtype == COMPRESSED_DEPTH]
    return _chosen(topics, names) if names else topics


def compressed_names(reader: BagReader, topics: Sequence[Connection]) -> dict[int, str]:
    """
    Return what each topic is called when compressed, by the id of its connection.

    :raises BagError: if a name would be taken twice.
    """
    taken = {topic.topic: topic.topic for topic in reader.connections}
    names = {}
    for topic in topics:
        name = base_name(topic.topic) + COMPRESSED_SUFFIX
        if name in taken:
            raise BagError(f'{topic.topic} would become {name} as {taken[name]} does or is; '
                           'choose between them with --topics')
        names[topic.id], taken[name] = name, topic.topic
    return names


def decompressed_names(reader: BagReader, topics: Sequence[Connection]) -> dict[int, str]:
    """
    Return what each topic is called when restored, by the id of its connection.

    :raises BagError: if both names that it may have are taken.
    """
    taken = {topic.topic for topic in reader.connections}
    names = {}
    for topic in topics:
        name = base_name(topic.topic)
        if name in taken:
            name = topic.topic + DECODED_SUFFIX
        if name in taken:
            raise BagError(f'{topic.topic} would become {name}, which is there already; '
                           'choose others with --topics')
        names[topic.id] = name
        taken.add(name)
    return names


def base_name(topic: str) -> str:
    """Return the name of the image that a topic carries in whatever form."""
    return topic.removesuffix(COMPRESSED_SUFFIX).removesuffix(TRANSPORT_SUFFIX)


def image_of(topic: Connection) -> str:
    """Return the name of the image that a topic holds, restored beside it or not."""
    return base_name(topic.topic.removesuffix(COMPRESSED_SUFFIX + DECODED_SUFFIX))


def _chosen(topics: Sequence[Connection], names: Sequence[str]) -> list[Connection]:
    known = {topic.topic: topic for topic in topics}
    if missing := [name for name in names if name not in known]:
        raise BagError(f'no such topic to convert: {", ".join(missing)}; '
                       f'there are: {", ".join(known) or "none"}')
    return [known[name] for name in dict.fromkeys(names)]


def _holds_depth(reader: BagReader, topic: Connection) -> bool:
    for _, _, data in reader.messages([topic]):
        try:
            message = read_message(data, topic.msgtype)
        except InvalidDepthError:
            return False
        if topic.msgtype == COMPRESSED_IMAGE:
            return is_compressed_depth_transport(message) and encoding_of(message) in PIXEL_TYPES
        # mono16 may be an infrared or thermal image.
        return encoding_of(message) in {'16UC1', '32FC1'}
    return False
