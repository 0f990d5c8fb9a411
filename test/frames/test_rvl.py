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
"""RVL restores every plane, and its stream is that of the published description."""

from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.frames.rvl import rvl_decode, rvl_encode

from hypothesis import given, strategies as st

import numpy as np

import pytest


@st.composite
def planes(draw):
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    values = st.one_of(st.just(0), st.integers(0, 20), st.integers(0, 65535))
    samples = draw(st.lists(values, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    return np.array(samples, np.uint16).reshape(shape)


@given(planes())
def test_round_trip(plane):
    np.testing.assert_array_equal(rvl_decode(rvl_encode(plane), plane.shape), plane)


@pytest.mark.parametrize('plane, nibbles', [
    # zeros 0, non-zeros 2, then +5 and -1 as zigzag 10 (low three bits first) and 1
    ([[5, 4]], [0, 2, 0b1010, 0b0001, 1, 0, 0, 0]),
    # zeros 1, non-zeros 0
    ([[0]], [1, 0, 0, 0, 0, 0, 0, 0]),
    # a run of nine zeros continues in a second nibble
    ([[0] * 9 + [1]], [0b1001, 1, 1, 2, 0, 0, 0, 0]),
])
def test_words(plane, nibbles):
    word = sum(nibble << shift for nibble, shift in zip(nibbles, range(28, -1, -4), strict=True))
    assert rvl_encode(np.array(plane, np.uint16)) == word.to_bytes(4, 'little')


def test_smooth_planes_shrink():
    plane = np.add.outer(np.arange(480), np.arange(640)).astype(np.uint16) + 500
    assert len(rvl_encode(plane)) < plane.nbytes / 3


@given(st.binary(max_size=64), st.integers(1, 40))
def test_any_bytes_are_a_plane_or_refused(stream, width):
    try:
        plane = rvl_decode(stream, (3, width))
    except CorruptStreamError:
        return
    np.testing.assert_array_equal(rvl_decode(rvl_encode(plane), (3, width)), plane)


@given(planes())
def test_truncated_streams_are_refused(plane):
    with pytest.raises(CorruptStreamError):
        rvl_decode(rvl_encode(plane)[:-4], plane.shape)


def test_the_largest_image_may_be_a_single_run():
    # 4096 x 4096 zeros, which take a one behind eight nibbles that go on, and no non-zeros.
    stream = bytes.fromhex('88888888 00000010')
    assert not rvl_decode(stream, (4096, 4096)).any()
