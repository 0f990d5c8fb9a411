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
"""The report of a machine: what it ran, what came out the same, what it could not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
import os
import platform

from depth_nn_transport import DepthCodec
from depth_nn_transport.bench.exactness import Case, examine_at, Finding, make_cases, MODEL
from depth_nn_transport.bench.executors import executors, INSTRUCTION_SETS
from depth_nn_transport.bench.processor import processor_name
from depth_nn_transport.bench.report import table
from depth_nn_transport.simulator import simulate_sequence
import torch
from tqdm import tqdm

SIZE = (424, 240)
_PACKAGES = ('openvino', 'torch', 'onnxruntime', 'numpy', 'numba', 'constriction')
_EXPLANATION = """\
Made by `python -m depth_nn_transport bench exactness --out docs/exactness.md`; it exits with 1 if
anything is not exact. {cases} streams of simulated frames at {width}x{height}, in every mode, by
the encoders of all executors.

- **streams**: written bit by bit alike by an encoder that comes to the same analysis.
- **frames**: restored bit by bit alike, lossy ones too.
"""


def measure_exactness() -> tuple[list[Case], list[Finding]]:
    """Examine everything that this machine can run, with a progress bar."""
    width, height = SIZE
    frames = [frame.depth for frame in simulate_sequence(0, 2, width, height, fps=1)]
    cases = make_cases(frames)
    return cases, list(tqdm(_findings(cases), 'examining', unit='run', disable=None))


def _findings(cases: Sequence[Case]) -> Iterator[Finding]:
    threads = sorted({1, 2, os.cpu_count() or 1})
    for name in INSTRUCTION_SETS:
        # Threads and instructions do not meet: one number of threads will do for the others.
        yield from examine_at(name, cases, threads if name == 'native' else threads[:1])


def markdown(cases: Sequence[Case], findings: Sequence[Finding]) -> str:
    """Return the report."""
    width, height = SIZE
    rows = [
        [some.executor, some.instruction_set, str(some.threads),
         f'{some.same_streams} of {some.cases}', f'{some.same_frames} of {some.cases}']
        for some in findings
    ]
    titles = ['executor', 'instructions', 'threads', 'streams', 'frames']
    skipped = [f'- {executor.name}: {executor.missing}' for executor in executors()
               if executor.missing]
    return '\n'.join([
        '# Exactness', '', *machine(), '',
        _EXPLANATION.format(cases=len(cases), width=width, height=height),
        *table(titles, rows), '', 'Skipped:', '', *(skipped or ['- nothing']), '',
    ])


def machine() -> list[str]:
    """Return what this machine is, and the versions that matter."""
    codec = DepthCodec(MODEL)
    gpu = [f'- GPU: {torch.cuda.get_device_name()}'] if torch.cuda.is_available() else []
    return [
        f'- processor: {processor_name()}, {os.cpu_count()} cores, {platform.machine()}; '
        f'{platform.system()}',
        *gpu,
        f'- Python {platform.python_version()}, {", ".join(map(_version, _PACKAGES))}',
        f'- model {codec.model_id}; `auto` picks {codec.runtime} ({codec.device})',
    ]


def _version(name: str) -> str:
    try:
        return f'{name} {version(name)}'
    except PackageNotFoundError:
        return f'no {name}'
