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
"""The codec: depth image in, encoded frame out, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
import struct

from depth_nn_transport.codec.blocks import base_of, mask_blocks, pad_to_base
from depth_nn_transport.codec.container import EncodedDepth, MAX_SIZE, MIN_SIZE, Mode
from depth_nn_transport.codec.context import Predictor
from depth_nn_transport.codec.errors import (
    CorruptStreamError,
    InvalidDepthError,
    InvalidSettingError,
    ModelMismatchError,
)
from depth_nn_transport.codec.fill import fill_holes
from depth_nn_transport.codec.latent_coder import LatentCoder
from depth_nn_transport.codec.lattice import DEFAULT_CONSTANT, FAR_LIMIT, Lattice
from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import Array
from depth_nn_transport.codec.step_coder import StepCoder
from depth_nn_transport.codec.steps import take_out_steps
from depth_nn_transport.codec.table_coder import Tables
from depth_nn_transport.codec.transform import Transform
from depth_nn_transport.runtime.openvino_networks import OpenVinoNetworks
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Depth = NDArray[np.uint16] | NDArray[np.float32]

DEFAULT_QUALITY = 50.0
# Length of the steps' bytes, in front of those of the latents.
_SIZE = struct.Struct('<I')
MM_PER_M = np.float32(1000)
# Less than a quantum lies beyond; the limit keeps the conversion of huge values finite.
_MAX_METRES = np.float32(FAR_LIMIT / 1000)
# Frames from one search for a lattice to the next while the frames lie on none.
_SEARCH_PERIOD = 10
# Depths in metres this close to a millimetre are taken for millimetres of a lattice.
_MM_TOLERANCE = np.float32(0.01)


@dataclass(frozen=True)
class _Frame:
    """A checked depth image, in mm; uint16, or float32 where it came in metres."""

    depth: Depth
    valid: NDArray[np.bool_]
    lattice: Lattice
    encoding: str


class DepthCodec:
    """Learned codec of depth images.

    The codec remembers the last frame's lattice, which saves a search; while frames lie on none,
    it searches only now and then. An instance is not to be shared between threads.

    Attributes:
        model_id: name and hash of the model; decoders need the same.

    """

    def __init__(self, model: str = 'main', threads: int = 1) -> None:
        """Load a model.

        Args:
            model: name of a model that the package brings, or the path of a model's folder.
            threads: CPU threads for a frame.

        Raises:
            ModelLoadError: if the model is missing or damaged.
            InvalidSettingError: if threads is not positive.

        """
        if threads < 1:
            raise InvalidSettingError(f'threads {threads} must be at least 1')
        # numpy's idle BLAS threads spin, on the cores that a robot's other nodes need.
        self._thread_limit = partial(ThreadpoolController().limit, limits=threads)
        files = ModelFiles.load(model)
        self.model_id = files.model_id
        networks = OpenVinoNetworks(files, threads)
        latent_tables = _split_tables(files, 'latent')
        self._transform = Transform(networks, files.linear)
        self._latents = LatentCoder(
            networks, Predictor.of(files.linear), latent_tables, _split_tables(files, 'hyper')
        )
        self._mask = MaskCoder(files.mask)
        self._steps = StepCoder(MaskCoder(files.steps), latent_tables)
        self._lattice: Lattice | None = None
        self._off_grid_frames = 0
        self._sequence = 0

    def encode(
        self, depth: Depth, mode: str = 'lossy', quality: float = DEFAULT_QUALITY
    ) -> EncodedDepth:
        """Encode a depth image.

        Args:
            depth: uint16 (H, W) mm, 0 is a hole; or float32 (H, W) m, NaN, Inf, 0 and negative
                values are holes. H and W within 16..4096.
            mode: ``lossy``.
            quality: 0..100; rounded to an integer. More is better and larger.

        Returns:
            The encoded frame.

        Raises:
            InvalidDepthError: if the image has another type or size.
            InvalidSettingError: if the mode is unknown or the quality out of range.

        """
        if mode != 'lossy':
            raise InvalidSettingError(f"mode {mode!r} is not known; known modes: 'lossy'")
        if not 0 <= quality <= 100:
            raise InvalidSettingError(f'quality {quality} is not in 0..100')
        with self._thread_limit():
            frame = self._check(depth)
            mask, latents = self._encode_frame(frame, round(quality))
        sequence = self._sequence
        self._sequence = (sequence + 1) % 2**32
        sign = 1 if frame.lattice.on_grid else -1
        height, width = frame.depth.shape
        return EncodedDepth(
            height, width, frame.encoding, self.model_id, Mode.LOSSY, float(round(quality)), 0.0,
            sign * frame.lattice.constant, sequence, sequence, mask, latents,
        )

    def decode(self, encoded: EncodedDepth) -> Depth:
        """Restore a depth image.

        Returns:
            uint16 (H, W) mm with 0 in holes, or float32 (H, W) m with NaN in holes (REP-118),
            as the image was encoded from.

        Raises:
            ModelMismatchError: if the frame was encoded with another model.
            CorruptStreamError: if the frame's bytes are damaged.

        """
        if encoded.model_id != self.model_id:
            raise ModelMismatchError(
                f'frame was encoded with model {encoded.model_id!r}, this decoder holds '
                f'{self.model_id!r}; install the same model on both sides'
            )
        with self._thread_limit():
            hole = self._mask.decode(encoded.mask, encoded.height, encoded.width)
            lattice = Lattice(abs(encoded.lattice_constant), encoded.lattice_constant > 0)
            millimetres = np.zeros(hole.shape, np.float32)
            if not hole.all():
                millimetres = lattice.to_depth(self._decode_plane(encoded, ~hole))
        if encoded.encoding == '32FC1':
            return np.where(hole, np.float32(np.nan), millimetres / MM_PER_M)
        return np.where(hole, 0, np.clip(np.rint(millimetres), 1, 65535)).astype(np.uint16)

    def _check(self, depth: Depth) -> _Frame:
        if not isinstance(depth, np.ndarray) or depth.ndim != 2:
            raise InvalidDepthError('depth image must be a two-dimensional numpy array')
        if not all(MIN_SIZE <= n <= MAX_SIZE for n in depth.shape):
            raise InvalidDepthError(
                f'depth image of {depth.shape[1]}x{depth.shape[0]} pixels; each side must be '
                f'within {MIN_SIZE}..{MAX_SIZE}'
            )
        if depth.dtype == np.uint16:
            lattice = self._lattice_of(depth.astype(np.uint16, copy=False))
            return _Frame(depth, depth > 0, lattice, '16UC1')
        if depth.dtype == np.float32:
            valid = np.isfinite(depth) & (depth > 0)
            metres = np.minimum(np.where(valid, depth, 0), _MAX_METRES)
            return self._check_metres(metres * MM_PER_M, valid)
        raise InvalidDepthError(
            f'depth image of type {depth.dtype}; uint16 (mm) or float32 (m) is needed'
        )

    def _check_metres(self, millimetres: Array, valid: NDArray[np.bool_]) -> _Frame:
        rounded = np.rint(millimetres)
        if rounded.max() <= 65535 and np.abs(millimetres - rounded).max() < _MM_TOLERANCE:
            rounded[valid] = np.maximum(rounded[valid], 1)
            lattice = self._lattice_of(rounded.astype(np.uint16))
            return _Frame(rounded, valid, lattice, '32FC1')
        return _Frame(millimetres, valid, Lattice(DEFAULT_CONSTANT, False), '32FC1')

    def _lattice_of(self, depth: NDArray[np.uint16]) -> Lattice:
        if self._lattice is None or self._off_grid_frames % _SEARCH_PERIOD == 0:
            self._lattice = Lattice.from_depth(depth, self._lattice)
        self._off_grid_frames = 0 if self._lattice.on_grid else self._off_grid_frames + 1
        return self._lattice

    def _encode_frame(self, frame: _Frame, quality: int) -> tuple[bytes, bytes]:
        mask = self._mask.encode(~frame.valid)
        if not frame.valid.any():
            return mask, b''
        filled = fill_holes(frame.lattice.to_quanta(frame.depth), frame.valid)
        known = pad_to_base(frame.valid, 'constant')
        steps, plane = take_out_steps(pad_to_base(filled, 'edge'), known)
        base, valid = base_of(plane), mask_blocks(known)
        latents, hyper = self._transform.analyse(plane, base, valid, quality)
        data, _ = self._latents.encode(latents, hyper, base, valid, quality)
        step_data = self._steps.encode(steps)
        return mask, _SIZE.pack(len(step_data)) + step_data + data

    def _decode_plane(self, encoded: EncodedDepth, valid: NDArray[np.bool_]) -> Array:
        known = pad_to_base(valid, 'constant')
        blocks, quality = mask_blocks(known), round(encoded.quality)
        step_data, data = _split(encoded.latents)
        steps = self._steps.decode(step_data, (known.shape[0], known.shape[1]))
        latents = self._latents.decode(data, blocks, quality)
        plane = self._transform.synthesise(latents.values, latents.base, blocks, quality)
        return steps.restore(plane, known)[:encoded.height, :encoded.width]


def _split(payload: bytes) -> tuple[bytes, bytes]:
    """Part the bytes of the steps from those of the latents."""
    if len(payload) < _SIZE.size:
        raise CorruptStreamError(f'{len(payload)} bytes of latents are too few')
    end = _SIZE.size + _SIZE.unpack_from(payload)[0]
    return payload[_SIZE.size:end], payload[end:]


def _split_tables(files: ModelFiles, name: str) -> Tables:
    flat, sizes = files.tables[name], files.tables[f'{name}_sizes']
    return Tables(np.split(flat, np.cumsum(sizes)[:-1].astype(int)))
