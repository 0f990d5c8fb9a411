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
Measures everything anew that the documents say of rate and distortion.

Recorded frames may not be published, so the picture of the largest errors is of simulated ones.
"""

from __future__ import annotations

from pathlib import Path
import shutil
import tempfile

import click

import cv2

from depth_nn_transport.bench import report, run
from depth_nn_transport.simulator import simulate_stereo
from pages import DOCS, FOLDER, put, ROOT

MODEL_CARD = ROOT / 'depth_nn_transport' / 'models' / 'main' / 'MODEL_CARD.md'
SIMULATED = 'simulated_stereo'


@click.command()
@click.argument('folders', nargs=-1, required=True, metavar='DIR...', type=FOLDER)
@click.option('--frames', default=8, show_default=True, help='Frames of each folder.')
@click.option('--codecs', help='As of `bench`.')
def main(folders: tuple[Path, ...], frames: int, codecs: str | None) -> None:
    """Write docs/benchmarks.md and the figures of the model card."""
    with tempfile.TemporaryDirectory() as scratch:
        simulated = Path(scratch) / SIMULATED
        simulate(simulated, frames)
        measure((*folders, simulated), simulated, frames, codecs)


def simulate(folder: Path, frames: int) -> None:
    """Write frames of rooms and corridors, each from a sequence of its own."""
    folder.mkdir()
    seeds = [seed for seed in range(3 * frames) if seed % 3 < 2][:frames]
    for seed in seeds:
        cv2.imwrite(str(folder / f'{seed:02}.png'), next(iter(simulate_stereo(seed, 1))).depth)


def measure(
        folders: tuple[Path, ...], pictured: Path, frames: int, codecs: str | None) -> None:
    """Run the bench and put its report and plots into the documents."""
    chosen = run.choose_codecs(codecs, None, 'main', 1)
    points = run.measure_folders(folders, frames, chosen, 1)
    summaries = run.summarise(points)
    shutil.rmtree(DOCS / 'benchmarks', ignore_errors=True)
    run.picture_errors(DOCS / 'benchmarks', pictured, frames, chosen, points, 1)
    text = run.write_report(DOCS / 'benchmarks', points, summaries, 1)
    for name in ('rate_distortion.md', 'rate_distortion.json', 'rate_distortion.csv'):
        (DOCS / 'benchmarks' / name).unlink()
    (DOCS / 'benchmarks.md').write_text(text.replace('](', '](benchmarks/') + '\n')
    put(MODEL_CARD, '\n'.join(report.ratio_table(summaries)))


if __name__ == '__main__':
    main()
