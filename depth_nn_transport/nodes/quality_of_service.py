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
"""Quality of service of the topics, and what to tell a user whose ends do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rclpy.qos import (
    DurabilityPolicy,
    qos_policy_name_from_kind,
    qos_profile_sensor_data,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

# Fits subscriptions of both kinds. A link that has to hold back more is too slow for the stream.
RELIABLE = QoSProfile(depth=5)
# Fits publishers of both kinds.
BEST_EFFORT = qos_profile_sensor_data
# Names of parameters that override QoS begin so.
OVERRIDES = 'qos_overrides.'
# What they may override.
POLICIES = {'history', 'depth', 'reliability'}
# What they still may where the node has settled the reliability itself.
OTHER_POLICIES = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH)
# Kept for those who come late.
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL,
                     reliability=ReliabilityPolicy.RELIABLE)


def publisher_events(topic: str, tell: Callable[[str], Any]) -> PublisherEventCallbacks:
    """Return callbacks that tell why a subscription does not match a publisher."""
    return PublisherEventCallbacks(
        incompatible_qos=lambda event: tell(advice(event, topic, 'publisher')))


def subscription_events(on_misfit: Callable[[Any], None],
                        on_lost: Callable[[int], None]) -> SubscriptionEventCallbacks:
    """Return callbacks for a publisher that does not match and for messages that got lost."""
    return SubscriptionEventCallbacks(
        incompatible_qos=on_misfit,
        message_lost=lambda event: on_lost(event.total_count_change))


def is_about_reliability(event: Any) -> bool:
    """Return whether two ends do not match because one of them sends best effort."""
    return bool(qos_policy_name_from_kind(event.last_policy_kind).lower() == 'reliability')


def is_reliable(profile: QoSProfile) -> bool:
    """Return whether messages that got lost are sent again."""
    return bool(profile.reliability == ReliabilityPolicy.RELIABLE)


def reliability_of(topic: str, end: str = 'subscription') -> str:
    """Return the name of the parameter that overrides the reliability of an end of a topic."""
    return f'{OVERRIDES}{topic}.{end}.reliability'


def strange_overrides(names: Iterable[str], topics: set[str]) -> list[str]:
    """Return what is wrong with overrides: of topics of other nodes only, or of fixed policies."""
    given: dict[str, set[str]] = {}
    for name in names:
        topic, _, policy = name.removeprefix(OVERRIDES).rsplit('.', 2)
        given.setdefault(topic, set()).add(policy)
    if given and not given.keys() & topics:
        return [f'qos_overrides of {", ".join(sorted(given))} have no effect; the topics of this '
                f'node are {", ".join(sorted(topics))}']
    fixed = {topic: given[topic] - POLICIES for topic in sorted(given.keys() & topics)}
    return [f'qos_overrides of {topic} have no effect on {", ".join(sorted(policies))}, only on '
            f'{", ".join(sorted(POLICIES))}' for topic, policies in fixed.items() if policies]


def advice(event: Any, topic: str, end: str) -> str:
    """Return in plain words what does not fit and what to do."""
    publishes = end == 'publisher'
    passes = 'reach' if publishes else 'come from'
    if not is_about_reliability(event):
        policy = qos_policy_name_from_kind(event.last_policy_kind).lower()
        asks, offers = ('it asks', 'this node offers') if publishes else ('this node asks',
                                                                          'it offers')
        return (f'no messages {passes} another node on {topic}: {asks} for more {policy} than '
                f'{offers}; change the other node')
    here, there = ('reliable', 'best_effort') if publishes else ('best_effort', 'reliable')
    says = ('asks for reliable delivery, this node sends best effort' if publishes else
            'sends best effort, this node asks for reliable delivery')
    return (f'no messages {passes} another node on {topic}: it {says}; set '
            f'{reliability_of(topic, end)} to {here} in the params_file of this node, '
            f'or the reliability of the other one to {there}')


def advice_on_loss(topic: str, profile: QoSProfile) -> str:
    """Return in plain words what to do about messages that a subscription lost."""
    text = f'the middleware lost it on {topic}; the link or this machine is too slow'
    if profile.reliability != ReliabilityPolicy.BEST_EFFORT:
        return text
    return f'{text} for best effort; let publisher and subscription be reliable'
