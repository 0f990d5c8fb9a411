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
"""Training of the map coders, on masks made up here."""

from __future__ import annotations

from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.training.mask_model import enlarged, train_mask_coder, untrained
import numpy as np


def circles(count: int) -> list[np.ndarray]:
    rows, columns = np.mgrid[:96, :128]
    return [(rows - 40 - k) ** 2 + (columns - 60 - 2 * k) ** 2 < (20 + 2 * k) ** 2
            for k in range(count)]


def test_training_pays_and_its_result_codes_exactly():
    masks = circles(8)
    trained = MaskCoder(train_mask_coder([masks[:6], masks[6:]], 60, 0))
    coders = MaskCoder(untrained()), trained
    sizes = [sum(len(coder.encode(mask)) for mask in masks) for coder in coders]
    assert sizes[1] < 0.1 * sizes[0]
    for mask in masks:
        np.testing.assert_array_equal(trained.decode(trained.encode(mask), *mask.shape), mask)


def test_the_same_seed_trains_the_same_coder():
    first, second = (train_mask_coder([circles(3)], 5, 1) for _ in range(2))
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_enlarging_repeats_rows_and_columns():
    mask = np.arange(12).reshape(3, 4) % 5 == 0
    np.testing.assert_array_equal(enlarged(mask, 1, 2), mask[:, [0, 0, 1, 1]])
    np.testing.assert_array_equal(enlarged(mask, 1.5, 1), mask[[0, 0, 1]])
