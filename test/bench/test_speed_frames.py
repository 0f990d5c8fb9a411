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
import cv2

from depth_nn_transport.bench.speed_frames import choose_source, fit

import numpy as np

import pytest

DEPTH = np.arange(1, 13, dtype=np.uint16).reshape(3, 4)


@pytest.fixture
def folders(tmp_path, synthetic_depth):
    """Return folders of frames of 64x48 and 96x64."""
    found = []
    for height, width in ((48, 64), (64, 96)):
        folder = tmp_path / f'{width}'
        folder.mkdir()
        for seed in range(3):
            cv2.imwrite(str(folder / f'{seed}.png'), synthetic_depth(height, width, seed))
        found.append(folder)
    return found


def test_the_middle_is_cropped():
    np.testing.assert_array_equal(fit(DEPTH, (2, 1)), [[6, 7]])


def test_pixels_are_repeated_where_there_are_too_few():
    enlarged = fit(DEPTH, (4, 6))
    np.testing.assert_array_equal(enlarged[:, 0], [2, 2, 6, 6, 10, 10])
    np.testing.assert_array_equal(enlarged[0], [2, 2, 3, 3])


def test_a_frame_of_the_size_stays_as_it_is():
    np.testing.assert_array_equal(fit(DEPTH, (4, 3)), DEPTH)


@pytest.mark.parametrize('size, folder, repeats', [
    ((64, 48), '64', 1),
    ((96, 64), '96', 1),
    ((80, 60), '96', 1),
    ((128, 96), '64', 2),
])
def test_recorded_frames_come_before_cropped_and_repeated_ones(folders, size, folder, repeats):
    source = choose_source(folders, size)
    assert (source.folder.name, source.repeats) == (folder, repeats)
    assert [depth.shape for depth in source.load(2)] == [size[::-1]] * 2


def test_a_folder_without_frames_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no \.png'):
        choose_source([tmp_path], (64, 48))
