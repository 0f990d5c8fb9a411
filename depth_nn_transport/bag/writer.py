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
"""Writing of rosbag2 bags, sqlite3 and MCAP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
import os
from pathlib import Path
import shutil
import sqlite3
import tempfile
from types import TracebackType
from typing import Literal

from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.message_types import Definition
from depth_nn_transport.bag.reader import check_sqlite_path
from rosbags.interfaces import Connection, Qos
from rosbags.rosbag2 import (
    CompressionFormat,
    CompressionMode,
    StoragePlugin,
    Writer,
    WriterError,
)
from rosbags.rosbag2.storage_mcap import McapWriter, Schema, write_schema

# The newest version of the metadata that Humble reads; later distributions read it as well.
_METADATA_VERSION: Literal[8] = 8


class BagWriter:
    """
    A bag that appears under its name when it is whole, and not before.

    As a context manager it finishes the bag at the end of the block, or removes what there is of
    it if the block raises.
    """

    def __init__(
        self, path: Path, storage: StoragePlugin, custom_data: Mapping[str, str] | None = None,
        keep: bool = False,
    ) -> None:
        """
        Begin a bag; chunks of MCAP are compressed with zstd.

        :param path: of the bag.
        :param storage: its format.
        :param custom_data: noted in it.
        :param keep: leave what was written in its hidden folder if the bag cannot be finished, as
            it cannot be made again.
        :raises BagError: if the path is taken or cannot be written.
        """
        self.path = path
        self._may_keep, self._keep = keep, False
        if storage is StoragePlugin.SQLITE3:
            check_sqlite_path(path)
        if os.path.lexists(path):
            raise BagError(f'{path} exists already; choose another name or remove it')
        with self._readable_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._workplace = Path(
                tempfile.mkdtemp(prefix=f'.{path.name}.', suffix='.partial', dir=path.parent)
            )
        try:
            # The name of the folder becomes that of the file in it.
            self._writer = Writer(
                self._workplace / path.name, version=_METADATA_VERSION, storage_plugin=storage
            )
            if storage is StoragePlugin.MCAP:
                self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            for key, value in (custom_data or {}).items():
                self._writer.set_custom_data(key, value)
            with self._readable_errors():
                self._writer.open()
        except BaseException:
            self._remove()
            raise

    def __enter__(self) -> BagWriter:
        """Return the bag."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """
        Finish the bag, or remove it after an error.

        :raises BagError: if it cannot be finished.
        """
        try:
            if error is None:
                with self._readable_errors():
                    self._finish()
                self._keep = False
            else:
                self._writer.abort()
        finally:
            if not self._keep:
                self._remove()

    def add_topic(
        self, topic: str, msgtype: str, definition: Definition, qos: Sequence[Qos] = ()
    ) -> Connection:
        """
        Add a topic.

        :raises BagError: if the bag cannot be written.
        """
        with self._readable_errors():
            if not definition.text and msgtype not in self._writer.added_types:
                self._declare_undefined(msgtype)
            return self._writer.add_connection(
                topic, msgtype, msgdef=definition.text, rihs01=definition.digest,
                offered_qos_profiles=qos,
            )

    def write(self, connection: Connection, timestamp: int, data: bytes) -> None:
        """
        Write a message: time in ns and CDR bytes.

        :raises BagError: if the bag cannot be written.
        """
        self._keep = self._may_keep
        with self._readable_errors():
            self._writer.write(connection, timestamp, data)

    def _declare_undefined(self, msgtype: str) -> None:
        """Admit a type whose definition nobody knows: in MCAP by an empty schema, as rosbag2."""
        storage = self._writer.storage
        if isinstance(storage, McapWriter):
            storage.schemas.append(Schema(len(storage.schemas) + 1, msgtype, '', ''))
            write_schema(storage.chunk.bio, storage.schemas[-1])
        self._writer.added_types.add(msgtype)

    def _remove(self) -> None:
        """Remove what is not finished."""
        shutil.rmtree(self._workplace, ignore_errors=True)

    def _finish(self) -> None:
        self._writer.close()
        finished = self._workplace / self.path.name
        for file in finished.iterdir():
            with file.open('rb') as opened:
                os.fsync(opened.fileno())
        finished.rename(self.path)

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, OverflowError, sqlite3.Error, WriterError) as error:
            kept = f'; what was recorded is in {self._workplace}' if self._keep else ''
            raise BagError(f'{self.path} cannot be written: {error}{kept}') from error
