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
"""Networks in integers; `codec.test_networks` holds them to the bits of float64."""

from dataclasses import replace
import io

from depth_nn_transport import DepthCodec
from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.model_files import arrays_of, ModelFiles
from depth_nn_transport.runtime.numba_networks import NumbaNetworks
from depth_nn_transport.runtime.openvino_networks import OpenVinoNetworks
import numpy as np
import pytest


@pytest.fixture(scope='module')
def files():
    return ModelFiles.load('main')


def changed(files, change):
    """Return files whose weights are changed."""
    arrays = arrays_of(files.weights)
    change(arrays)
    archive = io.BytesIO()
    np.savez(archive, **arrays)
    return replace(files, weights=archive.getvalue())


@pytest.mark.parametrize('quality', [0, 50, 100])
def test_the_rounded_analysis_is_near_that_of_floats(files, quality):
    random = np.random.default_rng(quality)
    # From flat to rough, as blocks are.
    spread = np.exp2(random.uniform(-2, 6, (16, 24, 1)))
    residual = (random.normal(size=(16, 24, 64)) * spread).astype(np.float32)
    valid = (random.random((16, 24, 64)) < 0.9).astype(np.float32)
    truth = [x.copy() for x in OpenVinoNetworks(files, 1, bfloat16=False).analyse(
        residual, valid, quality)]
    found = NumbaNetworks(files, 1).analyse(residual, valid, quality)
    for expected, actual in zip(truth, found, strict=True):
        assert np.abs(actual - expected).mean() < 0.02 * np.abs(expected).mean()


def test_extreme_blocks_are_taken(files):
    residual = np.full((4, 4, 64), 65535, np.float32)
    residual[::2] *= -1
    for array in NumbaNetworks(files, 1).analyse(residual, np.ones_like(residual), 50):
        assert np.isfinite(array).all()


def test_frames_of_different_sizes_do_not_disturb_each_other():
    random = np.random.default_rng(0)
    frames = [random.integers(900, 1100, size).astype(np.uint16)
              for size in ((64, 96), (33, 47), (16, 16), (64, 96))]
    codec = DepthCodec(runtime='numba')
    for frame in frames:
        fresh = DepthCodec(runtime='numba')
        data = codec.encode(frame)
        assert data.latents == fresh.encode(frame).latents
        np.testing.assert_array_equal(codec.decode(data), fresh.decode(data))


@pytest.mark.parametrize('change', [
    lambda arrays: arrays.pop('low3/enter.weight'),
    lambda arrays: arrays.update({'high2/high_mix.bias': np.full(96, 1 / 3, np.float32)}),
    lambda arrays: arrays.update({'synthesis/enter.weight': np.zeros((96, 10, 1, 1))}),
    lambda arrays: arrays.update({'features/mix.weight': np.zeros((128, 65, 1, 1)),
                                  'features/mix.bias': np.zeros(128)}),
    lambda arrays: arrays.update({'analysis/gather.weight': np.zeros((8, 512, 1, 1))}),
    lambda arrays: arrays.update({'analysis/gather.weight': np.zeros((64, 512))}),
    lambda arrays: arrays.update({'low1/mix.bias': np.zeros(16)}),
], ids=['missing', 'not exact', 'inputs', 'outputs', 'odd outputs', 'no taps', 'biases'])
def test_weights_that_do_not_fit_are_refused_by_the_name_of_their_model(files, change):
    with pytest.raises(ModelLoadError, match=rf'{files.model_id}, weights\.npz'):
        NumbaNetworks(changed(files, change), 1)


@pytest.mark.parametrize('damaged', [b'', b'nonsense'])
def test_an_archive_that_is_none_is_refused(files, damaged):
    with pytest.raises(ModelLoadError, match=files.model_id):
        NumbaNetworks(replace(files, weights=damaged), 1)
