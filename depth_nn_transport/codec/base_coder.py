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
"""Coding of the base: the plane's mean in each 32x32 block, in steps of 16 quanta."""

from __future__ import annotations

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.networks import TABLES
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.int32]

# How often a predictor takes the neighbours above, to the left, and above to the left; they are
# zero outside the grid.
_PREDICTORS = ((1, 0, 0), (0, 1, 0), (1, 1, -1))
_PREDICTOR_RANGE = 4


@compiled
def _predict(grid: Grid, y: int, x: int, predictor: int) -> int:
    above, left, both = _PREDICTORS[predictor]
    prediction = 0
    if y > 0:
        prediction += above * grid[y - 1, x]
    if x > 0:
        prediction += left * grid[y, x - 1]
    if y > 0 and x > 0:
        prediction += both * grid[y - 1, x - 1]
    return prediction


@compiled
def _best_differences(grid: Grid) -> tuple[int, Grid]:
    """Choose the predictor whose differences from the grid are smallest, (h * w,)."""
    differences = np.empty((len(_PREDICTORS), *grid.shape), np.int32)
    totals = np.zeros(len(_PREDICTORS), np.int64)
    for predictor in range(len(_PREDICTORS)):
        for y in range(grid.shape[0]):
            for x in range(grid.shape[1]):
                difference = grid[y, x] - _predict(grid, y, x, predictor)
                differences[predictor, y, x] = difference
                totals[predictor] += abs(difference)
    best = int(np.argmin(totals))
    return best, differences[best].ravel()


@compiled
def _undo(differences: Grid, shape: tuple[int, int], predictor: int) -> Grid:
    """Restore a grid from its differences, (h * w,)."""
    grid = np.empty(shape, np.int32)
    for y in range(shape[0]):
        for x in range(shape[1]):
            difference = differences[y * shape[1] + x]
            grid[y, x] = difference + _predict(grid, y, x, predictor)
    return grid


def encode_base(base: Grid, tables: Tables, encoder: TableEncoder) -> None:
    """Encode a base (h, w) with the best of three predictors and of all tables."""
    predictor, differences = _best_differences(base)
    encoder.raw(np.array([predictor], np.int32), _PREDICTOR_RANGE)
    encode_differences(differences, tables, encoder)


def decode_base(shape: tuple[int, int], tables: Tables, decoder: TableDecoder) -> Grid:
    """
    Decode a base of the given shape.

    :raises CorruptStreamError: if the bytes hold no base.
    """
    (predictor,) = decoder.raw(1, _PREDICTOR_RANGE)
    differences = decode_differences(shape[0] * shape[1], tables, decoder)
    return _undo(differences, shape, min(int(predictor), len(_PREDICTORS) - 1))


def encode_differences(differences: Grid, tables: Tables, encoder: TableEncoder) -> None:
    """Encode integers (n,) that scatter around zero, with the table that fits them best."""
    # The first one has no predecessor; it must not widen the table of all others.
    spread = float(np.abs(differences[1:]).mean()) if len(differences) > 1 else 0.0
    table = tables.nearest_spread(spread)
    encoder.raw(np.array([table], np.int32), TABLES)
    encoder.code(tables, np.full(differences.shape, table, np.uint8), differences)


def decode_differences(count: int, tables: Tables, decoder: TableDecoder) -> Grid:
    """
    Decode what `encode_differences` wrote, (count,).

    :raises CorruptStreamError: if the bytes hold no differences.
    """
    (table,) = decoder.raw(1, TABLES)
    index = np.full(count, min(int(table), len(tables) - 1), np.uint8)
    return decoder.code(tables, index)
