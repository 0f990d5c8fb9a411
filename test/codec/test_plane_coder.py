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
"""The plane coder restores every plane, refuses what is none, and learns what repeats."""

from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.model_files import MODELS
from depth_nn_transport.codec.plane_coder import (
    MAX_SYMBOLS,
    memory_of,
    PlaneCoder,
    tables_of,
    tell,
)
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

SHAPE = (23, 31)


@pytest.fixture(scope='module')
def arrays():
    with np.load(MODELS / 'main' / 'plane.npz') as archive:
        return dict(archive)


@pytest.fixture(scope='module')
def coder(arrays):
    return PlaneCoder(arrays)


def restored(coder, plane, valid):
    return coder.decode(coder.encode(plane, valid), valid)


@settings(max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1), height=st.integers(1, 40), width=st.integers(1, 40),
    limit=st.sampled_from([2, 3, 20, 600, 65536]), holes=st.sampled_from([0, 0.1, 0.9]),
    slope=st.sampled_from([0, 1, 7]),
)
def test_any_plane_is_restored(coder, seed, height, width, limit, holes, slope):
    random = np.random.default_rng(seed)
    noise = random.integers(0, limit, (height, width)).astype(np.int32)
    plane = np.minimum(noise + slope * np.arange(width, dtype=np.int32), 65535)
    valid = random.random((height, width)) >= holes
    np.testing.assert_array_equal(restored(coder, plane, valid)[valid], plane[valid])


@pytest.mark.parametrize('plane', [
    np.zeros(SHAPE), np.full(SHAPE, 65535), np.indices(SHAPE).sum(0) % 2 * 65535,
    np.indices(SHAPE)[0] % 2 * 65535, np.indices(SHAPE)[1] % 2 * 65535,
    np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE) * 91 % 65536,
], ids=['least', 'greatest', 'checkerboard', 'rows', 'columns', 'ramp'])
def test_adversarial_planes_are_restored(coder, plane):
    valid = np.ones(SHAPE, bool)
    np.testing.assert_array_equal(restored(coder, plane.astype(np.int32), valid), plane)


def test_nothing_valid(coder):
    valid = np.zeros(SHAPE, bool)
    assert restored(coder, np.zeros(SHAPE, np.int32), valid).shape == SHAPE


def test_a_frame_leaves_no_trace_in_the_next(coder):
    plane = np.random.default_rng(0).integers(0, 99, SHAPE).astype(np.int32)
    valid = np.ones(SHAPE, bool)
    assert coder.encode(plane, valid) == coder.encode(plane, valid)


def test_repeated_rows_and_columns_are_nearly_free(coder):
    small = 500 + np.random.default_rng(0).integers(0, 9, (60, 80)).astype(np.int32)
    large = small.repeat(2, 0).repeat(2, 1)
    once, twice = (
        len(coder.encode(plane, np.ones(plane.shape, bool))) for plane in (small, large)
    )
    assert twice < 1.5 * once


def test_no_pixel_takes_more_symbols_than_the_decoder_allows(arrays):
    plane = np.random.default_rng(0).integers(0, 65536, SHAPE).astype(np.int32)
    index, _, _ = tell(plane, np.ones(SHAPE, bool), tables_of(arrays), memory_of(arrays))
    assert len(index) <= MAX_SYMBOLS * plane.size


@settings(max_examples=100)
@given(data=st.binary(max_size=400))
def test_hostile_bytes_give_a_plane_or_a_typed_error(coder, data):
    valid = np.ones(SHAPE, bool)
    try:
        plane = coder.decode(data, valid)
    except CorruptStreamError:
        return
    assert plane.shape == SHAPE and plane.min() >= 0 and plane.max() <= 65535


def test_missing_symbols_are_noticed(coder):
    few = np.zeros(SHAPE, bool)
    few[0] = True
    data = coder.encode(np.zeros(SHAPE, np.int32), few)
    with pytest.raises(CorruptStreamError, match='symbols'):
        coder.decode(data, np.ones(SHAPE, bool))
