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
"""Networks that are named graphs of a model; a runtime has only to run one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from depth_nn_transport.codec.activations import to_activations, to_floats
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import ACTIVATION_OUTPUTS, Activations, Array
import numpy as np
from numpy.typing import NDArray

# Float32 or activations.
Tensor = NDArray[Any]


class GraphNetworks(ABC):
    """
    `Networks` on a runtime.

    :ivar runtime: name of the runtime.
    :ivar device: what it runs on, in words.
    """

    runtime: ClassVar[str]
    device: str

    @abstractmethod
    def __init__(self, files: ModelFiles, threads: int) -> None:
        """
        Take the networks of a model.

        :param files: of the model.
        :param threads: CPU threads for a frame.
        :raises ModelLoadError: if the runtime does not take a network; on its first use at the
            latest.
        """

    def analyse(self, residual: Array, valid: Array, quality: float) -> tuple[Array, Array]:
        """See `Networks`."""
        bend, hyper = self._run('analysis', residual, valid, _scalar(quality))
        return bend, hyper

    def features(self, hyper: Array, base: Array, valid: Array, quality: float) -> Activations:
        """See `Networks`."""
        (features,) = self._run('features', hyper, base[:, :, None], valid, _scalar(quality))
        return features

    def low(
        self, step: int, features: Activations, seen: Activations
    ) -> tuple[Activations, Array]:
        """See `Networks`."""
        context = () if step == 0 else (seen,)
        trunk, head = self._run(f'low{step}', features, *context)
        return trunk, head

    def high(self, step: int, seen: Activations) -> Array:
        """See `Networks`."""
        (head,) = self._run(f'high{step}', seen)
        return head

    def synthesise(self, seen: Activations) -> Array:
        """See `Networks`."""
        (bend,) = self._run('synthesis', seen)
        return bend

    def _run(self, name: str, *inputs: Tensor) -> list[Tensor]:
        arrays = [x[None] if x.ndim == 3 else x for x in inputs]
        return [x[0] for x in self.run(name, arrays)]

    @abstractmethod
    def run(self, name: str, inputs: list[Tensor]) -> list[Tensor]:
        """
        Run a graph.

        :param name: of a network.
        :param inputs: (1, H, W, C), or float32 (1,) for a quality, in the order of the graph;
            activations where `ACTIVATION_INPUTS` says so, else float32.
        :returns: (1, H, W, C), in the order of the graph, valid until the next call only;
            activations where `ACTIVATION_OUTPUTS` says so, else float32.
        """


class FloatGraphNetworks(GraphNetworks):
    """`Networks` on a runtime whose graphs are given float32 and return it."""

    def run(self, name: str, inputs: list[Tensor]) -> list[Tensor]:
        """See `GraphNetworks`."""
        floats = [to_floats(x) if x.dtype == np.int16 else x for x in inputs]
        outputs: list[Tensor] = [*self.run_floats(name, floats)]
        if name.startswith(ACTIVATION_OUTPUTS):
            outputs[0] = to_activations(outputs[0])
        return outputs

    @abstractmethod
    def run_floats(self, name: str, inputs: list[Array]) -> list[Array]:
        """Run a graph; see `GraphNetworks.run`."""


def _scalar(quality: float) -> Array:
    return np.array([quality], np.float32)
