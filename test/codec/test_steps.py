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
"""Depth steps: found, taken out and put back."""

from __future__ import annotations

from depth_nn_transport.codec.errors import DepthCodecError
from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.step_coder import StepCoder
from depth_nn_transport.codec.steps import (
    find_steps,
    HEIGHT_UNIT,
    least_gap,
    MIN_GAP,
    REACH,
)
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest


@pytest.fixture(scope='module')
def coder():
    files = ModelFiles.load('main')
    sizes = np.cumsum(files.tables['latent_sizes'])[:-1].astype(int)
    tables = Tables(np.split(files.tables['latent'], sizes))
    return StepCoder(MaskCoder(files.steps), tables)


def encode(coder, steps):
    encoder = TableEncoder()
    coder.encode(steps, encoder)
    return encoder.to_bytes()


def edge_plane(height: float, column: int = 20) -> np.ndarray:
    """Two tilted surfaces that meet at a column, the left one nearer."""
    rows, columns = np.mgrid[:32, :64]
    plane = 100 + 0.2 * rows + 0.1 * columns + height * (columns < column)
    return plane.astype(np.float32)


def to_blocks(image: np.ndarray) -> np.ndarray:
    """(H, W) -> (blocks, 64), row by row."""
    height, width = image.shape
    return image.reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2).reshape(-1, 64)


def test_step_is_found_where_it_is_and_removed():
    plane, valid = edge_plane(400), np.ones((32, 64), bool)
    steps = find_steps(plane, valid)
    assert len(steps.heights) == 4
    assert steps.near[:, 16:20].all() and not steps.near[:, 20:].any()
    assert np.abs(steps.heights * HEIGHT_UNIT - 400).max() <= HEIGHT_UNIT
    removed = steps.remove(plane, valid)
    assert np.ptp(to_blocks(removed), axis=1).max() < HEIGHT_UNIT + 4
    np.testing.assert_allclose(steps.restore(removed, valid), plane)


def test_smaller_group_moves_to_the_level_of_the_larger():
    valid = np.ones((32, 64), bool)
    for column, level in ((18, 100), (22, 500)):
        plane = edge_plane(400, column)
        block = find_steps(plane, valid).remove(plane, valid)[:8, 16:24]
        assert np.abs(block - level).max() < 12


@pytest.mark.parametrize('height', [0, MIN_GAP - 8])
def test_small_steps_are_left_to_the_transform(height):
    assert len(find_steps(edge_plane(height), np.ones((32, 64), bool)).heights) == 0


def test_ramp_is_no_step():
    plane = np.tile(np.linspace(0, 2000, 64, dtype=np.float32), (32, 1))
    assert len(find_steps(plane, np.ones((32, 64), bool)).heights) == 0


def test_surfaces_parted_by_holes_are_no_step():
    valid = np.ones((32, 64), bool)
    valid[:, 18:18 + REACH] = False
    assert len(find_steps(edge_plane(400), valid).heights) == 0


@pytest.mark.parametrize('far_pixels', [1, 2])
def test_a_step_shows_in_two_pairs_of_pixels(far_pixels):
    valid = np.zeros((32, 64), bool)
    valid[0, 19:20 + far_pixels] = True
    assert len(find_steps(edge_plane(400), valid).heights) == far_pixels - 1


@pytest.mark.parametrize('levels', [(0, 100, 210, 400), (0, 190, 300, 400)])
def test_a_gap_narrower_than_a_group_beside_it_is_no_step(levels):
    plane = np.tile(np.repeat(np.array(levels, np.float32), 2), (8, 1))
    assert len(find_steps(plane, np.ones((8, 8), bool)).heights) == 0


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), holes=st.floats(0, 1))
def test_any_plane_is_restored_and_coded(coder, seed, holes):
    random = np.random.default_rng(seed)
    coarse = random.choice([0.0, 50.0, 300.0, 2000.0], (8, 12)).astype(np.float32)
    plane = coarse.repeat(5, 0).repeat(6, 1)[:40, :72] + random.normal(size=(40, 72)).astype('f4')
    valid = random.random(plane.shape) >= holes
    steps = find_steps(plane, valid)
    np.testing.assert_allclose(
        steps.restore(steps.remove(plane, valid), valid), plane, atol=1e-3)
    decoded = coder.decode(TableDecoder(encode(coder, steps)), plane.shape)
    assert (decoded.near == steps.near).all() and (decoded.heights == steps.heights).all()


def test_no_steps_take_no_byte(coder):
    assert encode(coder, find_steps(edge_plane(0), np.ones((32, 64), bool))) == b''
    assert not coder.decode(TableDecoder(b''), (32, 64)).near.any()


def test_the_least_gap_is_wider_at_a_low_quality():
    gaps = [least_gap(quality) for quality in (0, 25, 50, 100)]
    assert gaps == sorted(gaps, reverse=True) and gaps[-1] == MIN_GAP
    plane, valid = edge_plane(gaps[1]), np.ones((32, 64), bool)
    assert len(find_steps(plane, valid, gaps[0]).heights) == 0
    assert len(find_steps(plane, valid, gaps[2]).heights) == 4


@settings(deadline=None, max_examples=50)
@given(data=st.binary(min_size=1, max_size=200))
def test_garbage_is_refused_or_decodes_to_some_steps(coder, data):
    try:
        steps = coder.decode(TableDecoder(data), (64, 64))
    except DepthCodecError:
        return
    assert len(steps.heights) == to_blocks(steps.near).any(1).sum()
    plane = np.zeros((64, 64), np.float32)
    assert np.isfinite(steps.restore(plane, np.ones((64, 64), bool))).all()
