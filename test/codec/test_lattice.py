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
"""The lattice is found in the values alone, and its rank map loses nothing."""

from pathlib import Path

import cv2
from depth_nn_transport.codec.lattice import DEFAULT_CONSTANT, FAR_LIMIT, Lattice
from hypothesis import example, given, settings, strategies as st
import numpy as np
import pytest

VAL = Path(__file__).resolve().parents[3] / 'shared' / 'data' / 'val'
RECORDED = {
    'd435_robot_raw480': 612358, 'd435_office_aligned480': 619410, 'd435_planes_480': 611370,
}

any_constant = st.floats(1e3, 1e9)
camera_constant = st.floats(3e5, 2e7)


def frame_of(constant, near, far, shape=(60, 80), seed=0):
    """Depths (mm) between near and far at random disparities of a lattice."""
    disparity = np.random.default_rng(seed).integers(
        np.ceil(constant / far), np.floor(constant / near) + 1, shape
    )
    return np.clip(np.rint(constant / disparity), 1, 65535).astype(np.uint16)


@pytest.mark.parametrize('constant', [3e5, 611370.4, 671512.3, 1018525.0, 1587556.7, 5e6, 2e7])
@pytest.mark.parametrize('reach', [(0.4, 20), (1.5, 3), (3, 12)])
def test_finds_the_constant(constant, reach):
    near, far = (factor * np.sqrt(constant) for factor in reach)
    found = Lattice.from_depth(frame_of(constant, near, far))
    assert found.on_grid
    assert found.constant == pytest.approx(constant, rel=1e-4)


@example(11779572.0, 119)
@settings(max_examples=40)
@given(camera_constant, st.integers(0, 2**32 - 1))
def test_finds_any_constant(constant, seed):
    depth = frame_of(constant, 1.2 * np.sqrt(constant), 6 * np.sqrt(constant), seed=seed)
    assert Lattice.from_depth(depth).constant == pytest.approx(constant, rel=1e-4)


def test_a_few_strays_do_not_hide_it():
    depth = frame_of(620000, 400, 8000, (120, 160))
    strays = np.array([1201, 2405, 4799], np.uint16)
    depth[0, :3] = strays
    found = Lattice.from_depth(depth)
    assert found.on_grid
    assert found.constant == pytest.approx(620000, rel=1e-4)


def test_many_strays_are_no_lattice():
    depth = frame_of(620000, 400, 8000, (120, 160))
    others = np.setdiff1d(np.arange(1500, 8000), Lattice(620000, True).reachable)
    depth[0, :100] = np.random.default_rng(1).choice(others, 100, replace=False)
    assert not Lattice.from_depth(depth).on_grid


@pytest.mark.parametrize('hint', [None, Lattice(500_000.0, False), Lattice(500_000.0, True)])
def test_where_every_millimetre_is_on_any_grid_a_frame_is_too(hint):
    known = DEFAULT_CONSTANT if hint is None else hint.constant
    assert Lattice.from_depth(frame_of(612000, 200, 600), hint) == Lattice(known, True)


@pytest.mark.parametrize('depth', [
    np.random.default_rng(0).integers(500, 6000, (60, 80)).astype(np.uint16),
    np.add.outer(3 * np.arange(120), 2 * np.arange(160)).astype(np.uint16) + 800,
    np.zeros((16, 16), np.uint16),
    np.full((16, 16), 65535, np.uint16),
], ids=['noise', 'ramp', 'holes only', 'saturated'])
def test_what_shows_no_lattice_is_off_grid(depth):
    assert Lattice.from_depth(depth) == Lattice(DEFAULT_CONSTANT, False)


@settings(max_examples=20)
@given(st.floats(3e5, 5e5), st.sampled_from([1 / 3, 2 / 5, 3 / 7, 3 / 4]))
def test_the_quantum_of_a_sensor_with_an_offset(constant, offset):
    step = np.random.default_rng(0).integers(40, 700, (60, 80))
    found = Lattice.from_depth(np.rint(constant / (step + offset)).astype(np.uint16))
    assert not found.on_grid
    assert found.constant == pytest.approx(constant, rel=1e-3)


