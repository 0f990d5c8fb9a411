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
"""Two bags compared: every frame of depth by its errors, every other message by its bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
import hashlib
import heapq
from typing import Any

from depth_nn_transport.bag.comparison import compare, FrameComparison, FramePair, picture_of, Side
from depth_nn_transport.bag.depth_messages import read_message, stamp_ns
from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.message_types import COMPRESSED_IMAGE, IMAGE
from depth_nn_transport.bag.plan import encoded_topics, image_of, image_topics
from depth_nn_transport.bag.pool import Task, WorkerPool
from depth_nn_transport.bag.reader import BagReader
from depth_nn_transport.codec.errors import InvalidDepthError
from depth_nn_transport.frames.error_histogram import ErrorHistogram, QUANTA_BIN
from rosbags.interfaces import Connection

WORST_FRAMES = 3


@dataclass
class DepthReport:
    """
    What became of a depth topic.

    :ivar original, restored: names of the topic in the two bags.
    :ivar frames: compared.
    :ivar missing, extra: frames of one of the bags only.
    :ivar bytes_before, bytes_after: of the frames compared.
    :ivar mm, quanta: distributions of the absolute error over valid pixels.
    :ivar max_mm, max_quanta: greatest absolute errors.
    :ivar changed_holes: pixels that are a hole on one side only.
    :ivar problems: number of frames by what is wrong with them.
    :ivar worst: the frames with the greatest mean squared error, in quanta.
    """

    original: str
    restored: str
    frames: int = 0
    missing: int = 0
    extra: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    mm: ErrorHistogram = field(default_factory=lambda: ErrorHistogram(1))
    quanta: ErrorHistogram = field(default_factory=lambda: ErrorHistogram(QUANTA_BIN))
    max_mm: float = 0.0
    max_quanta: float = 0.0
    changed_holes: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    worst: list[tuple[float, int, tuple[Side, Side], FrameComparison]] = field(
        default_factory=list
    )

    def is_good(self) -> bool:
        """Return whether no frame, no hole and no promise was lost."""
        return not (self.missing or self.extra or self.changed_holes or self.problems)

    def add(self, sides: tuple[Side, Side], comparison: FrameComparison) -> None:
        """Count a frame."""
        self.frames += 1
        self.mm.merge(comparison.mm)
        self.quanta.merge(comparison.quanta)
        self.max_mm = max(self.max_mm, comparison.max_mm)
        self.max_quanta = max(self.max_quanta, comparison.max_quanta)
        self.changed_holes += comparison.changed_holes
        if comparison.broken:
            self.problems[comparison.broken] += 1
        self._keep_if_bad(sides, comparison)

    def _keep_if_bad(self, sides: tuple[Side, Side], comparison: FrameComparison) -> None:
        badness = comparison.quanta.mean_square()
        if not badness > 0:
            return
        heapq.heappush(self.worst, (badness, -self.frames, sides, comparison))
        if len(self.worst) > WORST_FRAMES:
            heapq.heappop(self.worst)


@dataclass(frozen=True)
class OtherReport:
    """Whether a topic that is not depth holds the same messages at the same times."""

    topic: str
    identical: bool


def verify(
    before: BagReader, after: BagReader, pool: WorkerPool, progress: Callable[[int], Any]
) -> tuple[list[DepthReport], list[OtherReport]]:
    """
    Compare two bags.

    Frames are matched by the time stamp in their headers, topics by the image they carry.
    Topics without such a partner are others.

    :raises BagError: if a bag cannot be read, or the bags have no depth topic in common.
    """
    first, second = _depth_topics(before, after, False), _depth_topics(after, before, True)
    shared = {name: topic for name, topic in first.items() if name in second}
    if not shared:
        raise BagError(f'{before.path} and {after.path} have no depth topic in common: '
                       f'{", ".join(first) or "none"} and {", ".join(second) or "none"}')
    depth = [
        _compare_topic(before, after, topic, second[name], pool, progress)
        for name, topic in shared.items()
    ]
    compared = {topic.topic for topic in shared.values()}
    return depth, _compare_others(before, after, compared)


def worst_frames(
    reports: list[DepthReport], pool: WorkerPool
) -> Iterator[tuple[str, FrameComparison, FramePair]]:
    """Yield topic, figures and pixels of the worst frames, the worst of each topic first."""
    kept = [(report, entry) for report in reports for entry in sorted(report.worst, reverse=True)]
    tasks = (
        Task((report.original, entry[3]), 0, picture_of, entry[2]) for report, entry in kept
    )
    for (topic, comparison), pair in pool.in_order(tasks):
        yield topic, comparison, pair


def _depth_topics(
    reader: BagReader, other: BagReader, prefer_encoded: bool
) -> dict[str, Connection]:
    """
    Return depth topics by the image that they carry.

    An image that is encoded in the other bag is depth, even mono16. Where several topics carry an
    image, one that the other bag does not have comes first: it became something else there.
    """
    elsewhere = {topic.topic for topic in other.connections}
    encoded = {image_of(topic) for topic in encoded_topics(other)}
    images = [topic for topic in reader.connections if image_of(topic) in encoded
              and topic.msgtype in {IMAGE, COMPRESSED_IMAGE}]
    groups = [encoded_topics(reader), [*image_topics(reader), *images]]
    ordered = groups[::-1] if prefer_encoded else groups
    topics = [topic for group in ordered for topic in group]
    # Later ones replace earlier ones.
    topics.sort(key=lambda topic: topic.topic not in elsewhere)
    return {image_of(topic): topic for topic in topics}


def _compare_topic(
    before: BagReader, after: BagReader, original: Connection, restored: Connection,
    pool: WorkerPool, progress: Callable[[int], Any],
) -> DepthReport:
    report = DepthReport(original.topic, restored.topic)
    left = set() if restored.topic == original.topic else _digests_on(after, original.topic)
    # A frame that was left as it was needs no partner.
    converted = (
        one for one in _frames(before, original) if not left or _digest(one[1].data) not in left
    )
    pairs = _pairs(converted, _frames(after, restored), report)
    tasks = (
        Task(sides, len(sides[0].data) + len(sides[1].data), compare, sides) for sides in pairs
    )
    for sides, comparison in pool.in_order(tasks):
        if isinstance(comparison, str):
            report.problems[comparison] += 1
        else:
            report.add(sides, comparison)
            report.bytes_before += len(sides[0].data)
            report.bytes_after += len(sides[1].data)
        progress(1)
    return report


def _digests_on(reader: BagReader, topic: str) -> set[bytes]:
    """Return digests of the messages on a topic, if there is one of that name."""
    topics = [one for one in reader.connections if one.topic == topic]
    return {_digest(data) for _, _, data in reader.messages(topics)}


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _frames(reader: BagReader, topic: Connection) -> Iterator[tuple[int, Side]]:
    """Yield time stamps and messages of a topic; a damaged one goes by the stamp before it."""
    stamp = 0
    for _, _, data in reader.messages([topic]):
        with suppress(InvalidDepthError):
            stamp = stamp_ns(read_message(data, topic.msgtype))
        yield stamp, Side(topic.msgtype, data)


def _pairs(
    before: Iterator[tuple[int, Side]], after: Iterator[tuple[int, Side]], report: DepthReport
) -> Iterator[tuple[Side, Side]]:
    """Match frames of equal stamps; of two that differ, the earlier one has no partner."""
    first, second = next(before, None), next(after, None)
    while first is not None and second is not None:
        if first[0] == second[0]:
            yield first[1], second[1]
            first, second = next(before, None), next(after, None)
        elif first[0] < second[0]:
            report.missing += 1
            first = next(before, None)
        else:
            report.extra += 1
            second = next(after, None)
    report.missing += (first is not None) + sum(1 for _ in before)
    report.extra += (second is not None) + sum(1 for _ in after)


def _compare_others(
    before: BagReader, after: BagReader, compared: Collection[str]
) -> list[OtherReport]:
    first, second = _digests(before, compared), _digests(after, ())
    return [OtherReport(topic, digest == second.get(topic)) for topic, digest in first.items()]


def _digests(reader: BagReader, left_out: Collection[str]) -> Mapping[str, bytes]:
    """Return a hash of times and bytes of every topic, but for some."""
    others = [topic for topic in reader.connections if topic.topic not in left_out]
    hashes = {topic.topic: hashlib.blake2b() for topic in others}
    for topic, timestamp, data in reader.messages(others):
        hashes[topic.topic].update(timestamp.to_bytes(8, 'little', signed=True))
        hashes[topic.topic].update(len(data).to_bytes(8, 'little') + data)
    return {name: state.digest() for name, state in hashes.items()}
