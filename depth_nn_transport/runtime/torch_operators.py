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
"""
ONNX operators in torch, those that our networks consist of.

Arguments are positional and None where they are left out, attributes are keywords. They are as in
https://onnx.ai/onnx/operators, version 17, where the meaning of each is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from depth_nn_transport.codec.errors import ModelLoadError
import onnx
import torch
from torch import Tensor
from torch.nn import functional

Operators = dict[str, Callable[..., Tensor]]

_TYPES: dict[int, torch.dtype] = {
    onnx.TensorProto.FLOAT: torch.float32, onnx.TensorProto.INT64: torch.int64,
    onnx.TensorProto.BFLOAT16: torch.bfloat16,
}


def _cast(x: Tensor, *, to: int = onnx.TensorProto.FLOAT) -> Tensor:
    if to not in _TYPES:
        raise ModelLoadError(f'a cast to ONNX type {to} is not known to runtime torch')
    return x.to(_TYPES[to])


def _concat(*parts: Tensor, axis: int = 0) -> Tensor:
    return torch.cat(parts, axis)


def _constant(*, value: Tensor | None = None) -> Tensor:
    assert value is not None
    return value


def _constant_of_shape(shape: Tensor, *, value: Tensor | None = None) -> Tensor:
    one = torch.zeros(1) if value is None else value
    return one.expand(shape.tolist())


def _conv(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, group: int = 1,
    strides: Sequence[int] = (1, 1), pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = (1, 1), kernel_shape: Sequence[int] | None = None,
) -> Tensor:
    top, left, bottom, right = pads
    if (top, left) != (bottom, right):
        x, top, left = functional.pad(x, [left, right, top, bottom]), 0, 0
    return functional.conv2d(x, weight, bias, strides, (top, left), dilations, group)


def _depth_to_space(x: Tensor, *, blocksize: int = 1, mode: bytes = b'DCR') -> Tensor:
    if mode != b'CRD':
        raise ModelLoadError(f'DepthToSpace in mode {mode!r} is not known to runtime torch')
    return functional.pixel_shuffle(x, blocksize)


def _div(a: Tensor, b: Tensor) -> Tensor:
    return torch.div(a, b, rounding_mode=None if a.is_floating_point() else 'trunc')


def _gather(x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    found = torch.index_select(x, axis, indices.to(x.device).reshape(-1))
    return found.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1:]])


def _leaky_relu(x: Tensor, *, alpha: float = 0.01) -> Tensor:
    return functional.leaky_relu(x, alpha)


def _pad(
    x: Tensor, pads: Tensor, value: Tensor | None = None, *, mode: bytes = b'constant'
) -> Tensor:
    before, after = pads.reshape(2, -1).tolist()
    # torch starts at the last axis, and repeats edges of the last axes only.
    sizes = [n for pair in zip(reversed(before), reversed(after), strict=True) for n in pair]
    while sizes and sizes[-2:] == [0, 0]:
        del sizes[-2:]
    if mode == b'constant':
        return functional.pad(x, sizes, value=0 if value is None else value.item())
    if mode != b'edge':
        raise ModelLoadError(f'Pad in mode {mode!r} is not known to runtime torch')
    return functional.pad(x, sizes, 'replicate')


def _reshape(x: Tensor, shape: Tensor, *, allowzero: int = 0) -> Tensor:
    sizes = shape.tolist()
    if not allowzero:
        sizes = [n or x.shape[k] for k, n in enumerate(sizes)]
    return x.reshape(sizes)


def _shape(x: Tensor) -> Tensor:
    return torch.tensor(x.shape)


def _slice(
    x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    count = len(starts)
    along = range(count) if axes is None else axes.tolist()
    by = [1] * count if steps is None else steps.tolist()
    for axis, start, end, step in zip(along, starts.tolist(), ends.tolist(), by, strict=True):
        kept = range(x.shape[axis])[start:end:step]
        x = (x.narrow(axis, kept.start, len(kept)) if step == 1 else
             torch.index_select(x, axis, torch.tensor(kept, dtype=torch.int64, device=x.device)))
    return x


def _squeeze(x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(axes.tolist())


def _transpose(x: Tensor, *, perm: Sequence[int] = ()) -> Tensor:
    return x.permute(*(perm or reversed(range(x.ndim))))


def _unsqueeze(x: Tensor, axes: Tensor) -> Tensor:
    positions = axes.tolist()
    for axis in sorted(n % (x.ndim + len(positions)) for n in positions):
        x = x.unsqueeze(axis)
    return x


OPERATORS: Operators = {
    'Abs': torch.abs,
    'Add': torch.add,
    'Cast': _cast,
    'Clip': torch.clamp,
    'Concat': _concat,
    'Constant': _constant,
    'ConstantOfShape': _constant_of_shape,
    'Conv': _conv,
    'DepthToSpace': _depth_to_space,
    'Div': _div,
    'Exp': torch.exp,
    'Gather': _gather,
    'LeakyRelu': _leaky_relu,
    'MatMul': torch.matmul,
    'Mul': torch.mul,
    'Pad': _pad,
    'Reshape': _reshape,
    # Half to even, as in ONNX.
    'Round': torch.round,
    'Shape': _shape,
    'Slice': _slice,
    'Squeeze': _squeeze,
    'Sub': torch.sub,
    'Transpose': _transpose,
    'Unsqueeze': _unsqueeze,
}
