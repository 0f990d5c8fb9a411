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
"""
What an hour of a camera takes in a bag, and how long it takes to get it there.

Each recording becomes a bag of raw images at 30 Hz, which every way of keeping it is measured
against: written to disk by the same worker processes, through the same readers and writers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
import json
from pathlib import Path
import tempfile
import time
from typing import Any

from depth_nn_transport.bag import worker
from depth_nn_transport.bag.convert import Conversion, convert
from depth_nn_transport.bag.depth_messages import depth_of, image_message, read_message
from depth_nn_transport.bag.message_types import (
    COMPRESSED_DEPTH,
    COMPRESSED_IMAGE,
    IMAGE,
    known_definition,
    make,
    serialize,
)
from depth_nn_transport.bag.plan import TRANSPORT_SUFFIX
from depth_nn_transport.bag.pool import WorkerPool
from depth_nn_transport.bag.reader import bag_size, BagReader
from depth_nn_transport.bag.writer import BagWriter
from depth_nn_transport.bench.frames import frame_paths
from depth_nn_transport.frames.compressed_depth import encode_transport
from depth_nn_transport.frames.files import read_depth
from depth_nn_transport.nodes.topics import COMPRESSED_SUFFIX

import matplotlib.figure

import numpy as np

from rosbags.rosbag2 import StoragePlugin

RATE_HZ = 30
FRAMES_AN_HOUR = RATE_HZ * 3600
PNG = 'compressedDepth PNG'
RVL_ZSTD = 'RVL, MCAP with zstd chunks'
_ROUNDS = 3
_TOPIC = '/camera/depth/image_rect_raw'


@dataclass(frozen=True)
class Way:
    """A way to keep depth in a bag: its name, the bag's format, and the conversion if any."""

    name: str
    storage: StoragePlugin
    conversion: Conversion | None = None


@dataclass(frozen=True)
class HourOfCamera:
    """
    A way of keeping one recording, for an hour of 30 Hz.

    :ivar recording: name of the folder.
    :ivar size: of the frames, as ``640x480``.
    :ivar frames: that were measured.
    :ivar way: how they were kept.
    :ivar bytes_an_hour: of the bag.
    :ivar frames_per_second: converted, reading and writing included; of the fastest round.
    """

    recording: str
    size: str
    frames: int
    way: str
    bytes_an_hour: float
    frames_per_second: float


def ways() -> list[Way]:
    """Return all ways to keep depth, the raw one first."""
    mcap = StoragePlugin.MCAP
    ours: dict[str, dict[str, Any]] = {
        **{f'ours, lossy, quality {quality}': {'mode': 'lossy', 'quality': float(quality)}
           for quality in (25, 50, 75)},
        **{f'ours, at most {quanta} quanta off': {'mode': 'bounded', 'max_error': float(quanta)}
           for quanta in (4, 1)},
        'ours, lossless': {'mode': 'lossless'},
    }
    return [
        Way('raw', StoragePlugin.SQLITE3),
        Way('raw, MCAP with zstd chunks', mcap),
        Way(PNG, mcap, _transport('png')),
        Way('compressedDepth RVL', StoragePlugin.SQLITE3, _transport('rvl')),
        Way(RVL_ZSTD, mcap, _transport('rvl')),
        *(Way(name, mcap, _ours(settings)) for name, settings in ours.items()),
    ]


def measure_recording(
    folder: Path, limit: int | None, threads: int, model: str, runtime: str,
    progress: Callable[[int], Any]
) -> list[HourOfCamera]:
    """
    Keep the frames of a folder in every way.

    :param folder: of 16-bit PNGs.
    :param limit: number of frames from the start; all if None.
    :param threads: worker processes.
    :param model: of our codec.
    :param runtime: of our codec.
    :param progress: called with the number of frames done.
    :raises FileNotFoundError: if the folder holds no PNG.
    :raises BagError: if there is no room for the bags.
    :raises ValueError: if a frame cannot be kept in every way.
    """
    paths = frame_paths(folder)[:limit]
    height, width = read_depth(paths[0]).shape
    with (
        tempfile.TemporaryDirectory() as workplace,
        WorkerPool(threads, worker.prepare, (model, runtime)) as pool,
    ):
        raw, short = Path(workplace, 'raw'), Path(workplace, 'short')
        write_raw(raw, paths)
        write_raw(short, paths[:2 * threads])
        results = []
        for way in ways():
            # Loads models and compiles, which an hour of camera would not notice.
            keep(short, Path(workplace, 'warm', way.name), way, pool, lambda _: None)
            rounds = [keep(raw, Path(workplace, f'kept{k}', way.name), way, pool, progress)
                      for k in range(_ROUNDS)]
            # Whatever else the machine does slows a round down; nothing speeds it up.
            size, seconds = min(rounds, key=lambda kept: kept[1])
            results.append(HourOfCamera(
                folder.name, f'{width}x{height}', len(paths), way.name,
                size * FRAMES_AN_HOUR / len(paths), len(paths) / seconds,
            ))
    return results


