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
"""What users are told whose publishers and subscriptions do not fit."""

from __future__ import annotations

from types import SimpleNamespace

from depth_nn_transport.nodes.quality_of_service import (
    advice,
    advice_on_loss,
    BEST_EFFORT,
    RELIABLE,
    strange_overrides,
    subscription_events,
)

import pytest

from rclpy.qos import QoSPolicyKind


def event(policy):
    """Return what the middleware says of two ends that do not fit."""
    return SimpleNamespace(last_policy_kind=QoSPolicyKind[policy])


@pytest.mark.parametrize('end, here, there', [
    ('publisher', 'reliable', 'best_effort'), ('subscription', 'best_effort', 'reliable')])
def test_reliability_is_set_at_either_end(end, here, there):
    text = advice(event('RELIABILITY'), '/depth', end)
    assert f'set qos_overrides./depth.{end}.reliability to {here} in' in text
    assert text.endswith(f'of the other one to {there}')


@pytest.mark.parametrize('policy', ['DURABILITY', 'DEADLINE', 'LIVELINESS'])
@pytest.mark.parametrize('end, who', [('publisher', 'it'), ('subscription', 'this node')])
def test_no_parameter_is_named_that_does_not_exist(policy, end, who):
    text = advice(event(policy), '/depth', end)
    assert f': {who} asks for more {policy.lower()} than' in text
    assert 'qos_overrides' not in text


def test_only_what_best_effort_lost_may_come_reliably():
    assert 'be reliable' in advice_on_loss('/depth', BEST_EFFORT)
    assert 'be reliable' not in advice_on_loss('/depth', RELIABLE)


def test_overrides_of_the_topics_of_the_node_are_in_order():
    assert strange_overrides([], {'/depth'}) == []
    names = ['qos_overrides./depth.subscription.depth', 'qos_overrides./other.publisher.history']
    assert strange_overrides(names, {'/depth'}) == []


def test_overrides_of_other_topics_only_are_strange():
    (text,) = strange_overrides(['qos_overrides./dpeth.publisher.depth'], {'/depth'})
    assert '/dpeth' in text and '/depth' in text


def test_overrides_of_fixed_policies_are_strange():
    (text,) = strange_overrides(['qos_overrides./depth.publisher.durability'], {'/depth'})
    assert 'durability' in text and 'reliability' in text


def test_each_loss_is_counted_once():
    lost = []
    events = subscription_events(print, lost.append)
    events.message_lost(SimpleNamespace(total_count=7, total_count_change=2))
    assert lost == [2]
