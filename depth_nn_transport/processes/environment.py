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
"""Keeps what the demo and the tests say on DDS to themselves."""

from __future__ import annotations

from collections.abc import MutableMapping
import secrets

# Domains up to 101 use ports below those that Linux hands out to clients.
DOMAINS = range(20, 101)


def isolate(environment: MutableMapping[str, str]) -> None:
    """Choose a domain of our own on this host only, where the user has not chosen."""
    environment.setdefault('ROS_DOMAIN_ID', str(secrets.choice(DOMAINS)))
    if environment.get('ROS_DISTRO') == 'humble':
        environment.setdefault('ROS_LOCALHOST_ONLY', '1')
    else:
        environment.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