def keep(
    source: Path, target: Path, way: Way, pool: WorkerPool, progress: Callable[[int], Any]
) -> tuple[int, float]:
    """
    Keep a bag of raw images in a way; return the size of the new bag and the seconds taken.

    :raises ValueError: if a frame cannot be kept this way.
    """
    start = time.perf_counter()
    with BagReader(source) as reader, BagWriter(target, way.storage) as writer:
        conversions = {topic.id: way.conversion for topic in reader.connections if way.conversion}
        reports = convert(reader, writer, conversions, pool, progress)
    if refused := [reason for report in reports for reason in report.refused]:
        raise ValueError(f'{way.name}: {refused[0]}')
    return bag_size(target), time.perf_counter() - start


def write_raw(path: Path, frames: Sequence[Path]) -> None:
    """Write a bag of raw images."""
    definition = known_definition(IMAGE)
    assert definition is not None
    with BagWriter(path, StoragePlugin.SQLITE3) as writer:
        topic = writer.add_topic(_TOPIC, IMAGE, definition)
        for number, frame in enumerate(frames):
            stamp_ns = number * 10**9 // RATE_HZ
            stamp = make('builtin_interfaces/msg/Time', sec=stamp_ns // 10**9,
                         nanosec=stamp_ns % 10**9)
            header = make('std_msgs/msg/Header', stamp=stamp, frame_id='camera')
            writer.write(topic, stamp_ns, image_message(read_depth(frame), '16UC1', header))


def to_transport(form: str, _: int, data: bytes) -> worker.Converted:
    """Turn an Image into what compressed_depth_image_transport makes of it: `png` or `rvl`."""
    message = read_message(data, IMAGE)
    depth = np.asarray(depth_of(message), np.uint16)
    compressed = make(
        COMPRESSED_IMAGE, header=message.header, format=f'16UC1; compressedDepth {form}',
        data=np.frombuffer(encode_transport(depth, form), np.uint8),
    )
    return worker.Converted(serialize(compressed), depth.size)


def markdown(results: Sequence[HourOfCamera], threads: int) -> str:
    """Return one table for each recording."""
    lines = []
    for recording, rows in _by_recording(results).items():
        sizes = {row.way: row.bytes_an_hour for row in rows}
        lines += [
            f'### {recording}, {rows[0].size}, {rows[0].frames} frames', '',
            f'| way | GB an hour | of PNG | of {RVL_ZSTD} | frames/s on {threads} cores | '
            'minutes for an hour |', '|---|---:|---:|---:|---:|---:|',
        ]
        lines += [
            f'| {row.way} | {row.bytes_an_hour / 1e9:.2f} | {row.bytes_an_hour / sizes[PNG]:.3f} '
            f'| {row.bytes_an_hour / sizes[RVL_ZSTD]:.3f} | {row.frames_per_second:.1f} '
            f'| {FRAMES_AN_HOUR / row.frames_per_second / 60:.0f} |'
            for row in rows
        ]
        lines.append('')
    return '\n'.join(lines)


def draw(results: Sequence[HourOfCamera], path: Path) -> None:
    """Draw bars of size and time for every recording."""
    groups = _by_recording(results)
    figure = matplotlib.figure.Figure(figsize=(12, 3.4 * len(groups)), layout='constrained')
    grid = figure.subplots(len(groups), 2, squeeze=False)
    for axes, (recording, rows) in zip(grid, groups.items(), strict=True):
        names = [row.way for row in rows]
        gigabytes = [row.bytes_an_hour / 1e9 for row in rows]
        minutes = [FRAMES_AN_HOUR / row.frames_per_second / 60 for row in rows]
        _bars(axes[0], names, gigabytes, f'{recording}: GB an hour')
        _bars(axes[1], names, minutes, 'minutes to convert an hour')
        axes[1].axvline(60, color='grey', linestyle=':')
        axes[1].set_yticklabels([])
    figure.savefig(path, dpi=100)


def write_report(results: Sequence[HourOfCamera], out: Path, threads: int) -> str:
    """Write table, bars and JSON into a folder; return the table."""
    out.mkdir(parents=True, exist_ok=True)
    tables = markdown(results, threads)
    (out / 'bag.md').write_text(tables)
    (out / 'bag.json').write_text(json_line(results) + '\n')
    draw(results, out / 'bag.png')
    return tables


def json_line(results: Sequence[HourOfCamera]) -> str:
    """Return all figures as one line of JSON."""
    return json.dumps({'recordings': [asdict(result) for result in results]})


def _transport(form: str) -> Conversion:
    return Conversion(
        _TOPIC + TRANSPORT_SUFFIX, COMPRESSED_IMAGE, partial(to_transport, form)
    )


def _ours(settings: Mapping[str, Any]) -> Conversion:
    return Conversion(
        _TOPIC + COMPRESSED_SUFFIX, COMPRESSED_DEPTH,
        partial(worker.compress, _TOPIC, IMAGE, settings),
    )


def _by_recording(results: Sequence[HourOfCamera]) -> dict[str, list[HourOfCamera]]:
    groups: dict[str, list[HourOfCamera]] = {}
    for result in results:
        groups.setdefault(result.recording, []).append(result)
    return groups


def _bars(axes: Any, names: Sequence[str], values: Sequence[float], title: str) -> None:
    bars = axes.barh(names, values, color=['C0' if name[:4] == 'ours' else 'C7' for name in names])
    axes.bar_label(bars, fmt='%.2f', padding=3)
    axes.set_title(title)
    axes.margins(x=0.15)
    axes.invert_yaxis()
