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

from collections.abc import Callable

from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.int32]


def _difference(grid: Grid, axis: int) -> Grid:
    return np.diff(grid, axis=axis, prepend=np.int32(0))


# Predictors, from above, from the left, and from both: forward and back.
_FORWARD: tuple[Callable[[Grid], Grid], ...] = (
    lambda grid: _difference(grid, 0),
    lambda grid: _difference(grid, 1),
    lambda grid: _difference(_difference(grid, 0), 1),
)
_BACK: tuple[Callable[[Grid], Grid], ...] = (
    lambda grid: np.cumsum(grid, 0, np.int32),
    lambda grid: np.cumsum(grid, 1, np.int32),
    lambda grid: np.cumsum(np.cumsum(grid, 0, np.int32), 1, np.int32),
)


def encode_base(base: Grid, tables: Tables, encoder: TableEncoder) -> None:
    """Encode a base (h, w) with the best of three predictors and of all tables."""
    differences = [forward(base) for forward in _FORWARD]
    predictor = int(np.argmin([np.abs(d).sum() for d in differences]))
    encoder.raw(np.array([predictor], np.int32), 256)
    encode_differences(differences[predictor].ravel(), tables, encoder)


def decode_base(shape: tuple[int, int], tables: Tables, decoder: TableDecoder) -> Grid:
    """Decode a base of the given shape.

    Raises:
        CorruptStreamError: if the bytes hold no base.

    """
    (predictor,) = decoder.raw(1, 256)
    residual = decode_differences(shape[0] * shape[1], tables, decoder).reshape(shape)
    return _BACK[min(int(predictor), len(_BACK) - 1)](residual)


def encode_differences(differences: Grid, tables: Tables, encoder: TableEncoder) -> None:
    """Encode integers (n,) that scatter around zero, with the table that fits them best."""
    # The first one has no predecessor; it must not widen the table of all others.
    spread = float(np.abs(differences[1:]).mean()) if len(differences) > 1 else 0.0
    table = tables.nearest_spread(spread)
    encoder.raw(np.array([table], np.int32), 256)
    encoder.code(tables, np.full(differences.shape, table, np.uint8), differences)


def decode_differences(count: int, tables: Tables, decoder: TableDecoder) -> Grid:
    """Decode what `encode_differences` wrote, (count,)."""
    (table,) = decoder.raw(1, 256)
    index = np.full(count, min(int(table), len(tables) - 1), np.uint8)
    return decoder.code(tables, index)
