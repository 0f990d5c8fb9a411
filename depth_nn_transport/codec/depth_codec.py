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
from functools import cached_property, partial
import math
from typing import cast

from depth_nn_transport.codec.blocks import base_of, mask_blocks, pad_to_base
from depth_nn_transport.codec.bounds import Bound
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.container import EncodedDepth, MAX_SIZE, MIN_SIZE, Mode
from depth_nn_transport.codec.context import Predictor
from depth_nn_transport.codec.correction_coder import (
    CorrectionCoder,
    loose_step,
    worthwhile_threshold,
)
from depth_nn_transport.codec.errors import (
    CorruptStreamError,
    InvalidDepthError,
    InvalidSettingError,
    ModelMismatchError,
)
from depth_nn_transport.codec.exact_coder import ExactCoder, expected_bytes, in_millimetres
from depth_nn_transport.codec.fill import fill_holes
from depth_nn_transport.codec.latent_coder import LatentCoder, Latents
from depth_nn_transport.codec.lattice import DEFAULT_CONSTANT, DEPTH_MAX, FAR_LIMIT, Lattice
from depth_nn_transport.codec.lattice_memory import LatticeMemory
from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.codec.networks import Array
from depth_nn_transport.codec.step_coder import StepCoder
from depth_nn_transport.codec.steps import least_gap, Steps, take_out_steps
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
from depth_nn_transport.codec.transform import Transform
from depth_nn_transport.runtime.registry import AUTO, find_runtime, MakeNetworks
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Depth = NDArray[np.uint16] | NDArray[np.float32]

DEFAULT_QUALITY = 50.0
MODES = ('lossy', 'bounded', 'lossless')
# More than any processor has: runtimes would make as many as they are told.
MAX_THREADS = 256
# Engines of bounded and lossless mode: first byte of the payload.
_CORRECTED, _EXACT, _EXACT_METRES = range(3)
_HOLES = np.array([np.nan, 0], np.float32)
# Smoothness from which a frame may be smaller as a lossy one with corrections, by the bound in
# quanta, as measured; any smoothness from 3 quanta.
_SMOOTH_ENOUGH = {1: 7.0, 2: 1.8}
# Frames are off what is expected of them by a sixth.
_EXPECTATION_MARGIN = 1.1
MM_PER_M = np.float32(1000)
# Less than a quantum lies beyond; the limit keeps the conversion of huge values finite.
_MAX_METRES = np.float32(FAR_LIMIT / 1000)
# Depths in metres this close to a millimetre are taken for millimetres of a lattice.
_MM_TOLERANCE = np.float32(0.01)


@dataclass(frozen=True)
class _Frame:
    """A checked depth image, in mm; uint16, or float32 where it came in metres."""

    depth: Depth
    valid: NDArray[np.bool_]
    lattice: Lattice
    encoding: str

    @cached_property
    def quanta(self) -> Array:
        """The image as a plane in quanta; anything in holes."""
        return self.lattice.to_quanta(self.depth)


@dataclass(frozen=True)
class _Restored:
    """What a plane is synthesised from: padded mask and its blocks, steps, latents; its size."""

    known: NDArray[np.bool_]
    blocks: Array
    steps: Steps
    latents: Latents
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _ExactFrame:
    """A checked depth image as it is.

    Attributes:
        depth: uint16 mm, 0 in holes; or float32 metres, if they are no whole millimetres.
        valid: bool (H, W).
        lattice: of the frame.
        encoding: that it came in.
        hole: index into `_HOLES` of what stands in holes.

    """

    depth: Depth
    valid: NDArray[np.bool_]
    lattice: Lattice
    encoding: str
    hole: int = 0


