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
"""The model's networks on torch, for GPUs and for machines without OpenVINO."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import threading
from typing import Any, ClassVar

from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import Array
from depth_nn_transport.runtime.graph_networks import FloatGraphNetworks
from depth_nn_transport.runtime.torch_graph import TorchGraph
from depth_nn_transport.runtime.torch_operators import OPERATORS, Operators
import numpy as np
import torch

# Held while switches of the whole process are set.
_SWITCHES = threading.Lock()


class TorchNetworks(FloatGraphNetworks):
    """
    `Networks` on the first CUDA GPU, or on the CPU if there is none.

    Everything runs in float32, whatever shortcuts the process allows elsewhere, so that the exact
    networks are exact. The number of threads is one for the whole process: each call sets it.
    """

    runtime: ClassVar[str] = 'torch'

    def __init__(
        self, files: ModelFiles, threads: int, *, device: str | None = None,
        operators: Operators = OPERATORS,
    ) -> None:
        """See `GraphNetworks`; device and operators may be chosen."""
        kind = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.device = (
            f'CUDA, {torch.cuda.get_device_name()}, float32' if kind == 'cuda' else 'CPU, float32'
        )
        self._threads = threads
        self._graphs = {
            name: TorchGraph(graph, name, torch.device(kind), operators)
            for name, graph in files.networks.items()
        }

    def run_floats(self, name: str, inputs: list[Array]) -> list[Array]:
        """See `FloatGraphNetworks`."""
        tensors = [torch.from_numpy(np.require(x, np.float32, ['C', 'W'])) for x in inputs]
        # Another thread would put the switches back in the middle.
        with _SWITCHES, exact_float32():
            if torch.get_num_threads() != self._threads:
                torch.set_num_threads(self._threads)
            outputs = self._graphs[name](*tensors)
        return [x.contiguous().cpu().numpy() for x in outputs]


@contextmanager
def exact_float32() -> Iterator[None]:
    """
    Keep torch from replacing float32 by anything that rounds integers below 2**24.

    Those are TF32, bfloat16 and autocast, and the transformed domains in which cuDNN may compute
    a convolution (Winograd, FFT).
    """
    matmul = torch.get_float32_matmul_precision()
    onednn: Any = torch.backends.mkldnn
    convolution = onednn.conv.fp32_precision
    torch.set_float32_matmul_precision('highest')
    onednn.conv.fp32_precision = 'ieee'
    try:
        with (
            torch.inference_mode(), torch.backends.cudnn.flags(enabled=False),
            torch.autocast('cpu', enabled=False), torch.autocast('cuda', enabled=False),
        ):
            yield
    finally:
        onednn.conv.fp32_precision = convolution
        torch.set_float32_matmul_precision(matmul)
