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
"""Hole masks: exact round trips, few bytes, harmless garbage."""

from __future__ import annotations

from depth_nn_transport.codec.errors import CorruptStreamError, ModelLoadError
from depth_nn_transport.codec.mask_coder import HIDDEN_MAX, MaskCoder
from depth_nn_transport.codec.model_files import ModelFiles
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest


@pytest.fixture(scope='module')
def arrays():
    return ModelFiles.load('main').mask


@pytest.fixture(scope='module')
def coder(arrays):
    return MaskCoder(arrays)


def blobs(height: int, width: int, seed: int, size: int) -> np.ndarray:
    """Random blocks of holes with some speckle."""
    random = np.random.default_rng(seed)
    coarse = random.random((height // size + 1, width // size + 1)) < 0.3
    mask = coarse.repeat(size, 0).repeat(size, 1)[:height, :width]
    return mask ^ (random.random(mask.shape) < 0.02)


def repeated(height: int, width: int, seed: int, size: int) -> np.ndarray:
    """One random row, repeated."""
    return np.tile(np.random.default_rng(seed).random(width) < 1 / size, (height, 1))


def last_pixel(height: int, width: int, seed: int, size: int) -> np.ndarray:
    """Nothing but one pixel at the end."""
    return np.arange(height * width).reshape(height, width) == height * width - 1


@settings(max_examples=80)
@given(
    make=st.sampled_from([blobs, repeated, last_pixel]), height=st.integers(16, 70),
    width=st.integers(16, 70), seed=st.integers(0, 2**32 - 1), size=st.integers(1, 30))
def test_any_mask_comes_back(coder, make, height, width, seed, size):
    mask = make(height, width, seed, size)
    np.testing.assert_array_equal(coder.decode(coder.encode(mask), height, width), mask)
    np.testing.assert_array_equal(coder.decode(coder.encode(~mask), height, width), ~mask)


@pytest.mark.parametrize('density', [0.001, 0.1, 0.5, 0.9])
@pytest.mark.parametrize('shape', [(16, 333), (241, 17), (200, 300)])
def test_noise_comes_back(coder, density, shape):
    mask = np.random.default_rng(0).random(shape) < density
    data = coder.encode(mask)
    np.testing.assert_array_equal(coder.decode(data, *shape), mask)
    assert coder.encode(mask) == data


def test_the_view_of_another_image_is_coded_as_its_copy(coder):
    mask = blobs(100, 120, 0, 9)[::2, 3::3]
    assert coder.encode(mask) == coder.encode(mask.copy())


def test_a_valid_frame_takes_no_bytes(coder):
    mask = np.zeros((480, 848), bool)
    assert coder.encode(mask) == b''
    np.testing.assert_array_equal(coder.decode(b'', 480, 848), mask)


def test_a_frame_of_holes_takes_next_to_nothing(coder):
    mask = np.ones((480, 848), bool)
    data = coder.encode(mask)
    assert len(data) < 120
    np.testing.assert_array_equal(coder.decode(data, 480, 848), mask)


def test_smooth_masks_take_less_than_their_borders(coder):
    rows, columns = np.mgrid[:240, :320]
    mask = (rows - 120) ** 2 + (columns - 160) ** 2 < 80**2
    border = sum(np.count_nonzero(np.diff(mask, axis=axis)) for axis in (0, 1))
    assert 8 * len(coder.encode(mask)) < 2 * border


@settings(max_examples=60)
@given(data=st.binary(max_size=300))
def test_garbage_is_refused_or_decodes_to_some_mask(coder, data):
    try:
        mask = coder.decode(data, 33, 50)
    except CorruptStreamError:
        return
    assert mask.shape == (33, 50) and mask.dtype == bool


def test_truncated_bytes_are_refused_or_decode_to_some_mask(coder):
    data = coder.encode(blobs(60, 80, 1, 7))
    for end in range(1, len(data)):
        try:
            mask = coder.decode(data[:end], 60, 80)
        except CorruptStreamError:
            continue
        assert mask.shape == (60, 80) and mask.dtype == bool


def test_bytes_of_a_smaller_frame_end_early(coder):
    with pytest.raises(CorruptStreamError, match='ends early'):
        coder.decode(coder.encode(blobs(40, 40, 0, 5)), 200, 200)


@pytest.mark.parametrize('name', ['mask', 'steps'])
def test_the_network_is_exact_whatever_it_sees(name):
    arrays = getattr(ModelFiles.load('main'), name)
    hidden = np.abs(arrays['inputs'].astype(np.int64)).max(1).sum(0) + np.abs(arrays['bias'])
    assert hidden.max() < 2**15
    output = np.abs(arrays['output'].astype(np.int64))
    assert output[:-1].max() < 2**15
    assert HIDDEN_MAX * output[:-1].sum() + output[-1] < 2**31


@pytest.mark.parametrize('name', ['bias', 'output'])
def test_a_network_that_does_not_fit_is_refused(arrays, name):
    weights = arrays[name].copy()
    weights[0] = 32_000
    with pytest.raises(ModelLoadError, match='map coder'):
        MaskCoder({**arrays, name: weights})
