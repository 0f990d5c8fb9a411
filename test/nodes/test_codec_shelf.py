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
"""Codecs of several models at hand."""

from __future__ import annotations

from types import SimpleNamespace

from depth_nn_transport.codec.errors import ModelLoadError, ModelMismatchError
from depth_nn_transport.nodes import codec_shelf
from depth_nn_transport.nodes.codec_shelf import CodecShelf, MAX_OTHERS

import pytest


@pytest.fixture
def loads(monkeypatch) -> list[str]:
    """Return the names that were loaded; models a..f are installed, f is damaged."""
    monkeypatch.setattr(codec_shelf, 'installed_models', lambda: list('abcdef'))
    return []


def shelf(loads) -> CodecShelf:
    """Return a shelf that starts with model a."""
    def load(name):
        loads.append(name)
        if name == 'f':
            raise ModelLoadError('damaged')
        return SimpleNamespace(model_id=f'{name}-1')
    return CodecShelf(load, 'a')


def test_another_installed_model_is_loaded_once(loads):
    codecs = shelf(loads)
    assert codecs.codec('b-1') is codecs.codec('b-1')
    assert codecs.codec('a-1') is codecs.main
    assert loads == ['a', 'b']


@pytest.mark.parametrize('model_id', ['b-2', 'f-1', 'z-1', '../b-1', '', 'b'])
def test_a_model_that_is_not_installed_is_refused_without_loading_again(loads, model_id):
    codecs = shelf(loads)
    for _ in range(3):
        with pytest.raises(ModelMismatchError, match='not installed'):
            codecs.codec(model_id)
    assert len(loads) <= 2


def test_another_version_of_the_expected_model_is_refused_without_loading(loads):
    codecs = shelf(loads)
    with pytest.raises(ModelMismatchError, match='not installed'):
        codecs.codec('a-2')
    assert loads == ['a']


def test_ids_that_change_with_every_frame_load_nothing(loads):
    codecs = shelf(loads)
    for number in range(50):
        with pytest.raises(ModelMismatchError):
            codecs.codec(f'b-x{number}')
    assert loads.count('b') == 1


def test_only_the_models_used_last_are_kept(loads):
    codecs = shelf(loads)
    for name in 'bcdeb':
        codecs.codec(f'{name}-1')
    assert len(loads) == 1 + 5
    assert MAX_OTHERS < 4


def test_the_model_that_was_used_longest_ago_gives_way(loads):
    codecs = shelf(loads)
    for name in 'bcbdb':
        codecs.codec(f'{name}-1')
    assert loads == list('abcd')
