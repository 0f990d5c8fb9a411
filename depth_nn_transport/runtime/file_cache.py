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
"""What is kept on disk between starts: compiled networks, and the sizes of frames."""

from __future__ import annotations

from contextlib import suppress
import hashlib
import os
from pathlib import Path
import tempfile

# Networks of about eight frame sizes; those used longest ago give way.
KEPT_FILES = 144
_DIGEST_SIZE = hashlib.sha256().digest_size


class FileCache:
    """
    Files of a folder by name, each with its checksum; a damaged one counts as missing.

    A folder that cannot be read or written only costs time: nothing here raises.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made when something is kept; none if its path is relative."""
        self._folder = folder

    def load(self, name: str) -> bytes | None:
        """Return what was kept under a name, None if there is nothing."""
        path = self._folder / name
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        digest, content = data[:_DIGEST_SIZE], data[_DIGEST_SIZE:]
        return content if hashlib.sha256(content).digest() == digest else None

    def save(self, name: str, content: bytes) -> None:
        """Keep something under a name, in the place of what was there."""
        if not self._folder.is_absolute():
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            # Other processes see the whole file or none.
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                part = Path(file.name)
                try:
                    file.write(hashlib.sha256(content).digest() + content)
                    file.flush()
                    part.replace(self._folder / name)
                finally:
                    part.unlink(missing_ok=True)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        files = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in files[:-KEPT_FILES]:
            path.unlink(missing_ok=True)


def user_cache() -> FileCache:
    """Return the cache of this user, where the XDG base directory specification puts it."""
    root = Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache')
    with suppress(RuntimeError):
        # Who has no home has no cache.
        root = root.expanduser()
    return FileCache(root / 'depth_nn_transport')
