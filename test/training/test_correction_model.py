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
"""Corrections whose statistics are fitted take fewer bits and are restored."""

from depth_nn_transport.codec.correction_coder import CorrectionCoder
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder
from depth_nn_transport.training.correction_model import fit_corrections, Sample
import numpy as np


def coded(coder, residual, plane, valid, latents, threshold, step):
    """Encode corrections, which the decoder must find, too."""
    encoder = TableEncoder()
    corrections = coder.encode(residual, plane, valid, latents, threshold, step, encoder)
    data = encoder.to_bytes()
    found = coder.decode(plane, valid, latents, TableDecoder(data))
    np.testing.assert_array_equal(found, corrections)
    return data


def test_fitted_corrections_are_cheaper_than_raw_moves():
    random = np.random.default_rng(0)
    residual = np.where(random.random((64, 96)) < 0.02, 9, 0).astype(np.float32)
    valid, latents = np.ones((64, 96), bool), np.zeros((8, 12, 64), np.float32)
    plane = np.full((64, 96), 500, np.float32)
    coder = CorrectionCoder(fit_corrections([Sample(residual, plane, valid, latents, [(4, 8)])]))
    data = coded(coder, residual, plane, valid, latents, 4, 8)
    assert 8 * len(data) < 10 * np.count_nonzero(residual)


def test_fitted_corrections_are_cheaper_where_the_plane_tells_them():
    columns = np.broadcast_to(np.arange(96), (64, 96))
    edge = np.where(columns < 50, 500, 600).astype(np.float32)
    # Both columns at the edge lie between the surfaces.
    plane = np.where(np.abs(columns - 49.5) < 1, 550, edge).astype(np.float32)
    valid, latents = np.ones((64, 96), bool), np.zeros((8, 12, 64), np.float32)
    sizes = []
    for seen in (np.full_like(plane, 500), plane):
        sample = Sample(edge - plane, seen, valid, latents, [(8, 16)])
        coder = CorrectionCoder(fit_corrections([sample]))
        sizes.append(len(coded(coder, edge - plane, seen, valid, latents, 8, 16)))
    assert sizes[1] < 0.7 * sizes[0]
