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
"""A bag with its depth topics converted and everything else passed through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from depth_nn_transport.bag.message_types import definition_of, known_definition
from depth_nn_transport.bag.pool import Task, WorkerPool
from depth_nn_transport.bag.reader import BagReader
from depth_nn_transport.bag.worker import Converted, Refused
from depth_nn_transport.bag.writer import BagWriter
from rosbags.interfaces import Connection, ConnectionExtRosbag2


@dataclass
class TopicReport:
    """
    What became of a topic.

    :ivar source, target: names of the topic.
    :ivar frames: number of messages converted.
    :ivar pixels: of these.
    :ivar bytes_in, bytes_out: of these.
    :ivar refused: number of messages left as they were, by reason.
    """

    source: str
    target: str
    frames: int = 0
    pixels: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Conversion:
    """
    How a topic is converted.

    :ivar target: name of the new topic.
    :ivar msgtype: of the new topic.
    :ivar work: what a worker does to a message, given the number of that in its topic and its
        bytes; can be pickled.
    """

    target: str
    msgtype: str
    work: Callable[[int, bytes], Converted | Refused]


def convert(
    reader: BagReader, writer: BagWriter, conversions: Mapping[int, Conversion],
    pool: WorkerPool, progress: Callable[[int], Any],
) -> list[TopicReport]:
    """
    Write a bag with some topics converted, in the order of the source.

    A message that cannot be converted is passed through on its own topic, like everything else.

    :param reader: the source.
    :param writer: the new bag.
    :param conversions: by the id of the source's connection.
    :param pool: of processes that convert.
    :param progress: called with the number of messages written.
    :returns: one report for each converted topic.
    :raises BagError: if a bag cannot be read or written.
    """
    outputs = _Outputs(writer, conversions)
    for topic in reader.connections:
        outputs.declare(topic)
    reports = {
        topic.id: TopicReport(topic.topic, conversions[topic.id].target)
        for topic in reader.connections if topic.id in conversions
    }
    for (topic, timestamp, data), result in pool.in_order(_tasks(reader, conversions)):
        report = reports.get(topic.id)
        if isinstance(result, Converted) and report is not None:
            writer.write(outputs.converted(topic), timestamp, result.data)
            report.frames += 1
            report.pixels += result.pixels
            report.bytes_in += len(data)
            report.bytes_out += len(result.data)
        else:
            writer.write(outputs.unchanged(topic), timestamp, data)
            if report is not None:
                report.refused[result.reason] += 1
        progress(1)
    return list(reports.values())


class _Outputs:
    """Topics of the new bag, by those of the source."""

    def __init__(self, writer: BagWriter, conversions: Mapping[int, Conversion]) -> None:
        self._writer = writer
        self._conversions = conversions
        self._converted: dict[int, Connection] = {}
        self._unchanged: dict[int, Connection] = {}

    def declare(self, topic: Connection) -> None:
        """Add what a topic becomes, be there messages or not."""
        if topic.id not in self._conversions:
            self.unchanged(topic)
            return
        conversion = self._conversions[topic.id]
        definition = known_definition(conversion.msgtype)
        assert definition is not None
        self._converted[topic.id] = self._writer.add_topic(
            conversion.target, conversion.msgtype, definition, _qos(topic)
        )

    def converted(self, topic: Connection) -> Connection:
        """Return the topic for converted messages."""
        return self._converted[topic.id]

    def unchanged(self, topic: Connection) -> Connection:
        """Return the topic for messages as they are; made when first needed."""
        if topic.id not in self._unchanged:
            self._unchanged[topic.id] = self._writer.add_topic(
                topic.topic, topic.msgtype, definition_of(topic), _qos(topic)
            )
        return self._unchanged[topic.id]


def _tasks(reader: BagReader, conversions: Mapping[int, Conversion]) -> Iterator[Task]:
    numbers: Counter[int] = Counter()
    for message in reader.messages():
        topic, _, data = message
        conversion = conversions.get(topic.id)
        if conversion is None:
            yield Task(message, len(data))
        else:
            yield Task(message, len(data), conversion.work, (numbers[topic.id], data))
            numbers[topic.id] += 1


def _qos(topic: Connection) -> list[Any]:
    assert isinstance(topic.ext, ConnectionExtRosbag2)
    return topic.ext.offered_qos_profiles
