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
"""What the packages say about themselves."""

from __future__ import annotations

import ast
from configparser import ConfigParser
from pathlib import Path
import re
from xml.etree import ElementTree

import pytest

import yaml

ROOT = Path(__file__).parents[1]
MANIFESTS = [ROOT / 'package.xml', ROOT / 'depth_nn_transport_msgs' / 'package.xml']
WITHOUT_ROSDEP_KEY = {'constriction', 'openvino', 'rosbags', 'threadpoolctl'}
ROS_PACKAGE = r'ament_index_python|rclpy|launch|launch_ros|\w+_msgs|\w+_interfaces'


@pytest.fixture(scope='module')
def setup_arguments() -> dict[str, ast.expr]:
    """Return the arguments of the call of setup(), unevaluated."""
    tree = ast.parse((ROOT / 'setup.py').read_text())
    call = next(node for node in ast.walk(tree) if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name) and node.func.id == 'setup')
    return {keyword.arg: keyword.value for keyword in call.keywords}


def manifest_text(path: Path, name: str) -> str:
    """Return the text of an element of a package manifest."""
    return ElementTree.parse(path).getroot().findtext(name)


def executed_with() -> set[str]:
    """Return the packages that the manifest names for execution."""
    root = ElementTree.parse(MANIFESTS[0]).getroot()
    return {element.text for element in root.findall('exec_depend')}


@pytest.fixture(scope='module')
def python_packages(setup_arguments) -> set[str]:
    """Return what setup.py requires, without the setuptools of every ament_python package."""
    return set(ast.literal_eval(setup_arguments['install_requires'])) - {'setuptools'}


def test_versions_agree(setup_arguments):
    versions = {manifest_text(path, 'version') for path in MANIFESTS}
    assert versions == {ast.literal_eval(setup_arguments['version'])}


def test_changelog_has_the_version():
    assert manifest_text(MANIFESTS[0], 'version') in (ROOT / 'CHANGELOG.rst').read_text()


@pytest.mark.parametrize('path', MANIFESTS, ids=lambda path: path.parent.name)
def test_manifests_name_licence_and_format(path):
    assert manifest_text(path, 'license') == 'Apache-2.0'
    assert ElementTree.parse(path).getroot().get('format') == '3'


def test_manifest_names_the_ros_packages_that_are_imported():
    imported = {name for folder in ('depth_nn_transport', 'launch')
                for path in (ROOT / folder).rglob('*.py')
                for name in re.findall(r'^(?:from|import) (\w+)', path.read_text(), re.MULTILINE)
                if re.fullmatch(ROS_PACKAGE, name)}
    assert {name for name in executed_with() if not name.startswith('python3-')} == imported


def test_manifest_names_the_python_packages_that_setup_requires(python_packages):
    keys = {f'python3-{name.removesuffix("-python-headless")}'
            for name in python_packages - WITHOUT_ROSDEP_KEY}
    assert {name for name in executed_with() if name.startswith('python3-')} == keys


def test_setup_requires_what_is_pinned_for_robots(python_packages):
    pinned = (ROOT / 'requirements' / 'runtime.txt').read_text()
    assert set(re.findall(r'^([\w-]+)[=>]', pinned, re.MULTILINE)) == python_packages


def test_colcon_runs_pytest(setup_arguments):
    assert 'pytest' in ast.literal_eval(setup_arguments['extras_require'])['test']


def test_entry_points_lead_to_functions(setup_arguments):
    scripts = ast.literal_eval(setup_arguments['entry_points'])['console_scripts']
    for script in scripts:
        name, module, function = re.fullmatch(r'(\w+) = ([\w.]+):(\w+)', script).groups()
        source = (ROOT / f'{module.replace(".", "/")}.py').read_text()
        assert module.endswith(name)
        assert f'def {function}(' in source


def test_scripts_are_installed_where_ros_looks():
    config = ConfigParser()
    config.read(ROOT / 'setup.cfg')
    assert config['develop']['script_dir'] == config['install']['install_scripts']
    assert config['develop']['script_dir'] == '$base/lib/depth_nn_transport'


@pytest.mark.parametrize('node', ['depth_encoder', 'depth_decoder'])
def test_parameter_file_sets_the_defaults_of_the_node(node):
    from depth_nn_transport.nodes import parameters
    settings = parameters.ENCODER if node == 'depth_encoder' else parameters.DECODER
    given = yaml.safe_load((ROOT / 'config' / 'transport.yaml').read_text())
    assert given[f'/**/{node}']['ros__parameters'] == {s.name: s.default for s in settings}


def test_message_has_no_field_that_encoded_frames_lack():
    from dataclasses import fields

    from depth_nn_transport import EncodedDepth
    from depth_nn_transport_msgs.msg import CompressedDepth
    ours = {field.name for field in fields(EncodedDepth)} | {'header', 'crc32'}
    assert set(CompressedDepth.get_fields_and_field_types()) == ours
