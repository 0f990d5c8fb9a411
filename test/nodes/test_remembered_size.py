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

from __future__ import annotations

from depth_nn_transport.nodes.remembered_size import (
    remember_size,
    remembered_size,
    USUAL_SIZE,
)
from depth_nn_transport.runtime.file_cache import FileCache

import pytest


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Return the folder of an empty cache."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path / 'depth_nn_transport'


def test_each_node_has_a_size_of_its_own(folder):
    assert remembered_size('/left/depth_encoder') == USUAL_SIZE
    remember_size('/left/depth_encoder', (720, 1280))
    remember_size('/right/depth_encoder', (48, 64))
    assert remembered_size('/left/depth_encoder') == (720, 1280)
    assert remembered_size('/right/depth_encoder') == (48, 64)
    assert len(list(folder.iterdir())) == 2


def test_a_new_size_replaces_the_old_one(folder):
    for size in ((48, 64), USUAL_SIZE):
        remember_size('/depth_encoder', size)
        assert remembered_size('/depth_encoder') == size
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize('content', [b'', b'480', b'480 848 3', b'a b', b'0 0', b'480 99999'])
def test_what_is_no_size_is_not_believed(folder, content):
    remember_size('/depth_encoder', (48, 64))
    (kept,) = folder.iterdir()
    FileCache(folder).save(kept.name, content)
    assert remembered_size('/depth_encoder') == USUAL_SIZE
