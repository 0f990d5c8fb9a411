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
"""The command `demo`: depth through encoder and decoder nodes, live."""

from __future__ import annotations

import os
from pathlib import Path

import click

from depth_nn_transport.demo.frames import load_frames, simulate_frames
from depth_nn_transport.options import Between, readable_errors, runtime_option
from depth_nn_transport.processes.environment import isolate


@click.command()
@click.option('--frames', type=click.Path(exists=True, file_okay=False, path_type=Path),
              help='Folder of 16-bit PNGs in mm; a simulated camera if left out.')
@click.option('--count', type=click.IntRange(min=1), help='Number of frames to play.')
@click.option('--rate', type=Between(min=0.1, max=300), default=30.0,
              show_default=True, help='Frames per second.')
@click.option('--quality', type=Between(0, 100), default=50.0, show_default=True,
              help='0 is the smallest, 100 the best.')
@click.option('--threads', type=click.IntRange(1, 64), default=1, show_default=True,
              help='Frames that each node works on at once.')
@runtime_option
@click.option('--out', type=click.Path(file_okay=False, path_type=Path),
              default=Path('demo_output'), show_default=True, help='Folder for the picture.')
def demo(
        frames: Path | None, count: int | None, rate: float, quality: float, threads: int,
        runtime: str, out: Path) -> None:
    """Play depth through an encoder and a decoder node and compare what comes out."""
    with readable_errors(OSError, ValueError):
        images = simulate_frames(count) if frames is None else load_frames(frames, count)
        out.mkdir(parents=True, exist_ok=True)
    isolate(os.environ)
    # The rest of the command line works without ROS, so it is imported here.
    from depth_nn_transport.demo.report import conclude
    from depth_nn_transport.demo.stage import play, StageError
    with readable_errors(StageError):
        run = play(images, rate, {'quality': quality}, {'threads': threads, 'runtime': runtime})
    problems = conclude(run, out)
    if problems:
        raise click.ClickException('; '.join(problems))
