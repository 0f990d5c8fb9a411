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
"""Coding of depth steps: the map of near pixels, then the steps' heights."""

from __future__ import annotations

from depth_nn_transport.codec.base_coder import decode_differences, encode_differences
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.networks import BLOCK
from depth_nn_transport.codec.steps import Bits, Heights, Steps
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
import numpy as np

# Units of 4 quanta; what the decoder takes from a hostile stream must stay a sane plane.
_MAX_HEIGHT = 1 << 14


class StepCoder:
    """Encoder and decoder of a frame's steps."""

    def __init__(self, map_coder: MaskCoder, tables: Tables) -> None:
        self._map_coder = map_coder
        self._tables = tables

    def encode(self, steps: Steps, encoder: TableEncoder) -> None:
        """Encode the steps of a frame."""
        some = len(steps.heights) > 0
        encoder.raw(np.array([some], np.int32), 2)
        if some:
            self._map_coder.write(steps.near, encoder)
            differences = _walk(_blocks(steps.near), steps.heights, undo=False)
            encode_differences(differences, self._tables, encoder)

    def decode(self, decoder: TableDecoder, shape: tuple[int, int]) -> Steps:
        """
        Decode the steps of a plane of the given shape, multiples of 8.

        :raises CorruptStreamError: if the bytes hold no steps.
        """
        (some,) = decoder.raw(1, 2)
        if not some:
            return Steps(np.zeros(shape, bool), np.zeros(0, np.int32))
        near = self._map_coder.read(decoder, *shape)
        blocks = _blocks(near)
        differences = decode_differences(int(blocks.sum()), self._tables, decoder)
        return Steps(near, _walk(blocks, differences, undo=True))


def _blocks(near: Bits) -> Bits:
    """Tell which blocks hold a step: bool (H, W) -> (H/8, W/8)."""
    height, width = near.shape
    # Rows first: whole rows are joined fast.
    rows = np.asarray(near.reshape(height // BLOCK, BLOCK, width).any(1))
    blocks: Bits = np.any(rows.reshape(len(rows), width // BLOCK, BLOCK), 2)
    return blocks


@compiled
def _walk(blocks: Bits, values: Heights, undo: bool) -> Heights:
    """Turn heights of blocks (n,) into differences to what their neighbours predict, or back."""
    # Of each block, with a margin; less than 0 where there is none.
    known = np.full((blocks.shape[0] + 1, blocks.shape[1] + 2), -1, np.int32)
    found = np.empty(len(values), np.int32)
    last, count = np.int32(0), 0
    for row in range(blocks.shape[0]):
        for column in range(blocks.shape[1]):
            if not blocks[row, column]:
                continue
            # To the left, above, above to the left and to the right.
            for y, x in ((1, 0), (0, 1), (0, 0), (0, 2)):
                neighbour = known[row + y, column + x]
                if neighbour >= 0:
                    last = neighbour
                    break
            value = values[count]
            height = min(max(value + last, 0), _MAX_HEIGHT) if undo else value
            found[count] = height if undo else height - last
            known[row + 1, column + 1], last = height, np.int32(height)
            count += 1
    return found
