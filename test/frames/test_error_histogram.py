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
"""Distributions of errors."""

from __future__ import annotations

import math

from depth_nn_transport.frames.error_histogram import ErrorHistogram, QUANTA_BIN

from hypothesis import given, strategies as st
from hypothesis.extra import numpy as npst

import numpy as np

ERRORS = npst.arrays(np.int64, st.integers(1, 50), elements=st.integers(0, 500))


@given(st.lists(ERRORS, min_size=1, max_size=4))
def test_histogram_agrees_with_numpy(parts):
    histogram = ErrorHistogram(1)
    for part in parts:
        histogram.add(part)
    errors = np.concatenate(parts)
    assert math.isclose(histogram.mean(), errors.mean(), abs_tol=1e-9)
    assert math.isclose(histogram.mean_square(), (errors**2).mean(), abs_tol=1e-9)
    assert histogram.percentile(99) == np.percentile(errors, 99, method='inverted_cdf')


def test_an_empty_histogram_has_no_mean():
    assert math.isnan(ErrorHistogram(1).mean())


def test_fractions_of_a_unit_are_told_apart():
    histogram = ErrorHistogram(QUANTA_BIN)
    histogram.add(np.array([0.25, 0.5, 0.5, 2.0]))
    assert (histogram.mean(), histogram.mean_square()) == (0.8125, 1.140625)
    assert (histogram.percentile(75), histogram.percentile(100)) == (0.5, 2.0)


def test_a_histogram_that_is_merged_stays_as_it_is():
    total, part = ErrorHistogram(1), ErrorHistogram(1)
    part.add(np.array([1, 5]))
    for _ in range(2):
        total.merge(part)
    total.add(np.array([1]))
    assert part.counts.tolist() == [0, 1, 0, 0, 0, 1]
