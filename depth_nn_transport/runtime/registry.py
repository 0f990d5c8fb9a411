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
import importlib
from typing import NamedTuple

from depth_nn_transport.codec.errors import InvalidSettingError, RuntimeNotInstalledError
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import Networks
import llvmlite.binding as llvmlite

# Networks of a model for a number of CPU threads.
MakeNetworks = Callable[[ModelFiles, int], Networks]

AUTO = 'auto'


class _Runtime(NamedTuple):
    """Module and class of its networks, and the Python packages that it needs."""

    module: str
    networks: str
    packages: str


_RUNTIMES = {
    'openvino': _Runtime('openvino_networks', 'OpenVinoNetworks', 'openvino'),
    'numba': _Runtime('numba_networks', 'NumbaNetworks', 'numba'),
    'torch': _Runtime('torch_networks', 'TorchNetworks', 'torch onnx'),
}
RUNTIMES = (AUTO, *_RUNTIMES)


def find_runtime(name: str) -> MakeNetworks:
    """
    Return what makes the networks of a runtime.

    :param name: one of `RUNTIMES`; ``auto`` takes OpenVINO where the processor has matrix units
        for bfloat16 (AMX) and it is installed, else numba, which needs nothing that the codec does
        not need.
    :raises InvalidSettingError: if there is no such runtime.
    :raises RuntimeNotInstalledError: if a package that it needs is not installed.
    """
    if name == AUTO:
        try:
            return find_runtime('openvino' if _has_amx() else 'numba')
        except RuntimeNotInstalledError:
            return find_runtime('numba')
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


def _has_amx() -> bool:
    """Tell whether the processor multiplies matrices of bfloat16, without loading a runtime."""
    features: dict[str, bool] = llvmlite.get_host_cpu_features()
    return features.get('amx-bf16', False)
