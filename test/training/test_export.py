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
"""Exported networks compute what the trained ones do; tables are proper distributions."""

from depth_nn_transport.codec.networks import Networks
from depth_nn_transport.codec.table_coder import Tables
from depth_nn_transport.runtime.onnx_networks import OnnxNetworks
from depth_nn_transport.training.entropy_model import HYPER_MAX, HyperPrior, phase_of, TABLES
from depth_nn_transport.training.export import (
    export_networks,
    hyper_tables,
    logistic_tables,
    normalise,
    PROBABILITY_STEP,
    write_tables,
)
from depth_nn_transport.training.fit_tables import fit_tables, SymbolCounter
from depth_nn_transport.training.model import DepthModel, ModelConfig
from depth_nn_transport.training.transforms import base_of
from hypothesis import given, strategies as st
import numpy as np
import pytest
import torch

SIDE = (64, 96)


class Files:
    """What `OnnxNetworks` reads of a model."""

    def __init__(self, folder):
        self.model_id = 'tiny'
        self.networks = {path.stem: path.read_bytes() for path in folder.glob('*.onnx')}


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    return DepthModel(ModelConfig(width=8, analysis_depth=1, synthesis_depth=1)).eval()


@pytest.fixture(scope='module')
def networks(model, tmp_path_factory) -> Networks:
    folder = tmp_path_factory.mktemp('model')
    export_networks(model, folder)
    return OnnxNetworks(Files(folder), 1)


@pytest.fixture(scope='module')
def inputs():
    """Plane, validity, base, quality; hyperlatents, decoded latents."""
    random = torch.Generator().manual_seed(1)
    plane = torch.randint(100, 900, (1, 1, *SIDE), generator=random).float()
    valid = (torch.rand(1, 1, *SIDE, generator=random) > 0.2).float()
    hyper = torch.randint(-31, 32, (1, 16, 2, 3), generator=random).float()
    decoded = torch.randint(-800, 801, (1, 64, 8, 12), generator=random) / 8
    return plane, valid, base_of(plane), torch.tensor([40.0]), hyper, decoded


def same(actual, expected):
    np.testing.assert_array_equal(actual, expected.numpy())


@torch.no_grad()
def test_float_parts_agree_closely(model, networks, inputs):
    plane, valid, base, quality, _, decoded = inputs
    arrays = [x.numpy() for x in (plane, valid, base)]
    latents, hyper = networks.analyse(*arrays, 40.0)
    expected = model.analysis(plane, valid, base, quality)
    np.testing.assert_allclose(latents, expected.numpy(), atol=1e-3, rtol=1e-4)
    expected = model.entropy_model.hyper_analysis(expected)
    np.testing.assert_allclose(hyper, expected.numpy(), atol=1e-3, rtol=1e-4)
    restored = networks.synthesise(decoded.numpy(), *arrays[1:], 40.0)
    expected = model.synthesis(decoded, valid, base, quality)
    np.testing.assert_allclose(restored, expected.numpy(), atol=1e-2, rtol=1e-4)


@torch.no_grad()
def test_exact_parts_agree_to_the_bit(model, networks, inputs):
    _, valid, base, quality, hyper, decoded = inputs
    entropy = model.entropy_model
    features = entropy.hyper_synthesis(hyper, base, valid, quality)
    same(networks.features(hyper.numpy(), base.numpy(), valid.numpy(), 40.0), features)
    for k, step in enumerate(entropy.steps):
        trunk, linear = step.trunk(features, decoded)
        part = phase_of(decoded, step.phase)[:, :16]
        low, high = step.low(trunk, linear), step.high(trunk, linear, part)
        found = networks.low(k, features.numpy(), decoded.numpy())
        for actual, expected in zip(found, (trunk, linear, *low), strict=True):
            same(actual, expected)
        found = networks.high(k, trunk.numpy(), linear.numpy(), part.numpy())
        for actual, expected in zip(found, high, strict=True):
            same(actual, expected)


def on_grid(table):
    steps = table.astype(np.float64) / PROBABILITY_STEP
    return np.array_equal(steps, np.rint(steps)) and table.min() > 0


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=300).filter(sum))
def test_normalised_weights_are_positive_multiples_that_sum_to_about_one(weights):
    table = normalise(np.array(weights))
    assert table.dtype == np.float32 and on_grid(table)
    assert table.sum(dtype=np.float64) == pytest.approx(1, abs=len(weights) * PROBABILITY_STEP)


def test_analytic_tables_are_distributions():
    prior = HyperPrior()
    latent, hyper = logistic_tables(), hyper_tables(prior)
    assert len(latent) == TABLES and len(hyper) == prior.mean.numel()
    assert all(len(table) == 2 * HYPER_MAX + 2 for table in hyper)
    for table in latent + hyper:
        assert on_grid(table)
        assert table.sum(dtype=np.float64) == pytest.approx(1, abs=1e-3)
    middle = [table[len(table) // 2 - 1] for table in latent]
    assert (np.diff(middle) <= 0).all()


def test_tables_are_written_as_they_are(tmp_path):
    latent = logistic_tables()
    write_tables(tmp_path, latent, latent[:3])
    with np.load(tmp_path / 'tables.npz') as arrays:
        np.testing.assert_array_equal(arrays['latent'], np.concatenate(latent))
        assert arrays['hyper_sizes'].tolist() == [len(table) for table in latent[:3]]


def test_counter_mixes_counts_with_the_prior():
    prior = [normalise(np.array([1.0, 2, 1, 1])), normalise(np.array([1.0, 1, 1, 1]))]
    tables, counter = Tables(prior), SymbolCounter()
    symbols = np.array([0] * 5000 + [9] * 100, np.int32)
    assert counter.code(tables, np.zeros(5100, np.uint8), symbols) is symbols
    fitted = counter.fitted(tables, prior)
    assert fitted[0][1] > 0.9 and fitted[0][3] == pytest.approx(160 / 5400, rel=1e-3)
    np.testing.assert_array_equal(fitted[1], prior[1])


def test_fitted_tables_keep_their_shapes(model, networks, recordings):
    latent, hyper = logistic_tables(), hyper_tables(model.entropy_model.hyper_prior)
    fitted = fit_tables(networks, recordings[1:], latent, hyper)
    for before, after in zip((latent, hyper), fitted, strict=True):
        assert [len(t) for t in before] == [len(t) for t in after]
        assert all(on_grid(t) for t in after)
