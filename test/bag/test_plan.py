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
"""Which topics hold depth, and what they are called when converted."""

from __future__ import annotations

from types import SimpleNamespace

from depth_nn_transport.bag.depth_messages import image_message
from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.message_types import COMPRESSED_DEPTH, COMPRESSED_IMAGE, IMAGE
from depth_nn_transport.bag.plan import (
    base_name,
    compressed_names,
    decompressed_names,
    encoded_topics,
    image_of,
    image_topics,
)

from hypothesis import given, strategies as st

import pytest

from .conftest import frame, header, messages, PNG, RVL

NAMES = st.builds(
    str.__add__, st.sampled_from(['/a', '/b']),
    st.sampled_from(['', '/compressedDepth', '/depth_nn', '/compressedDepth/depth_nn']))


def bag_of(*names, msgtype=IMAGE, data=b''):
    """Return a bag whose topics have one message each, the same for all."""
    connections = [SimpleNamespace(id=k, topic=name, msgtype=msgtype)
                   for k, name in enumerate(names)]
    return SimpleNamespace(
        connections=connections, messages=lambda topics: iter([(topics[0], 0, data)]))


@pytest.mark.parametrize('encoding, is_depth', [
    ('16UC1', True), ('32FC1', True), ('mono16', False)])
def test_an_image_is_depth_if_its_encoding_leaves_no_doubt(encoding, is_depth):
    depth = frame(0).astype('f4') if encoding == '32FC1' else frame(0)
    bag = bag_of('/a', data=image_message(depth, encoding, header(0)))
    assert image_topics(bag) == (bag.connections if is_depth else [])
    assert image_topics(bag, ['/a']) == bag.connections


@pytest.mark.parametrize('topic', [PNG, RVL])
def test_images_of_the_other_transport_are_depth(topic):
    bag = bag_of(topic, msgtype=COMPRESSED_IMAGE, data=messages(0)[topic])
    assert image_topics(bag) == bag.connections


def test_a_damaged_message_is_no_depth():
    assert image_topics(bag_of('/a', data=b'damaged')) == []


def test_encoded_topics_are_those_of_the_type():
    assert encoded_topics(bag_of('/a')) == []
    bag = bag_of('/a', '/b', msgtype=COMPRESSED_DEPTH)
    assert [topic.topic for topic in encoded_topics(bag)] == ['/a', '/b']


def test_topics_are_chosen_in_the_order_of_their_names_and_once():
    bag = bag_of('/a', '/b', msgtype=COMPRESSED_DEPTH)
    chosen = encoded_topics(bag, ['/b', '/a', '/b'])
    assert [topic.topic for topic in chosen] == ['/b', '/a']


def test_a_topic_that_is_not_there_is_told():
    with pytest.raises(BagError, match=r'no such topic to convert: /c; there are: /a, /b'):
        encoded_topics(bag_of('/a', '/b', msgtype=COMPRESSED_DEPTH), ['/c'])


def test_two_forms_of_an_image_cannot_both_be_compressed():
    bag = bag_of('/a', '/a/compressedDepth')
    with pytest.raises(BagError, match='/a/compressedDepth would become /a/depth_nn as /a does'):
        compressed_names(bag, bag.connections)


def test_a_name_of_the_bag_is_not_taken_again():
    bag = bag_of('/a', '/a/depth_nn')
    with pytest.raises(BagError, match='/a would become /a/depth_nn as /a/depth_nn does or is'):
        compressed_names(bag, bag.connections[:1])


def test_an_image_is_restored_beside_one_of_its_name():
    bag = bag_of('/a', '/a/depth_nn', '/b/depth_nn')
    names = decompressed_names(bag, bag.connections[1:])
    assert names == {1: '/a/depth_nn/decoded', 2: '/b'}


def test_a_topic_is_not_restored_where_both_of_its_names_are_taken():
    bag = bag_of('/a', '/a/depth_nn', '/a/depth_nn/decoded')
    with pytest.raises(BagError, match='/a/depth_nn would become /a/depth_nn/decoded, which is'):
        decompressed_names(bag, bag.connections[1:2])


@given(st.lists(NAMES, unique=True))
def test_no_two_restored_topics_share_a_name(names):
    bag = bag_of(*names)
    chosen = [topic for topic in bag.connections if topic.topic.endswith('/depth_nn')]
    restored = decompressed_names(bag, chosen)
    left = [topic.topic for topic in bag.connections if topic not in chosen]
    assert len({*restored.values(), *left}) == len(names)


@given(NAMES)
def test_every_form_tells_its_image(name):
    assert base_name(name) == name[:2]
    bag = bag_of(name)
    for made in (name, f'{name[:2]}/depth_nn', f'{name[:2]}/depth_nn/decoded'):
        bag.connections[0].topic = made
        assert image_of(bag.connections[0]) == name[:2]
