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
"""What values the parameters of the nodes may have."""

from __future__ import annotations

import math
from pathlib import Path

from depth_nn_transport.nodes.parameters import contradiction, DECODER, ENCODER, refusal

import pytest

DOCS = Path(__file__).parents[2] / 'docs'
PAGES = {'depth_encoder': ENCODER, 'depth_decoder': DECODER}
SETTINGS = {setting.name: setting for setting in (*ENCODER, *DECODER)}


@pytest.mark.parametrize('setting', SETTINGS.values(), ids=lambda setting: setting.name)
def test_defaults_are_accepted(setting):
    assert setting.refusal(setting.default) == ''


@pytest.mark.parametrize('name, value', [
    ('quality', -1), ('quality', 101), ('quality', math.nan), ('quality', 'good'),
    ('quality', True), ('mode', 'best'), ('threads', 0), ('threads', 1.5), ('lazy', 1),
    ('encoding', 'rgb8'), ('target_bitrate', -0.1), ('max_error', math.inf)])
def test_bad_values_are_refused_by_name_and_value(name, value):
    reason = refusal(SETTINGS, {name: value})
    assert name in reason and repr(value) in reason


def test_a_whole_number_will_do_for_a_double():
    assert refusal(SETTINGS, {'quality': 80}) == ''


def test_a_bit_rate_needs_a_quality_to_choose():
    assert 'target_bitrate' in contradiction({'mode': 'bounded', 'target_bitrate': 2.0})
    assert contradiction({'mode': 'lossy', 'target_bitrate': 2.0}) == ''
    assert contradiction({'mode': 'bounded', 'target_bitrate': 0.0}) == ''


def test_a_depth_that_the_codec_would_refuse_is_refused():
    assert 'max_error_mm_at' in contradiction({'max_error_mm_at': 0.0005})
    for depth in (0.0, 0.001, 1.5):
        assert contradiction({'max_error_mm_at': depth}) == ''


@pytest.mark.parametrize('node, setting', [
    (node, setting) for node, settings in PAGES.items() for setting in settings])
def test_the_page_of_a_node_has_every_parameter_with_default_and_range(node, setting):
    default = str(setting.default).lower() if setting.kind == 'bool' else setting.default
    start = f'| `{setting.name}` | {setting.kind} | `{default}` | {setting.constraint} |'
    assert start in (DOCS / f'{node}.md').read_text()
