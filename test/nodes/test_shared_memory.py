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

import os
from pathlib import Path
import subprocess
import sys

from ament_index_python.packages import PackageNotFoundError
from depth_nn_transport.nodes import shared_memory
from depth_nn_transport.nodes.shared_memory import CHOICES, make_room_for_images
import pytest

import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data

from sensor_msgs.msg import Image

IMAGES = 40
CAMERA = f"""
import array
import os
import time

from depth_nn_transport.nodes.shared_memory import make_room_for_images
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

make_room_for_images(os.environ)
rclpy.init()
node = rclpy.create_node('camera')
publisher = node.create_publisher(Image, 'whole_images', qos_profile_sensor_data)
image = Image(height=480, width=848, encoding='16UC1', step=1696)
image.data = array.array('B', bytes(480 * 1696))
while publisher.get_subscription_count() == 0:
    time.sleep(0.05)
time.sleep(0.5)
for _ in range({IMAGES}):
    publisher.publish(image)
    time.sleep(0.05)
"""


@pytest.mark.parametrize('distribution, name', [
    ('humble', 'FASTRTPS_DEFAULT_PROFILES_FILE'), ('jazzy', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
    ('kilted', 'FASTDDS_DEFAULT_PROFILES_FILE'), (None, 'FASTDDS_DEFAULT_PROFILES_FILE')])
def test_the_profile_is_named_as_the_distribution_knows_it(distribution, name):
    environment = {'ROS_DISTRO': distribution} if distribution else {}
    make_room_for_images(environment)
    assert Path(environment[name]).is_file()
    assert len(environment) == 1 + (distribution is not None)


@pytest.mark.parametrize('name', CHOICES)
def test_what_the_user_chose_is_kept(name):
    environment = {name: 'chosen'}
    make_room_for_images(environment)
    assert environment == {name: 'chosen'}


def test_a_package_that_is_not_installed_goes_without(monkeypatch):
    def fail(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(shared_memory, 'get_package_share_directory', fail)
    environment = {}
    make_room_for_images(environment)
    assert not environment


@pytest.mark.dds
def test_images_larger_than_the_usual_memory_pass_by_best_effort():
    received = []
    rclpy.init()
    try:
        node = Node('viewer')
        node.create_subscription(Image, 'whole_images', received.append, qos_profile_sensor_data)
        camera = subprocess.Popen([sys.executable, '-c', CAMERA], env=os.environ)
        while camera.poll() is None:
            rclpy.spin_once(node, timeout_sec=0.05)
        node.destroy_node()
    finally:
        rclpy.try_shutdown()
    assert camera.returncode == 0
    # Without room a tenth of them does. A machine that is busy may drop some.
    assert len(received) > IMAGES // 2
