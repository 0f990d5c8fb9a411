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
from collections.abc import Callable
from contextlib import suppress
from functools import cache
import hashlib
import math
import os
from pathlib import Path
from typing import ClassVar

from depth_nn_transport.codec.activations import to_activations
from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import (
    ACTIVATION_INPUTS,
    ACTIVATION_MAX,
    ACTIVATION_OUTPUTS,
    ACTIVATION_STEP,
    FLOAT_NETWORKS,
)
from depth_nn_transport.runtime.bfloat16 import from_words, to_words
from depth_nn_transport.runtime.file_cache import user_cache
from depth_nn_transport.runtime.graph_networks import GraphNetworks, Tensor
import llvmlite.binding as llvmlite
import numpy as np
import openvino
from openvino import opset15 as opset
from openvino.preprocess import PrePostProcessor

# Networks are compiled for a frame size; cameras keep theirs.
KEPT_SIZES = 4
# Of inputs, which tell the memory that compiled networks take: some four frames of 1280x720.
KEPT_ELEMENTS = 40_000_000
# Settings of OpenVINO and of the library that it compiles with, such as fewer instructions.
SETTINGS = ('DNNL_', 'ONEDNN_', 'OV_')
# Precedes a network on disk.
IN_FLOAT32, IN_BFLOAT16 = b'f', b'b'

Shapes = tuple[tuple[int, ...], ...]


class OpenVinoNetworks(GraphNetworks):
    """
    `Networks` on the CPU, compiled for each frame size on first use and kept on disk.

    The networks run in bfloat16 where the processor has instructions for it. That leaves the
    exact ones exact, since their weights and activations are integers of at most eight bits and
    sums are kept in float32; should a compiled network round in between, it is found out before
    its first use and replaced by one in float32.
    """

    runtime: ClassVar[str] = 'openvino'

    def __init__(self, files: ModelFiles, threads: int, *, bfloat16: bool = True) -> None:
        """
        See `GraphNetworks`; without ``bfloat16`` all run in float32 on every processor.

        Networks are read when they are compiled: those that are kept on disk need not be.
        """
        self._uses_bfloat16 = bfloat16 and has_bfloat16()
        self._settings = {
            'INFERENCE_NUM_THREADS': threads, 'NUM_STREAMS': 1, 'PERFORMANCE_HINT': 'LATENCY',
            # Every process would pin itself to the same first cores.
            'ENABLE_CPU_PINNING': False,
        }
        self.device = 'CPU, bfloat16' if self._uses_bfloat16 else 'CPU, float32'
        self._files = files
        self._cache = user_cache()
        self._origin = self._digest_origin()
        self._requests: OrderedDict[tuple[str, Shapes], openvino.InferRequest] = OrderedDict()

    def run(self, name: str, inputs: list[Tensor]) -> list[Tensor]:
        """See `GraphNetworks`."""
        request = self._request(name, tuple(x.shape for x in inputs))
        return _infer(request, name, inputs)

    def _request(self, name: str, shapes: Shapes) -> openvino.InferRequest:
        key = name, shapes
        if key not in self._requests:
            self._requests[key] = self._compile(name, shapes)
            self._drop_oldest()
        self._requests.move_to_end(key)
        return self._requests[key]

    def _drop_oldest(self) -> None:
        """Keep the networks of a few sizes, of fewer large ones, but those of the last one."""
        sizes = [sum(map(math.prod, shapes)) for _, shapes in self._requests]
        of_one = len(self._files.networks)
        while len(sizes) > of_one and (
            len(sizes) > KEPT_SIZES * of_one or sum(sizes) > KEPT_ELEMENTS
        ):
            sizes.pop(0)
            self._requests.popitem(last=False)

    def _compile(self, name: str, shapes: Shapes) -> openvino.InferRequest:
        key = self._key(name, shapes)
        kept = self._cache.load(key)
        # What OpenVINO should refuse is made anew.
        with suppress(RuntimeError):
            if kept is not None:
                settings = self._settings_for(bfloat16=kept[:1] == IN_BFLOAT16)
                return _core().import_model(kept[1:], 'CPU', settings).create_infer_request()
        request, bfloat16 = self._compile_anew(name, shapes)
        network = request.get_compiled_model().export_model().getvalue()
        self._cache.save(key, (IN_BFLOAT16 if bfloat16 else IN_FLOAT32) + network)
        return request

    def _digest_origin(self) -> bytes:
        """Digest of what all compiled networks depend on: versions, machine and settings."""
        environment = sorted(item for item in os.environ.items() if item[0].startswith(SETTINGS))
        digest = hashlib.sha256(repr((
            openvino.get_version(), llvmlite.get_host_cpu_name(),
            llvmlite.get_host_cpu_features().flatten(), environment, self._settings,
            self._uses_bfloat16,
        )).encode())
        digest.update(Path(__file__).read_bytes())
        return digest.digest()

    def _key(self, name: str, shapes: Shapes) -> str:
        """Digest of all that a compiled network depends on."""
        parts = self._origin, repr((name, shapes)).encode(), self._files.networks[name]
        return hashlib.sha256(b''.join(parts)).hexdigest()

    def _compile_anew(self, name: str, shapes: Shapes) -> tuple[openvino.InferRequest, bool]:
        """Compile a network, and tell whether it runs in bfloat16."""
        model = self._shaped(name, shapes)
        if name in FLOAT_NETWORKS:
            return self._requested(model, name, bfloat16=self._uses_bfloat16), self._uses_bfloat16
        _replace_rounding(model, _eight_digits)
        exact = self._requested(model, name, bfloat16=False)
        if not self._uses_bfloat16:
            return exact, False
        model = self._shaped(name, shapes)
        # What is kept in bfloat16 is rounded by that.
        _replace_rounding(model, lambda x: x)
        request = self._requested(model, name, bfloat16=True)
        return (request, True) if _agree(request, exact, name, shapes) else (exact, False)

    def _requested(
        self, model: openvino.Model, name: str, *, bfloat16: bool
    ) -> openvino.InferRequest:
        model = _taking_activations(model, name, bfloat16)
        settings = self._settings_for(bfloat16=bfloat16)
        return _core().compile_model(model, 'CPU', settings).create_infer_request()

    def _settings_for(self, *, bfloat16: bool) -> dict[str, object]:
        return {**self._settings, 'INFERENCE_PRECISION_HINT': 'bf16' if bfloat16 else 'f32'}

    def _shaped(self, name: str, shapes: Shapes) -> openvino.Model:
        try:
            model = _core().read_model(self._files.networks[name], b'')
        except RuntimeError as error:
            raise ModelLoadError(f'{self._files.model_id}: {error}') from error
        model.reshape(dict(enumerate(map(list, shapes))))
        return model


