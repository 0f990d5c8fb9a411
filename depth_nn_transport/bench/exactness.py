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
The codec on every executor: which streams and restored frames are the same bit by bit.

The analysis is a float network, so an encoder's decisions depend on its executor. What must not is
how they are sent and what becomes of them: every executor that is given the analysis of a
stream's encoder has to write the same stream, and has to restore the same frame from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
import multiprocessing
import os
from typing import Any, ClassVar

from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.bench.executors import Executor, executors, INSTRUCTION_SETS
from depth_nn_transport.codec.depth_frame import Depth
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import Array
from depth_nn_transport.runtime.graph_networks import GraphNetworks, Tensor
import numpy as np
from numpy.typing import NDArray

MODEL = 'main'
SETTINGS: tuple[dict[str, Any], ...] = (
    {'mode': 'lossy', 'quality': 10}, {'mode': 'lossy', 'quality': 50},
    {'mode': 'lossy', 'quality': 90}, {'mode': 'bounded', 'max_error': 4},
    {'mode': 'bounded', 'max_error': 1}, {'mode': 'lossless'},
)


class Probe(GraphNetworks):
    """
    Networks whose analysis can be replaced.

    :ivar analysis: results of the analysis to come, or None if it is to be run; then those of the
        last one.
    """

    runtime: ClassVar[str] = 'probe'

    def __init__(self, networks: GraphNetworks) -> None:
        self._networks = networks
        self.device = networks.device
        self.analysis: list[Array] | None = None

    def run(self, name: str, inputs: list[Tensor]) -> list[Tensor]:
        """See `GraphNetworks`."""
        if name != 'analysis':
            return self._networks.run(name, inputs)
        if self.analysis is None:
            self.analysis = [x.copy() for x in self._networks.run(name, inputs)]
        return self.analysis


@dataclass(frozen=True)
class Case:
    """
    A stream, and what is to become of it.

    :ivar depth: the frame, uint16 (H, W) mm.
    :ivar settings: of `DepthCodec.encode`.
    :ivar encoded: the stream.
    :ivar analysis: that its encoder came to; None if none was needed.
    :ivar restored: the frame that comes out on the first executor.
    """

    depth: NDArray[np.uint16]
    settings: Mapping[str, Any]
    encoded: EncodedDepth
    analysis: list[Array] | None
    restored: Depth


@dataclass(frozen=True)
class Finding:
    """
    An executor on all cases.

    :ivar executor: its name.
    :ivar threads: that it ran on.
    :ivar instruction_set: of `INSTRUCTION_SETS`.
    :ivar cases: how many there were.
    :ivar same_streams: those that it writes bit by bit as their encoders did.
    :ivar same_frames: those that it restores bit by bit as the first executor does.
    """

    executor: str
    threads: int
    instruction_set: str
    cases: int
    same_streams: int
    same_frames: int

    @property
    def is_good(self) -> bool:
        """Whether everything is the same."""
        return self.same_streams == self.same_frames == self.cases


def make_cases(
    frames: Sequence[NDArray[np.uint16]], settings: Sequence[Mapping[str, Any]] = SETTINGS
) -> list[Case]:
    """Encode frames on every executor of this machine; equal streams are kept once."""
    present = [executor for executor in executors() if not executor.missing]
    first, _ = probed(present[0], 1)
    cases: dict[bytes, Case] = {}
    for executor in present:
        codec, probe = probed(executor, 1)
        for depth in frames:
            for some in settings:
                probe.analysis = None
                encoded = _encode_alone(codec, depth, some)
                case = Case(depth, some, encoded, probe.analysis, first.decode(encoded))
                cases.setdefault(encoded.mask + encoded.latents, case)
    return list(cases.values())


def examine(
    cases: Sequence[Case], executor: Executor, threads: int, instruction_set: str = 'native'
) -> Finding:
    """Encode and decode all cases on an executor."""
    codec, probe = probed(executor, threads)
    streams = frames = 0
    for case in cases:
        probe.analysis = case.analysis
        again = _encode_alone(codec, case.depth, case.settings)
        streams += (again.mask, again.latents) == (case.encoded.mask, case.encoded.latents)
        frames += np.array_equal(codec.decode(case.encoded), case.restored)
    return Finding(executor.name, threads, instruction_set, len(cases), streams, frames)


def _encode_alone(
    codec: DepthCodec, depth: NDArray[np.uint16], settings: Mapping[str, Any]
) -> EncodedDepth:
    """Encode a frame as the first of a stream, so that no other one has a say in it."""
    codec.forget()
    return codec.encode(depth, **settings)


def probed(executor: Executor, threads: int) -> tuple[DepthCodec, Probe]:
    """Return a codec on an executor, and the probe in it."""
    probe = Probe(executor.make(ModelFiles.load(MODEL), threads))
    return DepthCodec(MODEL, threads, lambda *_: probe), probe


def examine_at(
    instruction_set: str, cases: Sequence[Case], threads: Sequence[int]
) -> Iterator[Finding]:
    """
    Examine every executor of this machine that can be held to an instruction set.

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
