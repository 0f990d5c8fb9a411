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
"""The demo's figures."""

from __future__ import annotations

import math

from depth_nn_transport.demo.quality import Quality

import numpy as np

# Depths that a camera with K = 640000 reports.
SLOPE = np.tile(np.rint(640000 / np.arange(200, 600)), (20, 1)).astype(np.uint16)


def test_equal_frames_have_no_error():
    quality = Quality()
    quality.add(SLOPE, SLOPE)
    assert quality.mm.mean() == quality.quanta.mean() == quality.changed_holes == 0
    assert quality.psnr() == math.inf


def test_one_step_of_the_sensor_is_one_quantum():
    quality = Quality()
    quality.add(SLOPE[:, :-1], SLOPE[:, 1:])
    assert quality.quanta.mean() == 1
    assert quality.quanta.percentile(99) == 1
    assert quality.mm.mean() > 3


def test_psnr_of_a_known_error():
    quality = Quality()
    quality.add(SLOPE, SLOPE + 5)
    assert math.isclose(quality.psnr(), 20 * math.log10(65535 / 5))


def test_changed_holes_are_counted_and_not_taken_for_errors():
    restored = SLOPE.copy()
    restored[0, :3] = 0
    quality = Quality()
    quality.add(SLOPE, restored)
    assert quality.changed_holes == 3
    assert quality.mm.mean() == 0
