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
"""The command ``bench``: codecs side by side on recorded frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
import os
from pathlib import Path

import click
from depth_nn_transport.codec.model_files import DEFAULT_MODEL
from depth_nn_transport.options import (
    Between,
    Command,
    json_option,
    model_option,
    readable_errors,
    runtime_option,
    threads_option,
    workers_option,
)
from tqdm import tqdm

_DEFAULT_COMMAND = 'rate-distortion'

# Results go by a folder's name, which `.` does not tell.
_FOLDER = click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path)


def _distinct(
    context: click.Context, parameter: click.Parameter, folders: tuple[Path, ...]
) -> tuple[Path, ...]:
    """Return folders, or raise click.BadParameter if results of two would go by one name."""
    counts = Counter(folder.name for folder in folders)
    if alike := [str(folder) for folder in folders if counts[folder.name] > 1]:
        raise click.BadParameter(f'{", ".join(alike)}: results go by the name of their folder, '
                                 'which has to differ')
    return folders


def _made(context: click.Context, parameter: click.Parameter, out: Path) -> Path:
    """Make the folder for the results, lest a measurement be in vain."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(f'{out} cannot be made: {error.strerror}') from error
    return out


def _parent_made(context: click.Context, parameter: click.Parameter, out: Path) -> Path:
    _made(context, parameter, out.parent)
    return out


_folders_argument = click.argument(
    'folders', metavar='DIR...', nargs=-1, required=True, callback=_distinct, type=_FOLDER
)
_frames_option = click.option(
    '--frames', default=20, show_default=True, type=click.IntRange(1),
    help='Frames of each folder, evenly subsampled.',
)


def _out_option(contents: str) -> Callable[[Command], Command]:
    """Return the option ``--out`` of a folder."""
    return click.option(
        '--out', required=True, type=click.Path(file_okay=False, path_type=Path),
        callback=_made, help=f'Folder for {contents}.',
    )