def test_hint_is_kept_while_nothing_speaks_against_it():
    hint = Lattice(612000.0, True)
    assert Lattice.from_depth(frame_of(612000, 200, 600), hint) is hint
    assert Lattice.from_depth(frame_of(612000, 500, 9000), hint) is hint


def test_a_hint_of_a_sensor_with_an_offset_is_kept_too():
    first, second = (
        np.rint(4e5 / (np.random.default_rng(seed).integers(40, 700, (60, 80)) + 1 / 3))
        for seed in (0, 1)
    )
    hint = Lattice.from_depth(first.astype(np.uint16))
    assert hint.spacing > 1
    assert Lattice.from_depth(second.astype(np.uint16), hint) is hint


def test_hint_yields_to_another_camera():
    found = Lattice.from_depth(frame_of(1587556, 1500, 9000), Lattice(612000.0, True))
    assert found.on_grid
    assert found.constant == pytest.approx(1587556, rel=1e-4)


def test_hint_gives_an_off_grid_frame_its_unit_only():
    noise = np.random.default_rng(0).integers(500, 6000, (60, 80)).astype(np.uint16)
    assert Lattice.from_depth(noise, Lattice(612000.0, True)) == Lattice(612000.0, False)


@given(any_constant)
def test_ranks_restore_every_reachable_depth(constant):
    lattice = Lattice(constant, True)
    ranks = lattice.to_quanta(lattice.reachable)
    np.testing.assert_array_equal(ranks, np.arange(len(lattice.reachable)))
    np.testing.assert_array_equal(lattice.to_depth(ranks), lattice.reachable)


@given(any_constant, st.booleans())
def test_closer_is_never_less(constant, on_grid):
    depth = np.arange(1, 65536, dtype=np.uint16)
    lattice = Lattice(constant, on_grid)
    quanta = lattice.to_quanta(depth)
    assert (np.diff(quanta) <= 0).all()
    assert (np.diff(lattice.to_depth(quanta)) >= 0).all()


@settings(max_examples=30)
@given(camera_constant)
def test_other_depths_snap_to_the_nearest_reachable(constant):
    lattice = Lattice(constant, True)
    depth = np.arange(1, 65536, dtype=np.uint16)
    error = np.abs(lattice.to_depth(lattice.to_quanta(depth)) - depth)
    nearest = np.abs(depth[::97, None] - lattice.reachable.astype(np.float32)).min(1)
    np.testing.assert_array_equal(error[::97], nearest)


@given(camera_constant)
def test_off_the_grid_depths_are_kept_to_a_fraction_of_a_quantum(constant):
    lattice = Lattice(constant, False)
    depth = np.geomspace(1, 65535, 4000).astype(np.float32)
    restored = lattice.to_depth(lattice.to_quanta(depth))
    np.testing.assert_allclose(restored, depth, rtol=1e-5, atol=2e-3)


@given(st.sampled_from([1e3, 612000.0, 1e9]), st.booleans(), st.floats(width=32, allow_nan=False))
def test_any_plane_maps_to_a_depth(constant, on_grid, quantum):
    depth = Lattice(constant, on_grid).to_depth(np.full((2, 2), quantum, np.float32))
    assert ((depth >= 1) & (depth <= (65535 if on_grid else FAR_LIMIT))).all()


@pytest.mark.skipif(not VAL.is_dir(), reason='no recorded frames')
@pytest.mark.parametrize('name', RECORDED)
def test_finds_the_constant_of_recordings(name):
    for path in sorted((VAL / name).glob('*.png'))[:3]:
        found = Lattice.from_depth(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        assert found.on_grid
        assert found.constant == pytest.approx(RECORDED[name], rel=1e-4)


@pytest.mark.parametrize('on_grid', [True, False])
def test_the_sign_tells_whether_it_is_a_grid(on_grid):
    lattice = Lattice(640_000.0, on_grid)
    assert Lattice.from_signed(lattice.signed_constant) == lattice
