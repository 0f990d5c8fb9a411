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
"""Graphs mean in torch what ONNX says they mean."""

from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.runtime.torch_graph import TorchGraph
from depth_nn_transport.runtime.torch_operators import OPERATORS
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
from onnx.reference import ReferenceEvaluator
import pytest
import torch

CPU = torch.device('cpu')
IMAGE = np.random.default_rng(0).normal(0, 3, (1, 8, 6, 4)).astype(np.float32)
HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.4, -0.6], np.float32).reshape(1, 8, 1, 1)
WEIGHT = np.random.default_rng(1).normal(0, 1, (8, 4, 3, 3)).astype(np.float32)
SCALES = np.array([0.5, 0.25, 0.125, 1, 2, 0.5, 0.25, 4], np.float32)
ZEROS = np.array([0, 1, -3, 5, 0, 0, 2, -1], np.int8)


def integers(*values):
    return np.array(values, np.int64)


def floats(*values):
    return np.array(values, np.float32)


# Operator, further arguments (None is left out), attributes.
CALLS = [
    ('Abs', [], {}),
    ('Add', [floats(1.5)], {}),
    ('Cast', [], {'to': TensorProto.INT64}),
    ('Clip', [np.float32(-1), np.float32(2)], {}),
    ('Clip', [np.float32(0)], {}),
    ('Clip', [None, np.float32(0)], {}),
    ('Concat', [IMAGE], {'axis': 1}),
    ('Conv', [WEIGHT, floats(*range(8))], {'group': 2, 'pads': [1, 1, 1, 1]}),
    ('Conv', [WEIGHT], {'group': 2, 'pads': [2, 1, 0, 0], 'strides': [2, 2]}),
    ('Conv', [WEIGHT[:, :, :1, :1]], {'group': 2}),
    ('DepthToSpace', [], {'blocksize': 2, 'mode': 'CRD'}),
    ('Div', [floats(4)], {}),
    ('Exp', [], {}),
    ('Gather', [integers(2, 0)], {'axis': 1}),
    ('Gather', [np.int64(1)], {'axis': 2}),
    ('LeakyRelu', [], {'alpha': 0.1}),
    ('LeakyRelu', [], {}),
    ('MatMul', [np.eye(4, 3, dtype=np.float32)], {}),
    ('Mul', [SCALES.reshape(1, 8, 1, 1)], {}),
    ('Pad', [integers(0, 0, 1, 2, 0, 0, 3, 0)], {}),
    ('Pad', [integers(0, 0, 1, 2, 0, 0, 3, 0), np.float32(7)], {}),
    ('Pad', [integers(0, 0, 1, 1, 0, 0, 1, 1)], {'mode': 'edge'}),
    ('Reshape', [integers(0, -1, 2)], {}),
    ('Round', [], {}),
    ('Shape', [], {}),
    ('Slice', [integers(1, 0), integers(7, 2), integers(1, 3)], {}),
    ('Slice', [integers(-1), integers(np.iinfo(np.int64).min), integers(2), integers(-1)], {}),
    ('Slice', [integers(1), integers(100), integers(2), integers(2)], {}),
    ('Squeeze', [integers(0)], {}),
    ('Sub', [floats(1.5)], {}),
    ('Transpose', [], {'perm': [0, 3, 1, 2]}),
    ('Transpose', [], {}),
    ('Unsqueeze', [integers(-1, 0)], {}),
]


def model_of(nodes, constants=(), outputs=('y',), version=17):
    """Return a model of one input x."""
    graph = helper.make_graph(
        nodes, 'graph', [helper.make_tensor_value_info('x', TensorProto.FLOAT, None)],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', version)])


def assert_same(model, x):
    graph = TorchGraph(model.SerializeToString(), 'graph', CPU)
    for actual, expected in zip(
            graph(torch.from_numpy(x)), ReferenceEvaluator(model).run(None, {'x': x}),
            strict=True):
        assert actual.numpy().dtype == expected.dtype
        np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('operator, arguments, attributes', CALLS)
@pytest.mark.parametrize('x', [IMAGE, np.tile(HALVES, (1, 1, 6, 4))], ids=['random', 'halves'])
def test_an_operator_means_what_onnx_says(operator, arguments, attributes, x):
    names = ['' if array is None else f'c{k}' for k, array in enumerate(arguments)]
    constants = [(name, array) for name, array in zip(names, arguments, strict=True) if name]
    assert_same(model_of([helper.make_node(operator, ['x', *names], ['y'], **attributes)],
                         constants), x)


def test_every_operator_is_tried():
    # The others have tests of their own.
    apart = {'Constant', 'ConstantOfShape'}
    assert {operator for operator, *_ in CALLS} | apart == set(OPERATORS)


def test_constants_and_what_follows_from_them():
    nodes = [
        helper.make_node('Constant', [], ['pair'], value=numpy_helper.from_array(integers(2, 3))),
        helper.make_node('ConstantOfShape', ['pair'], ['ones'],
                         value=numpy_helper.from_array(floats(1))),
        helper.make_node('ConstantOfShape', ['pair'], ['zeros']),
        helper.make_node('Add', ['ones', 'zeros'], ['sum']),
        helper.make_node('Shape', ['x'], ['shape']),
        helper.make_node('ConstantOfShape', ['shape'], ['like x'],
                         value=numpy_helper.from_array(floats(4)))]
    assert_same(model_of(nodes, outputs=('sum', 'like x')), IMAGE)


def test_results_that_are_used_again_are_kept():
    nodes = [helper.make_node('Abs', ['x'], ['a']), helper.make_node('Exp', ['a'], ['b']),
             helper.make_node('Add', ['a', 'b'], ['y']),
             helper.make_node('Mul', ['y', 'x'], ['z'])]
    assert_same(model_of(nodes, outputs=('y', 'z', 'a')), IMAGE)


@pytest.mark.parametrize('node, told', [
    (helper.make_node('Softmax', ['x'], ['y']), 'Softmax'),
    (helper.make_node('Split', ['x'], ['y', 'z']), 'Split'),
    (helper.make_node('Shape', ['x'], ['y'], start=1), 'start'),
    (helper.make_node('Conv', ['x', 'x'], ['y'], auto_pad='SAME_UPPER'), 'auto_pad'),
])
def test_what_is_not_known_is_named_at_once(node, told):
    with pytest.raises(ModelLoadError, match=f'graph.*{told}'):
        TorchGraph(model_of([node]).SerializeToString(), 'graph', CPU)


@pytest.mark.parametrize('node', [
    helper.make_node('Pad', ['x', 'pads'], ['y'], mode='reflect'),
    helper.make_node('DepthToSpace', ['x'], ['y'], blocksize=2, mode='DCR'),
])
def test_a_mode_that_is_not_known_is_told_when_it_comes_to_it(node):
    pads = 'pads', integers(0, 0, 1, 1, 0, 0, 1, 1)
    graph = TorchGraph(model_of([node], [pads]).SerializeToString(), 'graph', CPU)
    with pytest.raises(ModelLoadError, match='mode'):
        graph(torch.from_numpy(IMAGE))


def test_bytes_that_are_no_graph_are_refused():
    with pytest.raises(ModelLoadError, match='graph'):
        TorchGraph(b'\xffno graph', 'graph', CPU)
    whole = model_of([helper.make_node('Abs', ['x'], ['y'])]).SerializeToString()
    with pytest.raises(ModelLoadError):
        TorchGraph(whole[:-3], 'graph', CPU)


def test_the_shipped_operators_are_those_of_onnx():
    assert all(onnx.defs.has(name) for name in OPERATORS)
