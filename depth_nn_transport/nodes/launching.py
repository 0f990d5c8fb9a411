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
"""What the launch files share: arguments, topics and the description of a node."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from depth_nn_transport.codec.depth_codec import MODES
from depth_nn_transport.nodes.parameters import ENCODER, refusal
from depth_nn_transport.nodes.topics import COMPRESSED_TOPIC, IMAGE_TOPIC, RESTORED_TOPIC

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction

from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

PACKAGE = 'depth_nn_transport'
DEFAULT_CAMERA = 'camera'
RESPAWN_DELAY_S = 2.0
# Parameters of the encoder that are launch arguments too, with the type of their values.
ENCODER_PARAMETERS = {'mode': str, 'quality': float}
LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')
# Python's words come from launch files that say them in Python.
SWITCH = ('', 'true', 'false', 'True', 'False')
CHOICES = {'mode': ('', *MODES), 'use_sim_time': SWITCH, 'log_level': LOG_LEVELS}

COMMON_ARGUMENTS = {
    'namespace': ('', 'namespace of the node'),
    'camera_namespace': ('', 'first part of the camera topics; "camera" for realsense2_camera; '
                             'with a leading / it is not below namespace'),
    'camera_name': (DEFAULT_CAMERA, 'second part of the camera topics; left out if empty'),
    'params_file': ('', "parameters of the nodes; the package's config/transport.yaml if empty"),
    'use_sim_time': ('', 'true or false: take the time from /clock; as in params_file if empty'),
    'respawn': ('true', 'start a node again that ended by itself'),
    'log_level': ('info', f'one of {", ".join(LOG_LEVELS)}'),
}
ENCODER_ARGUMENTS = {
    'mode': ('', f'one of {", ".join(MODES)}; as in params_file if empty'),
    'quality': ('', '0..100; as in params_file if empty'),
}


def describe_encoder() -> LaunchDescription:
    """Return the description that starts the encoder."""
    return describe('depth_encoder', {**COMMON_ARGUMENTS, **ENCODER_ARGUMENTS}, ENCODER_PARAMETERS)


def describe_decoder() -> LaunchDescription:
    """Return the description that starts the decoder."""
    return describe('depth_decoder', COMMON_ARGUMENTS, {})


def describe(
        executable: str, arguments: Mapping[str, tuple[str, str]],
        parameters: Mapping[str, type]) -> LaunchDescription:
    """Return the description that declares arguments and starts a node."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=description,
                                choices=CHOICES.get(name))
          for name, (default, description) in arguments.items()),
        OpaqueFunction(function=partial(node_actions, executable, parameters)),
    ])


def node_actions(
        executable: str, parameters: Mapping[str, type], context: LaunchContext) -> list[Node]:
    """Return the node with the values that the arguments have by now."""
    argument = context.launch_configurations
    given = {name: number_or_text(argument[name], kind)
             for name, kind in parameters.items() if argument[name]}
    # A node that refuses its parameters would be started again and again.
    if reason := refusal({setting.name: setting for setting in ENCODER}, given):
        raise RuntimeError(reason)
    return [Node(
        package=PACKAGE,
        executable=executable,
        name=executable,
        namespace=argument['namespace'],
        parameters=[
            argument['params_file'] or default_params_file(context),
            {**given, **clock(argument['use_sim_time'])},
        ],
        remappings=remappings(argument['camera_namespace'], argument['camera_name']),
        arguments=['--ros-args', '--log-level', argument['log_level']],
        output='screen',
        respawn=argument['respawn'].lower() == 'true',
        respawn_delay=RESPAWN_DELAY_S,
    )]


def number_or_text(text: str, kind: type) -> Any:
    """Return the value of an argument; what is no number stays text, to be refused as such."""
    try:
        return kind(text)
    except ValueError:
        return text


def clock(use_sim_time: str) -> dict[str, bool]:
    """Return the parameter of that argument, none if it is empty."""
    return {'use_sim_time': use_sim_time.lower() == 'true'} if use_sim_time else {}


def default_params_file(context: LaunchContext) -> str:
    """Return the path of the parameters that come with the package."""
    share: Any = FindPackageShare(PACKAGE).perform(context)
    return str(Path(share) / 'config' / 'transport.yaml')


def remappings(camera_namespace: str, camera_name: str) -> list[tuple[str, str]]:
    """Return the remappings from the nodes' own topics to those of a camera."""
    root = '/' if camera_namespace.startswith('/') else ''
    camera = [part for part in (camera_namespace.strip('/'), camera_name.strip('/')) if part]
    topics = (IMAGE_TOPIC, COMPRESSED_TOPIC, RESTORED_TOPIC)
    return [(topic, root + '/'.join([*camera, topic.removeprefix(f'{DEFAULT_CAMERA}/')]))
            for topic in topics]
