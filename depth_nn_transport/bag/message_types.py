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
"""Types of messages: those that depth travels in, and the definitions that travel in a bag."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from depth_nn_transport.bag.errors import BagError
from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.typesys import (
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
    Stores,
    TypesysError,
)
from rosbags.typesys.store import Typestore

COMPRESSED_DEPTH = 'depth_nn_transport_msgs/msg/CompressedDepth'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
IMAGE = 'sensor_msgs/msg/Image'

# What rosidl calls the hash of a type that nobody knows.
UNKNOWN_HASH = 'INVALID'
_IDL_SEPARATOR = '=' * 80 + '\n'


class Definition(NamedTuple):
    """Definition of a message type as a bag stores it; no text if nobody knows it."""

    text: str
    digest: str


@cache
def typestore() -> Typestore:
    """Return the types of the newest ROS 2 and CompressedDepth."""
    store = get_typestore(Stores.LATEST)
    text = Path(__file__).with_name('CompressedDepth.msg').read_text()
    store.register(get_types_from_msg(text, COMPRESSED_DEPTH))
    return store


def make(msgtype: str, **fields: Any) -> Any:
    """Return a message of a type."""
    return typestore().types[msgtype](**fields)


def serialize(message: Any) -> bytes:
    """Return the CDR bytes of a message."""
    return bytes(typestore().serialize_cdr(message, message.__msgtype__))


def deserialize(data: bytes, msgtype: str) -> Any:
    """
    Return the message that CDR bytes hold.

    :raises rosbags.serde.SerdeError: if they hold none of this type.
    """
    return typestore().deserialize_cdr(data, msgtype)


@cache
def known_definition(msgtype: str, store: Stores | None = None) -> Definition | None:
    """Return the definition of a standard type or of CompressedDepth, None for other types."""
    types = typestore() if store is None else get_typestore(store)
    if msgtype not in types.fielddefs:
        return None
    text, _ = types.generate_msgdef(msgtype, ros_version=2)
    return Definition(text, types.hash_rihs01(msgtype))


def definition_of(connection: Connection) -> Definition:
    """
    Return the definition of a topic's type: the bag's own, else that of a standard type.

    :raises BagError: if the bag holds CompressedDepth messages of another release.
    """
    if connection.msgtype == COMPRESSED_DEPTH:
        return _own_definition(connection)
    if connection.msgdef.format is not MessageDefinitionFormat.NONE:
        return Definition(connection.msgdef.data, connection.digest or _digest(connection))
    # Bags without definitions were recorded by Humble or before.
    standard = known_definition(connection.msgtype, Stores.ROS2_HUMBLE)
    return standard or Definition('', connection.digest or UNKNOWN_HASH)


def _own_definition(connection: Connection) -> Definition:
    own = known_definition(COMPRESSED_DEPTH)
    assert own is not None
    has_definition = connection.msgdef.format is not MessageDefinitionFormat.NONE
    digest = connection.digest or (_digest(connection) if has_definition else own.digest)
    if digest not in {own.digest, UNKNOWN_HASH}:
        raise BagError(
            f'{connection.topic} was recorded with another version of depth_nn_transport_msgs '
            f'({digest}, this is {own.digest}); read it with that version'
        )
    return own


def _digest(connection: Connection) -> str:
    store = get_typestore(Stores.EMPTY)
    try:
        store.register(_parse(connection))
        return store.hash_rihs01(connection.msgtype)
    except (TypesysError, KeyError):
        return UNKNOWN_HASH


def _parse(connection: Connection) -> Any:
    text = connection.msgdef.data
    if connection.msgdef.format is MessageDefinitionFormat.MSG:
        return get_types_from_msg(text, connection.msgtype)
    types: dict[str, Any] = {}
    for part in text.split(_IDL_SEPARATOR):
        types.update(get_types_from_idl(part.partition('\n')[2] if part[:4] == 'IDL:' else part))
    return types
