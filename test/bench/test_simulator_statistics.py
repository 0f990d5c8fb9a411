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
"""Statistics of depth frames are those of the definition."""

from depth_nn_transport.bench.simulator_statistics import (
    plot_statistics, run_lengths, Statistics,
)

import numpy as np


def test_runs_end_at_the_border_and_at_gaps():
    mask = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
    assert sorted(run_lengths(mask)) == [1, 2, 4]


def test_a_step_of_one_quantum_in_space_and_time():
    disparity = np.tile(np.arange(200, 264), (48, 1))
    first, second = (np.rint(612_000 / n).astype(np.uint16) for n in (disparity, disparity + 2))
    first[:, :16] = 0
    found = Statistics.of([[first, second]])
    assert found.hole_shares.tolist() == [0.25, 0]
    assert set(found.hole_runs) == {16}
    assert np.mean(found.differences == 1) > 0.9
    assert np.median(found.changes) == 2


def test_the_plot_is_written(tmp_path):
    some = Statistics(*(np.array(values) for values in ([0.1, 0.2], [3], [1.0], [2.0])))
    plot_statistics(tmp_path / 'new' / 'plot.png', {'some': some})
    assert (tmp_path / 'new' / 'plot.png').read_bytes().startswith(b'\x89PNG')
