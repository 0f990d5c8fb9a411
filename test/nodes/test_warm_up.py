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
"""What nodes do before their first frame."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import pytest

# Prints how many functions the warm-up has compiled, and how many more the first frames do, and
# how many of these four are coded on the grid of their camera.
FIRST_FRAMES = """
import sys
import cv2
from depth_nn_transport.nodes.warm_up import warm_codec
from numba.core.dispatcher import Dispatcher

def compiled():
    found = {id(value): value for name, module in list(sys.modules.items())
             if name.startswith('depth_nn_transport') for value in vars(module).values()
             if isinstance(value, Dispatcher)}
    return sum(len(function.signatures) for function in found.values())

depth = cv2.imread(sys.argv[1], -1)
codec = warm_codec('main', 'auto', (96, 128))
before = compiled()
on_grid = []
for promise in ({}, {'mode': 'bounded', 'max_error': 1.0}, {'mode': 'bounded', 'max_error': 8.0},
                {'mode': 'lossless'}):
    encoded = codec.encode(depth, **promise)
    on_grid.append(encoded.lattice_constant > 0)
    codec.decode(encoded)
print(before, compiled() - before, sum(on_grid))
"""
FRAMES = Path(__file__).parents[1] / 'golden'


@pytest.mark.parametrize(('name', 'on_grid'), [('room', 4), ('near', 4), ('filtered', 0)])
def test_the_first_frames_of_a_camera_find_all_compiled_and_are_coded_on_its_grid(name, on_grid):
    output = subprocess.run(
        [sys.executable, '-c', FIRST_FRAMES, str(FRAMES / f'{name}.png')],
        check=True, capture_output=True, text=True).stdout
    before, more, found_on_grid = map(int, output.split())
    assert before > 0
    assert more == 0
    assert found_on_grid == on_grid
