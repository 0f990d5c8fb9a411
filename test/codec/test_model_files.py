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
"""Models are found by name or folder, whole or not at all."""

from __future__ import annotations

import shutil

from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.model_files import (
    ARRAY_FILES,
    DEFAULT_MODEL,
    installed_models,
    ModelFiles,
    MODELS,
    TABLES_FILE,
)
import numpy as np
import pytest


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """Return a folder with a copy of a model in it, which calls itself ``mine``."""
    folder = tmp_path_factory.mktemp('models')
    shutil.copytree(MODELS / DEFAULT_MODEL, folder / 'mine')
    return folder


def test_folders_without_tables_are_no_models():
    assert installed_models() == [DEFAULT_MODEL]
    assert (MODELS / 'hific').is_dir()


@pytest.mark.parametrize('name', ['mine', './mine', '../{}/mine', '{}/mine'])
def test_a_model_is_loaded_from_where_its_path_leads(place, monkeypatch, name):
    monkeypatch.chdir(place)
    path = name.format(place.name if name.startswith('..') else place)
    installed = ModelFiles.load(DEFAULT_MODEL).model_id
    assert ModelFiles.load(path).model_id == installed.replace(DEFAULT_MODEL, 'mine')


def test_an_installed_model_goes_before_a_folder_of_its_name(place, monkeypatch):
    (place / DEFAULT_MODEL).mkdir()
    monkeypatch.chdir(place)
    assert ModelFiles.load(DEFAULT_MODEL).model_id.startswith(DEFAULT_MODEL)


@pytest.mark.parametrize('name', ['', 'nonsense', './nonsense', TABLES_FILE])
def test_what_is_no_folder_is_refused_with_what_there_is(name):
    with pytest.raises(ModelLoadError, match=f'known models: {DEFAULT_MODEL}$'):
        ModelFiles.load(name)


@pytest.mark.parametrize('damage', [
    lambda path: path.unlink(), lambda path: path.write_bytes(b''),
    lambda path: path.write_bytes(path.read_bytes()[:-100])])
def test_a_model_with_a_damaged_file_is_refused(tmp_path, damage):
    shutil.copytree(MODELS / DEFAULT_MODEL, tmp_path / 'mine')
    damage(tmp_path / 'mine' / TABLES_FILE)
    with pytest.raises(ModelLoadError, match='incomplete or damaged'):
        ModelFiles.load(str(tmp_path / 'mine'))


@pytest.mark.parametrize('change', [
    lambda arrays, key: arrays.pop(key),
    lambda arrays, key: arrays.update({key: arrays[key][:-1]}),
    lambda arrays, key: arrays.update(another=arrays[key]),
], ids=['missing', 'shorter', 'more'])
@pytest.mark.parametrize('name', ARRAY_FILES)
def test_a_model_of_other_arrays_is_refused(tmp_path, name, change):
    path = tmp_path / 'mine' / name
    shutil.copytree(MODELS / DEFAULT_MODEL, path.parent)
    with np.load(path) as archive:
        arrays = dict(archive)
    change(arrays, next(iter(arrays)))
    np.savez(path, **arrays)
    with pytest.raises(ModelLoadError, match=f'{name}.*another version of this package'):
        ModelFiles.load(str(path.parent))
