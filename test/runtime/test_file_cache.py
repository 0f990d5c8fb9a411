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
"""What is kept is found again, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from depth_nn_transport.runtime import file_cache
from depth_nn_transport.runtime.file_cache import FileCache, user_cache
import pytest


def test_what_is_kept_is_found_again(tmp_path):
    cache = FileCache(tmp_path / 'new' / 'folder')
    assert cache.load('name') is None
    cache.save('name', b'one')
    cache.save('other', b'')
    cache.save('name', b'two')
    assert (cache.load('name'), cache.load('other')) == (b'two', b'')
    assert len(list((tmp_path / 'new' / 'folder').iterdir())) == 2


@pytest.mark.parametrize('damage', [
    lambda data: b'', lambda data: data[:-1], lambda data: data[:20],
    lambda data: data[:-1] + bytes([data[-1] ^ 1])])
def test_a_damaged_file_counts_as_missing(tmp_path, damage):
    cache = FileCache(tmp_path)
    cache.save('name', b'content')
    path = tmp_path / 'name'
    path.write_bytes(damage(path.read_bytes()))
    assert cache.load('name') is None


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    cache = FileCache(tmp_path)
    cache.save('name', b'old')
    with monkeypatch.context() as full:
        full.setattr(Path, 'replace', refuse)
        cache.save('name', b'new')
    assert cache.load('name') == b'old'
    assert [path.name for path in tmp_path.iterdir()] == ['name']


def refuse(*_):
    """Do as a full disk."""
    raise OSError('no space left on device')


def test_what_was_used_longest_ago_gives_way(tmp_path, monkeypatch):
    monkeypatch.setattr(file_cache, 'KEPT_FILES', 2)
    cache = FileCache(tmp_path)
    for age, name in enumerate(('newest', 'oldest', 'used')):
        cache.save(name, b'')
        os.utime(tmp_path / name, (0, 10 - age))
    cache.load('used')
    cache.save('fourth', b'')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['fourth', 'used']


@pytest.mark.parametrize('folder', [Path('relative'), Path(__file__) / 'below'])
def test_a_folder_of_no_use_keeps_nothing(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    cache = FileCache(folder)
    cache.save('name', b'content')
    assert cache.load('name') is None
    assert not list(tmp_path.iterdir())


def test_the_cache_of_a_user_is_where_others_are(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    user_cache().save('name', b'content')
    assert (tmp_path / 'depth_nn_transport' / 'name').is_file()


def test_without_a_setting_the_cache_is_below_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('XDG_CACHE_HOME', '')
    user_cache().save('name', b'content')
    assert (tmp_path / '.cache' / 'depth_nn_transport' / 'name').is_file()


def test_who_has_no_home_keeps_nothing(tmp_path, monkeypatch):
    def homeless(_):
        raise RuntimeError('no home')

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    monkeypatch.setattr(Path, 'expanduser', homeless)
    user_cache().save('name', b'content')
    assert user_cache().load('name') is None
    assert not list(tmp_path.iterdir())
