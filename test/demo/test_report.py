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
"""What the demo concludes from a run."""

from __future__ import annotations

from depth_nn_transport.demo.player import Passage
from depth_nn_transport.demo.report import conclude, failures, measure_quality, Run, summary_rows

import numpy as np

FRAME = np.tile(np.rint(640000 / np.arange(200, 264)), (48, 1)).astype(np.uint16)
IDLE = {'frames': 0, 'dropped': {}, 'median_ms': 0.0, 'p99_ms': 0.0}


def passed(restored=FRAME) -> Passage:
    """Return a frame that took 50 ms and 768 bytes, which is two bits per pixel."""
    return Passage(FRAME, 1.0, 768, 1.05, restored)


def run_of(*passages, replaced=0) -> Run:
    """Return a run in which the encoder left out some frames."""
    return Run(list(passages), {**IDLE, 'dropped': {'replaced': replaced}}, IDLE, 30.0)


def problems(run) -> list[str]:
    """Return what went wrong in a run."""
    return failures(run, measure_quality(run))


def test_a_good_run_has_no_failures():
    assert problems(run_of(passed(), passed())) == []


def test_a_frame_that_was_overtaken_is_not_lost():
    assert problems(run_of(passed(), Passage(FRAME, 1.0), replaced=1)) == []


def test_a_frame_that_vanished_is_lost():
    assert problems(run_of(passed(), Passage(FRAME, 1.0))) == ['1 frames were lost on the way']


def test_what_a_node_dropped_is_told():
    run = Run([Passage(FRAME, 1.0)], {**IDLE, 'dropped': {'InvalidDepthError': 1}}, IDLE, 30.0)
    assert 'encoder dropped 1 (InvalidDepthError)' in problems(run)[0]


def test_nothing_at_all_is_a_failure():
    assert 'no frame was restored' in problems(run_of(Passage(FRAME, 1.0)))


def test_a_changed_hole_is_a_failure():
    changed = FRAME.copy()
    changed[3, 4] = 0
    assert problems(run_of(passed(changed))) == ['1 pixels changed between hole and depth']


def test_figures():
    run = run_of(passed(), passed())
    rows = dict(summary_rows(run, measure_quality(run)))
    assert rows['frames sent / received'] == '2 / 2'
    assert rows['bits per pixel'] == '2.000'
    assert rows['rate at 30 Hz'] == '0.18 Mbit/s'
    assert rows['smaller than raw'] == '8.0 times'
    assert rows['end to end, median / p99'] == '50.0 / 50.0 ms'


def test_the_picture_is_written(tmp_path):
    assert conclude(run_of(passed()), tmp_path / 'out') == []
    assert (tmp_path / 'out' / 'comparison.png').read_bytes().startswith(b'\x89PNG')
