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
"""What the commands share."""

import click
from click.testing import CliRunner
from depth_nn_transport.options import Between, readable_errors
import pytest


@click.command()
@click.argument('number', type=Between(0, 100, min_open=True))
def halve(number: float) -> None:
    """Print half of a number."""
    with readable_errors(OSError):
        if number == 13:
            raise FileNotFoundError('13 is missing')
        if number == 14:
            raise KeyError(14)
    click.echo(number / 2)


@pytest.mark.parametrize('number', ['nan', '0', '101', 'inf'])
def test_what_is_not_between_is_refused(number):
    result = CliRunner().invoke(halve, [number])
    assert result.exit_code == 2
    assert number in result.output


def test_what_is_between_is_taken():
    assert CliRunner().invoke(halve, ['3']).output == '1.5\n'


def test_expected_errors_are_one_line_and_others_are_not_hidden():
    result = CliRunner().invoke(halve, ['13'])
    assert (result.exit_code, result.output) == (1, 'Error: 13 is missing\n')
    assert isinstance(CliRunner().invoke(halve, ['14']).exception, KeyError)
