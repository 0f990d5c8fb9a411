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
"""Words of bfloat16 hold all activations."""

from depth_nn_transport.codec.activations import to_floats
from depth_nn_transport.runtime.bfloat16 import from_words, to_words
import numpy as np
import pytest

# More than a block.
ALL = np.resize(np.arange(-255, 256, dtype=np.int16), (3, 25, 40))


def test_words_are_the_upper_halves_of_floats_that_have_no_more():
    np.testing.assert_array_equal(
        to_words(ALL).astype(np.uint32) << 16, to_floats(ALL).view(np.uint32))


@pytest.mark.parametrize('activations', [ALL, ALL[:, ::2].T, ALL[:0]])
def test_words_are_taken_back(activations):
    np.testing.assert_array_equal(from_words(to_words(activations)), activations, strict=True)
