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
"""Bags that are not whole, and files that are no bags."""

from __future__ import annotations

import re
import shutil
import sqlite3

from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.reader import BagReader, STORAGE_SUFFIXES
from depth_nn_transport.bag.writer import BagWriter

import pytest

from rosbags.interfaces import QosReliability
from rosbags.rosbag2 import StoragePlugin

from .conftest import contents, write_bag


def data_file(bag):
    """Return the file with the messages of a bag."""
    return next(file for file in bag.iterdir() if file.suffix in STORAGE_SUFFIXES)


def read_all(path):
    """Return all messages of a bag."""
    with BagReader(path) as reader:
        return list(reader.messages())


def test_a_single_file_is_read_like_its_bag(bag):
    assert contents(data_file(bag)) == contents(bag)


@pytest.mark.parametrize('share', [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_bag_is_refused_by_name(bag, tmp_path, share):
    data = data_file(bag).read_bytes()
    path = tmp_path / data_file(bag).name
    path.write_bytes(data[:int(len(data) * share)])
    with pytest.raises(BagError, match=r'cut short.*reindex') as raised:
        read_all(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize('leftover', ['-wal', '-journal'])
def test_a_database_that_was_not_closed_is_refused(tmp_path, leftover):
    path = write_bag(tmp_path / 'bag', StoragePlugin.SQLITE3, frames=1) / 'bag.db3'
    path.with_name(f'bag.db3{leftover}').write_bytes(b'pages')
    with pytest.raises(BagError, match='was not closed'):
        BagReader(path)
    path.with_name(f'bag.db3{leftover}').write_bytes(b'')
    assert len(read_all(path)) == 7


def copied(bag, path):
    """Copy a bag whose files go by the name of its folder."""
    shutil.copytree(bag, path)
    return path


def test_a_qos_edited_in_the_metadata_loses_no_message(bag, tmp_path):
    path = copied(bag, tmp_path / 'bag')
    metadata = path / 'metadata.yaml'
    text = metadata.read_text()
    edited = re.sub(r'reliability: \d', 'reliability: 1', text)
    assert edited != text
    metadata.write_text(edited)
    assert contents(path) == contents(bag)
    with BagReader(path) as reader:
        profiles = [topic.ext.offered_qos_profiles[0] for topic in reader.connections]
    assert {profile.reliability for profile in profiles} == {QosReliability.RELIABLE}


def test_messages_that_the_metadata_tells_of_are_missed(bag, tmp_path):
    path = copied(bag, tmp_path / 'bag')
    metadata = path / 'metadata.yaml'
    text = metadata.read_text()
    metadata.write_text(re.sub(r'(message_count: )(\d+)', lambda m: m[1] + '9', text))
    with pytest.raises(BagError, match=r'lacks \d+ messages'):
        read_all(path)


@pytest.mark.parametrize('name', ['run#2', 'what?', 'a%20b'])
def test_a_path_that_sqlite_misunderstands_is_refused(bag, tmp_path, name):
    path = copied(bag, tmp_path / name)
    if data_file(path).suffix == '.db3':
        with pytest.raises(BagError, match='rename it'):
            BagReader(path)
        with pytest.raises(BagError, match='rename it'):
            BagWriter(tmp_path / name / 'out', StoragePlugin.SQLITE3)
    else:
        assert contents(path) == contents(bag)


def test_a_definition_in_an_unknown_format_is_told(tmp_path):
    path = write_bag(tmp_path / 'bag', StoragePlugin.SQLITE3, frames=1)
    with sqlite3.connect(path / 'bag.db3') as database:
        database.execute("UPDATE message_definitions SET encoding = ''")
    with pytest.raises(BagError, match='its recorder did not find it'):
        BagReader(path)


@pytest.mark.parametrize('name, data, words', [
    ('old.bag', b'#ROSBAG V2.0\n', 'ROS 1 bag; convert it'),
    ('notes.txt', b'hello', 'is no bag'),
    ('missing', None, 'does not exist'),
    ('junk.mcap', b'hello' * 20, 'cannot be read'),
    ('junk.db3', b'hello' * 20, 'cannot be read'),
])
def test_something_else_is_refused_by_name(tmp_path, name, data, words):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BagError, match=words) as raised:
        BagReader(path)
    assert name in str(raised.value)


def test_a_folder_without_metadata_names_the_file_to_try(bag, tmp_path):
    file = data_file(bag)
    (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(BagError, match=rf'no metadata\.yaml.*{file.name}'):
        BagReader(tmp_path)