def has_bfloat16() -> bool:
    """Return whether the processor has instructions for bfloat16."""
    return 'BF16' in _core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')


@cache
def _core() -> openvino.Core:
    """
    Return the one core, which is never unloaded.

    OpenVINO gives the thread that loads it a stack for signal handlers, and frees that stack when
    it is unloaded, by whichever thread: the next signal would crash the process.
    """
    return openvino.Core()


def _taking_activations(model: openvino.Model, name: str, bfloat16: bool) -> openvino.Model:
    """
    Make what are activations inputs in bfloat16, and outputs too in networks that run in it.

    In others OpenVINO converts outputs by way of two transposes.
    """
    changed = PrePostProcessor(model)
    for port in model.inputs:
        if port.any_name in ACTIVATION_INPUTS:
            changed.input(port.any_name).tensor().set_element_type(openvino.Type.bf16)
    if bfloat16 and name.startswith(ACTIVATION_OUTPUTS):
        changed.output(0).tensor().set_element_type(openvino.Type.bf16)
    return changed.build()


def _infer(request: openvino.InferRequest, name: str, inputs: list[Tensor]) -> list[Tensor]:
    tensors = {
        k: _in_bfloat16(x) if x.dtype == np.int16 else x for k, x in enumerate(inputs)
    }
    outputs = list(request.infer(tensors, share_inputs=True, share_outputs=True).values())
    if name.startswith(ACTIVATION_OUTPUTS):
        outputs[0] = _as_activations(outputs[0])
    return outputs


def _in_bfloat16(activations: Tensor) -> openvino.Tensor:
    words = to_words(activations)
    return openvino.Tensor(words, openvino.Shape(words.shape), openvino.Type.bf16)


def _as_activations(output: Tensor) -> Tensor:
    # bfloat16 comes as the other 16-bit floats, which numpy knows.
    if output.dtype == np.float16:
        return from_words(output.view(np.uint16))
    return to_activations(output)


def _replace_rounding(
    model: openvino.Model, rounded: Callable[[openvino.Output], openvino.Output]
) -> None:
    """Put something else in the place of conversions to bfloat16 and back."""
    for node in model.get_ops():
        if node.get_type_name() == 'Convert' and node.get_element_type() == openvino.Type.bf16:
            result = rounded(node.input_value(0))
            for target in list(node.output(0).get_target_inputs()):
                target.get_node().output(0).replace(result)


def _eight_digits(x: openvino.Output) -> openvino.Output:
    """
    Round multiples of 1/64 up to 255/16 to eight binary digits, half to even.

    Conversions to bfloat16 cut digits off instead on processors that have no instruction for it.
    Here float32's own rounding cuts a value's 16 last digits off a larger one (T. J. Dekker, "A
    floating-point technique for extending the available precision", 1971).
    """
    larger = opset.multiply(x, np.float32(2**16 + 1))
    return opset.subtract(larger, opset.subtract(larger, x)).output(0)


def _agree(
    one: openvino.InferRequest, other: openvino.InferRequest, name: str, shapes: Shapes
) -> bool:
    """Return whether a network, compiled twice, returns the same bits for inputs on its grid."""
    random = np.random.default_rng(0)
    levels = round(ACTIVATION_MAX / ACTIVATION_STEP) + 1
    inputs: list[Tensor] = []
    for shape, port in zip(shapes, one.model_inputs, strict=True):
        values = (random.integers(0, levels, shape) * ACTIVATION_STEP).astype(np.float32)
        is_activation = port.element_type == openvino.Type.bf16
        inputs.append(to_activations(values) if is_activation else values)
    outputs = (_infer(request, name, inputs) for request in (one, other))
    return all(np.array_equal(a, b) for a, b in zip(*outputs, strict=True))