class _DefaultGroup(click.Group):
    """Group that takes arguments which name no subcommand as those of the default one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [_DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_DefaultGroup)
def bench() -> None:
    """Measure codecs side by side; ``bench DIR...`` is ``bench rate-distortion DIR...``."""


@bench.command(_DEFAULT_COMMAND)
@_folders_argument
@_out_option('tables and plots')
@_frames_option
@click.option('--codecs', help='Codecs to run, by name, separated by commas.  [default: all]')
@click.option('--qualities', help='Our qualities, 0 to 100, separated by commas.')
@click.option('--model', default=DEFAULT_MODEL, show_default=True,
              help='Our model; "none" leaves it out.')
@threads_option
@runtime_option
@json_option
def rate_distortion(
    folders: tuple[Path, ...], out: Path, frames: int, codecs: str | None,
    qualities: str | None, model: str, threads: int, runtime: str, as_json: bool,
) -> None:
    """
    Measure rate, distortion and time of all codecs on 16-bit depth PNGs.

    Their unit is the millimetre unless the folder's name says 100um or 125um.
    """
    # Robots have the codec without the peers and the plotting.
    from depth_nn_transport.bench import run

    with readable_errors(OSError, ValueError):
        chosen = run.choose_codecs(
            codecs, qualities, None if model == 'none' else model, threads, runtime
        )
        points = run.measure_folders(folders, frames, chosen, threads)
        for folder in folders:
            run.picture_errors(out, folder, frames, chosen, points, threads)
        summaries = run.summarise(points)
        tables = run.write_report(out, points, summaries, threads)
    click.echo(run.json_line(summaries) if as_json else tables)


@bench.command()
@_folders_argument
@_out_option('the tables and the bars')
@click.option('--frames', default=6, show_default=True, type=click.IntRange(1),
              help='Of each size, evenly subsampled from a folder.')
@model_option
@click.option('--rounds', default=20, show_default=True, type=click.IntRange(1),
              help='Times that each codec sees each frame; the fastest counts.')
@click.option('--seconds', default=20.0, show_default=True, type=Between(0),
              help='Length of each run through DDS; 0 leaves them out.')
@click.option('--rate', default=30.0, show_default=True, type=Between(0.1, 300),
              help='Frames per second through DDS.')
@runtime_option
def speed(
    folders: tuple[Path, ...], out: Path, frames: int, model: str, rounds: int, seconds: float,
    rate: float, runtime: str,
) -> None:
    """
    Measure times of our stages, of codecs side by side and of the transport.

    On 16-bit depth PNGs of each size; where no folder has one, they are cropped or their pixels
    repeated.
    """
    from depth_nn_transport.processes.environment import isolate

    isolate(os.environ)
    # The rest of the bench works without ROS.
    from depth_nn_transport.bench import speed as timing, speed_report as report
    from depth_nn_transport.bench.speed_frames import choose_source
    from depth_nn_transport.bench.transport import measure_transport

    with readable_errors(OSError, RuntimeError, ValueError):
        sources = [choose_source(folders, size) for size in timing.SIZES]
        runs = [*((source, 1) for source in sources), (sources[1], 2)] if seconds else []
        passages = [measure_transport(source, rate, count, seconds, model, runtime)
                    for source, count in runs]
        with tqdm(unit='frame', disable=None) as bar:
            stages, codecs, throughputs = timing.measure_sources(
                sources, frames, model, rounds, runtime, bar.update)
    click.echo(report.write_report(
        out, report.Speed(sources, stages, codecs, throughputs, passages)))


@bench.command()
@_folders_argument
@_out_option('the tables')
@click.option('--frames', default=3, show_default=True, type=click.IntRange(1),
              help='Frames of each folder, evenly subsampled.')
@model_option
@runtime_option
def bounded(
    folders: tuple[Path, ...], out: Path, frames: int, model: str, runtime: str
) -> None:
    """Measure lossless and bounded frames beside JPEG XL on the same lattice, on one thread."""
    from depth_nn_transport.bench import bounded as comparison

    with readable_errors(OSError, ValueError):
        points = comparison.measure(folders, frames, model, runtime)
    click.echo(comparison.write_report(out, points))


@bench.command()
@_folders_argument
@click.option('--out', required=True, type=click.Path(dir_okay=False, path_type=Path),
              callback=_parent_made, help='Plot to write, a PNG.')
def simulator(folders: tuple[Path, ...], out: Path) -> None:
    """Plot holes, noise and motion of both simulators beside those of recordings."""
    from depth_nn_transport.bench.simulator_statistics import compare_simulators

    with readable_errors(OSError, ValueError):
        compare_simulators(folders, out)


@bench.command()
@_folders_argument
@_out_option('the table and the bars')
@click.option('--frames', type=click.IntRange(1), help='Of each folder.  [default: all]')
@model_option
@workers_option
@runtime_option
@json_option
def bag(
    folders: tuple[Path, ...], out: Path, frames: int | None, model: str, threads: int,
    runtime: str, as_json: bool,
) -> None:
    """Measure size and time of an hour of camera in bags, extrapolated from recordings."""
    from depth_nn_transport.bag.errors import BagError
    from depth_nn_transport.bench import bag as bags

    results = []
    with (readable_errors(BagError, OSError, ValueError),
          tqdm(unit='frame', disable=None) as bar):
        for folder in folders:
            results += bags.measure_recording(
                folder, frames, threads, model, runtime, bar.update)
    tables = bags.write_report(results, out, threads)
    click.echo(bags.json_line(results) if as_json else tables)


@bench.command()
@click.option('--out', required=True, type=click.Path(dir_okay=False, path_type=Path),
              callback=_parent_made, help='Report to write, Markdown.')
def exactness(out: Path) -> None:
    """Hold all runtimes, threads and instruction sets of this machine against each other."""
    from depth_nn_transport.bench import exactness_report as report

    cases, findings = report.measure_exactness()
    text = report.markdown(cases, findings)
    out.write_text(text)
    click.echo(text)
    if not all(finding.is_good for finding in findings):
        raise click.ClickException('this machine is not exact; see the report')


@bench.command()
@click.argument('folders', metavar='[DIR]...', nargs=-1, callback=_distinct, type=_FOLDER)
@_out_option('the tables and the picture')
@click.option('--frames', default=6, show_default=True, type=click.IntRange(1),
              help='Simulated scenes, and frames of each folder.')
@model_option
def navigation(folders: tuple[Path, ...], out: Path, frames: int, model: str) -> None:
    """
    Compare costmap, laser scan and point cloud of raw and restored depth.

    Simulated scenes are always measured, recordings (16-bit PNGs in mm of a D435) besides.
    """
    import cv2

    from depth_nn_transport.bench import navigation_comparison as comparison
    from depth_nn_transport.bench import navigation_report as report

    cv2.setNumThreads(1)
    recordings = {}
    with readable_errors(OSError, ValueError):
        for name, load in comparison.recordings(folders).items():
            scenes = list(tqdm(load(frames), name, frames, unit='scene', disable=None))
            settings = comparison.choose_settings(scenes, model)
            total = len(settings) * len(scenes)
            with tqdm(desc=name, total=total, unit='frame', disable=None) as bar:
                impacts = comparison.measure_settings(scenes, settings, bar.update)
            pixels = scenes[0].frame.depth.size
            recordings[name] = {
                title: report.Figures.of(some, pixels) for title, some in impacts.items()}
            if name == comparison.SIMULATED:
                busiest = max(range(len(scenes)), key=lambda i: impacts['quality 50'][i].cells)
                report.draw_costmaps(out / 'costmaps.png', scenes[busiest], settings)
    click.echo(report.write_report(out, recordings))


@bench.command()
@_out_option('tables and chart')
@click.option('--seconds', default=8.0, show_default=True, type=Between(1),
              help='Of each stream over each link.')
@click.option('--rate', default=10.0, show_default=True, type=Between(0.1, 60),
              help='Frames per second.')
def wifi(out: Path, seconds: float, rate: float) -> None:
    """
    Send depth over bad Wi-Fi between two network namespaces: raw, as PNG and by our nodes.

    Needs root and iproute2. No traffic leaves the machine.
    """
    from depth_nn_transport.bench import wifi as measurement
    from depth_nn_transport.bench.link import NetworkError
    from depth_nn_transport.bench.network import ended_by_signals, robot_and_base
    from depth_nn_transport.bench.wifi_report import write_report

    streams, links = measurement.STREAMS, measurement.LINKS
    passages = []
    with (readable_errors(NetworkError, RuntimeError),
          ended_by_signals(), robot_and_base() as (robot, base, link),
          tqdm(total=len(streams) * len(links), unit='run', disable=None) as bar):
        for stream in streams:
            bar.set_description(f'{stream.form}, {stream.reliability}')
            passages += measurement.measure_stream(
                stream, links, robot, base, link, seconds, rate, bar.update)
    click.echo(write_report(out, passages, rate, link.kind))


@bench.command()
@_folders_argument
@_out_option('the tables and the picture')
@_frames_option
@model_option
@threads_option
@json_option
def poster(
    folders: tuple[Path, ...], out: Path, frames: int, model: str, threads: int, as_json: bool
) -> None:
    """
    Measure HiFiC fitted to depth beside its published figures, ours and JPEG XL.

    The picture of edges is of simulated frames.
    """
    from depth_nn_transport.bench import poster as posters
    import torch

    torch.set_num_threads(threads)
    with readable_errors(OSError, ValueError):
        points = posters.measure_folders(folders, frames, model, threads)
    tables = posters.write_report(out, points)
    posters.draw_picture(out / posters.PICTURE, model, threads)
    click.echo(posters.json_line(points) if as_json else tables)
