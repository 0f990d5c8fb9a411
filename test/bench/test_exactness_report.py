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
"""The report of a machine tells what it ran, what came out, and what it could not run."""

from dataclasses import replace

from depth_nn_transport.bench.exactness import Finding
from depth_nn_transport.bench.exactness_report import markdown
from depth_nn_transport.bench.executors import executors
from depth_nn_transport.bench.processor import processor_name
import pytest

GOOD = Finding('OpenVINO, float32', 1, 'native', 9, 9, 9)


@pytest.mark.parametrize('flaw', [{'same_streams': 8}, {'same_frames': 8}])
def test_whatever_is_not_the_same_is_a_flaw(flaw):
    assert GOOD.is_good
    assert not replace(GOOD, **flaw).is_good


def test_a_row_for_every_run():
    text = markdown([], [GOOD, replace(GOOD, threads=2, same_streams=8)])
    assert '| OpenVINO, float32 | native | 1 | 9 of 9 | 9 of 9 |' in text
    assert '| OpenVINO, float32 | native | 2 | 8 of 9 | 9 of 9 |' in text


def test_the_machine_and_what_it_lacks_are_named():
    text = markdown([], [GOOD])
    assert processor_name() in text
    for executor in executors():
        assert bool(executor.missing) == (f'- {executor.name}: {executor.missing}' in text)
