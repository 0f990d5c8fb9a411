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
"""Runs every static check of the repository and exits non-zero if one fails."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ('depth_nn_transport', 'launch', 'scripts', 'setup.py', 'test')
CHECKS = (
    ('ruff', 'check', *FOLDERS),
    ('flake8', *FOLDERS),
    # As in ament_pep257, properties are methods like others; it cannot be said in setup.cfg.
    ('pydocstyle', '--property-decorators=', *FOLDERS),
    ('mypy',),
)


def main() -> None:
    """Run all checks, so that one run shows everything there is to mend."""
    failed = [] if check_headers() else ['licence header']
    for tool, *arguments in CHECKS:
        print(f'[lint] {tool}', flush=True)
        command = [sys.executable, '-m', tool, *arguments]
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            failed.append(tool)
    if failed:
        sys.exit(f'[lint] failed: {", ".join(failed)}')


def check_headers() -> bool:
    """Print the Python files that do not start with the licence header; return whether all do."""
    header = (ROOT / 'scripts' / 'license_header.txt').read_text()
    files = [path for folder in FOLDERS for path in python_files(ROOT / folder)]
    bare = [path for path in files if not path.read_text().startswith(header)]
    for path in bare:
        print(f'{path.relative_to(ROOT)}: does not start with scripts/license_header.txt')
    return not bare


def python_files(path: Path) -> list[Path]:
    """Return the file itself, or every non-empty Python file below a folder."""
    if path.is_file():
        return [path]
    return [file for file in path.rglob('*.py') if file.stat().st_size > 0]


if __name__ == '__main__':
    main()
