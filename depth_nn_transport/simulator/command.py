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
from typing import Any

import click

import cv2

from depth_nn_transport.frames.files import IMAGE_SUFFIX, write_image, write_whole
from depth_nn_transport.options import Between, readable_errors
from depth_nn_transport.simulator.camera import MAX_SIZE, MIN_SIZE
from depth_nn_transport.simulator.sequence import simulate_sequence, SimulatedFrame
from depth_nn_transport.simulator.stereo import simulate_stereo, StereoFrame

import numpy as np
from numpy.typing import NDArray

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
              help='Folder for the frames, without any yet; made if missing.')
@click.option('--frames', type=click.IntRange(min=1), default=90, show_default=True,
              help='Number of frames.')
@click.option('--size', callback=image_size, default='848x480', show_default=True,
              metavar='WIDTHxHEIGHT', help='Image size in pixels.')
@click.option('--seed', type=click.IntRange(min=0), default=0, show_default=True,
              help='Chooses room, path and noise; equal seeds give equal frames.')
@click.option('--fps', type=Between(0.001, 1000), default=30.0,
              show_default=True, help='Frames per second of the camera.')
@click.option('--stereo', is_flag=True,
              help='Match rendered infrared images; slower, with all that was rendered beside.')
def simulate(
        out: Path, frames: int, size: tuple[int, int], seed: int, fps: float,
        stereo: bool) -> None:
    """
    Write a simulated depth sequence: 16-bit PNGs in mm (0 = hole) and camera.json.

    With --stereo the folders left, right (infrared), colour and truth (16-bit PNGs in 0.1 mm,
    noiseless, 65535 beyond) come beside it, and the scene is a room, a corridor or outdoors.
    """
    if out.is_dir() and any(out.glob(f'*{IMAGE_SUFFIX}')):
        raise click.ClickException(f'{out} holds frames already, which would be taken for some '
                                   'of these; choose another folder')
    width, height = size
    source = simulate_stereo if stereo else simulate_sequence
    with readable_errors(OSError, ValueError):
        sequence = source(seed, frames, width, height, fps)
        for index, frame in enumerate(tqdm(sequence, total=frames, unit='frame', disable=None)):
            write_frame(out, index, frame)
        description = asdict(frame.camera) | {
            'lattice_constant': frame.camera.lattice_constant, 'fps': fps, 'seed': seed,
            'stereo': stereo}
        write_whole(out / 'camera.json', (json.dumps(description, indent=2) + '\n').encode())


def pictures(frame: SimulatedFrame) -> dict[str, NDArray[Any]]:
    """Return the images of a frame as they are written, by folder."""
    found: dict[str, NDArray[Any]] = {'': frame.depth}
    if isinstance(frame, StereoFrame):
        truth = np.clip(np.rint(frame.ground_truth * 1e4), 0, 65535).astype(np.uint16)
        found |= {'left': frame.left, 'right': frame.right, 'truth': truth,
                  'colour': cv2.cvtColor(frame.colour, cv2.COLOR_RGB2BGR)}
    return found


def write_frame(out: Path, index: int, frame: SimulatedFrame) -> None:
    """Write the images of a frame; raise FrameFileError or OSError if they cannot be written."""
    for folder, image in pictures(frame).items():
        (out / folder).mkdir(parents=True, exist_ok=True)
        write_image(out / folder / f'{index:04}{IMAGE_SUFFIX}', image)
