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
"""Measures anew what a page of performance says, and draws its bars; needs a quiet machine."""

from __future__ import annotations

from pathlib import Path

import click

from pages import FOLDER, regenerate

PAGES = 'performance', 'performance_avx2'


@click.command()
@click.argument('folders', nargs=-1, required=True, metavar='DIR...', type=FOLDER)
@click.option('--page', default=PAGES[0], show_default=True, type=click.Choice(PAGES),
              help='Which one: the second is of processors whose vectors are AVX2.')
@click.option('--frames', default=6, show_default=True, help='As of `bench speed`.')
@click.option('--rounds', default=20, show_default=True, help='As of `bench speed`.')
@click.option('--seconds', default=60.0, show_default=True, help='As of `bench speed`.')
def main(
        folders: tuple[Path, ...], page: str, frames: int, rounds: int, seconds: float) -> None:
    """Write the figures of recordings in the folders into a page, and draw its bars."""
    regenerate(f'{page}.md', 'speed', *folders, '--frames', frames, '--rounds', rounds,
               '--seconds', seconds, pictures={'speed.png': f'{page}.png'})


if __name__ == '__main__':
    main()
