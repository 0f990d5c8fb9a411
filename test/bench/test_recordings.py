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
"""The shipped model needs no more bits than its peers, on recordings it never saw."""

from __future__ import annotations

from pathlib import Path

from depth_nn_transport.bench.run import choose_codecs, measure_folders, summarise

import pytest

RECORDINGS = Path(__file__).resolve().parents[3] / 'shared' / 'data' / 'val'
AGAINST = 'JPEG XL, JPEG 2000 and x265'
FRAMES = 2


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason='no recordings beside this checkout')
def test_fewer_bits_than_jpeg_xl_jpeg_2000_and_x265_at_equal_mean_error():
    folders = sorted(path for path in RECORDINGS.iterdir() if path.is_dir())
    codecs = choose_codecs('ours,jpegxl,jpeg2000,x265', '0,20,40,60,80,100', 'main', threads=1)
    for summary in summarise(measure_folders(folders, FRAMES, codecs, threads=1)):
        comparison = summary.ratios['mean_q'][AGAINST]
        assert comparison.covered > 0.5, summary.folder
        assert comparison.ratio <= 1.0, summary.folder