class DepthCodec:
    """Learned codec of depth images.

    The codec remembers the last frame's lattice, which saves a search; while frames lie on none,
    it searches only now and then, but in bounded mode. An instance is not to be shared between
    threads.

    Attributes:
        model_id: name and hash of the model; decoders need the same.
        runtime: name of what runs the networks.
        device: what that runs on, in words.

    """

    def __init__(
        self, model: str = 'main', threads: int = 1, runtime: str | MakeNetworks = AUTO
    ) -> None:
        """Load a model.

        Args:
            model: name of a model that the package brings, or the path of a model's folder.
            threads: CPU threads for a frame.
            runtime: one of `RUNTIMES`, or what makes networks on another one.

        Raises:
            ModelLoadError: if the model is missing or damaged.
            InvalidSettingError: if threads is not in 1..256, or the runtime unknown.
            RuntimeNotInstalledError: if the runtime is not installed.

        """
        if not 1 <= threads <= MAX_THREADS:
            raise InvalidSettingError(f'threads {threads} is not in 1..{MAX_THREADS}')
        make_networks = find_runtime(runtime) if isinstance(runtime, str) else runtime
        # numpy's idle BLAS threads spin, on the cores that a robot's other nodes need.
        self._thread_limit = partial(ThreadpoolController().limit, limits=threads)
        files = ModelFiles.load(model)
        self.model_id = files.model_id
        networks = make_networks(files, threads)
        self.runtime, self.device = networks.runtime, networks.device
        latent_tables = _split_tables(files, 'latent')
        self._transform = Transform(networks, files.linear)
        self._latents = LatentCoder(
            networks, Predictor.of(files.linear), latent_tables, _split_tables(files, 'hyper')
        )
        self._mask = MaskCoder(files.mask)
        self._steps = StepCoder(MaskCoder(files.steps), latent_tables)
        self._corrections = CorrectionCoder(files.corrections)
        self._exact = ExactCoder(files.plane)
        self._lattices = LatticeMemory()
        self._sequence = 0

    def encode(
        self, depth: Depth, mode: str = 'lossy', quality: float = DEFAULT_QUALITY, *,
        max_error: float | None = None, max_error_mm: float | None = None,
        at: float | None = None,
    ) -> EncodedDepth:
        """Encode a depth image.

        Args:
            depth: uint16 (H, W) mm, 0 is a hole; or float32 (H, W) m, NaN, Inf, 0 and negative
                values are holes. H and W within 16..4096.
            mode: ``lossy``; ``bounded``, every valid pixel within a bound; or ``lossless``, every
                pixel bit by bit, but for a NaN's payload.
            quality: 0..100, of lossy mode; rounded to an integer. More is better and larger.
            max_error: 0..1000 quanta, of bounded mode; or
            max_error_mm: 0..65535 mm, of bounded mode, and
            at: depth (m) up to which these hold; beyond, the error may grow as quanta do. The
                whole frame if not given.

        Returns:
            The encoded frame.

        Raises:
            InvalidDepthError: if the image has another type or size.
            InvalidSettingError: if the mode is unknown, the quality or a bound out of range, or
                the bound missing or of another mode.

        """
        bound = _check_mode(mode, max_error, max_error_mm, at)
        if bound is not None:
            with self._thread_limit():
                return self._encode_within(depth, Mode[mode.upper()], bound)
        if not 0 <= quality <= 100:
            raise InvalidSettingError(f'quality {quality} is not in 0..100')
        with self._thread_limit():
            frame = self._check(depth)
            mask, latents = self._mask.encode(~frame.valid), b''
            if frame.valid.any():
                latents = self._encode_lossy(frame, round(quality))
        return self._wrap(frame, Mode.LOSSY, round(quality), 0.0, mask, latents)

    def decode(self, encoded: EncodedDepth) -> Depth:
        """Restore a depth image.

        Returns:
            uint16 (H, W) mm with 0 in holes, or float32 (H, W) m with NaN in holes (REP-118),
            0 where those of a frame without loss were, as the image was encoded from.

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
            if encoded.mode is not Mode.LOSSY:
                return self._decode_within(encoded, ~hole, lattice)
            millimetres = np.zeros(hole.shape, np.float32)
            if not hole.all():
                quality = round(encoded.quality)
                plane = self._decode_corrected(encoded.latents, ~hole, quality, lattice)
                millimetres = lattice.to_depth(plane)
        if encoded.encoding == '32FC1':
            return np.where(hole, np.float32(np.nan), millimetres / MM_PER_M)
        return _whole_millimetres(millimetres, hole)

    def _wrap(
        self, frame: _Frame | _ExactFrame, mode: Mode, quality: int, max_error: float,
        mask: bytes, latents: bytes,
    ) -> EncodedDepth:
        sequence = self._sequence
        self._sequence = (sequence + 1) % 2**32
        sign = 1 if frame.lattice.on_grid else -1
        height, width = frame.depth.shape
        return EncodedDepth(
            height, width, frame.encoding, self.model_id, mode, float(quality), max_error,
            sign * frame.lattice.constant, sequence, sequence, mask, latents,
        )

    def _encode_within(self, depth: Depth, mode: Mode, bound: Bound) -> EncodedDepth:
        frame = self._check_exact(depth, mode)
        mask = self._mask.encode(~frame.valid)
        quanta, payload = 0.0, b''
        if frame.valid.any():
            if mode is Mode.BOUNDED:
                quanta = bound.in_quanta(frame.lattice, _farthest(frame))
            candidates = self._candidates(frame, bound, quanta)
            payload = min(
                candidates, key=lambda data: len(mask + data) * _weight(data[0], quanta)
            )
        engine_and_hole = payload[:1] + bytes([frame.hole])
        return self._wrap(frame, mode, 0, quanta, mask, engine_and_hole + payload[1:])

    def _candidates(self, frame: _ExactFrame, bound: Bound, quanta: float) -> list[bytes]:
        """Payloads that keep the bound: the engine, then its bytes; lossless ones if none do."""
        found = []
        promising = True
        if frame.depth.dtype == np.uint16 and frame.lattice.on_grid and quanta >= 1:
            whole = _Frame(frame.depth, frame.valid, frame.lattice, frame.encoding)
            least = _SMOOTH_ENOUGH.get(int(quanta), 0.0)
            if least == 0 or smoothness(whole.quanta, frame.valid) >= least:
                found.append((_CORRECTED, *self._correct(whole, int(quanta))))
                millimetres = cast(NDArray[np.uint16], frame.depth)
                expected = expected_bytes(millimetres, frame.lattice, quanta)
                most = _EXPECTATION_MARGIN * len(found[0][1])
                promising = expected * _weight(_EXACT, quanta) < most
        if promising:
            found.append(self._encode_exact(frame, quanta))
        if not frame.lattice.on_grid and quanta > 0:
            # A frame of few values may be smaller as it is.
            found.append(self._encode_exact(frame, 0.0))
        kept = [
            bytes([engine]) + data for engine, data, restored in found
            if _keeps(frame, restored, bound, quanta)
        ]
        if not kept:
            engine, data, restored = self._encode_exact(frame, 0.0)
            if not _keeps(frame, restored, bound, 0.0):
                raise AssertionError('a lossless frame would not be restored bit by bit')
            kept = [bytes([engine]) + data]
        return kept

    def _encode_exact(self, frame: _ExactFrame, quanta: float) -> tuple[int, bytes, Depth]:
        if frame.depth.dtype == np.uint16:
            millimetres = cast(NDArray[np.uint16], frame.depth)
            return _EXACT, *self._exact.encode(millimetres, frame.lattice, quanta)
        metres = cast(Array, frame.depth)
        return _EXACT_METRES, *self._exact.encode_metres(
            metres, frame.valid, frame.lattice, quanta
        )

    def forget(self) -> None:
        """Forget the lattice of the last frame, as the next one is of another camera."""
        self._lattices.forget()

    def residual(
        self, depth: Depth, quality: int
    ) -> tuple[Array, Array, NDArray[np.bool_], Array]:
        """Restore a frame in lossy mode, to fit the correction coder.

        Returns:
            Original minus restored plane in quanta, float32 (H, W); the latter; validity; latents.

        """
        with self._thread_limit():
            frame = self._check(depth)
            residual, plane, latents = self._encode_uncorrected(frame, quality, TableEncoder())
        return residual, plane, frame.valid, latents

    def _encode_lossy(self, frame: _Frame, quality: int) -> bytes:
        """Encode a plane and correct what is worth it."""
        encoder = TableEncoder()
        residual, plane, latents = self._encode_uncorrected(frame, quality, encoder)
        greatest = loose_bound(quality)
        threshold = worthwhile_threshold(residual, frame.valid, encoder.size, greatest)
        self._corrections.encode(
            residual, plane, frame.valid, latents, threshold, loose_step(threshold), encoder
        )
        return encoder.to_bytes()

    def _correct(self, frame: _Frame, quanta: int) -> tuple[bytes, Depth]:
        """Encode with loss and correct what passes the bound."""
        quality, encoder = _quality_within(quanta), TableEncoder()
        residual, plane, latents = self._encode_uncorrected(frame, quality, encoder)
        corrections = self._corrections.encode(
            residual, plane, frame.valid, latents, quanta, 2 * quanta, encoder
        )
        corrected = np.add(plane, corrections, dtype=np.float32)
        payload = bytes([quality]) + encoder.to_bytes()
        return payload, _whole_millimetres(frame.lattice.to_depth(corrected), ~frame.valid)

    def _encode_uncorrected(
        self, frame: _Frame, quality: int, encoder: TableEncoder
    ) -> tuple[Array, Array, Array]:
        """Encode a plane.

        Returns:
            Original minus restored plane in quanta, (H, W); the latter; latents.

        """
        restored = self._encode_plane(frame, quality, encoder)
        plane = _within_ranks(self._restore(restored, quality), frame.lattice)
        return frame.quanta - plane, plane, restored.latents.values

    def _decode_corrected(
        self, payload: bytes, valid: NDArray[np.bool_], quality: int, lattice: Lattice
    ) -> Array:
        """Restore a plane in quanta, (H, W)."""
        decoder = TableDecoder(payload)
        plane, latents = self._decode_plane(decoder, valid, quality)
        plane = _within_ranks(plane, lattice)
        corrections = self._corrections.decode(plane, valid, latents, decoder)
        return np.add(plane, corrections, dtype=np.float32)

    def _decode_within(
        self, encoded: EncodedDepth, valid: NDArray[np.bool_], lattice: Lattice
    ) -> Depth:
        depth: Depth = np.zeros(valid.shape, np.uint16)
        if valid.any():
            depth = self._decode_engine(encoded, valid, lattice)
        if encoded.encoding == '16UC1':
            if depth.dtype != np.uint16:
                raise CorruptStreamError('floats in a frame of integers')
            return depth
        metres = depth if depth.dtype == np.float32 else depth.astype(np.float32) / MM_PER_M
        # The hole's byte comes behind the engine's, which a frame of nothing but holes lacks.
        engine_and_hole = encoded.latents[:2]
        hole = min(engine_and_hole[-1], len(_HOLES) - 1) if engine_and_hole else 0
        return np.where(valid, metres, _HOLES[hole])

    def _decode_engine(
        self, encoded: EncodedDepth, valid: NDArray[np.bool_], lattice: Lattice
    ) -> Depth:
        data = encoded.latents[2:]
        if not data:
            raise CorruptStreamError(f'{len(encoded.latents)} bytes of valid pixels are too few')
        engine = encoded.latents[0]
        if engine == _EXACT:
            return self._exact.decode(data, valid, lattice, encoded.max_error)
        if engine == _EXACT_METRES:
            metres = self._exact.decode_metres(data, valid, lattice, encoded.max_error)
            if encoded.mode is Mode.BOUNDED and not _is_depth(metres[valid]).all():
                raise CorruptStreamError('valid pixels of a bounded frame that are no depths')
            return metres
        if engine != _CORRECTED:
            raise CorruptStreamError(f'unknown engine {engine}')
        quality = min(data[0], 100)
        depth = lattice.to_depth(self._decode_corrected(data[1:], valid, quality, lattice))
        return _whole_millimetres(depth, ~valid)

    def _check_exact(self, depth: Depth, mode: Mode) -> _ExactFrame:
        """Check a depth image; in lossless mode holes that are not the usual ones are values."""
        self._check_image(depth)
        lattice_of = partial(self._lattices.of, surely=mode is Mode.BOUNDED)
        if depth.dtype == np.uint16:
            depth = np.ascontiguousarray(depth, np.uint16)
            return _ExactFrame(depth, depth > 0, lattice_of(depth), '16UC1')
        metres = np.ascontiguousarray(depth, np.float32)
        hole = 0
        valid = _is_depth(metres)
        if mode is Mode.LOSSLESS:
            zero = metres.view(np.uint32) == 0
            hole = int(zero.sum() > np.isnan(metres).sum())
            valid = ~zero if hole else ~np.isnan(metres)
        rounded = np.rint(np.where(valid & (metres > 0) & (metres < _MAX_METRES), metres, 0)
                          * MM_PER_M)
        whole = np.where(rounded <= DEPTH_MAX, rounded, 0).astype(np.uint16)
        if np.array_equal((whole / MM_PER_M)[valid], metres[valid]) and whole[valid].all():
            return _ExactFrame(whole, valid, lattice_of(whole), '32FC1', hole)
        return _ExactFrame(metres, valid, Lattice(DEFAULT_CONSTANT, False), '32FC1', hole)

    def _check(self, depth: Depth) -> _Frame:
        self._check_image(depth)
        if depth.dtype == np.uint16:
            lattice = self._lattices.of(depth.astype(np.uint16, copy=False))
            return _Frame(depth, depth > 0, lattice, '16UC1')
        valid = _is_depth(depth)
        metres = np.minimum(np.where(valid, depth, 0), _MAX_METRES)
        return self._check_metres(metres * MM_PER_M, valid)

    @staticmethod
    def _check_image(depth: Depth) -> None:
        if not isinstance(depth, np.ndarray) or depth.ndim != 2:
            raise InvalidDepthError('depth image must be a two-dimensional numpy array')
        if isinstance(depth, np.ma.MaskedArray | np.matrix):
            raise InvalidDepthError(
                f'depth image is a {type(depth).__name__}; a plain array is needed, with 0 (or '
                'NaN, of float32) in its holes'
            )
        if not all(MIN_SIZE <= n <= MAX_SIZE for n in depth.shape):
            raise InvalidDepthError(
                f'depth image of {depth.shape[1]}x{depth.shape[0]} pixels; each side must be '
                f'within {MIN_SIZE}..{MAX_SIZE}'
            )
        if depth.dtype not in (np.uint16, np.float32):
            raise InvalidDepthError(
                f'depth image of type {depth.dtype}; uint16 (mm) or float32 (m) is needed'
            )

    def _check_metres(self, millimetres: Array, valid: NDArray[np.bool_]) -> _Frame:
        rounded = np.rint(millimetres)
        if rounded.max() <= 65535 and np.abs(millimetres - rounded).max() < _MM_TOLERANCE:
            rounded[valid] = np.maximum(rounded[valid], 1)
            lattice = self._lattices.of(rounded.astype(np.uint16))
            return _Frame(rounded, valid, lattice, '32FC1')
        return _Frame(millimetres, valid, Lattice(DEFAULT_CONSTANT, False), '32FC1')

    def _encode_plane(self, frame: _Frame, quality: int, encoder: TableEncoder) -> _Restored:
        filled = fill_holes(frame.quanta, frame.valid)
        known = pad_to_base(frame.valid, 'constant')
        steps, plane = take_out_steps(pad_to_base(filled, 'edge'), known, least_gap(quality))
        self._steps.encode(steps, encoder)
        base, valid = base_of(plane), mask_blocks(known)
        latents, hyper = self._transform.analyse(plane, base, valid, quality)
        coded = self._latents.encode(latents, hyper, base, valid, quality, encoder)
        return _Restored(known, valid, steps, coded, frame.valid.shape)

    def _restore(self, restored: _Restored, quality: int) -> Array:
        """Synthesise a plane in quanta, (H, W)."""
        plane = self._transform.synthesise(
            restored.latents.values, restored.latents.base, restored.blocks, quality
        )
        height, width = restored.shape
        return restored.steps.restore(plane, restored.known)[:height, :width]

    def _decode_plane(
        self, decoder: TableDecoder, valid: NDArray[np.bool_], quality: int
    ) -> tuple[Array, Array]:
        """Restore a plane in quanta, (H, W), and its latents, (H/8, W/8, 64)."""
        known = pad_to_base(valid, 'constant')
        blocks = mask_blocks(known)
        steps = self._steps.decode(decoder, (known.shape[0], known.shape[1]))
        latents = self._latents.decode(decoder, blocks, quality)
        restored = _Restored(known, blocks, steps, latents, valid.shape)
        return self._restore(restored, quality), latents.values


@compiled
def _whole_millimetres(millimetres: Array, hole: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Round depth to 1..65535 mm, 0 in holes: (H, W)."""
    depth = np.zeros(millimetres.shape, np.uint16)
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            value = np.rint(millimetres[y, x])
            value = value if value < DEPTH_MAX else np.float32(DEPTH_MAX)
            value = value if value > 1 else np.float32(1)
            depth[y, x] = np.uint16(0) if hole[y, x] else np.uint16(value)
    return depth


