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
Frames that keep a promise: every valid pixel within a bound, down to bit by bit.

Two engines stand behind one mode, and the smaller frame is taken: the lossy coder with what passes
the bound corrected, and the coder of exact planes. What frames before took tells what that will be
(`engine_memory`). The encoder restores each frame and checks it.
"""

from __future__ import annotations

import math
from typing import cast

from depth_nn_transport.codec.bounds import Bound
from depth_nn_transport.codec.container import EncodedDepth, Mode
from depth_nn_transport.codec.correction_moves import LEEWAY
from depth_nn_transport.codec.depth_frame import (
    Depth,
    DepthFrame,
    ExactFrame,
    HOLES,
    in_millimetres,
    is_depth,
    MM_PER_M,
    whole_millimetres,
)
from depth_nn_transport.codec.engine_memory import EngineMemory, Trial
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.exact_coder import ExactCoder, guessed_bytes
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.codec.lossy_coder import LossyCoder
from depth_nn_transport.codec.networks import Array
import numpy as np
from numpy.typing import NDArray

# Engines: first byte of the payload.
_CORRECTED, _EXACT, _EXACT_METRES = range(3)
# An engine, its bytes, and the depth that a decoder restores from them.
_Coded = tuple[int, bytes, Depth]


class BoundedCoder:
    """Encoder and decoder of the valid pixels of a frame, none further off than a bound."""

    def __init__(self, lossy: LossyCoder, exact: ExactCoder) -> None:
        """Take both engines."""
        self._lossy = lossy
        self._exact = exact
        self.forget()

    def forget(self) -> None:
        """Forget the frames before, as the next one is of another camera."""
        self._memory = EngineMemory()
        self._shape: tuple[int, ...] = ()

    def encode(
        self, frame: ExactFrame, mode: Mode, bound: Bound, beside: int
    ) -> tuple[float, bytes]:
        """
        Encode a frame by the engine that needs fewer bytes.

        :param frame: what to encode.
        :param mode: bounded or lossless.
        :param bound: that the user asks for; 0 of lossless mode.
        :param beside: bytes that the frame has besides.
        :returns: the bound in quanta of the frame, and the payload.
        """
        quanta, payload = 0.0, b''
        if frame.valid.any():
            if mode is Mode.BOUNDED:
                quanta = bound.in_quanta(frame.lattice, _farthest(frame))
            if quanta > 0:
                payload = self._within(frame, bound, quanta, beside)
            payload = payload or self._lossless(frame, bound)
        return quanta, payload[:1] + bytes([frame.hole]) + payload[1:]

    def decode(self, encoded: EncodedDepth, valid: NDArray[np.bool_]) -> Depth:
        """
        Restore a depth image, as `DepthCodec.decode` returns it.

        :param encoded: of bounded or lossless mode.
        :param valid: its mask, bool (H, W).
        :raises CorruptStreamError: if the payload is none of such a frame.
        """
        depth: Depth = np.zeros(valid.shape, np.uint16)
        if valid.any():
            depth = self._decode_engine(encoded, valid)
        if encoded.encoding == '16UC1':
            if depth.dtype != np.uint16:
                raise CorruptStreamError('floats in a frame of integers')
            return depth
        metres = depth if depth.dtype == np.float32 else depth.astype(np.float32) / MM_PER_M
        # The hole's byte comes behind the engine's, which a frame of nothing but holes lacks.
        engine_and_hole = encoded.latents[:2]
        hole = min(engine_and_hole[-1], len(HOLES) - 1) if engine_and_hole else 0
        return np.where(valid, metres, HOLES[hole])

    def _within(
        self, frame: ExactFrame, bound: Bound, quanta: float, beside: int
    ) -> bytes:
        """
        Encode by each engine that may need the fewest bytes for a bound above 0.

        A frame of another size is taken for another camera's.

        :returns: of the smallest frame that keeps it the engine, then its bytes; nothing if none
            does.
        """
        if frame.depth.shape != self._shape:
            self.forget()
            self._shape = frame.depth.shape
        payloads: dict[Trial, bytes] = {}
        sizes: dict[Trial, float] = {}
        guesses = _guesses(frame, quanta)
        expected = {
            trial: (beside + self._memory.expected(trial, guess)) * _weight(trial[0], quanta)
            for trial, guess in guesses.items()
        }
        for trial in sorted(expected, key=lambda trial: expected[trial]):
            if sizes and expected[trial] >= min(sizes.values()):
                continue
            engine, data, restored = self._encode_by(trial, frame)
            if _keeps(frame, restored, bound, quanta):
                payloads[trial] = bytes([engine]) + data
                sizes[trial] = (beside + len(data)) * _weight(engine, quanta)
        if not sizes:
            return b''
        best = min(sizes, key=lambda trial: sizes[trial])
        ratios = {trial: len(payload) / guesses[trial] for trial, payload in payloads.items()}
        self._memory.note(ratios, best)
        return payloads[best]

    def _lossless(self, frame: ExactFrame, bound: Bound) -> bytes:
        """Encode bit by bit: the engine, then its bytes."""
        engine, data, restored = self._encode_exact(frame, 0.0)
        if not _keeps(frame, restored, bound, 0.0):
            raise AssertionError('a lossless frame would not be restored bit by bit')
        return bytes([engine]) + data

    def _encode_by(self, trial: Trial, frame: ExactFrame) -> _Coded:
        engine, error = trial
        if engine == _CORRECTED:
            return engine, *self._encode_corrected(frame.as_lossy(), int(error))
        return self._encode_exact(frame, error)

    def _encode_corrected(self, frame: DepthFrame, quanta: int) -> tuple[bytes, Depth]:
        quality = _quality_within(quanta)
        data, plane = self._lossy.encode_within(frame, quality, quanta)
        restored = whole_millimetres(frame.lattice.to_depth(plane), ~frame.valid)
        return bytes([quality]) + data, restored

    def _encode_exact(self, frame: ExactFrame, quanta: float) -> _Coded:
        if frame.depth.dtype == np.uint16:
            millimetres = cast(NDArray[np.uint16], frame.depth)
            return _EXACT, *self._exact.encode(millimetres, frame.lattice, quanta)
        metres = cast(Array, frame.depth)
        return _EXACT_METRES, *self._exact.encode_metres(
            metres, frame.valid, frame.lattice, quanta
        )

    def _decode_engine(self, encoded: EncodedDepth, valid: NDArray[np.bool_]) -> Depth:
        data, lattice = encoded.latents[2:], encoded.lattice
        if not data:
            raise CorruptStreamError(f'{len(encoded.latents)} bytes of valid pixels are too few')
        engine = encoded.latents[0]
        if engine == _EXACT:
            return self._exact.decode(data, valid, lattice, encoded.max_error)
        if engine == _EXACT_METRES:
            metres = self._exact.decode_metres(data, valid, lattice, encoded.max_error)
            if encoded.mode is Mode.BOUNDED and not is_depth(metres[valid]).all():
                raise CorruptStreamError('valid pixels of a bounded frame that are no depths')
            return metres
        if engine != _CORRECTED:
            raise CorruptStreamError(f'unknown engine {engine}')
        quality = min(data[0], 100)
        depth = lattice.to_depth(self._lossy.decode(data[1:], valid, quality, lattice))
        return whole_millimetres(depth, ~valid)


def _guesses(frame: ExactFrame, quanta: float) -> dict[Trial, float]:
    """
    Tell what may keep a bound: engines and the bounds that they are to keep for it.

    :returns: a guess of each one's size, but for a factor.
    """
    if frame.depth.dtype == np.uint16:
        whole = cast(NDArray[np.uint16], frame.depth)
    else:
        whole = whole_millimetres(cast(Array, frame.depth), ~frame.valid)
    guess = 1 + guessed_bytes(whole, frame.lattice, quanta)
    guesses: dict[Trial, float] = {(_EXACT, quanta): guess}
    reach = _reach(frame.lattice, quanta)
    if reach >= 1:
        # Corrected frames were measured to differ by half as many octaves.
        guesses[_CORRECTED, reach] = math.sqrt(guess)
    if not frame.lattice.on_grid:
        # A frame of few values may be smaller as it is.
        guesses[_EXACT, 0.0] = guess
    return guesses


def _keeps(frame: ExactFrame, restored: Depth, bound: Bound, quanta: float) -> bool:
    """Tell whether a restored frame keeps its bound; bit by bit if that is 0."""
    original, found = frame.depth, restored
    if original.dtype == np.float32:
        original, found = original[frame.valid], found[frame.valid]
    elif quanta == 0:
        # Holes are 0 in both.
        return np.array_equal(original, found)
    if quanta > 0:
        return bound.holds(_millimetres(original), _millimetres(found), quanta, frame.lattice)
    nan = np.isnan(original)
    same = np.array_equal(np.isnan(found), nan)
    return same and original[~nan].tobytes() == found[~nan].tobytes()


def _reach(lattice: Lattice, quanta: float) -> int:
    """
    Quanta past which a pixel of a lossy frame is to be corrected, so that the bound holds.

    Off the grid no rounding to it takes the corrections' leeway back, and that to millimetres adds
    up to half a quantum.
    """
    return int(quanta if lattice.on_grid else quanta - LEEWAY - 0.5)


def _farthest(frame: ExactFrame) -> float:
    """Return the greatest valid depth in mm."""
    if frame.depth.dtype == np.uint16:
        # Holes are 0.
        return float(frame.depth.max())
    return float(_millimetres(frame.depth[frame.valid]).max())


def _millimetres(depth: Depth) -> Depth:
    return in_millimetres(cast(Array, depth)) if depth.dtype == np.float32 else depth


def _weight(engine: int, quanta: float) -> float:
    """
    Weigh the bytes of a bounded frame by what else an engine gives.

    Most errors of a corrected lossy frame are far below a bound of more than two quanta, those of
    the other engines are spread all over it: from there on they have to be a tenth smaller.
    """
    return 1.1 if engine != _CORRECTED and quanta > 2 else 1.0


def _quality_within(quanta: int) -> int:
    """Quality at which the lossy frame and its corrections are smallest, as measured."""
    return min(max(round(90 - 18 * math.log2(quanta)), 0), 100)
