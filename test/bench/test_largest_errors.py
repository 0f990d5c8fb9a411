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
"""The picture shows the largest errors, and the peer at the same rate."""

from depth_nn_transport.bench.frames import Frame
from depth_nn_transport.bench.largest_errors import (
    draw_largest_errors, error_map, largest_spots, nearest_rate,
)
from depth_nn_transport.bench.measurement import OperatingPoint
from depth_nn_transport.bench.peers import exact_peers

import numpy as np

import pytest


def test_spots_are_the_largest_and_apart():
    errors = [np.zeros((200, 300), np.float32) for _ in range(2)]
    errors[0][50, 60], errors[0][52, 61], errors[0][180, 280], errors[1][10, 20] = 9, 8, 3, 5
    spots = largest_spots(errors)
    assert [(spot.frame, spot.row, spot.column, spot.error) for spot in spots] == [
        (0, 50, 60, 9), (1, 10, 20, 5), (0, 180, 280, 3)]


def test_where_there_is_no_error_there_is_no_spot():
    assert largest_spots([np.zeros((20, 30), np.float32)]) == []


def test_errors_are_in_quanta_and_none_in_holes(synthetic_depth):
    frame = Frame.prepare(synthetic_depth())
    restored = np.where(frame.depth > 0, frame.lattice.reachable[300], 7).astype(np.uint16)
    error = error_map(frame, restored)
    assert (error[frame.depth == 0] == 0).all()
    row, column = np.argwhere(frame.depth > 0)[0]
    assert error[row, column] == abs(frame.lattice.to_quanta(frame.depth)[row, column] - 300)


def test_nearest_rate():
    points = [OperatingPoint('f', 'c', 's', i, 1, bits, 0, 0, 0, 0, {})
              for i, bits in enumerate((0.1, 0.2, 0.4))]
    assert nearest_rate(points, 0.3).setting == 2
    assert nearest_rate(points, 0.05).setting == 0


@pytest.mark.parametrize('codecs', [1, 2])
def test_the_picture_is_written(codecs, synthetic_depth, tmp_path):
    frames = [Frame.prepare(synthetic_depth(seed=seed)) for seed in range(2)]
    chosen = [(codec, 4) for codec in exact_peers()[-codecs:]]
    draw_largest_errors(tmp_path / 'errors.png', frames, chosen)
    assert (tmp_path / 'errors.png').read_bytes().startswith(b'\x89PNG')
