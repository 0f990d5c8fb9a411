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
"""The metrics agree with their definitions, written out pixel by pixel."""

import math

from depth_nn_transport.bench import metrics
from depth_nn_transport.codec.lattice import Lattice

from hypothesis import given, strategies as st

import numpy as np

import pytest

LATTICE = Lattice(612_000.0, True)


@st.composite
def frame_pairs(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    surfaces = rng.choice([0, 900, 1500, 3000, 12000], shape)
    original = np.where(surfaces > 0, surfaces + rng.integers(0, 9, shape), 0)
    restored = np.where(original > 0, rng.choice([850, 1200, 2000, 3005], shape), 0)
    return original.astype(np.uint16), restored.astype(np.uint16)


def neighbours(quanta, valid, row, column):
    rows, columns = slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2)
    return quanta[rows, columns][valid[rows, columns]]


@given(frame_pairs())
def test_errors_are_those_of_valid_pixels(pair):
    original, restored = pair
    measured = metrics.measure(original, restored, LATTICE, unit_mm=0.5)
    where = list(zip(*np.nonzero(original), strict=True))
    if not where:
        assert math.isnan(measured['mean_q'])
        return
    quanta, found = LATTICE.to_quanta(original), LATTICE.to_quanta(restored)
    error_q = [abs(float(found[at]) - float(quanta[at])) for at in where]
    error_mm = [0.5 * abs(int(restored[at]) - int(original[at])) for at in where]
    for unit, error in (('q', error_q), ('mm', error_mm)):
        assert measured[f'mean_{unit}'] == pytest.approx(np.mean(error), rel=1e-5)
        assert measured[f'rms_{unit}'] == pytest.approx(np.sqrt(np.mean(np.square(error))), 1e-5)
        assert measured[f'max_{unit}'] == pytest.approx(max(error), rel=1e-5)
        assert measured[f'p99_{unit}'] == pytest.approx(np.percentile(error, 99), rel=1e-5)
    near = [error for error, at in zip(error_mm, where, strict=True) if original[at] < 4000]
    assert measured['mean_0_to_2m_mm'] == pytest.approx(
        np.mean(near) if near else math.nan, rel=1e-5, nan_ok=True)


@given(frame_pairs())
def test_edges_and_flying_points_by_definition(pair):
    original, restored = pair
    valid = original > 0
    quanta, found = LATTICE.to_quanta(original), LATTICE.to_quanta(restored)
    edge, flying = metrics.edges(quanta, valid), metrics.flying(quanta, found, valid)
    for at in np.ndindex(*original.shape):
        around = neighbours(quanta, valid, *at)
        if not valid[at]:
            assert not edge[at]
            assert not flying[at]
            continue
        assert edge[at] == (np.ptp(around) > metrics.EDGE_QUANTA)
        away = np.abs(around - found[at]).min() > metrics.FLYING_QUANTA
        assert flying[at] == (away and around.min() < found[at] < around.max())


def test_exact_restoration():
    original = np.array([[0, 1000], [2000, 3000]], np.uint16)
    measured = metrics.measure(original, original, LATTICE)
    assert measured['max_q'] == measured['flying'] == 0
    assert measured['holes_exact'] == 1


def test_a_filled_hole_is_told():
    original = np.array([[0, 1000]], np.uint16)
    restored = np.array([[1000, 1000]], np.uint16)
    assert metrics.measure(original, restored, LATTICE)['holes_exact'] == 0


def test_a_band_ends_where_the_next_one_begins():
    original = np.array([[1999, 2000, 2000]], np.uint16)
    measured = metrics.measure(original, original + np.array([[1, 5, 5]], np.uint16), LATTICE)
    assert (measured['max_0_to_2m_mm'], measured['max_2_to_4m_mm']) == (1, 5)