def _check_mode(
    mode: str, max_error: float | None, max_error_mm: float | None, at: float | None
) -> Bound | None:
    """Check the mode and its bound; none in lossy mode, nothing in lossless mode."""
    if mode not in MODES:
        raise InvalidSettingError(f'mode {mode!r} is not known; known modes: {", ".join(MODES)}')
    if mode == 'bounded':
        return Bound(max_error, max_error_mm, at)
    if (max_error, max_error_mm, at) != (None, None, None):
        raise InvalidSettingError(f'a bound is for bounded mode, not for {mode} mode')
    return Bound(0.0) if mode == 'lossless' else None


def _is_depth(metres: Depth) -> NDArray[np.bool_]:
    """Tell which values are depths: all others are holes, but in lossless mode."""
    return np.isfinite(metres) & (metres > 0)


def _keeps(frame: _ExactFrame, restored: Depth, bound: Bound, quanta: float) -> bool:
    """Tell whether a restored frame keeps its bound; bit by bit if that is 0."""
    original, found = frame.depth, restored
    if original.dtype == np.float32:
        original, found = original[frame.valid], found[frame.valid]
    elif quanta == 0:
        # Holes are 0 in both.
        return np.array_equal(original, found)
    if quanta > 0:
        return bound.holds(_millimetres(original), _millimetres(found), quanta, frame.lattice)
    nan = np.isnan(original)
    same = np.array_equal(np.isnan(found), nan)
    return same and original[~nan].tobytes() == found[~nan].tobytes()


