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
Corrections of the few pixels that a transform restores too badly.

A pixel whose error passes a threshold of T quanta is moved by a multiple of a step, at most 2 T,
which leaves it at most half a step off. Which pixels are moved is told first (`correction_flags`),
then how far (`correction_moves`), by what both sides know of the frame
(`correction_surroundings`).

A step of 2 T takes the fewest bits to keep a bound. Most errors that pass a threshold do so by
little, so a step of 1.5 T leaves less error for next to no more bits.
"""

from __future__ import annotations

from collections.abc import Mapping

from depth_nn_transport.codec.correction_flags import (
    Counts,
    DENSITIES,
    density_class,
    FlagCoder,
    PHASES,
)
from depth_nn_transport.codec.correction_moves import (
    find_moves,
    forget,
    in_phase,
    move_contexts,
    put,
)
from depth_nn_transport.codec.correction_surroundings import Bits, Floats, Surroundings
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
import numpy as np
from numpy.typing import NDArray

MAX_THRESHOLD = 1 << 12
MAX_STEP = 2 * MAX_THRESHOLD
DENSITY_RANGE = 16


class CorrectionCoder:
    """
    Encoder and decoder of corrections.

    :ivar moves: tables of the signed moves, by what is known around.
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Take the arrays that training made."""
        self._flags = FlagCoder(arrays)
        self.moves = Tables(list(np.asarray(arrays['moves'], np.float32)))

    def encode(
        self, residual: Floats, plane: Floats, valid: Bits, latents: Floats, threshold: int,
        step: int, encoder: TableEncoder,
    ) -> Counts:
        """
        Encode corrections that leave no valid pixel more than the threshold off.

        Before rounding to whole quanta no error passes T + 1/2. Original ranks are whole, so that
        after rounding none passes T.

        :param residual: float32 (H, W), original minus restored plane in quanta, below 65535.
        :param plane: float32 (H, W), the restored plane in quanta, as the decoder has it.
        :param valid: bool (H, W).
        :param latents: float32 (>= H/8, >= W/8, C), as the decoder has them.
        :param threshold: quanta, 1..4095.
        :param step: quanta that corrections are multiples of, 1.5 to 2 times the threshold.
        :param encoder: takes the corrections.
        :returns: the corrections in quanta, int32 (H, W), to be added to the restored plane.
        """
        corrections = np.zeros(valid.shape, np.int32)
        pixels, moves = find_moves(residual, valid, threshold, step)
        some = len(pixels) > 0
        encoder.raw(np.array([some], np.int32), 2)
        if not some:
            return corrections
        density = density_class(len(pixels), int(np.count_nonzero(valid)))
        encoder.raw(np.array([threshold], np.int32), MAX_THRESHOLD)
        encoder.raw(np.array([step], np.int32), MAX_STEP)
        encoder.raw(np.array([density], np.int32), DENSITY_RANGE)
        surroundings = Surroundings.of(plane, valid, latents)
        self._flags.encode(pixels, surroundings, density, threshold, encoder)
        forget(corrections, pixels)
        for phase in range(len(PHASES)):
            here = in_phase(phase, pixels)
            index = move_contexts(corrections, pixels[here], surroundings, step)
            put(corrections, pixels[here], encoder.code(self.moves, index, moves[here]))
        put(corrections, pixels, step * moves)
        return corrections

    def decode(
        self, plane: Floats, valid: Bits, latents: Floats, decoder: TableDecoder
    ) -> Counts:
        """
        Decode corrections in quanta, int32 (H, W), to be added to the restored plane.

        :raises CorruptStreamError: if the bytes are no such corrections.
        """
        corrections = np.zeros(valid.shape, np.int32)
        (some,) = decoder.raw(1, 2)
        if not some:
            return corrections
        # No encoder writes a threshold or a step of 0.
        threshold = max(int(decoder.raw(1, MAX_THRESHOLD)[0]), 1)
        step = max(int(decoder.raw(1, MAX_STEP)[0]), 1)
        density = min(int(decoder.raw(1, DENSITY_RANGE)[0]), DENSITIES - 1)
        surroundings = Surroundings.of(plane, valid, latents)
        pixels = self._flags.decode(surroundings, density, threshold, decoder)
        moves = np.zeros(len(pixels), np.int32)
        forget(corrections, pixels)
        for phase in range(len(PHASES)):
            here = in_phase(phase, pixels)
            index = move_contexts(corrections, pixels[here], surroundings, step)
            moves[here] = decoder.code(self.moves, index)
            put(corrections, pixels[here], moves[here])
        put(corrections, pixels, step * moves)
        return corrections
