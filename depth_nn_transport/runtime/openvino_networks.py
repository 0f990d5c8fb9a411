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
"""The model's networks on OpenVINO."""

from __future__ import annotations

from collections import OrderedDict

from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import (
    ACTIVATION_MAX,
    ACTIVATION_STEP,
    Array,
    FLOAT_NETWORKS,
)
import numpy as np
import openvino

# Networks are compiled for a frame size; cameras keep theirs.
KEPT_SIZES = 4
FLOAT32 = {'INFERENCE_PRECISION_HINT': 'f32'}

Shapes = tuple[tuple[int, ...], ...]

# The synthesis in float32 whatever the processor, for frames with a bound.
PRECISE_SYNTHESIS = 'synthesis in float32'


class OpenVinoNetworks:
    """`Networks` on the CPU, compiled for each frame size on first use.

    The networks run in bfloat16 where the processor has instructions for it. That leaves the
    exact ones exact, since their weights and activations are integers of at most eight bits and
    sums are kept in float32; should a compiled network round in between, it is found out before
    its first use and replaced by one in float32.
    """

    def __init__(self, files: ModelFiles, threads: int) -> None:
        """Read all networks.

        Raises:
            ModelLoadError: if OpenVINO does not take a network.

        """
        core = openvino.Core()
        core.set_property('CPU', {
            'INFERENCE_NUM_THREADS': threads, 'NUM_STREAMS': 1, 'PERFORMANCE_HINT': 'LATENCY',
        })
        self._core = core
        capabilities = core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
        self._has_bfloat16 = 'BF16' in capabilities
        try:
            self._models = {
                name: core.read_model(graph, b'') for name, graph in files.networks.items()
            }
        except RuntimeError as error:
            raise ModelLoadError(f'{files.model_id}: {error}') from error
        self._models[PRECISE_SYNTHESIS] = self._models['synthesis']
        self._requests: OrderedDict[tuple[str, Shapes], openvino.InferRequest] = OrderedDict()

    def analyse(self, residual: Array, valid: Array, quality: float) -> tuple[Array, Array]:
        """See `Networks`."""
        bend, hyper = self._run('analysis', residual, valid, _scalar(quality))
        return bend, hyper

    def features(self, hyper: Array, base: Array, valid: Array, quality: float) -> Array:
        """See `Networks`."""
        (features,) = self._run('features', hyper, base[:, :, None], valid, _scalar(quality))
        return features

    def low(self, step: int, features: Array, seen: Array) -> tuple[Array, Array]:
        """See `Networks`."""
        context = () if step == 0 else (seen,)
        trunk, head = self._run(f'low{step}', features, *context)
        return trunk, head

    def high(self, step: int, seen: Array) -> Array:
        """See `Networks`."""
        (head,) = self._run(f'high{step}', seen)
        return head

    def synthesise(
        self, latents: Array, valid: Array, quality: float, *, precise: bool = False
    ) -> Array:
        """See `Networks`."""
        name = PRECISE_SYNTHESIS if precise else 'synthesis'
        (bend,) = self._run(name, latents, valid, _scalar(quality))
        return bend

    def _run(self, name: str, *inputs: Array) -> list[Array]:
        arrays = [x[None] if x.ndim == 3 else x for x in inputs]
        request = self._request(name, tuple(x.shape for x in arrays))
        outputs = request.infer(dict(enumerate(arrays)), share_inputs=True, share_outputs=True)
        return [x[0] for x in outputs.values()]

    def _request(self, name: str, shapes: Shapes) -> openvino.InferRequest:
        key = name, shapes
        if key not in self._requests:
            self._requests[key] = self._compile(name, shapes)
            while len(self._requests) > KEPT_SIZES * len(self._models):
                self._requests.popitem(last=False)
        self._requests.move_to_end(key)
        return self._requests[key]

    def _compile(self, name: str, shapes: Shapes) -> openvino.InferRequest:
        model = self._models[name].clone()
        model.reshape(dict(enumerate(map(list, shapes))))
        if name == PRECISE_SYNTHESIS:
            return self._core.compile_model(model, 'CPU', FLOAT32).create_infer_request()
        request = self._core.compile_model(model, 'CPU').create_infer_request()
        if self._has_bfloat16 and name not in FLOAT_NETWORKS:
            exact = self._core.compile_model(model, 'CPU', FLOAT32).create_infer_request()
            return request if _agree(request, exact, shapes) else exact
        return request


def _agree(one: openvino.InferRequest, other: openvino.InferRequest, shapes: Shapes) -> bool:
    """Return whether two compiled networks return the same bits for inputs on their grid."""
    random = np.random.default_rng(0)
    levels = round(ACTIVATION_MAX / ACTIVATION_STEP) + 1
    inputs = {
        k: (random.integers(0, levels, shape) * ACTIVATION_STEP).astype(np.float32)
        for k, shape in enumerate(shapes)
    }
    outputs = (request.infer(inputs).values() for request in (one, other))
    return all(np.array_equal(a, b) for a, b in zip(*outputs, strict=True))


def _scalar(quality: float) -> Array:
    return np.array([quality], np.float32)
