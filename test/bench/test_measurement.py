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
"""Frames are read and subsampled as said, and a point sums up its frames."""

import math
from pathlib import Path

from depth_nn_transport.bench import frames
from depth_nn_transport.bench.measurement import load_frames, measure_folder
from depth_nn_transport.bench.ours import make_codecs
from depth_nn_transport.bench.peers import exact_peers
from depth_nn_transport.frames.files import write_depth

import numpy as np

import pytest


@pytest.mark.parametrize('name, unit', [
    ('d435_office', 1.0), ('d405_near_100um', 0.1), ('sr300_125um', 0.125),
])
def test_unit_is_in_the_name(name, unit):
    assert frames.unit_mm(Path('train') / name) == unit


def test_frames_are_subsampled_evenly(tmp_path):
    for index in range(10):
        (tmp_path / f'{index:02}.png').touch()
    assert [path.stem for path in frames.frame_paths(tmp_path, 4)] == ['00', '03', '06', '09']
    assert len(frames.frame_paths(tmp_path)) == len(frames.frame_paths(tmp_path, 99)) == 10


def test_a_folder_without_frames_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        frames.frame_paths(tmp_path)


def test_frames_of_a_folder_share_a_lattice(tmp_path):
    near = np.full((48, 64), 300, np.uint16)
    far = np.rint(612000 / np.random.default_rng(0).integers(80, 700, near.shape))
    for name, depth in (('0', far.astype(np.uint16)), ('1', near)):
        write_depth(tmp_path / f'{name}.png', depth)
    first, second = load_frames(tmp_path, None)
    assert first.lattice.on_grid and first.lattice == second.lattice


def test_what_is_measured_of_a_folder_depends_on_no_other(tmp_path, synthetic_depth):
    other = np.rint(400_000 / np.random.default_rng(0).integers(80, 700, (64, 96)))
    prepared = [frames.Frame.prepare(synthetic_depth())]
    (codec,) = make_codecs('main', 1, [50])[:1]
    (alone,) = measure_folder(Path('some'), prepared, [codec])
    measure_folder(Path('other'), [frames.Frame.prepare(other.astype(np.uint16))], [codec])
    (after,) = measure_folder(Path('some'), prepared, [codec])
    assert (alone.bits, alone.metrics) == (after.bits, after.metrics)
    assert 0 < alone.mask_bits < alone.bits


def test_a_point_sums_up_its_frames(synthetic_depth):
    prepared = [frames.Frame.prepare(synthetic_depth(seed=seed)) for seed in range(2)]
    codec = exact_peers()[-1]
    assert all(codec.mask_bytes(codec.encode(frame, 2)) == 0 for frame in prepared)
    ticks = []
    points = measure_folder(Path('some'), prepared, [codec], lambda: ticks.append(1))
    assert [point.setting for point in points] == [0, 1, 2, 4, 8]
    assert len(ticks) == 10
    sizes = [8 * len(codec.encode(frame, 2)) / frame.depth.size for frame in prepared]
    assert points[2].bits == pytest.approx(np.mean(sizes))
    assert points[0].metrics['psnr_db'] == math.inf
    assert 0 < points[2].metrics['mean_q'] <= points[2].metrics['max_q'] <= 2.1
    assert math.isnan(points[2].metrics['mean_beyond_10m_q'])
