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
The networks that select entropy tables return the same bits everywhere.

Every value in them is to be a multiple of a power of two, its step, and smaller than 2**24
steps: then float32 holds it, and any order of summation gives the same sum. This is shown from
the weights alone, and tried on every executor against float64.
"""

from dataclasses import dataclass
import itertools

from depth_nn_transport.bench.executors import executors
from depth_nn_transport.codec.activations import to_activations, to_floats
from depth_nn_transport.codec.model_files import EXACT_NETWORKS, ModelFiles
from depth_nn_transport.codec.networks import ACTIVATION_INPUTS, known_phases
import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
import pytest

FLOAT32_INTEGERS = 2**24
BATCH_SIDES = ((64, 96), (128, 32))


@dataclass(frozen=True)
class Span:
    """What a tensor can hold: multiples of a step up to an amplitude."""

    amplitude: float
    step: float

    @classmethod
    def of(cls, array):
        """Span of a constant, which may be any number of its own steps."""
        magnitudes = np.unique(np.abs(np.asarray(array, np.float64)))
        nonzero = magnitudes[magnitudes > 0]
        mantissa, exponent = np.frexp(nonzero)
        trailing = np.array([(int(m * 2**53) & -int(m * 2**53)) for m in mantissa], np.float64)
        step = (np.ldexp(trailing, exponent - 53)).min(initial=np.inf)
        return cls(float(magnitudes.max(initial=0)), float(step))

    @property
    def steps(self):
        return self.amplitude / self.step


INPUTS = {
    'hyper': Span(31, 1), 'base': Span(8191, 1), 'valid': Span(1, 1), 'quality': Span(100, 1),
    'features': Span(255 / 16, 1 / 16), 'trunk': Span(255 / 16, 1 / 16),
    'seen': Span(255 / 16, 1 / 16),
}


def spans_of(graph, inputs):
    """
    Span of every tensor of a graph that depends on inputs, with the convolutions' worst sums.

    :returns: spans by tensor name, and the largest partial sum in steps by node name.
    """
    constants = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    spans = {name: Span.of(array) for name, array in constants.items()} | inputs
    sums = {}
    for node in graph.node:
        arguments = [spans.get(name) for name in node.input]
        if node.op_type == 'Conv':
            arrays = [constants[name] for name in node.input[1:]]
            spans[node.output[0]], sums[node.name] = convolved(arguments[0], *arrays)
            continue
        span = PROPAGATE.get(node.op_type, first)(node, *arguments)
        if node.op_type in ('Add', 'Sub') and span is not None:
            sums[node.name] = span.steps
        spans.update(dict.fromkeys(node.output, span))
    return spans, sums


def convolved(span, weight, bias=None):
    rows = np.abs(weight.astype(np.float64)).reshape(len(weight), -1)
    bias = np.zeros(len(weight)) if bias is None else bias.astype(np.float64)
    amplitude = rows.sum(1) * span.amplitude + np.abs(bias)
    step = np.array([
        min(Span.of(row).step * span.step, Span.of(b).step)
        for row, b in zip(rows, bias, strict=True)
    ])
    return Span(amplitude.max(), step.min()), (amplitude / step).max()


def first(_node, span=None, *_others):
    return span


def constant(node, *_arguments):
    value = onnx.helper.get_attribute_value(node.attribute[0])
    return Span.of(onnx.numpy_helper.to_array(value))


def joined(_node, *spans):
    if None in spans:
        return None
    return Span(max(s.amplitude for s in spans), min(s.step for s in spans))


def added(_node, a, b):
    return None if None in (a, b) else Span(a.amplitude + b.amplitude, min(a.step, b.step))


def multiplied(_node, a, b):
    return None if None in (a, b) else Span(a.amplitude * b.amplitude, a.step * b.step)


def divided(_node, a, b):
    return None if None in (a, b) else Span(a.amplitude / b.amplitude, a.step / b.amplitude)


def rounded(_node, a):
    return Span(np.ceil(a.amplitude), max(a.step, 1))


def leaky(node, a):
    return Span(a.amplitude, a.step * onnx.helper.get_attribute_value(node.attribute[0]))


def clipped(_node, a, low, high):
    return Span(min(a.amplitude, max(low.amplitude, high.amplitude)), a.step)


PROPAGATE = {
    'Constant': constant, 'ConstantOfShape': constant, 'Concat': joined, 'Add': added,
    'Sub': added, 'Mul': multiplied, 'Div': divided, 'Round': rounded, 'Clip': clipped,
    'LeakyRelu': leaky, 'Shape': lambda *_: None, 'Where': lambda *_: None,
}


@pytest.fixture(scope='module')
def graphs():
    networks = ModelFiles.load('main').networks
    return {name: onnx.load_from_string(networks[name]) for name in EXACT_NETWORKS}


@pytest.mark.parametrize('name', EXACT_NETWORKS)
def test_no_sum_leaves_the_integers_of_float32(graphs, name):
    spans, sums = spans_of(graphs[name].graph, INPUTS)
    assert sums
    worst = {node: f'{steps / FLOAT32_INTEGERS:.2f} x 2**24'
             for node, steps in sums.items() if not steps < FLOAT32_INTEGERS}
    assert not worst
    assert all(spans[output.name].steps < FLOAT32_INTEGERS for output in graphs[name].graph.output)


def examples(graphs, name):
    """Yield inputs of a network, as random as a hostile stream can make them."""
    random = np.random.default_rng(len(name))
    for (height, width), share in itertools.product(BATCH_SIDES, (0.05, 1.0)):
        inputs = {
            i.name: example(random, i, height, width, share) for i in graphs[name].graph.input
        }
        if name.startswith('low') and 'seen' in inputs:
            forget_unknown(inputs['seen'], int(name.removeprefix('low')))
        yield inputs


def forget_unknown(seen, step):
    """Set to zero what a step cannot have seen yet."""
    for row, column in {(0, 0), (0, 1), (1, 0), (1, 1)} - set(known_phases(step)):
        seen[:, row::2, column::2] = 0


def example(random, tensor, height, width, share):
    """Draw from the given share of the range, with some values at its ends."""
    if tensor.name == 'quality':
        return random.integers(0, 101, 1).astype(np.float32)
    channels = tensor.type.tensor_type.shape.dim[3].dim_value
    scale = {'hyper': 32, 'base': 32, 'features': 16, 'trunk': 16}.get(tensor.name, 8)
    if tensor.name == 'seen' and channels == 32:
        scale = 16
    span = INPUTS[tensor.name]
    most = int(share * span.steps)
    least = -most if tensor.name in ('hyper', 'base', 'seen') else 0
    shape = (1, height // scale, width // scale, channels)
    values = random.integers(least, most + 1, shape)
    ends = random.random(shape)
    values = np.where(ends < 0.05, least, np.where(ends > 0.95, most, values))
    return (values * span.step).astype(np.float32)


def in_double(model):
    """Copy a model with every float32 replaced by float64."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    single, double = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
    for value in (*copy.graph.input, *copy.graph.output):
        value.type.tensor_type.elem_type = double
    tensors = list(copy.graph.initializer)
    for node in copy.graph.node:
        for attribute in node.attribute:
            if attribute.HasField('t'):
                tensors.append(attribute.t)
            elif node.op_type == 'Cast' and attribute.i == single:
                attribute.i = double
    for tensor in tensors:
        if tensor.data_type == single:
            array = onnx.numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    return copy


@pytest.fixture(scope='module')
def candidates():
    """Networks on all executors of this machine, by name and threads."""
    files = ModelFiles.load('main')
    return {
        (executor.name, threads): executor.make(files, threads)
        for executor in executors() if not executor.missing for threads in (1, 2)
    }


@pytest.mark.parametrize('name', EXACT_NETWORKS)
def test_every_executor_returns_the_bits_of_float64(graphs, candidates, name):
    model = graphs[name]
    reference = ReferenceEvaluator(in_double(model))
    for inputs in examples(graphs, name):
        truth = reference.run(None, {k: x.astype(np.float64) for k, x in inputs.items()})
        given = [to_activations(x) if k in ACTIVATION_INPUTS else x for k, x in inputs.items()]
        for which, networks in candidates.items():
            found = networks.run(name, given)
            for expected, actual in zip(truth, found, strict=True):
                values = to_floats(actual) if actual.dtype == np.int16 else actual
                np.testing.assert_array_equal(values, expected.astype(np.float32), str(which))
