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

import dataclasses
from pathlib import Path

from depth_nn_transport.codec.activations import to_activations, to_floats
from depth_nn_transport.codec.blocks import base_of, mask_blocks
from depth_nn_transport.codec.context import Decoded, expected, Predictor, seen_low
from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.model_files import (
    CORRECTIONS_FILE,
    MASK_FILE,
    ModelFiles,
    MODELS,
    PLANE_FILE,
    STEPS_FILE,
)
from depth_nn_transport.codec.networks import STEPS
from depth_nn_transport.codec.table_coder import PROBABILITY_STEP, Tables
from depth_nn_transport.codec.transform import Transform
from depth_nn_transport.runtime.openvino_networks import OpenVinoNetworks
from depth_nn_transport.training import entropy_model
from depth_nn_transport.training import fit_tables as fit_tables_module
from depth_nn_transport.training.entropy_model import (
    HYPER_MAX,
    HyperPrior,
    on_grid,
    phase_of,
    TABLES,
)
from depth_nn_transport.training.export import (
    export_model,
    freeze,
    hyper_tables,
    logistic_tables,
    normalise,
    write_tables,
)
from depth_nn_transport.training.fit_tables import (
    export_fitted,
    fit_tables,
    PREPARED_FILES,
    SymbolCounter,
)
from depth_nn_transport.training.model import DepthModel, ModelConfig
from depth_nn_transport.training.shipped import load_shipped
from hypothesis import given, strategies as st
import numpy as np
import pytest
import torch

SIDE = (64, 96)


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    model = DepthModel(ModelConfig(width=8, analysis_depth=1, synthesis_depth=1)).eval()
    for step in model.entropy_model.steps[1:]:
        torch.nn.init.normal_(step.predict_across.weight, std=0.1)
    return model


@pytest.fixture(scope='module')
def files(model, tmp_path_factory) -> ModelFiles:
    folder = tmp_path_factory.mktemp('model')
    export_model(model, folder)
    write_tables(folder, logistic_tables(), hyper_tables(model.entropy_model.hyper_prior))
    for name in (MASK_FILE, STEPS_FILE, CORRECTIONS_FILE, PLANE_FILE):
        (folder / name).write_bytes((MODELS / 'main' / name).read_bytes())
    return ModelFiles.load(str(folder))


@pytest.fixture(scope='module')
def networks(files):
    return OpenVinoNetworks(files, 1)


@pytest.fixture(scope='module')
def frame():
    """Plane, float32, and validity, bool, of 64x96 pixels."""
    random = np.random.default_rng(1)
    return random.integers(100, 130, SIDE).astype(np.float32), random.random(SIDE) > 0.2


def batch(array):
    """(H, W, C) -> (1, C, H, W)."""
    return torch.from_numpy(np.array(array)).permute(2, 0, 1)[None]


def batch_of(tensor):
    """(1, C, H, W) -> (H, W, C)."""
    return tensor[0].permute(1, 2, 0).numpy()


def same(actual, expected):
    values = to_floats(actual) if actual.dtype == np.int16 else actual
    np.testing.assert_array_equal(values, batch_of(expected))


def test_a_shipped_model_comes_back(model, files):
    shipped, frozen = load_shipped(files), freeze(model)
    assert shipped.state_dict().keys() == model.state_dict().keys()
    for name, weight in frozen.state_dict().items():
        torch.testing.assert_close(shipped.state_dict()[name], weight, atol=0.02, rtol=1e-5)


def test_what_was_exported_is_exported_alike(files, tmp_path):
    export_model(load_shipped(files), tmp_path)
    for name, graph in files.networks.items():
        assert (tmp_path / f'{name}.onnx').read_bytes() == graph
    assert (tmp_path / 'weights.npz').read_bytes() == files.weights


def test_another_kind_of_model_does_not_come_back(files):
    networks = files.networks | {'synthesis': files.networks['features']}
    with pytest.raises(ValueError, match='no transform model'):
        load_shipped(dataclasses.replace(files, networks=networks))


@torch.no_grad()
def test_float_parts_agree_closely(model, files, networks, frame):
    plane, valid = frame
    quality, base = torch.tensor([40.0]), base_of(plane)
    transform = Transform(networks, files.linear)
    planes = torch.from_numpy(plane)[None, None], torch.from_numpy(valid).float()[None, None]
    coarse = batch(base[:, :, None])
    latents, hyper = transform.analyse(plane, base, mask_blocks(valid), 40)
    truth = model.analysis(*planes, coarse, quality)
    # The convolutional paths may run in bfloat16.
    np.testing.assert_allclose(batch(latents), truth.numpy(), atol=0.05)
    truth = model.entropy_model.hyper_analysis(truth)
    np.testing.assert_allclose(batch(hyper), truth.numpy(), atol=0.05)
    restored = transform.synthesise(np.rint(latents), base, mask_blocks(valid), 40)
    truth = model.synthesis(batch(np.rint(latents)), planes[1], coarse, quality)
    # The linear path is rounded on the one side only.
    np.testing.assert_allclose(restored, truth[0, 0].numpy(), atol=0.01)


