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
"""A bench run from the choice of codecs to the written report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
import json
from pathlib import Path

import cv2

from depth_nn_transport.bench import plots, report
from depth_nn_transport.bench.frames import frame_paths
from depth_nn_transport.bench.largest_errors import draw_largest_errors, nearest_rate
from depth_nn_transport.bench.measurement import load_frames, measure_folder, OperatingPoint
from depth_nn_transport.bench.peers import Codec, exact_peers, lossy_peers
from depth_nn_transport.bench.summary import (
    by_codec, by_folder, FolderSummary, OURS, summarise_folder,
)
from depth_nn_transport.codec.depth_codec import DEFAULT_QUALITY
from depth_nn_transport.runtime.registry import AUTO

from tqdm import tqdm

PICTURED_PEER = 'jpegxl'


def choose_codecs(
    names: str | None, qualities: str | None, model: str | None, threads: int,
    runtime: str = AUTO,
) -> list[Codec]:
    """
    Return the codecs of the given names; by default all, ours first.

    :param names: separated by commas; all if None.
    :param qualities: of our codec, separated by commas; a default sweep if None.
    :param model: of our codec, which is left out if None.
    :param threads: of all codecs.
    :param runtime: of our codec.
    :raises ValueError: there is no codec of such a name, or a quality is not a number.
    """
    ours = [] if model is None else _our_codecs(qualities, model, threads, runtime)
    known = {codec.name: codec for codec in (*ours, *lossy_peers(threads), *exact_peers(threads))}
    wanted = list(known) if names is None else names.split(',')
    if unknown := sorted(set(wanted) - set(known)):
        raise ValueError(f'no codec named {", ".join(unknown)}; there are {", ".join(known)}')
    return [known[name] for name in wanted]


def measure_folders(
    folders: Sequence[Path], limit: int | None, codecs: Sequence[Codec], threads: int
) -> list[OperatingPoint]:
    """
    Measure all codecs on the frames of all folders, with a progress bar.

    :raises FileNotFoundError: a folder holds no PNG.
    :raises ValueError: a PNG is not a 16-bit single-channel image.
    """
    cv2.setNumThreads(threads)
    settings = sum(len(codec.settings) for codec in codecs)
    total = settings * sum(len(frame_paths(folder, limit)) for folder in folders)
    points = []
    with tqdm(total=total, unit='frame', disable=None) as bar:
        for folder in folders:
            bar.set_description(folder.name)
            frames = load_frames(folder, limit, threads)
            points += measure_folder(folder, frames, codecs, bar.update)
    return points


def summarise(points: Sequence[OperatingPoint]) -> list[FolderSummary]:
    """Compare the codecs on each folder."""
    return [summarise_folder(name, some) for name, some in by_folder(points).items()]


def picture_errors(
    out: Path, folder: Path, limit: int | None, codecs: Sequence[Codec],
    points: Sequence[OperatingPoint], threads: int,
) -> None:
    """
    Picture our largest errors in a folder at the default quality, beside JPEG XL's there.

    Does nothing unless both were measured.
    """
    known = {codec.name: codec for codec in codecs}
    some = by_codec(by_folder(points)[folder.name])
    default = [
        point for point in some.get(OURS, ()) if point.setting == DEFAULT_QUALITY
    ]
    if not default or PICTURED_PEER not in some:
        return
    peer = nearest_rate(some[PICTURED_PEER], default[0].bits)
    out.mkdir(parents=True, exist_ok=True)
    draw_largest_errors(
        out / f'{folder.name}{report.LARGEST_ERRORS_SUFFIX}.png',
        load_frames(folder, limit, threads),
        [(known[OURS], DEFAULT_QUALITY), (known[PICTURED_PEER], peer.setting)],
    )


def write_report(
    out: Path, points: Sequence[OperatingPoint], summaries: Sequence[FolderSummary], threads: int
) -> str:
    """Write JSON, CSV, plots and Markdown into a folder; return the Markdown."""
    out.mkdir(parents=True, exist_ok=True)
    report.write_json(out / 'rate_distortion.json', points, summaries, threads)
    report.write_csv(out / 'rate_distortion.csv', points)
    for name, some in by_folder(points).items():
        plots.plot_folder(out / f'{name}.png', name, some)
    tables = report.markdown(points, summaries, threads, out)
    (out / 'rate_distortion.md').write_text(tables)
    return tables


def json_line(summaries: Sequence[FolderSummary]) -> str:
    """Return the summaries as one line of JSON."""
    return json.dumps(report.finite({'summaries': [asdict(summary) for summary in summaries]}))


def _our_codecs(
    qualities: str | None, model: str, threads: int, runtime: str
) -> list[Codec]:
    from depth_nn_transport.bench import ours

    settings = tuple(map(float, qualities.split(','))) if qualities else ours.QUALITIES
    return ours.make_codecs(model, threads, settings, runtime)
