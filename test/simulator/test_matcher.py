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

"""The matcher finds what was shifted and nothing where there is nothing to find."""

import cv2

from depth_nn_transport.simulator.matcher import StereoMatcher

import numpy as np

import pytest


def pair(disparity, contrast=60.0, size=(120, 400)):
    """Return a textured plane seen twice, the right image shifted by `disparity` pixels."""
    rng = np.random.default_rng(0)
    grain = cv2.GaussianBlur(rng.standard_normal(size), (0, 0), 1.2)
    texture = (128 + contrast * grain / grain.std()).astype(np.float32)
    column, row = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in size[::-1]))
    moved = cv2.remap(
        texture, column + np.float32(disparity), row, cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT)
    return tuple(np.clip(np.rint(image), 0, 255).astype(np.uint8) for image in (texture, moved))


@pytest.mark.parametrize('disparity', [5.0, 20.25, 40.5])
def test_disparity_is_found_to_a_fraction_of_a_pixel(disparity):
    found = StereoMatcher().disparity(*pair(disparity))
    inner = found[20:-20, 80:-20]
    assert np.mean(inner > 0) > 0.95
    assert np.median(inner[inner > 0]) == pytest.approx(disparity, abs=0.06)


def test_what_the_right_imager_does_not_see_is_a_hole():
    found = StereoMatcher().disparity(*pair(40.0))
    assert np.mean(found[:, :34] > 0) < 0.1


def test_a_blank_wall_is_a_hole():
    assert np.mean(StereoMatcher().disparity(*pair(10.0, contrast=0.5)) > 0) < 0.05
