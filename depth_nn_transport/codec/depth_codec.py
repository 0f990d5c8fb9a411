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

from functools import partial

from depth_nn_transport.codec.blas_threads import BLAS_THREADS
from depth_nn_transport.codec.bounded_coder import BoundedCoder
from depth_nn_transport.codec.bounds import Bound
from depth_nn_transport.codec.container import EncodedDepth, Mode
from depth_nn_transport.codec.depth_frame import (
    Depth,
    DepthFrame,
    ExactFrame,
    MM_PER_M,
    whole_millimetres,
)
from depth_nn_transport.codec.errors import InvalidSettingError, ModelMismatchError
from depth_nn_transport.codec.exact_coder import ExactCoder
from depth_nn_transport.codec.lattice_memory import LatticeMemory
from depth_nn_transport.codec.lossy_coder import LossyCoder
from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.model_files import DEFAULT_MODEL, ModelFiles
from depth_nn_transport.runtime.registry import AUTO, find_runtime, MakeNetworks
import numpy as np
from numpy.typing import NDArray

DEFAULT_QUALITY = 50.0
MODES = tuple(mode.name.lower() for mode in Mode)
# More than any processor has: runtimes would make as many as they are told.
MAX_THREADS = 256


class DepthCodec:
    """
    Learned codec of depth images.

    The codec remembers the last frame's lattice, which saves a search; while frames lie on none,
    it searches only now and then, but in bounded mode. An instance is not to be shared between
    threads.

    :ivar model_id: name and hash of the model; decoders need the same.
    :ivar runtime: name of what runs the networks.
    :ivar device: what that runs on, in words.
    """

    def __init__(
        self, model: str = DEFAULT_MODEL, threads: int = 1, runtime: str | MakeNetworks = AUTO
    ) -> None:
        """
        Load a model.

        :param model: name of a model that the package brings, or the path of a model's folder.
        :param threads: CPU threads for a frame.
        :param runtime: one of `RUNTIMES`, or what makes networks on another one.
        :raises ModelLoadError: if the model is missing or damaged.
        :raises InvalidSettingError: if threads is not in 1..256, or the runtime unknown.
        :raises RuntimeNotInstalledError: if the runtime is not installed.
        """
        if not 1 <= threads <= MAX_THREADS:
            raise InvalidSettingError(f'threads {threads} is not in 1..{MAX_THREADS}')
        make_networks = find_runtime(runtime) if isinstance(runtime, str) else runtime
        # numpy's idle BLAS threads spin, on the cores that a robot's other nodes need.
        self._thread_limit = partial(BLAS_THREADS.limited, threads)
        files = ModelFiles.load(model)
        self.model_id = files.model_id
        networks = make_networks(files, threads)
        self.runtime, self.device = networks.runtime, networks.device
        self._mask = MaskCoder(files.mask)
        self._lossy = LossyCoder(networks, files)
        self._bounded = BoundedCoder(self._lossy, ExactCoder(files.plane))
        self._lattices = LatticeMemory()

    def encode(
        self, depth: Depth, mode: str | Mode = 'lossy', quality: float = DEFAULT_QUALITY, *,
        max_error: float | None = None, max_error_mm: float | None = None,
        at: float | None = None,
    ) -> EncodedDepth:
        """
        Encode a depth image.

        :param depth: uint16 (H, W) mm, 0 is a hole; or float32 (H, W) m, NaN, Inf, 0 and negative
            values are holes. H and W within 16..4096.
        :param mode: ``lossy``; ``bounded``, every valid pixel within a bound; or ``lossless``,
            every pixel bit by bit, but for a NaN's payload. Or the `Mode` of that name.
        :param quality: 0..100, of lossy mode; rounded to an integer. More is better and larger.
        :param max_error: 0..1000 quanta, of bounded mode; or
        :param max_error_mm: 0..65535 mm, of bounded mode, and
        :param at: depth (m) up to which these hold; beyond, the error may grow as quanta do. The
            whole frame if not given.
        :returns: the encoded frame, as the first of a stream: see `EncodedDepth.numbered`.
        :raises InvalidDepthError: if the image has another type or size.
        :raises InvalidSettingError: if the mode is unknown, the quality or a bound out of range,
            or the bound missing or of another mode.
        """
        mode = _mode_of(mode)
        bound = _bound_of(mode, max_error, max_error_mm, at)
        if not 0 <= quality <= 100:
            raise InvalidSettingError(f'quality {quality} is not in 0..100')
        with self._thread_limit():
            if bound is None:
                return self._encode_lossy(depth, round(quality))
            return self._encode_bounded(depth, mode, bound)

    def decode(self, encoded: EncodedDepth) -> Depth:
        """
        Restore a depth image.

        :returns: uint16 (H, W) mm with 0 in holes, or float32 (H, W) m with NaN in holes
            (REP-118), 0 where those of a frame without loss were, as the image was encoded from.
        :raises ModelMismatchError: if the frame was encoded with another model.
        :raises CorruptStreamError: if the frame's bytes are damaged.
        """
        if encoded.model_id != self.model_id:
            raise ModelMismatchError(
                f'frame was encoded with model {encoded.model_id!r}, this decoder holds '
                f'{self.model_id!r}; install the same model on both sides'
            )
        with self._thread_limit():
            valid = ~self._mask.decode(encoded.mask, encoded.height, encoded.width)
            if encoded.mode is Mode.LOSSY:
                return self._decode_lossy(encoded, valid)
            return self._bounded.decode(encoded, valid)

    def forget(self) -> None:
        """Forget the frames before, as the next one is of another camera."""
        self._lattices.forget()
        self._bounded.forget()

    def _encode_lossy(self, depth: Depth, quality: int) -> EncodedDepth:
        frame = DepthFrame.of(depth, self._lattices)
        mask, payload = self._mask.encode(~frame.valid), b''
        if frame.valid.any():
            payload = self._lossy.encode(frame, quality)
        return self._wrap(frame, Mode.LOSSY, quality, 0.0, mask, payload)

    def _decode_lossy(self, encoded: EncodedDepth, valid: NDArray[np.bool_]) -> Depth:
        millimetres = np.zeros(valid.shape, np.float32)
        if valid.any():
            lattice, quality = encoded.lattice, round(encoded.quality)
            plane = self._lossy.decode(encoded.latents, valid, quality, lattice)
            millimetres = lattice.to_depth(plane)
        if encoded.encoding == '32FC1':
            return np.where(valid, millimetres / MM_PER_M, np.float32(np.nan))
        return whole_millimetres(millimetres, ~valid)

    def _encode_bounded(self, depth: Depth, mode: Mode, bound: Bound) -> EncodedDepth:
        frame = ExactFrame.of(depth, self._lattices, mode)
        mask = self._mask.encode(~frame.valid)
        quanta, payload = self._bounded.encode(frame, mode, bound, len(mask))
        return self._wrap(frame, mode, 0, quanta, mask, payload)

    def _wrap(
        self, frame: DepthFrame | ExactFrame, mode: Mode, quality: int, max_error: float,
        mask: bytes, payload: bytes,
    ) -> EncodedDepth:
        height, width = frame.depth.shape
        return EncodedDepth(
            height, width, frame.encoding, self.model_id, mode, float(quality), max_error,
            frame.lattice.signed_constant, 0, 0, mask, payload,
        )


def _mode_of(mode: str | Mode) -> Mode:
    if isinstance(mode, Mode):
        return mode
    if mode not in MODES:
        raise InvalidSettingError(f'mode {mode!r} is not known; known modes: {", ".join(MODES)}')
    return Mode[mode.upper()]


def _bound_of(
    mode: Mode, max_error: float | None, max_error_mm: float | None, at: float | None
) -> Bound | None:
    """Return the bound of a mode: none of lossy mode, 0 of lossless mode."""
    if mode is Mode.BOUNDED:
        return Bound(max_error, max_error_mm, at)
    if (max_error, max_error_mm, at) != (None, None, None):
        raise InvalidSettingError(f'a bound is for bounded mode, not for {mode.name.lower()} mode')
    return Bound(0.0) if mode is Mode.LOSSLESS else None
