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
"""Depth images, checked and with what coders need to know of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.container import MAX_SIZE, MIN_SIZE, Mode
from depth_nn_transport.codec.errors import InvalidDepthError
from depth_nn_transport.codec.lattice import DEFAULT_CONSTANT, DEPTH_MAX, FAR_LIMIT, Lattice
from depth_nn_transport.codec.lattice_memory import LatticeMemory
from depth_nn_transport.codec.networks import Array
import numpy as np
from numpy.typing import NDArray

# uint16 mm, or float32 m.
Depth = NDArray[np.uint16] | NDArray[np.float32]

MM_PER_M = np.float32(1000)
# What stands in the holes of float32 images.
HOLES = np.array([np.nan, 0], np.float32)
_MAX_METRES = np.float32(FAR_LIMIT / 1000)
# Depths in metres this close to a millimetre are taken for millimetres of a lattice.
_MM_TOLERANCE = np.float32(0.01)


@dataclass(frozen=True)
class DepthFrame:
    """
    A checked depth image.

    :ivar depth: mm (H, W); uint16, or float32 where it came in metres.
    :ivar valid: bool (H, W).
    :ivar lattice: of the frame.
    :ivar encoding: that it came in, ``16UC1`` or ``32FC1``.
    """

    depth: Depth
    valid: NDArray[np.bool_]
    lattice: Lattice
    encoding: str

    @classmethod
    def of(cls, depth: Depth, lattices: LatticeMemory) -> DepthFrame:
        """
        Check a depth image for lossy mode.

        :param depth: as `DepthCodec.encode` is given.
        :param lattices: of the frames before.
        :raises InvalidDepthError: if it is none.
        """
        _check_image(depth)
        if depth.dtype == np.uint16:
            lattice = lattices.of(depth.astype(np.uint16, copy=False))
            return cls(depth, depth > 0, lattice, '16UC1')
        valid = is_depth(depth)
        millimetres = in_millimetres(np.where(valid, depth, 0))
        rounded = np.rint(millimetres)
        if rounded.max() <= DEPTH_MAX and np.abs(millimetres - rounded).max() < _MM_TOLERANCE:
            rounded[valid] = np.maximum(rounded[valid], 1)
            return cls(rounded, valid, lattices.of(rounded.astype(np.uint16)), '32FC1')
        return cls(millimetres, valid, Lattice(DEFAULT_CONSTANT, False), '32FC1')

    @cached_property
    def quanta(self) -> Array:
        """Return the image as a plane in quanta, float32 (H, W); anything in holes."""
        return self.lattice.to_quanta(self.depth)


@dataclass(frozen=True)
class ExactFrame:
    """
    A checked depth image as it is, for bounded and lossless mode.

    :ivar depth: uint16 mm (H, W), 0 in holes; or float32 metres, if they are no whole
        millimetres.
    :ivar valid, lattice, encoding: as of `DepthFrame`.
    :ivar hole: index into `HOLES` of what stands in holes.
    """

    depth: Depth
    valid: NDArray[np.bool_]
    lattice: Lattice
    encoding: str
    hole: int = 0

    @classmethod
    def of(cls, depth: Depth, lattices: LatticeMemory, mode: Mode) -> ExactFrame:
        """
        Check a depth image; in lossless mode holes that are not the usual ones are values.

        :param depth: as `DepthCodec.encode` is given.
        :param lattices: of the frames before.
        :param mode: bounded or lossless.
        :raises InvalidDepthError: if it is none.
        """
        _check_image(depth)
        surely = mode is Mode.BOUNDED
        if depth.dtype == np.uint16:
            depth = np.ascontiguousarray(depth, np.uint16)
            return cls(depth, depth > 0, lattices.of(depth, surely=surely), '16UC1')
        metres = np.ascontiguousarray(depth, np.float32)
        hole = 0
        valid = is_depth(metres)
        if mode is Mode.LOSSLESS:
            zero = metres.view(np.uint32) == 0
            hole = int(zero.sum() > np.isnan(metres).sum())
            valid = ~zero if hole else ~np.isnan(metres)
        rounded = np.rint(np.where(valid & (metres > 0) & (metres < _MAX_METRES), metres, 0)
                          * MM_PER_M)
        whole = np.where(rounded <= DEPTH_MAX, rounded, 0).astype(np.uint16)
        if np.array_equal((whole / MM_PER_M)[valid], metres[valid]) and whole[valid].all():
            return cls(whole, valid, lattices.of(whole, surely=surely), '32FC1', hole)
        return cls(metres, valid, Lattice(DEFAULT_CONSTANT, False), '32FC1', hole)

    def as_lossy(self) -> DepthFrame:
        """Return the frame as lossy mode has it: in mm, other values than depths as 0."""
        depth = self.depth
        if depth.dtype != np.uint16:
            depth = plain_millimetres(depth)
        return DepthFrame(depth, self.valid, self.lattice, self.encoding)


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


def is_depth(depth: Depth) -> NDArray[np.bool_]:
    """Tell which values are depths: all others are holes, but in lossless mode."""
    return np.isfinite(depth) & (depth > 0)


@compiled
def whole_millimetres(millimetres: Array, hole: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Round depth to 1..65535 mm, 0 in holes: (H, W)."""
    depth = np.zeros(millimetres.shape, np.uint16)
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            value = np.rint(millimetres[y, x])
            value = value if value < DEPTH_MAX else np.float32(DEPTH_MAX)
            value = value if value > 1 else np.float32(1)
            depth[y, x] = np.uint16(0) if hole[y, x] else np.uint16(value)
    return depth


def in_millimetres(metres: Array) -> Array:
    """Convert depths; less than a quantum lies beyond the limit, which keeps huge ones finite."""
    return np.minimum(metres, _MAX_METRES) * MM_PER_M


def plain_millimetres(depth: Depth) -> Array:
    """Return a depth image as float32 mm, 0 in holes."""
    if depth.dtype == np.uint16:
        return depth.astype(np.float32)
    return in_millimetres(np.where(is_depth(depth), depth, 0).astype(np.float32))
