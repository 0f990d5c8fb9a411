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
"""Reading of rosbag2 bags, sqlite3 and MCAP."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from depth_nn_transport.bag.errors import BagError
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, StoragePlugin
from rosbags.rosbag2.storage_mcap import McapReader

Message = tuple[Connection, int, bytes]

STORAGE_SUFFIXES = ('.mcap', '.db3')
# SQLite leaves these beside a database that was not closed; what they hold would be missing.
_LEFTOVERS = ('-wal', '-journal')


class BagReader:
    """
    An open bag: a folder with ``metadata.yaml``, or a single ``.mcap`` or ``.db3`` file.

    :ivar path: of the bag.
    :ivar connections: topics, with type, definition and QoS.
    :ivar message_count: of all topics.
    :ivar storage: format of the bag.
    :ivar size: bytes on disk.
    :ivar duration_s: from the first to the last message.
    :ivar custom_data: what whoever wrote the bag noted in it.
    """

    def __init__(self, path: Path) -> None:
        """
        Open a bag.

        :raises BagError: if it is missing, truncated, damaged or something else.
        """
        self.path = path
        _check_kind(path)
        with self._readable_errors():
            self._reader = _opened(path)
        storages = getattr(self._reader.storage, 'storages', [self._reader.storage])
        _match(storages, self._reader.connections)
        is_mcap = any(isinstance(storage, McapReader) for storage in storages)
        self.storage = StoragePlugin.MCAP if is_mcap else StoragePlugin.SQLITE3
        self.connections = list(self._reader.connections)
        self.message_count = self._reader.message_count
        self.size = bag_size(path)
        self.duration_s = self._reader.duration / 1e9
        self.custom_data = dict(self._reader.storage.metadata.custom or {})

    def __enter__(self) -> BagReader:
        """Return the open bag."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the bag."""
        self._reader.close()

    def messages(self, connections: Collection[Connection] | None = None) -> Iterator[Message]:
        """
        Yield topic, time in ns and CDR bytes of messages in order of time.

        :param connections: of these topics; of all if None.
        :raises BagError: if the bag is damaged, or holds fewer messages than it tells.
        """
        wanted = self.connections if connections is None else connections
        if not wanted:
            return
        missing = sum(topic.msgcount for topic in wanted)
        with self._readable_errors():
            for message in self._reader.messages(wanted):
                missing -= 1
                yield message
        if missing > 0:
            raise BagError(f'{self.path} lacks {missing} messages that it tells of in its '
                           'metadata; `ros2 bag reindex` counts anew what is there')

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        """Name the bag in errors; a damaged file makes its reader raise nearly anything."""
        try:
            yield
        except BagError:
            raise
        except Exception as error:
            raise BagError(
                f'{self.path} cannot be read: {_in_words(error)}. If its recording was cut short, '
                '`ros2 bag reindex` (sqlite3) or `mcap recover` (MCAP) may restore it'
            ) from error


def check_sqlite_path(path: Path) -> None:
    """
    Refuse a path that SQLite, asked by a URI, would take for another one.

    :raises BagError: if it is such a path.
    """
    if taken := [character for character in '#?%' if character in str(path)]:
        raise BagError(f'{path}: a database of sqlite3 cannot be opened below a name with '
                       f'{taken[0]!r}; rename it, or take mcap')


def _match(storages: Iterable[Any], topics: Iterable[Connection]) -> None:
    """
    Give topics in files the QoS of ``metadata.yaml``, which people edit.

    Topics whose QoS differ would be taken for others, and their messages passed over. Where a
    name is used twice, it is by the QoS that the two are told apart.
    """
    named: dict[tuple[str, str], list[Connection]] = {}
    for topic in topics:
        named.setdefault((topic.topic, topic.msgtype), []).append(topic)
    for storage in storages:
        for place, one in enumerate(storage.connections):
            same = named.get((one.topic, one.msgtype), [])
            if len(same) == 1:
                storage.connections[place] = one._replace(ext=same[0].ext)


def _opened(path: Path) -> Reader:
    """
    Open a bag.

    :raises BagError: if a type is defined in no way that is known.
    """
    reader = Reader(path)
    try:
        reader.open()
    except KeyError as error:
        raise BagError(f'{path} cannot be read: a message type is defined in the format {error}, '
                       'which is not known, as where its recorder did not find it; leave its '
                       'topic out by `ros2 bag convert`') from error
    return reader


def bag_size(path: Path) -> int:
    """Return the bytes that a bag takes on disk."""
    files = [path] if path.is_file() else [file for file in path.rglob('*') if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _check_kind(path: Path) -> None:
    if not path.exists():
        raise BagError(f'{path} does not exist')
    if path.suffix == '.bag' and path.is_file():
        raise BagError(
            f'{path} is a ROS 1 bag; convert it first: rosbags-convert --src {path} --dst FOLDER'
        )
    if path.is_file() and path.suffix not in STORAGE_SUFFIXES:
        raise BagError(f'{path} is no bag: a folder with metadata.yaml, or a .mcap or .db3 file')
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    if path.is_dir() and path / 'metadata.yaml' not in files:
        parts = [file.name for file in files if file.suffix in STORAGE_SUFFIXES]
        advice = f'; name the file itself: {path / parts[0]}' if parts else ''
        raise BagError(f'{path} has no metadata.yaml: it is no bag or was not finished{advice}')
    for file in files:
        if file.suffix == '.db3':
            check_sqlite_path(file)
    _check_closed([file for file in files if file.suffix in STORAGE_SUFFIXES])


def _check_closed(files: list[Path]) -> None:
    for file in files:
        for leftover in (file.with_name(file.name + suffix) for suffix in _LEFTOVERS):
            if leftover.exists() and leftover.stat().st_size > 0:
                raise BagError(
                    f'{file} was not closed, {leftover.name} still holds a part of it; '
                    f"merge it first: sqlite3 {file} 'PRAGMA wal_checkpoint(TRUNCATE)'"
                )


def _in_words(error: Exception) -> str:
    """Return what an error says; some name their kind only."""
    return str(error).rstrip('.') or type(error).__name__
