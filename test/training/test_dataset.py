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
"""Crops come in the right shape and with the statistics of stereo depth left intact."""

import cv2
from depth_nn_transport.training.dataset import (
    CropSampler,
    hole_masks,
    load_recordings,
    Recording,
    remove_steps,
    step_maps,
    thin,
)
import numpy as np
import pytest
import torch


@pytest.mark.parametrize('crop', [32, 64, 128])
def test_crops_have_the_asked_shape(recordings, crop):
    planes, valid = CropSampler(recordings, crop, seed=0).batch(5)
    assert planes.shape == valid.shape == (5, 1, crop, crop)
    assert planes.dtype == valid.dtype == torch.float32
    assert set(valid.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(planes, torch.round(planes))


def test_equal_seeds_draw_equal_crops(recordings):
    first, second = (CropSampler(recordings, 32, seed=7).batch(4) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_mostly_empty_crops_are_avoided():
    valid = np.zeros((64, 512), bool)
    valid[:, :128] = True
    recording = Recording('sparse', [np.ones((64, 512), np.float32)], [valid])
    _, drawn = CropSampler([recording], 32, seed=0).batch(40)
    assert (drawn.mean((1, 2, 3)) > 0.15).float().mean() > 0.8


def test_thinning_keeps_evenly_spaced_frames():
    for count, frames, expected in ((10, 4, [0, 3, 6, 9]), (7, 4, [0, 2, 4, 6]), (2, 3, [0, 1])):
        planes = [np.full((32, 32), k, np.float32) for k in range(count)]
        (kept,) = thin([Recording('a', planes, [p > -1 for p in planes])], frames)
        assert [int(p[0, 0]) for p in kept.planes] == expected
        assert len(kept.valid) == len(expected)


def test_a_folder_without_folders_is_named(tmp_path):
    with pytest.raises(ValueError, match=f'{tmp_path} holds no folder'):
        load_recordings(tmp_path)


def write(folder, name, depth):
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / name), depth)


def test_recordings_are_read_filled(tmp_path):
    # Off the default grid.
    depth = np.full((32, 48), 2001, np.uint16)
    depth[4:9, 4:9] = 0
    write(tmp_path / 'a', '0.png', depth)
    write(tmp_path / 'a', '1.png', np.zeros_like(depth))
    write(tmp_path / 'b', '0.png', depth)
    recordings = load_recordings(tmp_path)
    assert [(r.name, len(r.planes)) for r in recordings] == [('a', 1), ('b', 1)]
    np.testing.assert_array_equal(recordings[0].valid[0], depth > 0)
    np.testing.assert_allclose(recordings[0].planes[0], 640_000 / 2001, rtol=1e-6)
    assert [[mask.sum() for mask in masks] for masks in hole_masks(recordings)] == [[25], [25]]


def test_folders_without_frames_are_told(tmp_path):
    write(tmp_path / 'empty', '0.png', np.zeros((32, 48), np.uint16))
    with pytest.raises(ValueError, match='empty'):
        load_recordings(tmp_path)


def test_steps_are_taken_out_and_mapped():
    valid = np.ones((32, 64), bool)
    wall = np.full((32, 64), 300, np.float32)
    step = wall + 400 * (np.arange(64) < 20)
    assert remove_steps(wall, valid) is wall
    assert np.ptp(remove_steps(step, valid)[:, 16:24]) < 8
    recordings = Recording('a', [wall, step], [valid, valid]), Recording('b', [wall], [valid])
    ((near,),) = step_maps(recordings)
    assert near[:, 16:20].all() and not near[:, 20:].any()
