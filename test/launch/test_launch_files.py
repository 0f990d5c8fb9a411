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
"""The launch files, where a ROS installation brings `launch_ros`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
from typing import Any

import pytest

from rcl_interfaces.srv import GetParameters

import rclpy

pytestmark = pytest.mark.skipif(
    find_spec('launch_ros') is None, reason='launch_ros comes with a ROS installation only')

LAUNCH_FOLDER = Path(__file__).parents[2] / 'launch'
RUN = """
import sys
from launch import LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [word.split(':=') for word in sys.argv[2:]]
service = LaunchService()
service.include_launch_description(IncludeLaunchDescription(
    PythonLaunchDescriptionSource(sys.argv[1]), launch_arguments=arguments))
sys.exit(service.run())
"""


# Stands for `rs_launch.py` of `realsense2_camera`.
DRIVER = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo
from launch.substitutions import LaunchConfiguration
DEFAULTS = {'camera_namespace': 'camera', 'camera_name': 'camera',
            'depth_module.depth_profile': '0,0,0', 'enable_color': 'true'}

def generate_launch_description():
    words = [part for name in DEFAULTS for part in (' ', LaunchConfiguration(name))]
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=value) for name, value in DEFAULTS.items()),
        LogInfo(msg=['driver:', *words])])
"""


def declared_by(name: str) -> list[Any]:
    """Return the declarations of the arguments of a launch file."""
    from launch import LaunchContext
    from launch.actions import DeclareLaunchArgument
    from launch.launch_description_sources import PythonLaunchDescriptionSource
    source = PythonLaunchDescriptionSource(str(LAUNCH_FOLDER / name))
    description = source.get_launch_description(LaunchContext())
    return [entity for entity in description.entities
            if isinstance(entity, DeclareLaunchArgument)]


def arguments_of(name: str) -> dict[str, str]:
    """Return the arguments that a launch file declares, with their defaults."""
    return {declared.name: ''.join(part.text for part in declared.default_value)
            for declared in declared_by(name)}


@pytest.fixture
def launching():
    """Return the module that the launch files share; it needs launch_ros."""
    from depth_nn_transport.nodes import launching
    return launching


@pytest.mark.parametrize('name', ['encoder', 'decoder', 'transport'])
def test_every_launch_file_declares_the_common_arguments(launching, name):
    assert launching.COMMON_ARGUMENTS.keys() <= arguments_of(f'{name}.launch.py').keys()


@pytest.mark.parametrize('path', LAUNCH_FOLDER.glob('*.launch.py'), ids=lambda path: path.name)
def test_every_argument_is_described(path):
    assert not [declared.name for declared in declared_by(path.name)
                if declared.description == 'no description given']


def test_only_the_decoder_has_no_mode():
    assert 'mode' in arguments_of('encoder.launch.py')
    assert 'mode' in arguments_of('transport.launch.py')
    assert 'mode' not in arguments_of('decoder.launch.py')


@pytest.mark.parametrize('argument, expected', [
    ('mode:=best', "'lossless'"), ('quality:=150', 'in 0 to 100'), ('quality:=good', "'good'"),
    ('log_level:=loud', "'debug'"), ('use_sim_time:=yes', "'true'")])
def test_wrong_arguments_are_refused_before_a_node_starts(argument, expected):
    output = launch_until_ready(1, 'encoder.launch.py', argument)
    assert expected in output, output
    assert 'process started' not in output, output


def test_default_topics_are_those_of_the_nodes(launching):
    assert all(source == target for source, target in launching.remappings('', 'camera'))


def test_topics_follow_the_camera(launching):
    targets = [target for _, target in launching.remappings('robot', 'front')]
    assert targets == [
        'robot/front/depth/image_rect_raw',
        'robot/front/depth/image_rect_raw/depth_nn',
        'robot/front/depth/decoded/image_rect_raw']


def test_a_leading_slash_leaves_the_namespace(launching):
    assert launching.remappings('/', 'front')[0][1] == '/front/depth/image_rect_raw'
    assert launching.remappings('/robot', 'front')[0][1] == '/robot/front/depth/image_rect_raw'


@pytest.mark.parametrize('namespace, name, expected', [
    ('', '', 'depth/image_rect_raw'),
    ('robot', '', 'robot/depth/image_rect_raw'),
    ('robot/', '/front/', 'robot/front/depth/image_rect_raw'),
    ('', '/front', 'front/depth/image_rect_raw')])
def test_a_camera_needs_no_name_and_no_slashes(launching, namespace, name, expected):
    assert launching.remappings(namespace, name)[0] == (
        'camera/depth/image_rect_raw', expected)


