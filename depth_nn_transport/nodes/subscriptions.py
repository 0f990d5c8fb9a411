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
"""The subscriptions of a node, made and destroyed together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import copy
from typing import Any

from depth_nn_transport.nodes.quality_of_service import (
    advice,
    advice_on_loss,
    BEST_EFFORT,
    is_about_reliability,
    is_reliable,
    OTHER_POLICIES,
    reliability_of,
    subscription_events,
)

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from rclpy.timer import Timer


class Subscriptions:
    """
    Subscriptions with QoS that parameters may override.

    A topic is listened to by best effort while one of its publishers offers no more, if it may be.

    :ivar topics: names of all topics that were ever subscribed to.
    """

    def __init__(
            self, node: Node, add_all: Callable[[], None], warn: Callable[[str], None],
            overrides: Collection[str]) -> None:
        """
        Take what adds all subscriptions of the node, and what warns of a publisher once.

        :param overrides: names of the parameters of QoS that the node was started with.
        """
        self.topics: set[str] = set()
        self._node = node
        self._add_all = add_all
        self._warn = warn
        self._overrides = overrides
        self._subscriptions: list[Subscription] = []
        self._unreliable: set[str] = set()
        self._resubscription: Timer | None = None

    @property
    def are_there(self) -> bool:
        """Return whether there are subscriptions."""
        return bool(self._subscriptions)

    def unsubscribe(self) -> None:
        """Destroy the subscriptions."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def forget(self) -> None:
        """Forget what publishers offered."""
        self._unreliable.clear()

    def add(
            self, message_type: type, topic: str, callback: Callable[[Any], None],
            qos: QoSProfile, *, as_offered: bool = False,
            on_lost: Callable[[int, str], None] | None = None) -> None:
        """
        Subscribe to a topic.

        :param as_offered: by best effort instead, while a publisher offers no more, unless
            parameters ask for reliability.
        :param on_lost: takes the number of messages that the middleware lost, and advice.
        """
        name = self._node.resolve_topic_name(topic)
        yields = name in self._unreliable
        as_offered = as_offered and reliability_of(name) not in self._overrides
        # The profile is changed in place by the parameters.
        profile = copy(BEST_EFFORT if yields else qos)

        def tell_lost(count: int) -> None:
            if on_lost is not None:
                on_lost(count, advice_on_loss(name, profile))

        def on_misfit(event: Any) -> None:
            if as_offered and is_about_reliability(event):
                self._fall_back(name)
            else:
                self._warn(advice(event, name, 'subscription'))

        self.topics.add(name)
        self._subscriptions.append(self._node.create_subscription(
            message_type, topic, callback, profile,
            event_callbacks=subscription_events(on_misfit, tell_lost),
            qos_overriding_options=(
                QoSOverridingOptions(OTHER_POLICIES) if yields
                else QoSOverridingOptions.with_default_policies())))

    def return_to_reliability(self) -> None:
        """Subscribe reliably again where all publishers offer that by now."""
        for name in self._unreliable.copy():
            publishers = self._node.get_publishers_info_by_topic(name)
            if publishers and all(is_reliable(end.qos_profile) for end in publishers):
                self._unreliable.remove(name)
                self._node.get_logger().info(f'listening reliably on {name} again')
                self._resubscribe()

    def _fall_back(self, name: str) -> None:
        """Subscribe anew, by best effort, to a topic of which a publisher offers no more."""
        if name not in self._unreliable:
            self._unreliable.add(name)
            self._node.get_logger().warning(
                f'listening by best effort on {name}, as a publisher offers no more; large images '
                'may get lost')
            # The event is the subscription's own: it cannot be destroyed here.
            self._resubscription = self._node.create_timer(
                0.0, self._resubscribe, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _resubscribe(self) -> None:
        if self._resubscription is not None:
            self._node.destroy_timer(self._resubscription)
            self._resubscription = None
        if self.are_there:
            self.unsubscribe()
            self._add_all()
