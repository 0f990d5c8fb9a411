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

"""The command `simulate`: a simulated sequence as PNG files."""

from __future__ import annotations

from dataclasses import asdict
import json
from pathlib import Path

import click

import cv2

from depth_nn_transport.simulator.camera import MAX_SIZE, MIN_SIZE
from depth_nn_transport.simulator.sequence import simulate_sequence

from tqdm import tqdm


def image_size(
        context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    """Return (width, height) in pixels from `WIDTHxHEIGHT`, or raise click.BadParameter."""
    try:
        width, height = (int(side) for side in value.lower().split('x'))
    except ValueError:
        raise click.BadParameter(
            f'{value!r} is not WIDTHxHEIGHT, for example 848x480') from None
    if not all(MIN_SIZE <= side <= MAX_SIZE for side in (width, height)):
        raise click.BadParameter(f'{value!r} has a side outside {MIN_SIZE}..{MAX_SIZE} pixels')
    return width, height


@click.command()
@click.option('--out', type=click.Path(file_okay=False, path_type=Path), required=True,
              help='Folder for the frames; made if missing.')
@click.option('--frames', type=click.IntRange(min=1), default=90, show_default=True,
              help='Number of frames.')
@click.option('--size', callback=image_size, default='848x480', show_default=True,
              metavar='WIDTHxHEIGHT', help='Image size in pixels.')
@click.option('--seed', type=click.IntRange(min=0), default=0, show_default=True,
              help='Chooses room, path and noise; equal seeds give equal frames.')
@click.option('--fps', type=click.FloatRange(min=0, min_open=True), default=30.0,
              show_default=True, help='Frames per second of the camera.')
def simulate(out: Path, frames: int, size: tuple[int, int], seed: int, fps: float) -> None:
    """Write a simulated depth sequence: 16-bit PNGs in mm (0 = hole) and camera.json."""
    width, height = size
    sequence = simulate_sequence(seed, frames, width, height, fps)
    out.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(tqdm(sequence, total=frames, unit='frame')):
        path = out / f'{index:04}.png'
        if not cv2.imwrite(str(path), frame.depth):
            raise click.ClickException(f'cannot write {path}')
    description = asdict(frame.camera) | {
        'lattice_constant': frame.camera.lattice_constant, 'fps': fps, 'seed': seed}
    (out / 'camera.json').write_text(json.dumps(description, indent=2) + '\n')
