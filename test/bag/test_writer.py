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
"""A bag is there when it is whole, and not before."""

from __future__ import annotations

from pathlib import Path
import sqlite3

from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.message_types import COMPRESSED_DEPTH, known_definition, typestore
from depth_nn_transport.bag.writer import BagWriter

import pytest

from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores

from .conftest import write_bag

ROOT = Path(__file__).parents[2]


def test_nothing_is_there_before_the_end_and_after_an_error(tmp_path):
    path = tmp_path / 'bag'

    def interrupt():
        with BagWriter(path, StoragePlugin.MCAP):
            assert not path.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_made_again_is_kept_after_an_error(tmp_path):
    path = tmp_path / 'bag'

    def fail(messages):
        with BagWriter(path, StoragePlugin.MCAP, keep=True) as writer:
            topic = writer.add_topic('/a', COMPRESSED_DEPTH, known_definition(COMPRESSED_DEPTH))
            for number in range(messages):
                writer.write(topic, number, b'data')
            writer.write(topic, -1, b'data')

    with pytest.raises(BagError, match=r'what was recorded is in .*\.bag\..*\.partial'):
        fail(3)
    (kept,) = tmp_path.iterdir()
    assert list(kept.rglob('*.mcap'))


def test_a_link_to_nowhere_takes_the_name(tmp_path):
    (tmp_path / 'bag').symlink_to(tmp_path / 'nowhere')
    with pytest.raises(BagError, match='exists already'):
        BagWriter(tmp_path / 'bag', StoragePlugin.MCAP)


def test_a_name_that_is_taken_is_refused(tmp_path):
    with pytest.raises(BagError, match='exists already'):
        BagWriter(tmp_path, StoragePlugin.MCAP)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(BagError, match='cannot be written'):
        BagWriter(tmp_path / 'file' / 'bag', StoragePlugin.MCAP)


def test_the_database_has_definitions_of_known_types_only(tmp_path):
    path = write_bag(tmp_path / 'bag', StoragePlugin.SQLITE3, frames=1)
    database = sqlite3.connect(path / 'bag.db3')
    rows = database.execute('SELECT topic_type, encoding FROM message_definitions').fetchall()
    database.close()
    assert {'sensor_msgs/msg/Image', 'std_msgs/msg/String'} < dict(rows).keys()
    assert 'robot_msgs/msg/State' not in dict(rows)
    assert set(dict(rows).values()) == {'ros2msg'}


def test_the_definition_of_compressed_depth_is_that_of_the_message_package():
    text = (ROOT / 'depth_nn_transport_msgs' / 'msg' / 'CompressedDepth.msg').read_text()
    store = get_typestore(Stores.ROS2_HUMBLE)
    store.register(get_types_from_msg(text, COMPRESSED_DEPTH))
    definition = known_definition(COMPRESSED_DEPTH)
    assert definition.digest == store.hash_rihs01(COMPRESSED_DEPTH)
    assert 'MSG: std_msgs/Header' in definition.text
    assert 'uint8 MODE_LOSSLESS=2' in definition.text


def test_the_hash_is_that_of_the_installed_message():
    index = pytest.importorskip('ament_index_python')
    share = Path(index.get_package_share_directory('depth_nn_transport_msgs'))
    hashes = share / 'msg' / 'CompressedDepth.json'
    if not hashes.exists():
        pytest.skip('this distribution has no type hashes')
    assert typestore().hash_rihs01(COMPRESSED_DEPTH) in hashes.read_text()


def test_what_may_be_kept_is_gone_once_the_bag_is_whole(tmp_path):
    with BagWriter(tmp_path / 'bag', StoragePlugin.MCAP, keep=True) as writer:
        topic = writer.add_topic('/a', COMPRESSED_DEPTH, known_definition(COMPRESSED_DEPTH))
        writer.write(topic, 0, b'data')
    assert [path.name for path in tmp_path.iterdir()] == ['bag']


def test_nothing_is_kept_of_a_bag_without_messages(tmp_path):
    def interrupt():
        with BagWriter(tmp_path / 'bag', StoragePlugin.MCAP, keep=True):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert list(tmp_path.iterdir()) == []


def test_a_bag_that_cannot_be_begun_leaves_nothing(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError('no space left on device')

    monkeypatch.setattr(Writer, 'open', refuse)
    with pytest.raises(BagError, match='no space left'):
        BagWriter(tmp_path / 'bag', StoragePlugin.MCAP)
    assert list(tmp_path.iterdir()) == []
