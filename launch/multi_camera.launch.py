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
"""Starts an encoder, or a decoder, for each of several cameras; an example to copy and change."""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource

LAUNCH_FOLDER = Path(__file__).parent


def node_of(camera: str, namespace: str, side: str) -> GroupAction:
    """Return the node of a camera, in a namespace of its own so that nodes differ by name."""
    return GroupAction([IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(LAUNCH_FOLDER / f'{side}.launch.py')),
        launch_arguments={'namespace': camera, 'camera_namespace': f'/{namespace.strip("/")}',
                          'camera_name': camera}.items())])


def nodes(context: LaunchContext) -> list[GroupAction]:
    """Return a node for each name of the argument `cameras`."""
    argument = context.launch_configurations
    return [node_of(camera.strip(), argument['camera_namespace'], argument['side'])
            for camera in argument['cameras'].split(',')]


def generate_launch_description() -> LaunchDescription:
    """Return what `ros2 launch` starts."""
    return LaunchDescription([
        DeclareLaunchArgument('cameras', default_value='front,left,right',
                              description='camera names, separated by commas'),
        DeclareLaunchArgument('camera_namespace', default_value='',
                              description='first part of the topics of all cameras'),
        DeclareLaunchArgument('side', default_value='encoder', choices=['encoder', 'decoder'],
                              description='which end to start'),
        OpaqueFunction(function=nodes),
    ])
