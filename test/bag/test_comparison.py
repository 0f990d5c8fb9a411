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
"""What the comparison of two messages tells."""

from __future__ import annotations

from depth_nn_transport.bag import worker
from depth_nn_transport.bag.comparison import compare, picture_of, Side
from depth_nn_transport.bag.depth_messages import image_message
from depth_nn_transport.bag.message_types import COMPRESSED_DEPTH, IMAGE

import numpy as np

import pytest

from .conftest import frame, header, START_NS

DEPTH = frame(0)


def image(depth, encoding='16UC1'):
    return Side(IMAGE, image_message(depth, encoding, header(0)))


def compressed(depth, **settings):
    converted = worker.compress('/a', IMAGE, settings, 0, image(depth).data)
    return Side(COMPRESSED_DEPTH, converted.data)


def test_an_image_does_not_differ_from_itself():
    comparison = compare(image(DEPTH), image(DEPTH))
    assert comparison.stamp_ns == START_NS
    assert comparison.mm.counts.tolist() == [(DEPTH > 0).sum()]
    assert comparison.max_mm == comparison.max_quanta == comparison.changed_holes == 0
    assert comparison.broken == ''


def test_one_step_of_the_sensor_is_one_quantum():
    comparison = compare(image(DEPTH[:, :-1]), image(DEPTH[:, 1:]))
    assert comparison.quanta.mean() == comparison.max_quanta == 1
    assert comparison.max_mm == DEPTH[-1, 0] - DEPTH[-1, 1]


def test_metres_are_compared_with_millimetres():
    metres = np.where(DEPTH > 0, DEPTH / np.float32(1000), np.nan)
    comparison = compare(image(DEPTH), image(metres, '32FC1'))
    assert comparison.max_mm < 1e-3 and comparison.changed_holes == 0


def test_a_hole_that_changed_is_no_error():
    restored = DEPTH.copy()
    restored[-1, :3], restored[0, 0] = 0, 900
    comparison = compare(image(DEPTH), image(restored))
    assert (comparison.changed_holes, comparison.max_mm) == (4, 0)


@pytest.mark.parametrize('part, size', [(DEPTH[:20], '64x20'), (DEPTH[:, :20], '20x48')])
def test_another_size_is_told(part, size):
    assert compare(image(DEPTH), image(part)) == f'64x48 became {size}'


def test_a_damaged_message_is_told():
    assert 'damaged' in compare(image(DEPTH), Side(IMAGE, b'no message'))


@pytest.mark.parametrize('settings, broken', [
    ({'mode': 'lossy'}, ''), ({'mode': 'lossless'}, 'not lossless'),
    ({'mode': 'bounded', 'max_error': 1.0}, 'quanta where at most 1 are promised')])
def test_a_promise_holds_for_its_own_frame_only(settings, broken):
    restored = compressed(DEPTH, **settings)
    assert compare(image(DEPTH), restored).broken == ''
    assert broken in compare(image(np.roll(DEPTH, 2, axis=1)), restored).broken


def test_a_picture_has_the_errors_where_they_are():
    restored = DEPTH.copy()
    restored[20, 5] = DEPTH[20, 7]
    pair = picture_of(image(DEPTH), image(restored))
    assert np.array_equal(pair.original, DEPTH) and np.array_equal(pair.restored, restored)
    assert np.argwhere(pair.quanta).tolist() == [[20, 5]] and pair.quanta[20, 5] == 2
