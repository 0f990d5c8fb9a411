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
"""Error bounds: checked settings, and millimetres as quanta."""

from __future__ import annotations

from dataclasses import dataclass
import math

from depth_nn_transport.codec.depth_frame import Depth
from depth_nn_transport.codec.errors import InvalidSettingError
from depth_nn_transport.codec.lattice import DEPTH_MAX, Lattice
import numpy as np

# Quanta; corrections are coded up to it.
MAX_BOUND = 1000.0
LEAST_BOUND = 1 / 64
MM_PER_M = 1000.0
# Up to less than this no bound in mm can hold.
LEAST_DEPTH_M = 1 / MM_PER_M
# Quanta or mm; quanta off the grid are float32.
FLOAT_SLACK = 1e-3


@dataclass(frozen=True)
class Bound:
    """
    The largest error that a user accepts.

    :ivar quanta: 0..1000, or None if the bound is in millimetres.
    :ivar millimetres: 0..65535, or None if the bound is in quanta.
    :ivar at: depth (m) up to which the millimetres hold, 0.001..65.535; None for the whole frame.
    """

    quanta: float | None
    millimetres: float | None = None
    at: float | None = None

    def __post_init__(self) -> None:
        """
        Check all values.

        :raises InvalidSettingError: if one is out of its range, or not exactly one bound is
            given.
        """
        if (self.quanta is None) == (self.millimetres is None):
            raise InvalidSettingError(
                'bounded mode needs either max_error (quanta) or max_error_mm (millimetres)'
            )
        _check('max_error', self.quanta, MAX_BOUND)
        _check('max_error_mm', self.millimetres, DEPTH_MAX)
        _check('at', self.at, DEPTH_MAX / MM_PER_M, LEAST_DEPTH_M)
        if self.at is not None and self.millimetres is None:
            raise InvalidSettingError('at is a depth for max_error_mm, which is not given')

    def in_quanta(self, lattice: Lattice, farthest: float) -> float:
        """
        Find the bound in quanta of a frame, of whole quanta on the grid.

        :param lattice: of the frame.
        :param farthest: greatest valid depth of the frame, mm.
        """
        depth = farthest if self.at is None else MM_PER_M * self.at
        if self.millimetres is None:
            quanta = float(self.quanta or 0)
        elif lattice.on_grid:
            quanta = float(_whole_quanta(lattice, self.millimetres, depth))
        else:
            span = lattice.to_quanta(np.array([depth, depth + self.millimetres], np.float32))
            quanta = min(float(span[0] - span[1]), MAX_BOUND)
        # Multiples of 1/64, which the header's float32 holds.
        unit = 1.0 if lattice.on_grid else LEAST_BOUND
        return math.floor(quanta / unit) * unit

    def holds(
        self, original: Depth, restored: Depth, quanta: float, lattice: Lattice
    ) -> bool:
        """
        Tell whether depths are within the bound.

        :param original: mm, any shape; all pixels valid, or 0 in both.
        :param restored: the same.
        :param quanta: what `in_quanta` gave.
        :param lattice: of the frame.
        """
        error = lattice.to_quanta(restored) - lattice.to_quanta(original)
        if max(error.max(initial=0), -error.min(initial=0)) > quanta + FLOAT_SLACK:
            return False
        if self.millimetres is None:
            return True
        depth = original.astype(np.float64)
        within = depth <= (math.inf if self.at is None else MM_PER_M * self.at)
        distance = np.abs(restored - depth)[within]
        return bool(distance.max(initial=0) <= self.millimetres + FLOAT_SLACK)


def _check(name: str, value: float | None, most: float, least: float = 0.0) -> None:
    if value is not None and not least <= value <= most:
        raise InvalidSettingError(f'{name} {value} is not in {least:g}..{most:g}')


def _whole_quanta(lattice: Lattice, millimetres: float, depth: float) -> int:
    """Most steps of the grid that stay within the millimetres from every depth up to this."""
    reachable = lattice.reachable.astype(np.int64)
    ranks = np.arange(np.searchsorted(-reachable, -depth), len(reachable))
    fits, passes = 0, int(MAX_BOUND) + 1
    while passes - fits > 1:
        quanta = (fits + passes) // 2
        farther = reachable[np.maximum(ranks - quanta, 0)]
        if (farther - reachable[ranks]).max(initial=0) <= millimetres:
            fits = quanta
        else:
            passes = quanta
    return fits
