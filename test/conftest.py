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
"""Fixtures and settings of all tests."""

from __future__ import annotations

import os

from depth_nn_transport.processes.environment import isolate

from hypothesis import settings

import pytest

# No test asserts speed; a busy machine must not fail one.
settings.register_profile('patient', deadline=None)
settings.load_profile('patient')

isolate(os.environ)


# Before xdist looks for groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that open DDS last, as they are the slow ones, and in one process."""
    items.sort(key=opens_dds)
    for item in filter(opens_dds, items):
        item.add_marker(pytest.mark.xdist_group('dds'))


def opens_dds(item: pytest.Item) -> bool:
    """Return whether a test opens DDS participants."""
    return item.get_closest_marker('dds') is not None
