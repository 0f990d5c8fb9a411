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
"""The ways to run a model's networks that are held against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
import importlib.util
import platform
from typing import ClassVar

from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import Array
from depth_nn_transport.runtime.graph_networks import FloatGraphNetworks, GraphNetworks
from depth_nn_transport.runtime.numba_networks import NumbaNetworks
from depth_nn_transport.runtime.openvino_networks import has_bfloat16, OpenVinoNetworks
from depth_nn_transport.runtime.torch_networks import TorchNetworks
from depth_nn_transport.runtime.torch_operators import OPERATORS
import torch
from torch import Tensor

# Of ONNX Runtime, as it calls them.
_LEVELS = {
    'nothing': 'ORT_DISABLE_ALL', 'basic': 'ORT_ENABLE_BASIC',
    'extended': 'ORT_ENABLE_EXTENDED', 'all': 'ORT_ENABLE_ALL',
}
# What makes oneDNN (in OpenVINO and torch), torch and numba do with fewer instructions.
INSTRUCTION_SETS: dict[str, dict[str, str]] = {
    'native': {},
    'AVX2': {'ONEDNN_MAX_CPU_ISA': 'AVX2', 'ATEN_CPU_CAPABILITY': 'avx2',
             'MKL_ENABLE_INSTRUCTIONS': 'AVX2', 'OPENBLAS_CORETYPE': 'Haswell',
             'NUMBA_CPU_NAME': 'haswell', 'NUMBA_CPU_FEATURES': ''},
    'SSE4.1': {'ONEDNN_MAX_CPU_ISA': 'SSE41', 'ATEN_CPU_CAPABILITY': 'default',
               'MKL_ENABLE_INSTRUCTIONS': 'SSE4_2', 'OPENBLAS_CORETYPE': 'Nehalem',
               'NUMBA_CPU_NAME': 'generic', 'NUMBA_CPU_FEATURES': ''},
}


class OnnxRuntimeNetworks(FloatGraphNetworks):
    """`Networks` on ONNX Runtime, in float32 on the CPU."""

    runtime: ClassVar[str] = 'onnxruntime'
    device = 'CPU, float32'

    def __init__(self, files: ModelFiles, threads: int, level: str = 'ORT_ENABLE_ALL') -> None:
        """See `GraphNetworks`; the level says how much the graphs are rewritten."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._sessions = {
                name: onnxruntime.InferenceSession(
                    graph, options, providers=['CPUExecutionProvider'])
                for name, graph in files.networks.items()
            }
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail as error:
            raise ModelLoadError(f'{files.model_id}: {error}') from error

    def run_floats(self, name: str, inputs: list[Array]) -> list[Array]:
        """See `FloatGraphNetworks`."""
        session = self._sessions[name]
        names = [tensor.name for tensor in session.get_inputs()]
        outputs: list[Array] = session.run(None, dict(zip(names, inputs, strict=True)))
        return outputs


@dataclass(frozen=True)
class Executor:
    """
    A way to run networks.

    :ivar name: for people.
    :ivar make: its networks.
    :ivar missing: why this machine does not have it, empty if it has.
    :ivar instruction_sets: those of `INSTRUCTION_SETS` that it can be held to.
    """

    name: str
    make: Callable[[ModelFiles, int], GraphNetworks]
    missing: str = ''
    instruction_sets: Sequence[str] = ('native',)


def executors() -> list[Executor]:
    """Return all, those first that every machine has."""
    x86 = platform.machine() in {'x86_64', 'AMD64'}
    held = tuple(INSTRUCTION_SETS) if x86 else ('native',)
    no_gpu = '' if torch.cuda.is_available() else 'no CUDA GPU at hand'
    no_bfloat16 = '' if has_bfloat16() else 'the processor has no bfloat16 instructions'
    no_onnxruntime = '' if importlib.util.find_spec('onnxruntime') else 'not installed'
    return [
        Executor('numba, int16', NumbaNetworks, instruction_sets=held),
        Executor('OpenVINO, float32', partial(OpenVinoNetworks, bfloat16=False),
                 instruction_sets=held),
        Executor('OpenVINO, bfloat16', OpenVinoNetworks, no_bfloat16),
        Executor('torch, CPU, channels last', partial(TorchNetworks, device='cpu'),
                 instruction_sets=held),
        Executor('torch, CPU, channels first', partial(
            TorchNetworks, device='cpu', operators=OPERATORS | {'Transpose': _channels_first})),
        Executor('torch, CUDA', partial(TorchNetworks, device='cuda'), no_gpu),
        *(Executor(f'ONNX Runtime, optimisation: {name}',
                   partial(OnnxRuntimeNetworks, level=level), no_onnxruntime)
          for name, level in _LEVELS.items()),
    ]


def _channels_first(x: Tensor, *, perm: Sequence[int] = ()) -> Tensor:
    """Move the data too, where a transposition would else be a view of channels last."""
    return OPERATORS['Transpose'](x, perm=perm).contiguous()
