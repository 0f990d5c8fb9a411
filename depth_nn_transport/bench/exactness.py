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
"""The codec on every executor: which bits are the same, and how far synthesis differs.

Analysis and synthesis are float networks, so an encoder's decisions depend on its executor. What
must not is how they are sent and read: every executor that is given the analysis of a stream's
encoder has to write the same stream, and has to decode from it what the encoder meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
import multiprocessing
import os
from typing import Any, ClassVar

from depth_nn_transport import DepthCodec, EncodedDepth, Mode
from depth_nn_transport.bench.executors import Executor, executors, INSTRUCTION_SETS
from depth_nn_transport.codec.depth_codec import Depth
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import Array, BEND_GAIN
from depth_nn_transport.runtime.graph_networks import GraphNetworks, PRECISE_SYNTHESIS
import numpy as np
from numpy.typing import NDArray

MODEL = 'main'
SETTINGS: tuple[dict[str, Any], ...] = (
    {'mode': 'lossy', 'quality': 10}, {'mode': 'lossy', 'quality': 50},
    {'mode': 'lossy', 'quality': 90}, {'mode': 'bounded', 'max_error': 4},
    {'mode': 'bounded', 'max_error': 1}, {'mode': 'lossless'},
)
# First byte of the payload of a frame whose bound is kept by corrections of a synthesised plane.
_CORRECTED = 0
# Of float32, in quanta.
_ROUNDING = 1e-3


class Probe(GraphNetworks):
    """Networks whose analysis can be replaced and whose synthesis is watched.

    Attributes:
        analysis: results of the analysis to come, or None if it is to be run; then those of the
            last one.
        latents: that were synthesised last, (1, H, W, 64).
        bend: what came of them, (1, H, W, 64).

    """

    runtime: ClassVar[str] = 'probe'

    def __init__(self, networks: GraphNetworks) -> None:
        self._networks = networks
        self.device = networks.device
        self.analysis: list[Array] | None = None
        self.latents: Array = np.zeros((1, 0, 0, 64), np.float32)
        self.bend = self.latents

    def run(self, name: str, inputs: list[Array]) -> list[Array]:
        """See `GraphNetworks`."""
        if name == 'analysis' and self.analysis is not None:
            return self.analysis
        outputs = self._networks.run(name, inputs)
        if name == 'analysis':
            self.analysis = [x.copy() for x in outputs]
        if name in {'synthesis', PRECISE_SYNTHESIS}:
            self.latents, self.bend = inputs[0].copy(), outputs[0].copy()
        return outputs


@dataclass(frozen=True)
class Case:
    """A stream, and what is to become of it.

    Attributes:
        depth: the frame, uint16 (H, W) mm.
        settings: of `DepthCodec.encode`.
        encoded: the stream.
        analysis: that its encoder came to; None if none was needed.
        latents: that it holds, as the first executor reads them.
        bend: that the first executor makes of them in float32.
        restored: the frame that comes out there.

    """

    depth: NDArray[np.uint16]
    settings: Mapping[str, Any]
    encoded: EncodedDepth
    analysis: list[Array] | None
    latents: Array
    bend: Array
    restored: Depth

    @property
    def is_exact(self) -> bool:
        """Whether the restored frame follows from integers alone."""
        return self.encoded.mode is not Mode.LOSSY and self.encoded.latents[0] != _CORRECTED


@dataclass(frozen=True)
class Finding:
    """An executor on all cases.

    Attributes:
        executor: its name.
        threads: that it ran on.
        instruction_set: of `INSTRUCTION_SETS`.
        cases: how many there were.
        same_streams: those that it writes bit by bit as their encoders did.
        same_latents: those that it reads bit by bit as they were meant.
        exact, same_exact: bounded and lossless frames that need no synthesis; those of them that
            came out bit by bit.
        bounds_kept: whether every bounded frame was within its bound, with its holes.
        largest, mean: difference of the synthesis in lossy mode, quanta.
        changed: share of the pixels of lossy frames that came out otherwise.

    """

    executor: str
    threads: int
    instruction_set: str
    cases: int
    same_streams: int
    same_latents: int
    exact: int
    same_exact: int
    bounds_kept: bool
    largest: float
    mean: float
    changed: float

    @property
    def is_good(self) -> bool:
        """Whether everything that has to be exact is."""
        return (self.same_streams == self.same_latents == self.cases
                and self.same_exact == self.exact and self.bounds_kept)


def make_cases(
    frames: Sequence[NDArray[np.uint16]], settings: Sequence[Mapping[str, Any]] = SETTINGS
) -> list[Case]:
    """Encode frames on every executor of this machine; equal streams are kept once."""
    present = [executor for executor in executors() if not executor.missing]
    first, watched = probed(present[0], 1)
    cases: dict[bytes, Case] = {}
    for executor in present:
        codec, probe = probed(executor, 1)
        for depth in frames:
            for some in settings:
                probe.analysis = None
                encoded = codec.encode(depth, **some)
                restored = first.decode(encoded)
                cases.setdefault(encoded.mask + encoded.latents, Case(
                    depth, some, encoded, probe.analysis, watched.latents, watched.bend, restored,
                ))
    return list(cases.values())


def examine(
    cases: Sequence[Case], executor: Executor, threads: int, instruction_set: str = 'native'
) -> Finding:
    """Encode and decode all cases on an executor."""
    codec, probe = probed(executor, threads)
    streams = latents = same_exact = 0
    bounds_kept = True
    differences, changed = [], []
    for case in cases:
        probe.analysis = case.analysis
        again = codec.encode(case.depth, **case.settings)
        streams += _same_stream(again, case)
        restored = codec.decode(case.encoded)
        latents += case.is_exact or np.array_equal(probe.latents, case.latents)
        same_exact += case.is_exact and np.array_equal(restored, case.restored)
        bounds_kept &= _keeps_bound(case, restored)
        if case.encoded.mode is Mode.LOSSY:
            differences.append(BEND_GAIN * np.abs(probe.bend - case.bend))
            changed.append(restored != case.restored)
    everything = np.concatenate([d.ravel() for d in differences])
    return Finding(
        executor.name, threads, instruction_set, len(cases), streams, latents,
        sum(case.is_exact for case in cases), same_exact, bounds_kept, float(everything.max()),
        float(everything.mean()), float(np.mean([c.mean() for c in changed])),
    )


def probed(executor: Executor, threads: int) -> tuple[DepthCodec, Probe]:
    """Return a codec on an executor, and the probe in it."""
    probe = Probe(executor.make(ModelFiles.load(MODEL), threads))
    return DepthCodec(MODEL, threads, lambda *_: probe), probe


def examine_at(
    instruction_set: str, cases: Sequence[Case], threads: Sequence[int]
) -> Iterator[Finding]:
    """Examine every executor of this machine that can be held to an instruction set.

    This takes a process of its own: they choose their instructions when they start.
    """
    with _environment(INSTRUCTION_SETS[instruction_set]), _fresh_process() as process:
        for k, executor in enumerate(executors()):
            if not executor.missing and instruction_set in executor.instruction_sets:
                for count in threads:
                    yield process.submit(
                        _examine_kth, cases, k, count, instruction_set).result()


def _examine_kth(cases: Sequence[Case], k: int, threads: int, instruction_set: str) -> Finding:
    return examine(cases, executors()[k], threads, instruction_set)


def _fresh_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context('spawn'))


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for processes that are started within."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name)
        os.environ.update(before)


def _same_stream(again: EncodedDepth, case: Case) -> bool:
    """Compare bits; corrections of a plane may differ with its rounding, and need not agree."""
    corrected = case.encoded.mode is Mode.BOUNDED and not case.is_exact
    return again.mask == case.encoded.mask and (
        corrected or again.latents == case.encoded.latents)


def _keeps_bound(case: Case, restored: Depth) -> bool:
    valid = case.depth > 0
    if not np.array_equal(restored > 0, valid):
        return False
    if case.encoded.mode is Mode.LOSSY:
        return True
    constant = case.encoded.lattice_constant
    lattice = Lattice(abs(constant), constant > 0)
    error = np.abs(lattice.to_quanta(restored) - lattice.to_quanta(case.depth))
    return bool(error[valid].max(initial=0) <= case.encoded.max_error + _ROUNDING)
