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
"""What the scripts that regenerate pages share."""

from __future__ import annotations

from pathlib import Path
import shutil
import subprocess
import sys
import tempfile

import click

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / 'docs'
BEGIN, END = '<!-- measured -->', '<!-- end -->'
FOLDER = click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path)


def regenerate(
        page: str, command: str, *arguments: object,
        pictures: dict[str, str] | None = None) -> None:
    """
    Run a command of ``bench`` and put its tables into a page.

    :param page: in docs/.
    :param command: whose tables are a Markdown file of its name.
    :param arguments: beside where to write.
    :param pictures: names in docs/images of those that it draws, by theirs.
    """
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [sys.executable, '-m', 'depth_nn_transport', 'bench', command,
             *map(str, arguments), '--out', scratch], check=True, cwd=ROOT)
        put(DOCS / page, (Path(scratch) / f'{command}.md').read_text())
        for drawn, name in (pictures or {}).items():
            shutil.copy(Path(scratch) / drawn, DOCS / 'images' / name)


def put(document: Path, text: str) -> None:
    """Replace what stands between the marks of a document."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise click.ClickException(f'{document} lacks {BEGIN} or {END}')
    document.write_text(f'{before}{BEGIN}\n{text}\n{END}{after}')
