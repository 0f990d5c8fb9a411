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
"""Runs of three steps: they learn, resume, and train no more than they are told."""

import dataclasses

from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.frames.files import write_depth
from depth_nn_transport.training.hific.dataset import DepthCropSampler, load_depths
from depth_nn_transport.training.hific.model import HificModel
from depth_nn_transport.training.hific.train import (
    adversarial_loss, distortion, ERROR_KNEE, HificTrainer, TRAINED,
)
from depth_nn_transport.training.hific.weights import export_run, FULL, load_net
import numpy as np
import pytest
import torch


def weights_of(trainer):
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_distortion_is_the_squared_error_up_to_the_knee():
    valid = torch.ones(1, 1, 2, 2)
    assert distortion(0.5 * valid, valid).item() == pytest.approx(0.25)
    assert distortion(-ERROR_KNEE * valid, valid).item() == pytest.approx(ERROR_KNEE**2)
    assert distortion(10 * valid, valid).item() == pytest.approx(ERROR_KNEE * (20 - ERROR_KNEE))
    assert distortion(1000 * valid, 0 * valid).item() == 0


def test_adversarial_loss_rewards_what_passes_for_the_right_kind():
    sure = [torch.full((1, 1, 2, 2), 9.0), torch.full((1, 1, 1, 1), 9.0)]
    assert adversarial_loss(sure, real=True) < 0.01
    assert adversarial_loss(sure, real=False) > 8


def test_a_step_lowers_the_loss_on_its_batch(tiny_run, depths, tmp_path):
    trainer = HificTrainer(tiny_run, tmp_path, 'cpu')
    batch = DepthCropSampler(depths, 64, 0).batch(4)
    losses = []
    for _ in range(20):
        loss = trainer.loss(*batch)
        trainer.optimizer.zero_grad()
        loss.backward()
        trainer.optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize('weight', [0.0, 0.1])
def test_a_run_resumes_with_all_its_state(weight, tiny_run, depths, tmp_path):
    config = dataclasses.replace(tiny_run, adversarial_weight=weight)
    trainer = HificTrainer(config, tmp_path, 'cpu')
    untrained = trainer.discriminator.state_dict()
    untrained = {name: value.clone() for name, value in untrained.items()}
    trainer.run(depths, depths, evaluate_every=2)
    assert bool(changed(untrained, trainer.discriminator.state_dict())) == bool(weight)
    resumed = HificTrainer(config, tmp_path, 'cpu')
    assert resumed.step == 3
    assert [entry['step'] for entry in resumed.history] == [2, 3]
    assert not changed(weights_of(trainer), weights_of(resumed))
    assert not changed(trainer.discriminator.state_dict(), resumed.discriminator.state_dict())


@pytest.mark.parametrize('part', ['ends', 'generator'])
def test_a_run_trains_only_what_it_is_told(part, tiny_run, depths, tmp_path):
    HificTrainer(tiny_run, tmp_path / 'first', 'cpu').run(depths, depths, 3)
    config = dataclasses.replace(tiny_run, trained=part, adversarial_weight=0.1)
    trainer = HificTrainer(config, tmp_path / 'second', 'cpu', tmp_path / 'first')
    before = weights_of(trainer)
    trainer.run(depths, depths, 3)
    touched = changed(before, weights_of(trainer))
    assert touched and all(name.startswith(TRAINED[part]) for name in touched)


def test_unknown_parts_are_refused(tiny_run):
    with pytest.raises(ValueError, match='tail'):
        dataclasses.replace(tiny_run, trained='tail')


def test_crops_stay_within_16_bits(depths):
    bright = dataclasses.replace(depths[0], planes=[plane + 60000 for plane in depths[0].planes])
    sampler = DepthCropSampler([bright], 64, 0)
    planes = torch.cat([sampler.batch(4)[0] for _ in range(5)])
    assert planes.max() == 65535 and torch.equal(planes, planes.round())


def test_depth_is_read_as_it_is_and_filled(tmp_path):
    folder = tmp_path / 'data' / 'recording'
    folder.mkdir(parents=True)
    depth = np.full((20, 30), 1234, np.uint16)
    depth[:5] = 0
    write_depth(folder / '0.png', depth)
    write_depth(folder / '1.png', 0 * depth)
    recording, = load_depths(tmp_path / 'data')
    assert len(recording.planes) == 1
    assert (recording.planes[0] == 1234).all()
    assert np.array_equal(recording.valid[0], depth > 0)


def test_exported_runs_load_as_a_chain(tiny_run, tiny, depths, tmp_path):
    HificTrainer(tiny_run, tmp_path / 'full', 'cpu').run(depths, depths, 3)
    second = dataclasses.replace(tiny_run, trained='generator')
    trainer = HificTrainer(second, tmp_path / 'adversarial', 'cpu', tmp_path / 'full')
    trainer.run(depths, depths, 3)
    for name in FULL.runs:
        export_run(tmp_path / name, tmp_path / f'{name}.npz')
    loaded = load_net(dataclasses.replace(FULL, config=tiny), tmp_path)
    assert isinstance(loaded, HificModel) and not loaded.training
    average = trainer.average.module.state_dict()
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, average[name].half().float())
    with np.load(tmp_path / 'adversarial.npz') as arrays:
        assert all(name.startswith('generator') for name in arrays)


def test_a_missing_net_is_told(tmp_path):
    with pytest.raises(ModelLoadError, match='hific'):
        load_net(FULL, tmp_path)
