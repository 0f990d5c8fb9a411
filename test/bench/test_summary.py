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
"""Folders are summed up at equal error and at a common rate."""

from depth_nn_transport.bench.measurement import OperatingPoint
from depth_nn_transport.bench.summary import metrics_at_rate, summarise_folder

import pytest


def point(codec, bits, error, setting_name='quality', mask_bits=0.0):
    metrics = {'mean_q': error, 'rms_q': 2 * error}
    return OperatingPoint('folder', codec, setting_name, 0, 1, bits, mask_bits, 0, 0, 0, metrics)


POINTS = [
    *(point('ours', 0.2 / error, error) for error in (0.5, 1, 2, 4)),
    *(point('jpegxl', 0.4 / error, error) for error in (0.5, 1, 2, 4)),
    *(point('av1', 0.25 / error, error) for error in (1, 4)),
    *(point('jpegxl-e7-rank', 0.8 / error, error, 'bound') for error in (1, 4)),
]


def test_ratio_to_the_best_of_each_set_of_peers():
    ratios = summarise_folder('folder', POINTS).ratios['mean_q']
    assert ratios['JPEG XL, JPEG 2000 and x265'].ratio == pytest.approx(0.5)
    assert ratios['all peers'].ratio == pytest.approx((0.8**2 * 0.5)**(1 / 3), rel=0.01)


def test_the_rest_is_compared_where_peers_are_given_our_mask():
    points = [
        *(point('ours', 0.2 / error + 0.05, error, mask_bits=0.05) for error in (0.5, 1, 2, 4)),
        *(point('jpegxl', 0.2 / error + 0.1, error, mask_bits=0.1) for error in (0.5, 1, 2, 4)),
        *(point('jpegxl-e7-rank', 0.01, error, 'bound') for error in (1, 4)),
    ]
    ratios = summarise_folder('folder', points).ratios['mean_q']
    assert ratios['all peers, with our hole mask'].ratio == pytest.approx(1)
    assert ratios['JPEG XL, JPEG 2000 and x265'].ratio < 0.8


def test_metrics_are_interpolated_at_a_rate():
    ours = [point for point in POINTS if point.codec == 'ours']
    assert metrics_at_rate(ours, 0.1 * 2**0.5)['mean_q'] == pytest.approx(1.5)
    assert metrics_at_rate(ours, 0.39)['rms_q'] < 2 * 0.53
    assert metrics_at_rate(ours, 0.41) == {}


def test_lossy_codecs_are_set_side_by_side_at_the_common_rate():
    assert list(summarise_folder('folder', POINTS).at_common_rate) == ['ours', 'jpegxl']


def test_a_mode_of_ours_is_no_peer():
    bounded = [point('ours-bounded', 0.01, error, 'bound') for error in (0.5, 4)]
    with_it, without = (
        summarise_folder('folder', points).ratios['mean_q']['all peers']
        for points in (POINTS + bounded, POINTS)
    )
    assert with_it == without
