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
from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.sections import pack_section, unpack_section
from depth_nn_transport.codec.steps import Steps, to_blocks
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
import numpy as np

# Units of 4 quanta; what the decoder takes from a hostile stream must stay a sane plane.
_MAX_HEIGHT = 1 << 14


class StepCoder:
    """Encoder and decoder of a frame's steps; no steps take no bytes."""

    def __init__(self, map_coder: MaskCoder, tables: Tables) -> None:
        self._map_coder = map_coder
        self._tables = tables

    def encode(self, steps: Steps) -> bytes:
        """Encode the steps of a frame."""
        if len(steps.heights) == 0:
            return b''
        near = self._map_coder.encode(steps.near)
        encoder = TableEncoder()
        encode_differences(np.diff(steps.heights, prepend=np.int32(0)), self._tables, encoder)
        return pack_section(near) + encoder.to_bytes()

    def decode(self, data: bytes, shape: tuple[int, int]) -> Steps:
        """Decode the steps of a plane of the given shape, multiples of 8.

        Raises:
            CorruptStreamError: if the bytes hold no steps.

        """
        if not data:
            return Steps(np.zeros(shape, bool), np.zeros(0, np.int32))
        map_data, height_data = unpack_section(data)
        near = self._map_coder.decode(map_data, *shape)
        count = int(to_blocks(near).any(1).sum())
        differences = decode_differences(count, self._tables, TableDecoder(height_data))
        heights = np.cumsum(differences, dtype=np.int64)
        return Steps(near, np.clip(heights, 0, _MAX_HEIGHT).astype(np.int32))
