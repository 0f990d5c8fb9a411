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
"""Room for whole images in the shared memory of Fast DDS."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

from ament_index_python.packages import get_package_share_directory, PackageNotFoundError

PACKAGE = 'depth_nn_transport'
# By these users set up transports themselves.
CHOICES = (
    'FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE',
    'FASTDDS_BUILTIN_TRANSPORTS')
# Distributions with Fast DDS 2, which knows the older name only.
OLDER = ('humble', 'iron', 'jazzy')


def make_room_for_images(environment: MutableMapping[str, str]) -> None:
    """
    Have Fast DDS pass images as a whole, unless the user has chosen its transports.

    By default its shared memory holds 512 kB. Of a larger image what finds no room is sent again
    when the other end asks for it, ten milliseconds later, or the image is lost if none does.
    To be called before ROS is initialised.
    """
    if any(name in environment for name in CHOICES):
        return
    try:
        share = get_package_share_directory(PACKAGE)
    except PackageNotFoundError:
        return
    newer, older, _ = CHOICES
    name = older if environment.get('ROS_DISTRO') in OLDER else newer
    environment[name] = str(Path(share) / 'config' / 'fastdds.xml')
