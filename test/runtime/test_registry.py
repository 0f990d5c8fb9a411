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
"""Runtimes are found by name, and what is missing is told."""

import sys

from depth_nn_transport import DepthCodec
from depth_nn_transport.codec.errors import InvalidSettingError, RuntimeNotInstalledError
from depth_nn_transport.runtime import openvino_networks, registry
from depth_nn_transport.runtime.registry import AUTO, find_runtime, RUNTIMES
import pytest

MODULES = {'openvino': ['openvino_networks'],
           'torch': ['torch_networks', 'torch_graph', 'torch_operators']}


@pytest.fixture
def uninstall(monkeypatch):
    """Return a function that makes a package look as if it were not installed."""
    def hide(package, runtime):
        monkeypatch.setitem(sys.modules, package, None)
        for module in MODULES[runtime]:
            name = f'depth_nn_transport.runtime.{module}'
            monkeypatch.delitem(sys.modules, name, raising=False)
    return hide


def picked(name):
    return find_runtime(name).runtime


@pytest.mark.parametrize('name', [name for name in RUNTIMES if name != AUTO])
def test_a_runtime_is_what_its_name_says(name):
    assert picked(name) == name


def test_the_codec_tells_what_was_picked():
    codec = DepthCodec(runtime=AUTO)
    assert codec.runtime == picked(AUTO)
    assert codec.device.startswith('CPU')


@pytest.mark.parametrize('amx, expected', [(True, 'openvino'), (False, 'numba')])
def test_auto_takes_openvino_where_there_is_amx(monkeypatch, amx, expected):
    monkeypatch.setattr(registry, '_has_amx', lambda: amx)
    assert picked(AUTO) == expected


def test_auto_does_without_openvino(monkeypatch, uninstall):
    monkeypatch.setattr(registry, '_has_amx', lambda: True)
    uninstall('openvino', 'openvino')
    assert picked(AUTO) == 'numba'


def test_amx_is_found_only_where_openvino_finds_bfloat16():
    assert openvino_networks.has_bfloat16() or not registry._has_amx()


@pytest.mark.parametrize('runtime, package', [
    ('openvino', 'openvino'), ('torch', 'torch'), ('torch', 'onnx')])
def test_a_missing_runtime_names_what_to_install(uninstall, runtime, package):
    uninstall(package, runtime)
    with pytest.raises(RuntimeNotInstalledError, match=f'pip install .*{package}'):
        DepthCodec(runtime=runtime)


def test_an_unknown_runtime_names_the_known_ones():
    with pytest.raises(InvalidSettingError, match=r"'tpu'.*auto, openvino, numba, torch"):
        DepthCodec(runtime='tpu')
