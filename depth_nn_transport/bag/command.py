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
"""The command ``bag``: rosbag2 bags, without a ROS installation."""

from __future__ import annotations

from functools import partial
import json
from pathlib import Path
import time
from typing import Any

import click
from depth_nn_transport.bag import worker
from depth_nn_transport.bag.convert import Conversion, convert
from depth_nn_transport.bag.errors import BagError
from depth_nn_transport.bag.export import export_topics
from depth_nn_transport.bag.info import describe
from depth_nn_transport.bag.message_types import COMPRESSED_DEPTH, IMAGE
from depth_nn_transport.bag.plan import (
    compressed_names,
    decompressed_names,
    encoded_topics,
    image_topics,
)
from depth_nn_transport.bag.pool import WorkerPool
from depth_nn_transport.bag.reader import bag_size, BagReader
from depth_nn_transport.bag.summary import (
    conversion_summary,
    conversion_text,
    is_good,
    MB,
    verification_summary,
    verification_text,
)
from depth_nn_transport.bag.table import table
from depth_nn_transport.bag.verify import verify, worst_frames
from depth_nn_transport.bag.writer import BagWriter
from depth_nn_transport.codec.errors import DepthCodecError
from depth_nn_transport.frames.files import FrameFileError
from depth_nn_transport.options import (
    Between,
    json_option,
    model_option,
    readable_errors,
    runtime_option,
    settings_options,
    workers_option,
)
from rosbags.rosbag2 import StoragePlugin
from tqdm import tqdm

_EXPECTED = BagError, DepthCodecError, FrameFileError, OSError

_STORAGES = {'sqlite3': StoragePlugin.SQLITE3, 'mcap': StoragePlugin.MCAP}

_BAG = click.Path(exists=True, path_type=Path)
_NEW_BAG = click.Path(path_type=Path)
_TOPICS = click.option('--topics', default='', metavar='NAME,...', help='Only these topics.')
_STORAGE = click.option(
    '--storage', type=click.Choice(list(_STORAGES)), help='Format.  [default: that of IN]'
)


@click.group()
def bag() -> None:
    """Compress, restore, check and record bags (sqlite3 and MCAP)."""


@bag.command()
@click.argument('source', metavar='BAG', type=_BAG)
@json_option
def info(source: Path, as_json: bool) -> None:
    """Tell the topics of a bag, their sizes and how their depth is coded."""
    with (
        readable_errors(*_EXPECTED), BagReader(source) as reader,
        _bar(reader.message_count, 'reading') as bar,
    ):
        description = describe(reader, bar.update)
    if as_json:
        click.echo(json.dumps(description))
        return
    click.echo(f'{source}: {description["storage"]}, {description["messages"]} messages in '
               f'{description["duration_s"]:.1f} s, {description["bytes"] / MB:.2f} MB')
    click.echo(table(
        ('topic', 'type', 'messages', 'Hz', 'MB', 'depth'),
        [(topic['name'], topic['type'], str(topic['messages']), f'{topic["rate"]:.1f}',
          f'{topic["bytes"] / MB:.2f}', topic['depth']) for topic in description['topics']],
    ))


@bag.command()
@click.argument('source', metavar='IN', type=_BAG)
@click.argument('target', metavar='OUT', type=_NEW_BAG)
@_TOPICS
@settings_options
@_STORAGE
@model_option
@workers_option
@runtime_option
@json_option
def compress(
    source: Path, target: Path, topics: str, storage: str | None, model: str, threads: int,
    runtime: str, as_json: bool, **settings: Any,
) -> None:
    """
    Replace depth topics of a bag by compressed ones; pass everything else through.

    Depth is an Image of 16UC1 or 32FC1 (mono16 where --topics names it) or compressedDepth, PNG or
    RVL. Topic X becomes X/depth_nn.
    """
    with readable_errors(*_EXPECTED), BagReader(source) as reader:
        chosen = image_topics(reader, _names(topics))
        names = compressed_names(reader, chosen)
        conversions = {
            topic.id: Conversion(
                names[topic.id], COMPRESSED_DEPTH,
                partial(worker.compress, topic.topic, topic.msgtype, settings),
            )
            for topic in chosen
        }
        _convert(reader, target, conversions, storage, model, threads, runtime, as_json)


@bag.command()
@click.argument('source', metavar='IN', type=_BAG)
@click.argument('target', metavar='OUT', type=_NEW_BAG)
@_TOPICS
@_STORAGE
@model_option
@workers_option
@runtime_option
@json_option
def decompress(
    source: Path, target: Path, topics: str, storage: str | None, model: str, threads: int,
    runtime: str, as_json: bool,
) -> None:
    """
    Restore the images of compressed topics; pass everything else through.

    Topic X/depth_nn becomes X, or X/depth_nn/decoded where the bag has X as well.
    """
    with readable_errors(*_EXPECTED), BagReader(source) as reader:
        chosen = encoded_topics(reader, _names(topics))
        names = decompressed_names(reader, chosen)
        conversions = {
            topic.id: Conversion(names[topic.id], IMAGE, worker.decompress)
            for topic in chosen
        }
        _convert(reader, target, conversions, storage, model, threads, runtime, as_json)