def _farthest(frame: _ExactFrame) -> float:
    """Return the greatest valid depth in mm."""
    if frame.depth.dtype == np.uint16:
        # Holes are 0.
        return float(frame.depth.max())
    return float(_millimetres(frame.depth[frame.valid]).max())


def _millimetres(depth: Depth) -> Depth:
    return in_millimetres(cast(Array, depth)) if depth.dtype == np.float32 else depth


@compiled
def smoothness(quanta: Array, valid: NDArray[np.bool_]) -> float:
    """Tell how well a transform can follow a frame: high where slopes are even.

    An even slope is rounded to whole quanta, which bends it by one quantum at many pixels, and by
    no more. Noise and edges bend by more.

    Args:
        quanta: float32 (H, W).
        valid: bool (H, W).

    Returns:
        Of the bent pixels the share among all over the share that is bent by more than one.

    """
    known, bent, sharp = 1, 1, 1
    for y in range(1, quanta.shape[0]):
        above, here = quanta[y - 1], quanta[y]
        for x in range(1, quanta.shape[1]):
            if valid[y, x] and valid[y, x - 1] and valid[y - 1, x] and valid[y - 1, x - 1]:
                bend = abs(here[x] + above[x - 1] - here[x - 1] - above[x])
                known += 1
                bent += bend > np.float32(0.5)
                sharp += bend > np.float32(1.5)
    return bent * bent / (known * sharp)


def _weight(engine: int, quanta: float) -> float:
    """Weigh the bytes of a bounded frame by what else an engine gives.

    Most errors of a corrected lossy frame are far below a bound of more than two quanta, those of
    the other engines are spread all over it: from there on they have to be a tenth smaller.
    """
    return 1.1 if engine != _CORRECTED and quanta > 2 else 1.0


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


def _quality_within(quanta: int) -> int:
    """Quality at which the lossy frame and its corrections are smallest, as measured."""
    return min(max(round(90 - 18 * math.log2(quanta)), 0), 100)


def _split_tables(files: ModelFiles, name: str) -> Tables:
    flat, sizes = files.tables[name], files.tables[f'{name}_sizes']
    return Tables(np.split(flat, np.cumsum(sizes)[:-1].astype(int)))
