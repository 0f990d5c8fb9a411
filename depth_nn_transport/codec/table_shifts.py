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
Table indices of each channel, shifted to suit a frame.

The entropy model expects of every frame what training frames held on average: a camera that
smooths more, or an image that was enlarged, has less or more of some frequencies. So the encoder
tells for each channel by how many tables its latents scatter wider or less than expected. What is
certain stays so, so that no latent depends on the shifts.
"""

from __future__ import annotations

from collections.abc import Iterable

import constriction
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.networks import LATENT_CHANNELS, TABLES
from depth_nn_transport.codec.table_coder import Integers, TableDecoder, TableEncoder, Tables
import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.uint8]
# Some channels, and the table indices and symbols, (N * C,) each, of these at N positions.
Part = tuple[slice, Index, Integers]

# Narrower and wider by up to so many tables: eight shifts, which a vector of a processor holds.
NARROWEST, WIDEST = -3, 4
SHIFTS = WIDEST - NARROWEST + 1
_PROBABILITIES = np.exp2(-np.array([8, 7, 6, np.inf, 6, 7, 8, 8], np.float32))
_PROBABILITIES[-NARROWEST] = 1 - _PROBABILITIES.sum()
_MODEL = constriction.stream.model.Categorical(_PROBABILITIES, perfect=False)
# Costs are in this share of a bit, whole, so that sums do not depend on their order.
COST_UNITS = 256
_COST_OF_SHIFT = np.rint(-COST_UNITS * np.log2(_PROBABILITIES)).astype(np.int64)


class TableShifts:
    """
    Chooses, codes and applies shifts.

    :ivar costs: int32 (2 R + 1, tables), of symbols from -R to R, in `COST_UNITS` of a bit.
    """

    def __init__(self, tables: Tables) -> None:
        self._least = int(np.argmin(tables.certain))
        place = np.arange(NARROWEST, TABLES + WIDEST).clip(self._least, TABLES - 1)
        costs = tables.costs(COST_UNITS)
        self.costs = np.ascontiguousarray(costs.T)
        self._costs = np.ascontiguousarray(costs[place].T)

    def choose(self, parts: Iterable[Part]) -> Integers:
        """Find the shifts with which a frame takes the fewest bits: int32 (64,)."""
        totals = np.tile(_COST_OF_SHIFT, (LATENT_CHANNELS, 1))
        for channels, index, symbols in parts:
            _add_costs(index, symbols, self._costs, self._least, totals[channels])
        cheapest: Integers = np.argmin(totals, 1).astype(np.int32)
        return cheapest + np.int32(NARROWEST)

    def encode(self, shifts: Integers, encoder: TableEncoder) -> None:
        """Encode shifts (64,)."""
        encoder.bulk(shifts - np.int32(NARROWEST), _MODEL)

    def decode(self, decoder: TableDecoder) -> Integers:
        """
        Decode shifts (64,).

        :raises CorruptStreamError: if the bytes hold none.
        """
        shifts: Integers = decoder.bulk(_MODEL, LATENT_CHANNELS) + np.int32(NARROWEST)
        return shifts

    def apply(self, shifts: Integers, index: Index) -> Index:
        """Shift the indices (N * C,) of some channels by their shifts (C,)."""
        return _shifted(index, shifts, np.int32(self._least)) if shifts.any() else index


@compiled
def _add_costs(
    index: Index, symbols: Integers, costs: Integers, least: int, totals: NDArray[np.int64]
) -> None:
    """
    Add up what symbols cost with each shift.

    :param index: (N * C,).
    :param symbols: (N * C,).
    :param costs: int32 (2 R + 1, TABLES + SHIFTS - 1), of each symbol from -R on, under each
        table.
    :param least: the first table that is not certain.
    :param totals: (C, SHIFTS), is added to.
    """
    reach, channels, first = costs.shape[0] // 2, len(totals), np.uint8(least)
    for start in range(0, len(index), channels):
        tables = index[start:start + channels]
        widest = tables[0]
        for c in range(channels):
            widest = tables[c] if tables[c] > widest else widest
        if widest < first:
            continue
        for c in range(channels):
            if tables[c] >= first:
                symbol = min(max(symbols[start + c], -reach), reach) + reach
                here, total = costs[symbol, tables[c]:tables[c] + SHIFTS], totals[c]
                for k in range(SHIFTS):
                    total[k] += here[k]


@compiled
def _shifted(index: Index, shifts: Integers, least: np.int32) -> Index:
    shifted = np.empty(len(index), np.uint8)
    for start in range(0, len(index), len(shifts)):
        here, out = index[start:start + len(shifts)], shifted[start:start + len(shifts)]
        for c in range(len(shifts)):
            moved = min(max(np.int32(here[c]) + shifts[c], least), np.int32(TABLES - 1))
            out[c] = np.uint8(moved) if here[c] >= least else here[c]
    return shifted