@bag.command('verify')
@click.argument('original', metavar='A', type=_BAG)
@click.argument('other', metavar='B', type=_BAG)
@click.option('--out', type=click.Path(dir_okay=False, path_type=Path),
              help='PNG for a picture of the worst frames.')
@model_option
@workers_option
@runtime_option
@json_option
def verify_command(
    original: Path, other: Path, out: Path | None, model: str, threads: int, runtime: str,
    as_json: bool,
) -> None:
    """
    Compare the depth of bag B with that of bag A, and their other messages byte by byte.

    Either may be compressed. Exits with 1 if a frame or a message is missing or differs, a hole
    changed or a promised bound does not hold.
    """
    with (
        readable_errors(*_EXPECTED), BagReader(original) as before, BagReader(other) as after,
        WorkerPool(threads, worker.prepare, (model, runtime)) as pool,
        _bar(None, 'comparing') as bar,
    ):
        depth, others = verify(before, after, pool, bar.update)
        bar.close()
        click.echo(json.dumps(verification_summary(depth, others)) if as_json
                   else verification_text(depth, others))
        if out is not None:
            # Only this needs matplotlib.
            from depth_nn_transport.bag.picture import draw_worst

            if not draw_worst(worst_frames(depth, pool), out):
                click.echo(f'{out} is not written: no frame that was compared differs', err=True)
    raise SystemExit(0 if is_good(depth, others) else 1)


@bag.command()
@click.argument('source', metavar='BAG', type=_BAG)
@click.option('--out', required=True, type=click.Path(file_okay=False, path_type=Path),
              help='Folder; each topic gets one of its own in it.')
@_TOPICS
@model_option
@workers_option
@runtime_option
def export(source: Path, out: Path, topics: str, model: str, threads: int, runtime: str) -> None:
    """Write depth, compressed or not, as 16-bit PNGs in mm."""
    with (
        readable_errors(*_EXPECTED), BagReader(source) as reader,
        WorkerPool(threads, worker.prepare, (model, runtime)) as pool,
        _bar(None, 'exporting') as bar,
    ):
        reports = export_topics(reader, _names(topics), out, pool, bar.update)
    for report in reports:
        click.echo(f'{report.topic}: {report.frames} frames in {report.folder}')
        _tell_refused(report.refused)


@bag.command()
@click.argument('target', metavar='OUT', type=_NEW_BAG)
@click.argument('topics', nargs=-1, required=True)
@click.option('--duration', type=Between(0, min_open=True),
              help='Seconds.  [default: until Ctrl-C]')
def record(target: Path, topics: tuple[str, ...], duration: float | None) -> None:
    """Record live topics to an MCAP bag; needs rclpy, but no rosbag2."""
    from depth_nn_transport.bag.record import record_topics

    with readable_errors(*_EXPECTED):
        counts = record_topics(target, topics, duration)
    for topic, count in counts.items():
        click.echo(f'{topic}: {count} messages')
    click.echo(f'{target}: {bag_size(target) / MB:.2f} MB')


def _convert(
    reader: BagReader, target: Path, conversions: dict[int, Conversion], storage: str | None,
    model: str, threads: int, runtime: str, as_json: bool,
) -> None:
    plugin = _STORAGES[storage] if storage else reader.storage
    if not conversions:
        raise BagError(f'{reader.path} has no depth topic to convert')
    started = time.perf_counter()
    with (
        WorkerPool(threads, worker.prepare, (model, runtime)) as pool,
        BagWriter(target, plugin, reader.custom_data) as writer,
        _bar(reader.message_count, 'converting') as bar,
    ):
        reports = convert(reader, writer, conversions, pool, bar.update)
    seconds = time.perf_counter() - started
    for report in reports:
        _tell_refused(report.refused)
    summary = conversion_summary(reports, reader.size, bag_size(target), seconds)
    click.echo(json.dumps(summary) if as_json else conversion_text(reports, summary))


def _tell_refused(refused: dict[str, int]) -> None:
    for reason, frames in refused.items():
        click.echo(f'{frames} frames could not be converted: {reason}', err=True)


def _names(topics: str) -> list[str]:
    return [name.strip() for name in topics.split(',') if name.strip()]


def _bar(total: int | None, verb: str) -> Any:
    return tqdm(total=total, desc=verb, unit='message', disable=None)