def test_the_realsense_example_uses_the_names_of_the_driver():
    arguments = arguments_of('realsense.launch.py')
    assert arguments['camera_namespace'] == arguments['camera_name'] == 'camera'


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Install what stands for the driver."""
    share = tmp_path / 'share'
    index = share / 'ament_index' / 'resource_index' / 'packages'
    folder = share / 'realsense2_camera' / 'launch'
    for made in (index, folder):
        made.mkdir(parents=True)
    (index / 'realsense2_camera').touch()
    (folder / 'rs_launch.py').write_text(DRIVER)
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path}:{os.environ["AMENT_PREFIX_PATH"]}')


@pytest.mark.dds
@pytest.mark.usefixtures('driver')
def test_the_realsense_example_starts_driver_and_encoder():
    output = launch_until_ready(1, 'realsense.launch.py', 'camera_name:=front', 'mode:=bounded',
                                'namespace:=robot')
    assert 'driver: robot/camera front 848x480x30 false' in output, output
    assert 'robot.depth_encoder]: ready' in output, output


@pytest.mark.dds
@pytest.mark.usefixtures('driver')
def test_the_driver_gets_the_arguments_of_the_user():
    output = launch_until_ready(1, 'realsense.launch.py', 'enable_color:=true',
                                'depth_module.depth_profile:=640x360x90')
    assert 'driver: camera camera 640x360x90 true' in output, output


@pytest.mark.dds
def test_a_node_that_ended_by_itself_is_started_again():
    pids = []

    def kill_the_first(line: str) -> None:
        if found := re.search(r'process started with pid \[(\d+)\]', line):
            pids.append(int(found[1]))
        if 'ready with model' in line and len(pids) == 1:
            os.kill(pids[0], signal.SIGKILL)

    output = launch_until_ready(2, 'encoder.launch.py', on_line=kill_the_first)
    assert len(pids) == 2, output


@pytest.mark.dds
@pytest.mark.parametrize('arguments, expected', [
    ([], True), (['use_sim_time:=false'], False), (['use_sim_time:=False'], False)])
def test_the_clock_is_as_in_params_file_unless_given(tmp_path, arguments, expected):
    params_file = tmp_path / 'simulated.yaml'
    params_file.write_text('/**: {ros__parameters: {use_sim_time: true}}')
    found = []

    def ask(line: str) -> None:
        if 'ready with model' in line:
            found.append(takes_simulated_time('depth_decoder'))

    output = launch_until_ready(
        1, 'decoder.launch.py', f'params_file:={params_file}', *arguments, on_line=ask)
    assert found == [expected], output


@pytest.mark.dds
@pytest.mark.parametrize('side', ['encoder', 'decoder'])
def test_every_camera_gets_a_node_of_its_own(side):
    output = launch_until_ready(3, 'multi_camera.launch.py', f'side:={side}',
                                'cameras:=front,left,right', 'camera_namespace:=robot')
    for camera in ('front', 'left', 'right'):
        assert f'{camera}.depth_{side}]: ready' in output, output


@pytest.mark.dds
def test_transport_starts_and_ends_both_nodes():
    output = launch_until_ready(2, 'transport.launch.py', 'quality:=80', 'namespace:=robot',
                                'camera_namespace:=camera')
    assert 'depth_encoder]: ready' in output and 'depth_decoder]: ready' in output, output
    assert output.count('process has finished cleanly') == 2, output


def takes_simulated_time(name: str) -> bool:
    """Return the parameter of a running node."""
    rclpy.init()
    node = rclpy.create_node('asker')
    client = node.create_client(GetParameters, f'{name}/get_parameters')
    client.wait_for_service()
    future = client.call_async(GetParameters.Request(names=['use_sim_time']))
    rclpy.spin_until_future_complete(node, future)
    node.destroy_node()
    rclpy.shutdown()
    return future.result().values[0].bool_value


def launch_until_ready(
        count: int, name: str, *arguments: str,
        on_line: Callable[[str], None] = lambda line: None) -> str:
    """Return what a launch file prints until so many nodes were ready and all have ended."""
    command = [sys.executable, '-c', RUN, str(LAUNCH_FOLDER / name), *arguments]
    with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            on_line(line)
            if sum('ready with model' in line for line in lines) == count:
                break
        # As a terminal does it: to the launch process and to the nodes.
        os.killpg(process.pid, signal.SIGINT)
        lines.extend(process.stdout)
    return ''.join(lines)
