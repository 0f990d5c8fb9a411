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
"""An interpreter of ONNX graphs in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.runtime.torch_operators import OPERATORS, Operators
from google.protobuf.message import DecodeError
import onnx
import torch
from torch import Tensor


class _Call(NamedTuple):
    """A call of an operator: names of its arguments and its result."""

    operator: Callable[..., Tensor]
    attributes: dict[str, Any]
    arguments: tuple[str, ...]
    result: str


class TorchGraph:
    """
    An ONNX graph whose operators have one result each.

    Whatever follows from constants alone is computed once. Integers of 64 bits are shapes and
    positions and stay on the CPU; everything else is on the graph's device.
    """

    def __init__(
        self, data: bytes, name: str, device: torch.device, operators: Operators = OPERATORS
    ) -> None:
        """
        Read a graph.

        :param data: the ONNX model.
        :param name: of the graph, for messages.
        :param device: to run on.
        :param operators: by name.
        :raises ModelLoadError: if the bytes are no ONNX model, or hold an operator or an
            attribute that is not known.
        """
        try:
            graph = onnx.load_model_from_string(data).graph
        except DecodeError as error:
            raise ModelLoadError(f'network {name!r} is no ONNX model: {error}') from error
        self._device, self._operators = device, operators
        self._inputs = [value.name for value in graph.input]
        self._outputs = [value.name for value in graph.output]
        # An optional argument that is left out has the empty name.
        self._constants: dict[str, Tensor | None] = {'': None}
        for tensor in graph.initializer:
            self._constants[tensor.name] = self._place(_to_torch(tensor))
        self._calls = self._read(graph.node, name)
        self._last_uses = self._find_last_uses()

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """Run the graph; inputs may be on any device, the results are on the graph's own."""
        values = dict(self._constants)
        values.update(zip(self._inputs, map(self._place, inputs), strict=True))
        for call, last_uses in zip(self._calls, self._last_uses, strict=True):
            values[call.result] = self._compute(call, values)
            for name in last_uses:
                del values[name]
        return [tensor for name in self._outputs if (tensor := values[name]) is not None]

    def _read(self, nodes: Iterable[onnx.NodeProto], name: str) -> list[_Call]:
        calls = []
        for node in nodes:
            call = self._call_of(node, name)
            if self._constants.keys() >= set(call.arguments):
                self._constants[call.result] = self._compute(call, self._constants)
            else:
                calls.append(call)
        return calls

    def _call_of(self, node: onnx.NodeProto, name: str) -> _Call:
        operator = self._operators.get(node.op_type)
        if operator is None or len(node.output) != 1:
            raise ModelLoadError(
                f'network {name!r} has the operator {node.op_type!r} with {len(node.output)} '
                'result(s), which runtime torch does not know'
            )
        attributes = {a.name: self._attribute(a) for a in node.attribute}
        unknown = attributes.keys() - (getattr(operator, '__kwdefaults__', None) or {}).keys()
        if unknown:
            raise ModelLoadError(
                f'network {name!r} has the operator {node.op_type!r} with {sorted(unknown)}, '
                'which runtime torch does not know'
            )
        return _Call(operator, attributes, tuple(node.input), node.output[0])

    def _attribute(self, attribute: onnx.AttributeProto) -> Any:
        value = onnx.helper.get_attribute_value(attribute)
        return _to_torch(value) if isinstance(value, onnx.TensorProto) else value

    def _compute(self, call: _Call, values: dict[str, Tensor | None]) -> Tensor:
        arguments = [values[name] for name in call.arguments]
        return self._place(call.operator(*arguments, **call.attributes))

    def _place(self, tensor: Tensor) -> Tensor:
        return tensor.to('cpu' if tensor.dtype == torch.int64 else self._device)

    def _find_last_uses(self) -> list[set[str]]:
        """Return what each call is the last one to need, so that memory stays small."""
        last_uses: list[set[str]] = []
        needed = {*self._outputs, *self._constants}
        for call in reversed(self._calls):
            last_uses.append(set(call.arguments) - needed)
            needed |= last_uses[-1]
        return last_uses[::-1]


def _to_torch(tensor: onnx.TensorProto) -> Tensor:
    return torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
