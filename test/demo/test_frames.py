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
"""Frames that the demo plays."""

from __future__ import annotations

import cv2

from depth_nn_transport.demo.frames import load_frames
from depth_nn_transport.frames.files import FrameFileError

import numpy as np

import pytest


def test_frames_come_in_the_order_of_their_names(tmp_path):
    for number in (2, 0, 1):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.full((16, 16), number, np.uint16))
    assert [frame[0, 0] for frame in load_frames(tmp_path, 2)] == [0, 1]


def test_a_size_that_the_codec_does_not_take_is_told_before_nodes_start(tmp_path):
    cv2.imwrite(str(tmp_path / 'tiny.png'), np.ones((7, 7), np.uint16))
    with pytest.raises(FrameFileError, match=r'tiny\.png has 7x7 pixels'):
        load_frames(tmp_path, None)
