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
"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import math
import os
from typing import Any, TypeVar

import click
from depth_nn_transport.codec.depth_codec import DEFAULT_QUALITY, MAX_THREADS, MODES
from depth_nn_transport.codec.model_files import DEFAULT_MODEL
from depth_nn_transport.runtime.registry import AUTO, RUNTIMES


class Between(click.FloatRange):
    """A range that NaN is not in."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or raise click.BadParameter."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f'{value} is not in the range {self._describe_range()}.', param, ctx)
        return number


Command = TypeVar('Command', bound=Callable[..., Any])

model_option = click.option(
    '--model', default=DEFAULT_MODEL, show_default=True, help='Model name or folder.',
)
runtime_option = click.option(
    '--runtime', default=AUTO, show_default=True, type=click.Choice(RUNTIMES),
    help='What runs the networks; torch takes a GPU where there is one.',
)
threads_option = click.option(
    '--threads', default=1, show_default=True, type=click.IntRange(1, MAX_THREADS),
    help='CPU threads.',
)
workers_option = click.option(
    '--threads', type=click.IntRange(1), default=lambda: len(os.sched_getaffinity(0)),
    help='Worker processes, one core each.  [default: all cores]',
)
json_option = click.option(
    '--json', 'as_json', is_flag=True, help='Print the summary as one JSON line.',
)


def settings_options(command: Command) -> Command:
    """Add the options that say how frames are encoded."""
    options = (
        click.option('--mode', default='lossy', show_default=True, type=click.Choice(MODES)),
        click.option(
            '--quality', default=DEFAULT_QUALITY, show_default=True,
            type=Between(0, 100), help='Of lossy mode; more is better and larger.',
        ),
        click.option('--max-error', type=float, help='Of bounded mode: quanta.'),
        click.option('--max-error-mm', type=float, help='Of bounded mode, instead: millimetres.'),
        click.option('--at', type=float, help='Depth (m) up to which the millimetres hold.'),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def readable_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds into one line and exit status 1."""
    try:
        yield
    except kinds as error:
        raise click.ClickException(str(error)) from error
