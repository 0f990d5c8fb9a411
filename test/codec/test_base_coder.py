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
"""The base comes back exactly, and smooth ones are cheap."""

from depth_nn_transport.codec.base_coder import decode_base, encode_base
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)
bases = shapes.flatmap(lambda shape: st.one_of(
    hnp.arrays(np.int32, shape, elements=st.integers(-600, 600)),
    hnp.arrays(np.int32, shape, elements=st.sampled_from([-8191, 0, 8191])),
))


def coded(base, tables):
    encoder = TableEncoder()
    encode_base(base, tables, encoder)
    return encoder.to_bytes()


@given(base=bases)
def test_round_trip(tables, base):
    restored = decode_base(base.shape, tables, TableDecoder(coded(base, tables)))
    np.testing.assert_array_equal(restored, base)


def test_a_plane_is_cheaper_than_noise(tables):
    plane = np.add.outer(3 * np.arange(15), 2 * np.arange(27)).astype(np.int32)
    noise = np.random.default_rng(0).permutation(plane.ravel()).reshape(plane.shape)
    assert len(coded(plane, tables)) < len(coded(noise, tables)) / 2


@given(data=st.binary(max_size=200), shape=shapes)
def test_garbage_gives_a_base_or_a_typed_error(tables, data, shape):
    try:
        base = decode_base(shape, tables, TableDecoder(data))
    except CorruptStreamError:
        return
    assert base.shape == shape
