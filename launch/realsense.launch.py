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
"""Starts a RealSense camera (realsense2_camera) and an encoder of its depth."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution

from launch_ros.substitutions import FindPackageShare

ENCODER = Path(__file__).with_name('encoder.launch.py')
# The driver publishes <camera_namespace>/<camera_name>/depth/image_rect_raw and camera_info. It
# keeps what is declared ahead of it.
ARGUMENTS = {
    'camera_namespace': ('camera', 'first part of the camera topics'),
    'camera_name': ('camera', 'name of the driver and second part of the camera topics'),
    'namespace': ('', 'namespace of driver and encoder'),
    'depth_module.depth_profile': ('848x480x30', 'width x height x frames per second'),
    'enable_color': ('false', 'let the driver publish colour, too'),
}


def generate_launch_description() -> LaunchDescription:
    """Return what `ros2 launch` starts."""
    driver = PathJoinSubstitution(
        [FindPackageShare('realsense2_camera'), 'launch', 'rs_launch.py'])
    # That of the encoder, which the driver knows not.
    in_namespace = PathJoinSubstitution(
        [LaunchConfiguration('namespace'), LaunchConfiguration('camera_namespace')])
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=description)
          for name, (default, description) in ARGUMENTS.items()),
        IncludeLaunchDescription(PythonLaunchDescriptionSource(str(ENCODER))),
        # Last, as what an inclusion is given holds for those behind it, too.
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(driver),
            launch_arguments={'camera_namespace': in_namespace}.items()),
    ])
