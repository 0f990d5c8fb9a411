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
"""Names of the topics, relative, as they are documented, and what rules make of them."""

from __future__ import annotations

from typing import Protocol


def sibling(topic: str, name: str) -> str:
    """Return the topic of another name beside this one."""
    return f'{topic.rpartition("/")[0]}/{name}'


INFO = 'camera_info'
COMPRESSED_SUFFIX = '/depth_nn'
MODEL_SUFFIX = '/model'

IMAGE_TOPIC = 'camera/depth/image_rect_raw'
INFO_TOPIC = sibling(IMAGE_TOPIC, INFO)
COMPRESSED_TOPIC = IMAGE_TOPIC + COMPRESSED_SUFFIX
MODEL_TOPIC = COMPRESSED_TOPIC + MODEL_SUFFIX
RESTORED_TOPIC = 'camera/depth/decoded/image_rect_raw'
RESTORED_INFO_TOPIC = sibling(RESTORED_TOPIC, INFO)


class Resolver(Protocol):
    """The part of a node that is needed here."""

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Return a name with its namespace, and as the rules remap it."""


def topic_from(node: Resolver, documented: str, derived: str) -> str:
    """Return what rules make of a topic's documented name, or else of the one derived."""
    name = node.resolve_topic_name(documented)
    if name == node.resolve_topic_name(documented, only_expand=True):
        name = node.resolve_topic_name(derived)
    return name
