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
"""The transforms start as an 8x8 DCT and its inverse."""

from depth_nn_transport.codec import blocks
from depth_nn_transport.codec.networks import BLOCK
from depth_nn_transport.training.transforms import (
    Analysis,
    base_of,
    dct_matrix,
    QualityGain,
    Synthesis,
    upsample_base,
)
import numpy as np
import torch
import torch.nn.functional as F


def test_dct_is_orthonormal_and_starts_with_the_mean():
    matrix = dct_matrix()
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(64), atol=1e-6, rtol=0)
    torch.testing.assert_close(matrix[0], torch.full((64,), 1 / 8))


def test_base_is_the_rounded_mean_of_blocks():
    plane = torch.arange(2.0)[:, None, None, None].expand(2, 1, 64, 96) * 160 + 33
    assert base_of(plane).shape == (2, 1, 2, 3)
    assert base_of(plane)[:, 0, 0, 0].tolist() == [2, 12]
    torch.testing.assert_close(upsample_base(base_of(plane))[1, 0], torch.full((64, 96), 192.0))


def test_blocks_are_the_codecs():
    plane = np.random.default_rng(0).integers(0, 2000, (64, 96)).astype(np.float32)
    batch = torch.from_numpy(plane)[None, None]
    base = blocks.base_of(plane)
    np.testing.assert_array_equal(base, base_of(batch)[0, 0].numpy())
    residual = F.pixel_unshuffle(batch - upsample_base(base_of(batch)), BLOCK)[0]
    cut = blocks.to_blocks(plane, base)
    np.testing.assert_allclose(cut, residual.permute(1, 2, 0).numpy(), atol=1e-3)


def test_steps_get_finer_with_quality():
    steps = QualityGain(24.0, 1.0)(torch.tensor([0.0, 37.0, 50.0, 100.0]))
    assert steps.shape == (4, 64, 1, 1)
    torch.testing.assert_close(steps[[0, -1], 0, 0, 0], torch.tensor([24.0, 1.0]))
    assert (steps.diff(dim=0) < 0).all()


def test_synthesis_undoes_analysis_before_training():
    analysis, synthesis = Analysis(8, 1), Synthesis(8, 1)
    for last in (analysis.bend[-1], synthesis.bend.leave):
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
    plane, quality = torch.rand(2, 1, 64, 96) * 500, torch.tensor([10.0, 90.0])
    valid, base = torch.ones_like(plane), base_of(plane)
    latents = analysis(plane, valid, base, quality)
    assert latents.shape == (2, 64, 8, 12)
    restored = synthesis(latents, valid, base, quality)
    torch.testing.assert_close(restored, plane, atol=1e-2, rtol=0)
