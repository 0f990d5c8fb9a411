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
"""The command ``train``: mistakes end in one line."""

from click.testing import CliRunner
from depth_nn_transport.training.command import train
import pytest


@pytest.mark.parametrize(('arguments', 'expected'), [
    (['maps'], 'holds no folder of depth PNGs'),
    (['plane'], 'holds no folder of depth PNGs'),
    (['corrections'], 'holds no folder of depth PNGs'),
    (['corrections', '--model', 'nonsense'], "no model 'nonsense'"),
])
def test_mistakes_end_in_one_line(arguments, expected, tmp_path):
    data = tmp_path / 'data'
    data.mkdir()
    folders = ['--data', str(data), '--out', str(tmp_path / 'model')]
    result = CliRunner().invoke(train, [*arguments, *folders])
    assert result.exit_code == 1
    assert result.output.startswith('Error: ')
    assert expected in result.output
