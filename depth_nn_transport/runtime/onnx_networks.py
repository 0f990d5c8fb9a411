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
"""The model's networks on ONNX Runtime."""

from __future__ import annotations

from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import Array
import numpy as np
import onnxruntime


class OnnxNetworks:
    """`Networks` on the CPU."""

    def __init__(self, files: ModelFiles, threads: int) -> None:
        """Load all networks.

        Raises:
            ModelLoadError: if ONNX Runtime does not take a network.

        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A robot's other nodes need the core more than a thread that waits for work.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3
        try:
            self._sessions = {
                name: onnxruntime.InferenceSession(
                    graph, options, providers=['CPUExecutionProvider']
                )
                for name, graph in files.networks.items()
            }
        except Exception as error:
            # Its exceptions share no other base.
            raise ModelLoadError(f'{files.model_id}: {error}') from error

    def analyse(
        self, plane: Array, valid: Array, base: Array, quality: float
    ) -> tuple[Array, Array]:
        """See `Networks`."""
        latents, hyper = self._run(
            'analysis', plane=plane, valid=valid, base=base, quality=_scalar(quality)
        )
        return latents, hyper

    def features(self, hyper: Array, base: Array, valid: Array, quality: float) -> Array:
        """See `Networks`."""
        (features,) = self._run(
            'features', hyper=hyper, base=base, valid=valid, quality=_scalar(quality)
        )
        return features

    def low(
        self, phase: int, features: Array, decoded: Array
    ) -> tuple[Array, Array, Array, Array]:
        """See `Networks`."""
        if phase == 0:
            trunk, linear, mean, index = self._run('low0', features=features)
        else:
            trunk, linear, mean, index = self._run(
                f'low{phase}', features=features, decoded=decoded
            )
        return trunk, linear, mean, index

    def high(self, phase: int, trunk: Array, linear: Array, low: Array) -> tuple[Array, Array]:
        """See `Networks`."""
        if phase == 0:
            mean, index = self._run('high0', trunk=trunk, low=low)
        else:
            mean, index = self._run(f'high{phase}', trunk=trunk, linear=linear, low=low)
        return mean, index

    def synthesise(self, latents: Array, valid: Array, base: Array, quality: float) -> Array:
        """See `Networks`."""
        (plane,) = self._run(
            'synthesis', latents=latents, valid=valid, base=base, quality=_scalar(quality)
        )
        return plane

    def _run(self, name: str, **inputs: Array) -> list[Array]:
        outputs: list[Array] = self._sessions[name].run(None, inputs)
        return outputs


def _scalar(quality: float) -> Array:
    return np.array([quality], np.float32)
