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
"""A run of three steps: it saves, evaluates, resumes, and its parts cost what they should."""

import dataclasses
import json

from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.training import run
from depth_nn_transport.training.export import load_run
from depth_nn_transport.training.model import DepthModel, ModelConfig
from depth_nn_transport.training.run import load_config
from depth_nn_transport.training.shipped import load_shipped
from depth_nn_transport.training.train import (
    distortion,
    rate_weight,
    TAIL_LIMIT,
    Trainer,
    TrainingConfig,
)
import pytest
import torch

TINY = TrainingConfig(
    model=ModelConfig(width=8, analysis_depth=1, synthesis_depth=1), steps=3, batch=2, crop=64,
    warmup=1, low_precision=False,
)


def test_distortion_of_known_errors():
    valid = torch.ones(1, 1, 4, 4)
    assert distortion(0 * valid, valid, 1.0).item() == 0
    assert distortion(1.2 * valid, valid, 0.0).item() == pytest.approx(0.8)
    assert distortion(-1.2 * valid, valid, 0.5).item() == pytest.approx(0.8 + 0.36)
    tail = TAIL_LIMIT * 1000 - TAIL_LIMIT**2 / 2
    far = distortion(1000 * valid, valid, 1.0).item()
    assert far == pytest.approx(999.5 + tail, rel=1e-4)


def test_distortion_counts_valid_pixels_only():
    error = torch.full((2, 1, 4, 4), 1.2)
    valid = torch.ones_like(error)
    error[0, 0, 0], valid[0, 0, 0] = 1e6, 0
    valid[1] = 0
    torch.testing.assert_close(distortion(error, valid, 0.0), torch.tensor([0.8, 0.0]))


def test_an_error_is_worth_more_bits_at_higher_quality():
    weights = rate_weight(torch.tensor([0.0, 50.0, 100.0]), TINY)
    assert weights[0].item() == pytest.approx(TINY.lambda_min)
    assert weights[2].item() == pytest.approx(TINY.lambda_max)
    assert weights[1].item() == pytest.approx((TINY.lambda_min * TINY.lambda_max) ** 0.5)


@pytest.mark.parametrize('low_precision', [False, True])
def test_model_restores_planes_and_counts_bits(low_precision):
    model = DepthModel(TINY.model).eval()
    model.set_low_precision(low_precision)
    plane = torch.full((2, 1, 64, 96), 300.0)
    restored, bits = model(plane, torch.ones_like(plane), torch.tensor([0.0, 100.0]))
    assert restored.shape == plane.shape and restored.dtype == torch.float32
    assert bits.shape == (2,) and (bits > 0).all()


def test_a_run_saves_evaluates_and_resumes(recordings, tmp_path):
    trainer = Trainer(TINY, tmp_path, 'cpu')
    trainer.run(recordings, recordings, evaluate_every=2)
    history = json.loads((tmp_path / 'history.json').read_text())
    assert [entry['step'] for entry in history] == [2, 3]
    assert {p['recording'] for p in history[0]['points']} == {'long', 'short'}
    assert (tmp_path / 'learning_curve.png').read_bytes().startswith(b'\x89PNG')

    longer = dataclasses.replace(TINY, steps=4)
    resumed = Trainer(longer, tmp_path, 'cpu')
    assert resumed.step == 3
    for a, b in zip(resumed.model.parameters(), trainer.model.parameters(), strict=True):
        assert torch.equal(a, b)
    resumed.run(recordings, recordings, evaluate_every=2)
    history = json.loads((tmp_path / 'history.json').read_text())
    assert [entry['step'] for entry in history] == [2, 3, 4]


def test_worker_processes_draw_the_batches(recordings, tmp_path):
    trainer = Trainer(TINY, tmp_path, 'cpu')
    trainer.run(recordings, recordings, evaluate_every=3, workers=2)
    assert trainer.step == TINY.steps


def test_a_run_starts_from_a_shipped_model(tmp_path):
    main = TrainingConfig(model=ModelConfig(), steps=1)
    files = ModelFiles.load('main')
    trainer = Trainer(main, tmp_path / 'main', 'cpu', files)
    shipped = load_shipped(files).state_dict()
    assert all(torch.equal(x, shipped[name]) for name, x in trainer.model.state_dict().items())
    with pytest.raises(ValueError, match='another size'):
        Trainer(TINY, tmp_path / 'tiny', 'cpu', files)


def test_the_average_of_a_run_is_what_is_exported(recordings, tmp_path):
    trainer = Trainer(TINY, tmp_path, 'cpu')
    trainer.run(recordings, recordings, evaluate_every=3)
    average = trainer.average.module.state_dict()
    loaded = load_run(tmp_path).state_dict()
    assert loaded.keys() == average.keys()
    assert all(torch.equal(loaded[name], average[name]) for name in loaded)


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(ValueError, match=r'checkpoint\.pt'):
        load_run(tmp_path)


def test_config_is_read_and_checked(tmp_path):
    path = tmp_path / 'config.yaml'
    path.write_text('steps: 7\nmodel:\n  width: 16\n')
    read = load_config(path, TrainingConfig, ModelConfig)
    assert read == TrainingConfig(model=ModelConfig(width=16), steps=7)
    # YAML takes this for text.
    path.write_text('learning_rate: 1e-3\n')
    assert load_config(path, TrainingConfig, ModelConfig).learning_rate == 0.001


@pytest.mark.parametrize('text, word', [
    ('speed: 7', 'speed'), ('crop: 100', 'multiple of 32'), ('steps: many', 'many'),
    ('- steps', 'dictionary'), ('steps: [', 'flow'), ('steps: 0', 'not at least 1'),
    ('batch: 1.5', 'kind int'), ('tail_weight: .nan', 'kind float'), ('seed: -1', 'kind int'),
    ('lambda_min: 0', 'above 0'), ('model: {width: abc}', 'abc')])
def test_a_wrong_config_is_told(tmp_path, text, word):
    path = tmp_path / 'config.yaml'
    path.write_text(text)
    with pytest.raises(ValueError, match=rf'(?s)config\.yaml.*{word}'):
        load_config(path, TrainingConfig, ModelConfig)


@pytest.mark.parametrize('content', [b'', b'PK', b'hello', 'list', 'part'])
def test_a_damaged_checkpoint_is_told(tmp_path, content):
    path = tmp_path / 'checkpoint.pt'
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save([1, 2] if content == 'list' else {'step': 1}, path)
    with pytest.raises(ValueError, match=r'checkpoint\.pt is damaged'):
        Trainer(TrainingConfig(model=ModelConfig(width=16)), tmp_path, 'cpu')
    with pytest.raises(ValueError, match=r'checkpoint\.pt is damaged'):
        load_run(tmp_path)


def test_a_run_that_no_longer_learns_ends(recordings, tmp_path, monkeypatch):
    monkeypatch.setattr(run, 'MOST_SKIPPED', 2)
    trainer = Trainer(dataclasses.replace(TINY, steps=5), tmp_path, 'cpu')
    with torch.no_grad():
        next(trainer.model.parameters()).fill_(torch.nan)
    with pytest.raises(run.DivergedError, match='not finite'):
        trainer.run(recordings, recordings, evaluate_every=5)
