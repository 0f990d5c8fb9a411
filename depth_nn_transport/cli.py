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
"""The command line: ``python -m depth_nn_transport COMMAND``."""

from __future__ import annotations

import importlib
from typing import Any

import click

# Loaded when called: a robot need not install what only the other commands need.
COMMANDS = {
    'encode': 'depth_nn_transport.frames.command:encode',
    'decode': 'depth_nn_transport.frames.command:decode',
    'simulate': 'depth_nn_transport.simulator.command:simulate',
    'demo': 'depth_nn_transport.demo.command:demo',
    'bench': 'depth_nn_transport.bench.command:bench',
    'train': 'depth_nn_transport.training.command:train',
    'bag': 'depth_nn_transport.bag.command:bag',
}


class LazyGroup(click.Group):
    """Imports a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """
        Import a command.

        :raises click.ClickException: if a package that the command needs is not installed.
        """
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(':')
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise _missing_package(cmd_name, error) from error
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """
        Run a command.

        :raises click.ClickException: if a package that it imports on the way is not installed.
        """
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise _missing_package(ctx.invoked_subcommand, error) from error


def _missing_package(command: str | None, error: ModuleNotFoundError) -> click.ClickException:
    return click.ClickException(f'{command!r} needs the Python package {error.name!r}: {error}')


@click.command(cls=LazyGroup)
def main() -> None:
    """Depth images in a fiftieth of the bits, holes exact."""
