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
"""The runtime torch keeps to float32 and to its threads, whatever the process does elsewhere."""

from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.runtime.torch_networks import TorchNetworks
import numpy as np
import pytest
import torch

POSITIONS = (1, 16, 24)


@pytest.fixture(scope='module')
def networks():
    return TorchNetworks(ModelFiles.load('main'), 1)


@pytest.fixture
def inputs():
    """Return inputs of the analysis, which bfloat16 rounds, unlike those of exact networks."""
    random = np.random.default_rng(0)
    residual = random.normal(0, 8, (*POSITIONS, 64)).astype(np.float32)
    return [residual, np.ones((*POSITIONS, 64), np.float32), np.array([50], np.float32)]


def autocast():
    return torch.autocast('cpu', torch.bfloat16)


class Careless:
    """A process that asks torch for speed."""

    def __enter__(self):
        torch.set_float32_matmul_precision('medium')
        torch.backends.mkldnn.conv.fp32_precision = 'bf16'

    def __exit__(self, *_):
        torch.set_float32_matmul_precision('highest')
        torch.backends.mkldnn.conv.fp32_precision = 'none'


@pytest.mark.parametrize('setting', [autocast, Careless])
def test_bits_do_not_depend_on_what_the_process_allows(networks, inputs, setting):
    expected = networks.run('analysis', inputs)
    with setting():
        actual = networks.run('analysis', inputs)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_settings_of_the_process_are_left_as_they_were(networks, inputs):
    with Careless():
        networks.run('analysis', inputs)
        assert torch.get_float32_matmul_precision() == 'medium'
        assert torch.backends.mkldnn.conv.fp32_precision == 'bf16'
    assert not torch.is_inference_mode_enabled()


def test_inputs_may_be_views_that_cannot_be_written(networks, inputs):
    expected = networks.run('analysis', inputs)
    view = np.repeat(inputs[0], 2, axis=2)[:, :, ::2]
    view.flags.writeable = False
    for one, other in zip(networks.run('analysis', [view, *inputs[1:]]), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_threads_are_those_that_were_asked_for(inputs):
    before = torch.get_num_threads()
    TorchNetworks(ModelFiles.load('main'), 2).run('analysis', inputs)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