@torch.no_grad()
def test_exact_parts_agree_to_the_bit(model, files, networks, frame):
    plane, valid = (np.tile(image, (2, 2)) for image in frame)
    random, base, blocks = np.random.default_rng(2), base_of(plane), mask_blocks(valid)
    entropy, predictor = model.entropy_model, Predictor.of(files.linear)
    hyper = random.integers(-31, 32, (*base.shape, 16)).astype(np.float32)
    everything = (random.integers(-30000, 30001, blocks.shape) / 8).astype(np.float32)
    features = entropy.hyper_synthesis.expand(
        batch(hyper), batch(base[:, :, None]), batch(blocks), torch.tensor([40.0]))
    same(networks.features(hyper, base, blocks, 40.0), features)
    decoded = Decoded(*blocks.shape[:2])
    for k, step in enumerate(entropy.steps):
        spacing, phase = STEPS[k]
        grid = on_grid(batch(decoded.latents), spacing)
        here = phase_of(on_grid(features, spacing), phase)
        seen = entropy_model.seen_latents(grid)
        same(decoded.seen(STEPS[k]), seen)
        linear = predictor.predict(k, decoded.latents)
        same(linear, step.predict_from(grid))
        trunk = step.trunk(here, seen)
        found = networks.low(k, to_activations(batch_of(here)), decoded.seen(STEPS[k]))
        for actual, truth in zip(found, (trunk, step.low(trunk)), strict=True):
            same(actual, truth)
        part = batch_of(phase_of(on_grid(batch(everything), spacing), phase))
        low, rest = part[:, :, :16].copy(), part[:, :, 16:].copy()
        trunk_and_low = torch.cat([trunk, entropy_model.seen_low(batch(low))], 1)
        seen = seen_low(to_activations(batch_of(trunk)), low)
        same(seen, trunk_and_low)
        head = step.high(trunk_and_low)
        same(networks.high(k, seen), head)
        truth = entropy_model.expected(head, batch(linear[:, :, 16:].copy()))
        for actual, wanted in zip(expected(batch_of(head), linear, 16), truth, strict=True):
            same(actual, wanted)
        decoded.put(STEPS[k], low, rest)
    np.testing.assert_array_equal(decoded.latents, everything)


def in_steps(table):
    steps = table.astype(np.float64) / PROBABILITY_STEP
    return np.array_equal(steps, np.rint(steps)) and table.min() > 0


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=300).filter(sum))
def test_normalised_weights_are_positive_multiples_that_sum_to_about_one(weights):
    table = normalise(np.array(weights))
    assert table.dtype == np.float32 and in_steps(table)
    assert table.sum(dtype=np.float64) == pytest.approx(1, abs=len(weights) * PROBABILITY_STEP)


def test_analytic_tables_are_distributions():
    prior = HyperPrior()
    latent, hyper = logistic_tables(), hyper_tables(prior)
    assert len(latent) == TABLES and len(hyper) == prior.mean.numel()
    assert all(len(table) == 2 * HYPER_MAX + 2 for table in hyper)
    for table in latent + hyper:
        assert in_steps(table)
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


def test_a_model_is_exported_whole_or_not_at_all(model, recordings, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r'lacks mask\.npz'):
        export_fitted(model, recordings[1:], tmp_path)
    for name in PREPARED_FILES:
        (tmp_path / name).write_bytes((MODELS / 'main' / name).read_bytes())
    before = set(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(fit_tables_module, 'fit_tables', lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export_fitted(model, recordings[1:], tmp_path)
    assert set(tmp_path.iterdir()) == before
    export_fitted(model, recordings[1:], tmp_path)
    assert ModelFiles.load(str(tmp_path)).networks
    with monkeypatch.context() as patch:
        patch.setattr(Path, 'replace', lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export_fitted(model, recordings[1:], tmp_path)
    with pytest.raises(ModelLoadError, match='incomplete'):
        ModelFiles.load(str(tmp_path))
    assert not list(tmp_path.parent.glob(f'.{tmp_path.name}-*'))


def test_fitted_tables_keep_their_shapes(model, files, recordings):
    latent, hyper = logistic_tables(), hyper_tables(model.entropy_model.hyper_prior)
    fitted = fit_tables(files, recordings[1:], latent, hyper)
    for before, after in zip((latent, hyper), fitted, strict=True):
        assert [len(t) for t in before] == [len(t) for t in after]
        assert all(in_steps(t) for t in after)
