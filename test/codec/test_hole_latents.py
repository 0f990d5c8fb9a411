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
"""Latents of blocks with holes become fewer, and mean the same where something was measured."""

from depth_nn_transport.codec.hole_latents import BLOCKS_AT_ONCE, simplify_holes
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

SIZE = 64
# Any orthonormal transform has an exact way back.
ANALYSIS = np.linalg.qr(np.random.default_rng(0).normal(size=(SIZE, SIZE)))[0].astype(np.float32)
SYNTHESIS = np.ascontiguousarray(ANALYSIS.T)
STEP = np.float32(2)


def simplified(pixels, valid, quality):
    latents = pixels @ (ANALYSIS / STEP)
    simplify_holes(latents, valid, ANALYSIS / STEP, STEP * SYNTHESIS, quality)
    return latents


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 100), st.floats(0, 1))
def test_what_was_measured_stays(seed, quality, share):
    random = np.random.default_rng(seed)
    pixels = random.normal(0, 20, (3, 2, SIZE)).astype(np.float32)
    valid = (random.random(pixels.shape) < share).astype(np.float32)
    found = simplified(pixels, valid, quality) @ (STEP * SYNTHESIS)
    np.testing.assert_allclose((found - pixels) * valid, 0, atol=1e-2)


@pytest.mark.parametrize('quality, changes', [(0, False), (59, False), (60, True), (100, True)])
def test_low_qualities_leave_latents_as_they_are(quality, changes):
    pixels = np.random.default_rng(1).normal(0, 1, (2, 2, SIZE)).astype(np.float32)
    found = simplified(pixels, np.zeros_like(pixels), quality)
    assert bool((found != pixels @ (ANALYSIS / STEP)).any()) == changes


def test_whole_blocks_are_left_alone():
    pixels = np.random.default_rng(2).normal(0, 1, (2, 2, SIZE)).astype(np.float32)
    valid = np.ones_like(pixels)
    valid[0, 0, 5] = 0
    found, latents = simplified(pixels, valid, 100), pixels @ (ANALYSIS / STEP)
    changed = (found != latents).any(2)
    assert changed.tolist() == [[True, False], [False, False]]


def test_a_filling_of_noise_takes_fewer_latents():
    random = np.random.default_rng(3)
    pattern = 40 * SYNTHESIS[3]
    valid = (np.arange(SIZE) < SIZE // 2).astype(np.float32)
    pixels = np.where(valid > 0, pattern, pattern + random.normal(0, 3, (8, 8, SIZE)))
    blocks = np.broadcast_to(valid, pixels.shape).copy()
    before = np.rint(pixels.astype(np.float32) @ (ANALYSIS / STEP))
    after = np.rint(simplified(pixels.astype(np.float32), blocks, 100))
    assert np.count_nonzero(after) < np.count_nonzero(before) / 3


def test_every_block_of_a_large_frame_is_simplified():
    pixels = np.random.default_rng(4).normal(0, 1, (20, 30, SIZE)).astype(np.float32)
    assert pixels.shape[0] * pixels.shape[1] > 2 * BLOCKS_AT_ONCE
    found = simplified(pixels, np.zeros_like(pixels), 100)
    assert (found != pixels @ (ANALYSIS / STEP)).any(2).all()
