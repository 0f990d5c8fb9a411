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
The nets of the poster that began this project, beside our codec and JPEG XL at the same rate.

The poster refitted HiFiC (Mentzer et al. 2020) to 16-bit depth with filled holes and published
three rows; ours of the same kinds are trained here and measured the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import json
from math import log
from pathlib import Path

from depth_nn_transport.bench import hific, ours
from depth_nn_transport.bench.edge_picture import draw_edges
from depth_nn_transport.bench.frames import Frame, frame_paths
from depth_nn_transport.bench.measurement import (
    load_frames, measure_folder, measure_setting, OperatingPoint,
)
from depth_nn_transport.bench.peers import Codec, lossy_peers
from depth_nn_transport.bench.report import finite, flat, table
from depth_nn_transport.bench.summary import by_codec, by_folder, COMMON_RATE
from depth_nn_transport.simulator import simulate_stereo
from depth_nn_transport.training.hific.weights import FULL, NETS, WITHOUT_ADVERSARIAL

from tqdm import tqdm

PICTURE = 'poster_edges.png'
CONDITIONS = (
    'Bits are of complete streams, hole mask included; errors over valid pixels, averaged over '
    'the frames. PSNR: peak 65535 mm, of the RMS error over all frames. MAE in mm, which is what '
    'we take the unit of the published rows to be. Edges: pixels whose 3x3 neighbourhood spans '
    'more than 8 quanta. Flying: share of restored points between two surfaces, more than 3 '
    'quanta from every valid original in a 3x3 window.'
)
# Rooms that `simulate_stereo` makes of these seeds.
PICTURED_SEEDS = (0, 3)
_PEER = 'jpegxl'
_COLUMNS = (
    ('PSNR dB', 'psnr_db', '.1f'), ('MAE mm', 'mean_mm', '.1f'), ('bit/px', 'bits', '.3f'),
    ('mean q', 'mean_q', '.2f'), ('edge MAE mm', 'mean_edge_mm', '.0f'),
    ('edge 99 % mm', 'p99_edge_mm', '.0f'), ('interior MAE mm', 'mean_interior_mm', '.1f'),
    ('flying', 'flying', '.2%'),
)


@dataclass(frozen=True)
class Published:
    """
    A row of the poster.

    :ivar psnr_db: peak 65535.
    :ivar mae: in 16-bit units.
    :ivar bits: per pixel.
    """

    name: str
    psnr_db: float
    mae: float
    bits: float


PUBLISHED = (
    Published('poster, 8-bit quantised', 21, 5953, 0.08),
    Published('poster, 16-bit fitted', 23, 4159, 0.09),
    Published('poster, fully trained', 50, 97, COMMON_RATE),
)


def measure_folders(
    folders: Sequence[Path], limit: int | None, model: str, threads: int
) -> list[OperatingPoint]:
    """
    Measure the nets, and ours and JPEG XL near the rates to compare at, with a progress bar.

    :param folders: of 16-bit depth PNGs.
    :param limit: of frames in each.
    :param model: ours, whose coder of hole masks the nets use too.
    :param threads: of ours and JPEG XL.
    :raises FileNotFoundError: a folder holds no PNG.
    :raises ValueError: a PNG is not a 16-bit single-channel image, or a model is missing.
    """
    nets, others = hific.load_peers(model), _others(model, threads)
    settings = len(nets) + len(others) * 2
    total = settings * sum(len(frame_paths(folder, limit)) for folder in folders)
    points = []
    with tqdm(total=total, unit='frame', disable=None) as bar:
        for folder in folders:
            bar.set_description(folder.name)
            frames = load_frames(folder, limit, threads)
            measured = measure_folder(folder, frames, nets, bar.update)
            rates = (by_codec(measured)[FULL.name][0].bits, COMMON_RATE)
            points += measured
            for codec in others:
                for setting in sorted({nearest_setting(codec, frames, rate) for rate in rates}):
                    points.append(measure_setting(folder, frames, codec, setting, bar.update))
    return points


def nearest_setting(codec: Codec, frames: Sequence[Frame], rate: float) -> float:
    """Return the setting with the nearest rate, bits per pixel of one frame in the middle."""
    middle = [frames[len(frames) // 2]]
    return min(codec.settings, key=lambda setting: abs(log(_rate(codec, middle, setting) / rate)))


def draw_picture(path: Path, model: str, threads: int) -> None:
    """Picture edges of simulated frames through both full nets and ours at their rate."""
    frames = [
        Frame.prepare(next(iter(simulate_stereo(seed, 1))).depth) for seed in PICTURED_SEEDS
    ]
    nets = {codec.name: codec for codec in hific.load_peers(model)}
    without, full = nets[WITHOUT_ADVERSARIAL.name], nets[FULL.name]
    mine = _others(model, threads)[0]
    quality = nearest_setting(mine, frames, _rate(full, frames, full.settings[0]))
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_edges(path, frames, {
        'without adversarial loss': (without, without.settings[0]),
        'with adversarial loss': (full, full.settings[0]),
        'ours': (mine, quality),
    })


def write_report(out: Path, points: Sequence[OperatingPoint]) -> str:
    """Write JSON and Markdown into a folder; return the Markdown."""
    out.mkdir(parents=True, exist_ok=True)
    text = markdown(points)
    (out / 'poster.json').write_text(json_line(points) + '\n')
    (out / 'poster.md').write_text(text + '\n')
    return text


def json_line(points: Sequence[OperatingPoint]) -> str:
    """Return the published rows and all that was measured as one line of JSON."""
    return json.dumps(finite({
        'conditions': CONDITIONS,
        'published': [asdict(row) for row in PUBLISHED],
        'operating_points': [flat(point) for point in points],
    }))


def markdown(points: Sequence[OperatingPoint]) -> str:
    """Return one table a folder, the published rows first."""
    lines = [CONDITIONS, '']
    blanks = ['-'] * (len(_COLUMNS) - 3)
    published = [
        [row.name, f'{row.psnr_db:.0f}', f'{row.mae:.0f}', f'{row.bits:.2f}', *blanks]
        for row in PUBLISHED
    ]
    for folder, some in by_folder(points).items():
        rows = [
            [_label(point)] + [format(flat(point)[key], style) for _, key, style in _COLUMNS]
            for point in some
        ]
        lines += [f'### {folder} ({some[0].frames} frames)', '']
        lines += [*table(['codec', *(title for title, _, _ in _COLUMNS)], published + rows), '']
    return '\n'.join(lines).rstrip()


def _label(point: OperatingPoint) -> str:
    if point.codec in {net.name for net in NETS}:
        return point.codec
    return f'{point.codec}, {point.setting_name} {point.setting:g}'


def _others(model: str, threads: int) -> list[Codec]:
    lossy = ours.make_codecs(model, threads, ours.QUALITIES)[0]
    return [lossy, *(codec for codec in lossy_peers(threads) if codec.name == _PEER)]


def _rate(codec: Codec, frames: Sequence[Frame], setting: float) -> float:
    """Bits per pixel over some frames."""
    size = sum(len(codec.encode(frame, setting)) for frame in frames)
    return 8 * size / sum(frame.depth.size for frame in frames)
