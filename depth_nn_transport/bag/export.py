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
"""Depth of a bag as 16-bit PNGs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from depth_nn_transport.bag import worker
from depth_nn_transport.bag.depth_messages import read_message, stamp_ns
from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.plan import encoded_topics, image_topics
from depth_nn_transport.bag.pool import Task, WorkerPool
from depth_nn_transport.bag.reader import BagReader
from depth_nn_transport.codec.errors import InvalidDepthError
from depth_nn_transport.frames.files import IMAGE_SUFFIX
from rosbags.interfaces import Connection


@dataclass
class ExportReport:
    """What was exported of a topic: its name, folder, frames, and those refused by reason."""

    topic: str
    folder: Path
    frames: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def export_topics(
    reader: BagReader, names: Sequence[str], out: Path, pool: WorkerPool,
    progress: Callable[[int], Any],
) -> list[ExportReport]:
    """
    Write the frames of depth topics as ``<number>_<stamp in ns>.png``, a folder for each topic.

    :param reader: of the bag.
    :param names: of the topics; all with depth if none.
    :param out: folder for the folders; made if missing.
    :param pool: of processes that decode and write.
    :param progress: called with the number of frames written.
    :raises BagError: if there is no such topic, two share a folder, one holds frames already, or
        the bag cannot be read.
    """
    encoded = encoded_topics(reader)
    known = {topic.topic for topic in encoded}
    images = [name for name in names if name not in known]
    topics = [topic for topic in encoded if not names or topic.topic in names]
    topics += image_topics(reader, images) if images or not names else []
    if not topics:
        raise BagError(f'{reader.path} has no depth topic')
    reports = [
        ExportReport(topic.topic, out / topic.topic.strip('/').replace('/', '_'))
        for topic in topics
    ]
    _check_distinct(reports)
    for topic, report in zip(topics, reports, strict=True):
        _export(reader, topic, report, pool, progress)
    return reports


def _check_distinct(reports: Sequence[ExportReport]) -> None:
    topics: dict[Path, str] = {}
    for report in reports:
        other = topics.setdefault(report.folder, report.topic)
        if other != report.topic:
            raise BagError(f'{other} and {report.topic} would share the folder {report.folder}; '
                           'choose between them with --topics')


def _export(
    reader: BagReader, topic: Connection, report: ExportReport, pool: WorkerPool,
    progress: Callable[[int], Any],
) -> None:
    if any(report.folder.glob(f'*{IMAGE_SUFFIX}')):
        raise BagError(f'{report.folder} holds frames already; choose another folder')
    report.folder.mkdir(parents=True, exist_ok=True)
    for _, refused in pool.in_order(_tasks(reader, topic, report)):
        if refused is None:
            report.frames += 1
        else:
            report.refused[refused.reason] += 1
        progress(1)


def _tasks(reader: BagReader, topic: Connection, report: ExportReport) -> Iterator[Task]:
    for number, (_, _, data) in enumerate(reader.messages([topic])):
        try:
            stamp = stamp_ns(read_message(data, topic.msgtype))
        except InvalidDepthError as error:
            report.refused[str(error)] += 1
            continue
        path = report.folder / f'{number:06d}_{stamp}{IMAGE_SUFFIX}'
        yield Task(None, len(data), worker.export, (topic.msgtype, data, path))
