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
"""Measures anew the tables of docs/bounded.md."""

from __future__ import annotations

from pathlib import Path

import click

from pages import FOLDER, regenerate


@click.command()
@click.argument('folders', nargs=-1, required=True, metavar='DIR...', type=FOLDER)
@click.option('--frames', default=8, show_default=True, help='As of `bench bounded`.')
def main(folders: tuple[Path, ...], frames: int) -> None:
    """Write the figures of recordings in the folders into the page."""
    regenerate('bounded.md', 'bounded', *folders, '--frames', frames)


if __name__ == '__main__':
    main()
