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
"""Every peer restores what it promises from nothing but its bytes."""

from depth_nn_transport.bench.frames import Frame
from depth_nn_transport.bench.metrics import measure
from depth_nn_transport.bench.peers import BOUNDS, exact_peers, lossy_peers, reachable
from depth_nn_transport.codec.lattice import Lattice

import numpy as np

import pytest


@pytest.fixture(scope='module')
def frame(synthetic_depth):
    return Frame.prepare(synthetic_depth())


def by_name(codec):
    return codec.name


@pytest.mark.parametrize('codec', exact_peers(), ids=by_name)
def test_lossless_peers_are_exact(codec, frame):
    np.testing.assert_array_equal(codec.decode(codec.encode(frame, 0)), frame.depth)


@pytest.mark.parametrize('codec', exact_peers(), ids=by_name)
@pytest.mark.parametrize('change', ['off the grid', 'odd values', 'all holes', 'no holes'])
def test_lossless_peers_are_exact_on_any_frame(codec, change, synthetic_depth):
    depth = synthetic_depth(33, 47)
    if change == 'off the grid':
        depth = np.where(depth > 0, depth + np.arange(47, dtype=np.uint16) % 7, 0)
    elif change == 'odd values':
        depth[5, 5:8] = 65535, 65534, 1
    else:
        depth = np.full_like(depth, 0 if change == 'all holes' else 1234)
    depth = depth.astype(np.uint16)
    np.testing.assert_array_equal(codec.decode(codec.encode(Frame.prepare(depth), 0)), depth)


@pytest.mark.parametrize('bound', BOUNDS)
def test_bounded_peers_keep_the_bound(bound, frame):
    codec = exact_peers()[-1]
    restored = codec.decode(codec.encode(frame, bound))
    values = reachable(frame.lattice, bound)
    steps = np.searchsorted(values, restored) - np.searchsorted(values, frame.depth)
    assert np.abs(steps).max() <= bound
    assert np.array_equal(restored > 0, frame.depth > 0)


@pytest.mark.parametrize('codec', lossy_peers(), ids=by_name)
def test_error_falls_as_rate_grows(codec, frame):
    settings = [codec.settings[1], codec.settings[-1]]
    streams = [codec.encode(frame, setting) for setting in settings]
    results = [measure(frame.depth, codec.decode(stream), frame.lattice) for stream in streams]
    assert all(result['holes_exact'] for result in results)
    pairs = sorted((len(s), -r['mean_q']) for s, r in zip(streams, results, strict=True))
    assert pairs[0][0] < pairs[1][0]
    assert pairs[0][1] < pairs[1][1]
    assert -pairs[1][1] < 2


@pytest.mark.parametrize('codec', lossy_peers(), ids=by_name)
def test_planes_wider_than_the_codec_are_scaled(codec):
    depth = np.tile(np.geomspace(300, 9000, 128).astype(np.uint16), (64, 1))
    quanta = Lattice(2e7, False).to_quanta(depth)
    frame = Frame(depth, Lattice(2e7, False), quanta, Frame.prepare(depth).mask, 0, 0)
    restored = codec.decode(codec.encode(frame, min(codec.settings)))
    # 0.5 % of the plane's range
    assert measure(depth, restored, frame.lattice)['mean_q'] < 45


@pytest.mark.parametrize('codec', lossy_peers(), ids=by_name)
def test_depth_at_the_end_of_its_range_stays_there(codec):
    depth = np.tile(np.geomspace(9000, 65535, 128).astype(np.uint16), (64, 1))
    frame = Frame.prepare(depth)
    assert not frame.lattice.on_grid
    restored = codec.decode(codec.encode(frame, codec.settings[len(codec.settings) // 2]))
    assert measure(depth, restored, frame.lattice)['max_q'] < 60


def test_reachable_values_of_a_lattice():
    values = reachable(Lattice(612_000.0, True), 0)
    assert np.array_equal(values[:782], np.arange(1, 783))
    assert np.isin(np.rint(612_000 / np.arange(10, 300)), values).all()
    assert values.max() <= 65535
