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
"""Commands ``encode`` and ``decode``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
import json
from pathlib import Path
import time
from typing import Any, TypeVar

import click
from depth_nn_transport.codec.depth_codec import DepthCodec
from depth_nn_transport.codec.errors import DepthCodecError, InvalidSettingError
from depth_nn_transport.frames.files import (
    ENCODED_SUFFIX,
    find_files,
    FrameFileError,
    IMAGE_SUFFIX,
    read_depth,
    read_encoded,
    write_depth,
    write_whole,
)
from depth_nn_transport.options import (
    json_option,
    model_option,
    readable_errors,
    runtime_option,
    settings_options,
    threads_option,
)
import numpy as np
from tqdm import tqdm

Result = TypeVar('Result')

_EXPECTED = DepthCodecError, FrameFileError, OSError

_INPUTS = click.argument(
    'inputs', nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
_OUT = click.option(
    '--out', required=True, type=click.Path(file_okay=False, path_type=Path),
    help='Folder for the results; made if missing.',
)


@dataclass
class _Run:
    """Totals of one run."""

    verb: str
    codec: DepthCodec
    size: int = 0
    pixels: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def timed(self, work: Callable[[], Result]) -> Result:
        """Do the work and time it; the first once more before, as that compiles for its size."""
        if not self.milliseconds:
            work()
        started = time.perf_counter()
        result = work()
        self.milliseconds.append(1e3 * (time.perf_counter() - started))
        return result

    def summary(self) -> dict[str, float | str]:
        return {
            'frames': len(self.milliseconds),
            'bytes': self.size,
            'bits_per_pixel': round(8 * self.size / self.pixels, 5),
            f'{self.verb}_ms_median': round(float(np.median(self.milliseconds)), 3),
            f'{self.verb}_ms_p99': round(float(np.percentile(self.milliseconds, 99)), 3),
            'runtime': self.codec.runtime,
            'device': self.codec.device,
        }

    def report(self, as_json: bool) -> None:
        summary = self.summary()
        if as_json:
            click.echo(json.dumps(summary))
        else:
            click.echo('  '.join(f'{name} {_short(value)}' for name, value in summary.items()))


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f'{value:g}'


@click.command()
@_INPUTS
@_OUT
@settings_options
@model_option
@threads_option
@runtime_option
@json_option
def encode(
    inputs: tuple[Path, ...], out: Path, model: str, threads: int, runtime: str, as_json: bool,
    **settings: Any,
) -> None:
    """Encode 16-bit depth PNGs (files or folders) to one .dnt file a frame."""
    with readable_errors(*_EXPECTED):
        codec = DepthCodec(model, threads, runtime)
        run, folder = _Run('encode', codec), None
        files = find_files(inputs, IMAGE_SUFFIX)
        for number, path in enumerate(_progress(files, 'encoding', out)):
            depth = read_depth(path)
            if path.parent != folder:
                # Of another camera, perhaps.
                codec.forget()
                folder = path.parent
            with _naming(path):
                encoded = run.timed(partial(codec.encode, depth, **settings))
            data = encoded.numbered(number).to_bytes()
            write_whole(out / f'{path.stem}{ENCODED_SUFFIX}', data)
            run.size += len(data)
            run.pixels += depth.size
        run.report(as_json)


@click.command()
@_INPUTS
@_OUT
@model_option
@threads_option
@runtime_option
@json_option
def decode(
    inputs: tuple[Path, ...], out: Path, model: str, threads: int, runtime: str, as_json: bool
) -> None:
    """
    Decode .dnt files (files or folders) to 16-bit PNGs in millimetres.

    Depth beyond 65.535 m, which these cannot hold, becomes a hole.
    """
    with readable_errors(*_EXPECTED):
        codec = DepthCodec(model, threads, runtime)
        run = _Run('decode', codec)
        for path in _progress(find_files(inputs, ENCODED_SUFFIX), 'decoding', out):
            encoded = read_encoded(path)
            with _naming(path):
                depth = run.timed(partial(codec.decode, encoded))
            target = out / f'{path.stem}{IMAGE_SUFFIX}'
            if target.exists() and target.parent.samefile(path.parent):
                raise FrameFileError(
                    f'{target} is there already, maybe what {path.name} was encoded from; choose '
                    'another folder with --out'
                )
            write_depth(target, depth)
            run.size += len(encoded.to_bytes())
            run.pixels += depth.size
        run.report(as_json)


def _progress(files: list[Path], verb: str, out: Path) -> Iterable[Path]:
    out.mkdir(parents=True, exist_ok=True)
    return tqdm(files, verb, unit='frame', disable=None)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in the codec's errors."""
    try:
        yield
    except InvalidSettingError:
        # No fault of the file.
        raise
    except DepthCodecError as error:
        raise FrameFileError(f'{path}: {error}') from error
