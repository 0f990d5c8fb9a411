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
"""Fixtures of HiFiC's tests: a net of a few channels, and depth to train it on."""

from depth_nn_transport.training.dataset import Recording
from depth_nn_transport.training.hific.model import HificConfig
from depth_nn_transport.training.hific.train import HificTrainingConfig
import numpy as np
import pytest

TINY = HificConfig(widths=(4, 4, 6, 6, 8), latents=4, hyper=4, blocks=1)


@pytest.fixture(scope='session')
def tiny():
    """Return the sizes of a tiny net."""
    return TINY


@pytest.fixture(scope='session')
def tiny_run():
    """Return the configuration of a run of three steps."""
    return HificTrainingConfig(
        model=TINY, steps=3, batch=2, crop=64, warmup=1, discriminator_width=4
    )


@pytest.fixture
def frame():
    """Return a frame, uint16 (150, 200) mm: a wall behind a board, noise, and scattered holes."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:150, :200]
    depth = np.where(columns > 90, 2000 + 3 * rows, 900 + columns)
    depth = depth + random.integers(-5, 6, depth.shape)
    return np.where(random.random(depth.shape) < 0.02, 0, depth).astype(np.uint16)


@pytest.fixture
def depths():
    """Return one recording of a wall behind a board, 64x96, in mm, with holes on the left."""
    rows, columns = np.mgrid[:64, :96]
    plane = np.where(columns > 40, 2000 + 3 * rows, 900 + columns).astype(np.float32)
    return [Recording('board', [plane, plane + 10], [columns > 5] * 2)]
