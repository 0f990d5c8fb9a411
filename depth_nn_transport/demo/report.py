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
"""What the demo tells in the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.demo.player import Passage
from depth_nn_transport.demo.quality import Quality
from depth_nn_transport.frames.errors import quanta_errors
from depth_nn_transport.nodes.drop_reasons import REPLACED

import matplotlib.figure
import numpy as np
from numpy.typing import NDArray

from rich.console import Console
from rich.table import Table

SHOWN_FRAMES = 3
ERROR_RANGE_QUANTA = 8


@dataclass(frozen=True)
class Run:
    """Everything that was seen in one run of the demo."""

    passages: list[Passage]
    encoder: dict[str, Any]
    decoder: dict[str, Any]
    rate: float

    @property
    def received(self) -> list[Passage]:
        """Frames that came out at the other end."""
        return [passage for passage in self.passages if passage.restored is not None]

    def overtaken(self) -> int:
        """Return how many frames the nodes left out because a newer one was there."""
        return sum(int(node.get('dropped', {}).get(REPLACED, 0))
                   for node in (self.encoder, self.decoder))

    def lost(self) -> int:
        """Return how many frames vanished although nobody was allowed to drop them."""
        return len(self.passages) - len(self.received) - self.overtaken()


def conclude(run: Run, folder: Path) -> list[str]:
    """Print the table, draw the comparison into a folder and return what went wrong."""
    quality = measure_quality(run)
    console = Console()
    console.print(summary_table(run, quality))
    if run.received:
        folder.mkdir(parents=True, exist_ok=True)
        picture = folder / 'comparison.png'
        draw_comparison(run, picture)
        console.print(f'original, restored and error: {picture}')
    return failures(run, quality)


def measure_quality(run: Run) -> Quality:
    """Compare every received frame with its original."""
    quality = Quality()
    for passage in run.received:
        assert passage.restored is not None
        quality.add(passage.original, passage.restored)
    return quality


def failures(run: Run, quality: Quality) -> list[str]:
    """Return what must not have happened, in words."""
    found = []
    if run.lost():
        found.append(f'{run.lost()} frames were lost on the way{_reasons(run)}')
    if not run.received:
        found.append('no frame was restored')
    if quality.changed_holes:
        found.append(f'{quality.changed_holes} pixels changed between hole and depth')
    return found


def _reasons(run: Run) -> str:
    """Return what the nodes themselves say that they dropped."""
    dropped = [f'{name} dropped {count} ({reason})'
               for name, node in (('encoder', run.encoder), ('decoder', run.decoder))
               for reason, count in node.get('dropped', {}).items() if reason != REPLACED]
    return f': {", ".join(dropped)}' if dropped else ''


def summary_table(run: Run, quality: Quality) -> Table:
    """Return the table of results."""
    table = Table(title='depth_nn_transport', show_header=False)
    for name, value in summary_rows(run, quality):
        table.add_row(name, value)
    return table


def summary_rows(run: Run, quality: Quality) -> list[tuple[str, str]]:
    """Return names and values of the table of results."""
    delays = [(passage.restored_at - passage.sent_at) * 1e3 for passage in run.received
              if passage.restored_at is not None]
    return [
        ('frames sent / received', f'{len(run.passages)} / {len(run.received)}'),
        ('overtaken by a newer frame', str(run.overtaken())),
        *rate_rows(run),
        ('error, mean / 99 %', f'{quality.mm.mean():.2f} / {quality.mm.percentile(99):.0f} mm'),
        ('', f'{quality.quanta.mean():.2f} / {quality.quanta.percentile(99):.1f} quanta'),
        ('PSNR, peak 65535', f'{quality.psnr():.1f} dB'),
        ('holes exact', 'no' if quality.changed_holes else 'yes'),
        ('encode, median / p99', milliseconds(run.encoder)),
        ('decode, median / p99', milliseconds(run.decoder)),
        ('end to end, median / p99', '-' if not delays else (
            f'{np.median(delays):.1f} / {np.percentile(delays, 99):.1f} ms')),
    ]


def rate_rows(run: Run) -> list[tuple[str, str]]:
    """Return the rows on size; it is that of the whole message, header included."""
    compressed = [passage for passage in run.passages if passage.compressed_bytes is not None]
    if not compressed:
        return []
    bits = sum(8 * (passage.compressed_bytes or 0) for passage in compressed)
    raw_bits = sum(8 * passage.original.nbytes for passage in compressed)
    pixels = sum(passage.original.size for passage in compressed)
    return [
        ('bits per pixel', f'{bits / pixels:.3f}'),
        (f'rate at {run.rate:g} Hz', f'{bits / len(compressed) * run.rate / 1e6:.2f} Mbit/s'),
        ('smaller than raw', f'{raw_bits / bits:.1f} times'),
    ]


def milliseconds(node: dict[str, Any]) -> str:
    """Return median and 99 % of what a node took for a frame."""
    return f'{node["median_ms"]:.1f} / {node["p99_ms"]:.1f} ms' if node else '-'


def draw_comparison(run: Run, path: Path) -> None:
    """Write a PNG with original, restored and error of a few frames."""
    received = run.received
    picks = np.linspace(0, len(received) - 1, min(SHOWN_FRAMES, len(received))).astype(int)
    figure = matplotlib.figure.Figure(figsize=(15, 3.2 * len(picks)), layout='constrained')
    grid = figure.subplots(len(picks), 3, squeeze=False)
    for row, pick in zip(grid, picks, strict=True):
        restored = received[pick].restored
        assert restored is not None
        draw_row(figure, row, received[pick].original, restored)
    figure.savefig(path, dpi=100)


def draw_row(
        figure: matplotlib.figure.Figure, row: NDArray[Any], original: NDArray[np.uint16],
        restored: NDArray[np.uint16]) -> None:
    """Draw one frame: two depth images of one scale, and their difference."""
    valid = original > 0
    limit = float(np.percentile(original[valid], 98)) / 1e3 if valid.any() else 1.0
    errors = quanta_errors(original, restored, Lattice.from_depth(original))
    drawings: tuple[tuple[str, NDArray[Any], float, str], ...] = (
        ('original, m', original / 1e3, limit, 'turbo'),
        ('restored, m', restored / 1e3, limit, 'turbo'),
        ('error, quanta', errors, ERROR_RANGE_QUANTA, 'magma'))
    for axes, (title, image, maximum, colours) in zip(row, drawings, strict=True):
        shown = axes.imshow(np.where(valid, image, np.nan), colours, vmin=0, vmax=maximum)
        axes.set_title(title)
        axes.set_axis_off()
        figure.colorbar(shown, ax=axes, shrink=0.8)
