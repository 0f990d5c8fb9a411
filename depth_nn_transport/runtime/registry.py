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
"""The runtimes by name, each loaded only when it is used."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
import importlib
from typing import NamedTuple

from depth_nn_transport.codec.errors import InvalidSettingError, RuntimeNotInstalledError
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import Networks

# Networks of a model for a number of CPU threads.
MakeNetworks = Callable[[ModelFiles, int], Networks]

AUTO = 'auto'


class _Runtime(NamedTuple):
    """Module and class of its networks, and the Python packages that it needs."""

    module: str
    networks: str
    packages: str


# In the order in which `AUTO` tries them.
_RUNTIMES = {
    'openvino': _Runtime('openvino_networks', 'OpenVinoNetworks', 'openvino'),
    'torch': _Runtime('torch_networks', 'TorchNetworks', 'torch onnx'),
}
RUNTIMES = (AUTO, *_RUNTIMES)


def find_runtime(name: str) -> MakeNetworks:
    """
    Return what makes the networks of a runtime.

    :param name: one of `RUNTIMES`; ``auto`` takes the first that is installed.
    :raises InvalidSettingError: if there is no such runtime.
    :raises RuntimeNotInstalledError: if a package that it needs is not installed.
    """
    if name == AUTO:
        return _first_installed()
    if name not in _RUNTIMES:
        raise InvalidSettingError(
            f'runtime {name!r} is not known; known runtimes: {", ".join(RUNTIMES)}'
        )
    module, networks, packages = _RUNTIMES[name]
    try:
        found = importlib.import_module(f'depth_nn_transport.runtime.{module}')
    except ImportError as error:
        raise RuntimeNotInstalledError(
            f'runtime {name!r} is not installed here ({error}); pip install {packages}'
        ) from error
    make: MakeNetworks = getattr(found, networks)
    return make


def _first_installed() -> MakeNetworks:
    for name in _RUNTIMES:
        with suppress(RuntimeNotInstalledError):
            return find_runtime(name)
    raise RuntimeNotInstalledError(
        f'no runtime is installed here; pip install {next(iter(_RUNTIMES.values())).packages}'
    )
