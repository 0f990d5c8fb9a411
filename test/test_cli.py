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
"""The command line as a whole: every command is there and asks for what it needs."""

import subprocess
import sys

from click.testing import CliRunner
from depth_nn_transport import cli
import pytest


def run(*arguments):
    return CliRunner().invoke(cli.main, arguments)


def test_help_lists_all_commands():
    result = run('--help')
    assert result.exit_code == 0
    assert all(f'\n  {name} ' in result.output for name in cli.COMMANDS)


@pytest.mark.parametrize('name', cli.COMMANDS)
def test_every_command_explains_itself(name):
    result = run(name, '--help')
    assert result.exit_code == 0, result.output
    assert '--help' in result.output


def test_unknown_commands_are_refused():
    result = run('teleport')
    assert result.exit_code == 2
    assert 'teleport' in result.output


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(cli.COMMANDS, 'encode', 'no_such_package.command:encode')
    result = run('encode')
    assert result.exit_code == 1
    assert "'encode' needs the Python package 'no_such_package'" in result.output


def test_a_package_that_is_missed_on_the_way_is_named(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, 'depth_nn_transport.bag.record', raising=False)
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    result = run('bag', 'record', str(tmp_path / 'bag'), '/topic')
    assert result.exit_code == 1
    assert "'bag' needs the Python package 'rclpy'" in result.output


def test_a_robot_needs_neither_torch_nor_ros_to_encode():
    script = (
        'import sys\n'
        'import depth_nn_transport.frames.command\n'
        'print({"torch", "rclpy", "matplotlib"} & set(sys.modules))'
    )
    result = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == 'set()'


def test_runs_as_a_module():
    result = subprocess.run(
        [sys.executable, '-m', 'depth_nn_transport', '--help'],
        capture_output=True, text=True, check=True,
    )
    assert 'python -m depth_nn_transport' in result.stdout
