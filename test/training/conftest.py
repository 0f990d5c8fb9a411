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
"""Fixtures of the training's tests."""

from depth_nn_transport.training.dataset import Recording
import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def _seeded():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def recordings():
    """Return two recordings of slanted walls in quanta, 64x96 and 48x64."""
    made = []
    for name, shape, frames in (('long', (64, 96), 3), ('short', (48, 64), 1)):
        rows, columns = np.mgrid[:shape[0], :shape[1]]
        planes = [(300 + rows + columns // 2 + k).astype(np.float32) for k in range(frames)]
        made.append(Recording(name, planes, [rows + columns > 20] * frames))
    return made
