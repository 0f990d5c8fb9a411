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
"""Planes in quanta, coded with loss: what is learned end to end, and corrections of its tail."""

from __future__ import annotations

from dataclasses import dataclass

from depth_nn_transport.codec.blocks import base_of, mask_blocks, pad_to_base
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.context import Predictor
from depth_nn_transport.codec.correction_coder import CorrectionCoder
from depth_nn_transport.codec.correction_moves import loose_step, worthwhile_threshold
from depth_nn_transport.codec.depth_frame import DepthFrame
from depth_nn_transport.codec.fill import fill_holes
from depth_nn_transport.codec.latent_coder import LatentCoder, Latents
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import Array, Networks
from depth_nn_transport.codec.step_coder import StepCoder
from depth_nn_transport.codec.steps import least_gap, Steps, take_out_steps
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
from depth_nn_transport.codec.transform import Transform
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class _CodedPlane:
    """What a plane is synthesised from: padded mask and its blocks, steps, latents; its size."""

    known: NDArray[np.bool_]
    blocks: Array
    steps: Steps
    latents: Latents
    shape: tuple[int, ...]


class LossyCoder:
    """Encoder and decoder of the valid pixels of a frame, in quanta."""

    def __init__(self, networks: Networks, files: ModelFiles) -> None:
        """Take a model's networks and its other parts."""
        latent_tables = _split_tables(files, 'latent')
        self._transform = Transform(networks, files.linear)
        self._latents = LatentCoder(
            networks, Predictor.of(files.linear), latent_tables, _split_tables(files, 'hyper')
        )
        self._steps = StepCoder(MaskCoder(files.steps), latent_tables)
        self._corrections = CorrectionCoder(files.corrections)

    def encode(self, frame: DepthFrame, quality: int) -> bytes:
        """Encode a frame with valid pixels at a quality, 0..100, and correct what is worth it."""
        encoder = TableEncoder()
        residual, plane, latents = self.residual(frame, quality, encoder)
        greatest = loose_bound(quality)
        threshold = worthwhile_threshold(residual, frame.valid, encoder.size, greatest)
        self._corrections.encode(
            residual, plane, frame.valid, latents, threshold, loose_step(threshold), encoder
        )
        return encoder.to_bytes()

    def encode_within(self, frame: DepthFrame, quality: int, quanta: int) -> tuple[bytes, Array]:
        """
        Encode a frame with valid pixels and correct all that are more than so many quanta off.

        :returns: the payload, and the plane that a decoder restores from it.
        """
        encoder = TableEncoder()
        residual, plane, latents = self.residual(frame, quality, encoder)
        corrections = self._corrections.encode(
            residual, plane, frame.valid, latents, quanta, 2 * quanta, encoder
        )
        return encoder.to_bytes(), np.add(plane, corrections, dtype=np.float32)

    def decode(
        self, payload: bytes, valid: NDArray[np.bool_], quality: int, lattice: Lattice
    ) -> Array:
        """
        Restore a plane in quanta, float32 (H, W).

        :param payload: as encoded by any of the above.
        :param valid: bool (H, W), not all False.
        :param quality: that it was encoded at.
        :param lattice: of the frame.
        :raises CorruptStreamError: if the payload is none of such a frame.
        """
        decoder = TableDecoder(payload)
        plane, latents = self._decode_plane(decoder, valid, quality)
        plane = _within_ranks(plane, lattice)
        corrections = self._corrections.decode(plane, valid, latents, decoder)
        return np.add(plane, corrections, dtype=np.float32)

    def residual(
        self, frame: DepthFrame, quality: int, encoder: TableEncoder
    ) -> tuple[Array, Array, Array]:
        """
        Encode a plane, without corrections.

        :returns: original minus restored plane in quanta, float32 (H, W); the latter; latents,
            float32 (H/8, W/8, 64).
        """
        coded = self._encode_plane(frame, quality, encoder)
        plane = _within_ranks(self._restore(coded, quality), frame.lattice)
        return frame.quanta - plane, plane, coded.latents.values

    def _encode_plane(self, frame: DepthFrame, quality: int, encoder: TableEncoder) -> _CodedPlane:
        filled = fill_holes(frame.quanta, frame.valid)
        known = pad_to_base(frame.valid, 'constant')
        steps, plane = take_out_steps(pad_to_base(filled, 'edge'), known, least_gap(quality))
        self._steps.encode(steps, encoder)
        base, valid = base_of(plane), mask_blocks(known)
        latents, hyper = self._transform.analyse(plane, base, valid, quality)
        coded = self._latents.encode(latents, hyper, base, valid, quality, encoder)
        return _CodedPlane(known, valid, steps, coded, frame.valid.shape)

    def _restore(self, coded: _CodedPlane, quality: int) -> Array:
        """Synthesise a plane in quanta, (H, W)."""
        plane = self._transform.synthesise(
            coded.latents.values, coded.latents.base, coded.blocks, quality
        )
        height, width = coded.shape
        return coded.steps.restore(plane, coded.known)[:height, :width]

    def _decode_plane(
        self, decoder: TableDecoder, valid: NDArray[np.bool_], quality: int
    ) -> tuple[Array, Array]:
        """Restore a plane in quanta, (H, W), and its latents, (H/8, W/8, 64)."""
        known = pad_to_base(valid, 'constant')
        blocks = mask_blocks(known)
        steps = self._steps.decode(decoder, (known.shape[0], known.shape[1]))
        latents = self._latents.decode(decoder, blocks, quality)
        coded = _CodedPlane(known, blocks, steps, latents, valid.shape)
        return self._restore(coded, quality), latents.values


def loose_bound(quality: int) -> int:
    """Quanta past which lossy mode corrects a pixel at the latest."""
    return round(100 * 2 ** (-quality / 25))


def _within_ranks(plane: Array, lattice: Lattice) -> Array:
    return _clip(plane, np.float32(len(lattice.reachable) - 1)) if lattice.on_grid else plane


@compiled
def _clip(plane: Array, greatest: np.float32) -> Array:
    """Limit values to 0..greatest: (H, W), contiguous."""
    clipped = np.empty(plane.shape, np.float32)
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            value = plane[y, x]
            value = value if value < greatest else greatest
            clipped[y, x] = value if value > 0 else np.float32(0)
    return clipped


def _split_tables(files: ModelFiles, name: str) -> Tables:
    flat, sizes = files.tables[name], files.tables[f'{name}_sizes']
    return Tables(np.split(flat, np.cumsum(sizes)[:-1].astype(int)))
