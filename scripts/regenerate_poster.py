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
"""Measures everything anew that docs/poster.md shows: the tables, and the picture of edges."""

from __future__ import annotations

from pathlib import Path
import tempfile

import click

from depth_nn_transport.bench import poster
from pages import DOCS, FOLDER, put
from regenerate_benchmarks import simulate, SIMULATED


@click.command()
@click.argument('folders', nargs=-1, required=True, metavar='DIR...', type=FOLDER)
@click.option('--frames', default=4, show_default=True, help='Frames of each folder.')
def main(folders: tuple[Path, ...], frames: int) -> None:
    """Write the tables of docs/poster.md, simulated frames included, and its picture."""
    with tempfile.TemporaryDirectory() as scratch:
        simulated = Path(scratch) / SIMULATED
        simulate(simulated, frames)
        points = poster.measure_folders((*folders, simulated), frames, 'main', 1)
    put(DOCS / 'poster.md', poster.markdown(points))
    poster.draw_picture(DOCS / 'images' / poster.PICTURE, 'main', 1)


if __name__ == '__main__':
    main()
