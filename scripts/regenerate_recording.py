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
"""Measures anew what docs/recording.md says of an hour of camera in a bag."""

from __future__ import annotations

from pathlib import Path
import shutil
import subprocess
import sys
import tempfile

import click

from regenerate_benchmarks import DOCS, put, ROOT


@click.command()
@click.argument('folders', nargs=-1, required=True, metavar='DIR...',
                type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option('--frames', help='As of `bench bag`.')
def main(folders: tuple[Path, ...], frames: str | None) -> None:
    """Write the figures of recordings in the folders into the page, and draw its bars."""
    with tempfile.TemporaryDirectory() as scratch:
        limit = ('--frames', frames) if frames else ()
        subprocess.run(
            [sys.executable, '-m', 'depth_nn_transport', 'bench', 'bag', *folders,
             '--out', scratch, *limit], check=True, cwd=ROOT)
        put(DOCS / 'recording.md', '', (Path(scratch) / 'bag.md').read_text())
        shutil.copy(Path(scratch) / 'bag.png', DOCS / 'images' / 'recording.png')


if __name__ == '__main__':
    main()
