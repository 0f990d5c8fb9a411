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
Frames restored bit by bit, or within a stated bound, by the plane coder.

The values that a frame can be restored to form an alphabet, and the plane of their indices is
coded without loss (`plane_coder`). Which alphabet is used is the first byte of a payload:

    grid      the lattice's reachable depths, farthest first, and those of the frame beside them
    levels    some of these, one of them within E quanta of each
    palette   values of the frame's own, ascending, that lie within the bound of all others
    integers  0..65535
    bins      off the grid: some integers, one of them within E quanta of each
    halves    float32: upper 16 bits as indices, lower ones as they are
    quanta    float32: the plane of quanta in steps of 1.5 E

As few values as keep a bound are 2 E + 1 quanta apart. They are a quarter closer, so that some
pixels may be restored to either of two. The encoder takes what makes the plane even
(`plane_choice`), which saves more bits than the additional values cost, and leaves less error.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
import struct
from typing import NamedTuple
import zlib

from depth_nn_transport.codec.bounds import LEAST_BOUND, MAX_BOUND
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.depth_frame import in_millimetres, MM_PER_M
from depth_nn_transport.codec.errors import CorruptStreamError
from depth_nn_transport.codec.lattice import DEPTH_MAX, Lattice, present
from depth_nn_transport.codec.plane_choice import choose_levels
from depth_nn_transport.codec.plane_coder import Integers, PlaneCoder, VALUE_MAX
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]
Depth = NDArray[np.uint16]
Metres = NDArray[np.float32]
Values = NDArray[np.integer]
Keys = NDArray[np.uint32]

CANONICAL_NAN = np.uint32(0x7FC00000)
NAN = CANONICAL_NAN.view(np.float32)
# A palette pays if more than this share of the pixels have a value whose next one does not occur.
# Measured: at most 0.02 of the frames whose lattice is the one found, 0.11 to 1 of others.
LONELY_SHARE = 0.1
# What a palette saves for each of them, at least; in small frames its list may take more.
LONELY_BITS = 0.5
# Pixels are counted in every so many rows.
COUNTED_ROWS = 4
MAX_ALPHABET = 1 << 16
# A plane of quanta has steps of so many E; a pixel may be restored to those within E, less some
# for the rounding of floats.
STEP_OF_BOUND = 1.5
REACH_OF_BOUND = 1 - 2.0**-8
# Bits that changes from one pixel to the next take in a bounded frame, as measured: valid pixels
# beside a hole; with another value than both neighbours before them; than one of them, where a
# border between two values begins, and where it goes on.
BITS_OF_CHANGES = np.array([0.14, 1.51, 2.64, 0.76])
# Quanta; of differences that are whole but for the rounding of float64.
ROUNDING = 1e-9

_HEAD = struct.Struct('<BI')


class Alphabet(IntEnum):
    """How a payload's indices become values."""

    GRID = 0
    LEVELS = 1
    PALETTE = 2
    INTEGERS = 3
    BINS = 4
    HALVES = 5
    QUANTA = 6


class _Levels(NamedTuple):
    """
    An alphabet, and which of its values a depth may be restored to.

    :ivar values: int (N,), mm.
    :ivar lowest: int32 (65536,), index of the first value for each depth.
    :ivar free: bool (65536,), whether the next one will do as well; None if that is so nowhere.
    """

    values: Values
    lowest: Integers
    free: Bits | None = None

    def choose(self, depth: Depth) -> Integers:
        """Choose an index for each pixel, uint16 (H, W) -> int32 (H, W)."""
        lowest = self.lowest[depth]
        if self.free is None:
            return lowest
        return choose_levels(lowest, self.free[depth], depth > 0)


class ExactCoder:
    """Encoder and decoder of frames that keep a promise."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self._planes = PlaneCoder(arrays)

    def encode(self, depth: Depth, lattice: Lattice, max_error: float) -> tuple[bytes, Depth]:
        """
        Encode the valid pixels (not 0) of depth, uint16 (H, W), to at most so many quanta.

        :returns: the payload, and the depth that a decoder restores from it.
        """
        valid = depth > 0
        kind, side, levels = _choose_alphabet(depth, lattice, max_error)
        index = levels.choose(depth)
        return self._pack(kind, side, index, valid), _restore(levels.values, index, valid)

    def decode(self, payload: bytes, valid: Bits, lattice: Lattice, max_error: float) -> Depth:
        """
        Restore depth, uint16 (H, W), 0 in holes.

        :raises CorruptStreamError: if the payload is none of such a frame.
        """
        kind, side, data = _unpack(payload)
        alphabet: Values
        if kind in (Alphabet.LEVELS, Alphabet.BINS):
            if not LEAST_BOUND <= max_error <= MAX_BOUND:
                raise CorruptStreamError(f'bound {max_error} of a frame with loss')
            alphabet = _bounded_levels(lattice, max_error).values
        elif kind == Alphabet.GRID:
            alphabet = _with_extra(lattice, _unpack_ascending(side))
        elif kind == Alphabet.PALETTE:
            alphabet = _unpack_ascending(side)
        elif kind == Alphabet.INTEGERS:
            alphabet = np.arange(DEPTH_MAX + 1)
        else:
            raise CorruptStreamError(f'alphabet {kind.name} in a frame of integers')
        if len(alphabet) == 0:
            raise CorruptStreamError('empty alphabet')
        return _restore(alphabet, self._planes.decode(data, valid), valid)

    def encode_metres(
        self, metres: Metres, valid: Bits, lattice: Lattice, max_error: float
    ) -> tuple[bytes, Metres]:
        """
        Encode any float32 (H, W): bit by bit, or to so many quanta off the grid.

        :returns: the payload, and what a decoder restores from it, up to its rounding of floats.
        """
        if max_error > 0:
            bounded = self._encode_quanta(metres, valid, lattice, max_error)
            if bounded is not None:
                return bounded
        keys = _ordered(metres)
        values = np.unique(keys[valid])
        if len(values) <= MAX_ALPHABET // 2:
            index = np.searchsorted(values, keys).astype(np.int32)
            payload = self._pack(Alphabet.PALETTE, _pack_ascending(values), index, valid)
        else:
            low = zlib.compress((keys[valid] & 0xFFFF).astype('<u2').tobytes(), 1)
            payload = self._pack(Alphabet.HALVES, low, (keys >> 16).astype(np.int32), valid)
        return payload, np.where(valid, _unordered(keys), NAN)

    def decode_metres(
        self, payload: bytes, valid: Bits, lattice: Lattice, max_error: float
    ) -> Metres:
        """
        Restore what `encode_metres` was given; NaN where not valid.

        :raises CorruptStreamError: if the payload is none of such a frame.
        """
        kind, side, data = _unpack(payload)
        index = self._planes.decode(data, valid)
        if kind == Alphabet.QUANTA:
            if not LEAST_BOUND <= max_error <= MAX_BOUND:
                raise CorruptStreamError(f'bound {max_error} of a frame with loss')
            restored = _from_steps(index, lattice, max_error)
        elif kind == Alphabet.PALETTE:
            values = _unpack_ascending(side)
            if len(values) == 0:
                raise CorruptStreamError('empty palette')
            chosen = np.minimum(index, len(values) - 1)
            restored = _unordered(np.asarray(values[chosen], np.uint32))
        elif kind == Alphabet.HALVES:
            low = np.frombuffer(_inflate(side, 2 * int(valid.sum())), '<u2').astype(np.uint32)
            keys: Keys = (index.astype(np.int64) << 16).astype(np.uint32)
            keys[valid] |= low
            restored = _unordered(keys)
        else:
            raise CorruptStreamError(f'alphabet {kind.name} in a frame of floats')
        return np.where(valid, restored, NAN)

    def _encode_quanta(
        self, metres: Metres, valid: Bits, lattice: Lattice, max_error: float
    ) -> tuple[bytes, Metres] | None:
        """Encode in steps of quanta, or tell by None that the bound cannot be kept this way."""
        quanta = lattice.to_quanta(in_millimetres(np.where(valid, metres, 1)))
        step, reach = STEP_OF_BOUND * max_error, REACH_OF_BOUND * max_error
        lowest = np.maximum(np.ceil((quanta - reach) / step), 0).astype(np.int32)
        if lowest.max() >= VALUE_MAX:
            return None
        index = choose_levels(lowest, (lowest + 1) * step - quanta <= reach, valid)
        restored = _from_steps(index, lattice, max_error)
        found = lattice.to_quanta(in_millimetres(restored))
        if (np.abs(found - quanta)[valid] > max_error).any():
            return None
        payload = self._pack(Alphabet.QUANTA, b'', index, valid)
        return payload, np.where(valid, restored, NAN)

    def _pack(self, kind: Alphabet, side: bytes, index: Integers, valid: Bits) -> bytes:
        return _HEAD.pack(kind, len(side)) + side + self._planes.encode(index, valid)


def plane_of(depth: Depth, lattice: Lattice, max_error: float) -> Integers:
    """Return the plane, int32 (H, W), that depth, uint16 (H, W), is coded as."""
    *_, levels = _choose_alphabet(depth, lattice, max_error)
    return levels.choose(depth)


def guessed_bytes(depth: Depth, lattice: Lattice, max_error: float) -> float:
    """
    Guess how many bytes a frame within a bound, uint16 (H, W), takes, in a fraction of a ms.

    What costs bits is where a value differs from the one to the left or above. A quarter of the
    rows will do.
    """
    levels = _bounded_levels(lattice, max_error)
    return 4 * float(_count_changes(levels.lowest, depth) @ BITS_OF_CHANGES) / 8


@compiled
def _count_changes(index_of: Integers, depth: Depth) -> NDArray[np.int64]:
    """Count the valid pixels of each kind of `BITS_OF_CHANGES` in some rows: int64 (4,)."""
    beside_hole, corner, border, continued = 0, 0, 0, 0
    for y in range(1, depth.shape[0]):
        # Two of eight: where rows are repeated, both kinds.
        if y % 8 > 1:
            continue
        for x in range(1, depth.shape[1]):
            left, up, diagonal = depth[y, x - 1], depth[y - 1, x], depth[y - 1, x - 1]
            if depth[y, x] == 0:
                continue
            if left == 0 or up == 0:
                beside_hole += 1
                continue
            index = index_of[depth[y, x]]
            new_left, new_up = index_of[left] != index, index_of[up] != index
            if new_left and new_up:
                corner += 1
            elif new_left or new_up:
                behind = left if new_left else up
                same = diagonal > 0 and index_of[diagonal] == index_of[behind]
                continued += same
                border += not same
    return np.array([beside_hole, corner, border, continued])


def _restore(alphabet: Values, index: Integers, valid: Bits) -> Depth:
    """Look values up; 0 in holes."""
    return _pick(np.clip(alphabet, 1, DEPTH_MAX).astype(np.uint16), index, valid)


@compiled
def _pick(depths: NDArray[np.uint16], index: Integers, valid: Bits) -> NDArray[np.uint16]:
    """Look depths up by indices >= 0, those past the end as the last; 0 in holes: (H, W)."""
    picked = np.zeros(valid.shape, np.uint16)
    last = len(depths) - 1
    for y in range(valid.shape[0]):
        for x in range(valid.shape[1]):
            if valid[y, x]:
                picked[y, x] = depths[min(index[y, x], last)]
    return picked


def _unpack(payload: bytes) -> tuple[Alphabet, bytes, bytes]:
    """Part a payload into the kind of its alphabet, the alphabet and the plane's stream."""
    if len(payload) < _HEAD.size:
        raise CorruptStreamError(f'{len(payload)} bytes of an exact frame are too few')
    kind, size = _HEAD.unpack_from(payload)
    if kind not in Alphabet.__members__.values():
        raise CorruptStreamError(f'unknown alphabet {kind}')
    end = _HEAD.size + size
    return Alphabet(kind), payload[_HEAD.size:end], payload[end:]


def _choose_alphabet(
    depth: Depth, lattice: Lattice, max_error: float
) -> tuple[Alphabet, bytes, _Levels]:
    """Choose an alphabet for a frame: its kind, packed, its levels."""
    values = np.flatnonzero(present(depth.ravel())[1:]) + 1
    chosen = _full_alphabet(values, lattice, max_error)
    lonely, pixels = _count_lonely(depth, chosen[-1].lowest)
    if lonely <= LONELY_SHARE * pixels:
        return chosen
    levels = _levels_among(values, lattice, max_error)
    packed = _pack_ascending(levels.values)
    if 8 * len(packed) > LONELY_BITS * lonely:
        return chosen
    return Alphabet.PALETTE, packed, levels


def _full_alphabet(
    values: NDArray[np.int64], lattice: Lattice, max_error: float
) -> tuple[Alphabet, bytes, _Levels]:
    """Return the alphabet of all that the lattice reaches, and of the frame's values off it."""
    if max_error > 0:
        kind = Alphabet.LEVELS if lattice.on_grid else Alphabet.BINS
        return kind, b'', _bounded_levels(lattice, max_error)
    if lattice.on_grid:
        extra = np.setdiff1d(values, lattice.reachable)
        alphabet = _with_extra(lattice, extra)
        levels = _Levels(alphabet, _index_of(alphabet))
        return Alphabet.GRID, _pack_ascending(extra), levels
    integers = np.arange(DEPTH_MAX + 1, dtype=np.int32)
    return Alphabet.INTEGERS, b'', _Levels(integers, integers)


def _count_lonely(depth: Depth, index_of: Integers) -> tuple[int, int]:
    """
    Count, in some rows for all, the pixels whose next value in the alphabet does not occur.

    Such gaps make small differences large. Cameras leave them whose lattice is another one, or
    whose values were scaled or rounded.

    :returns: these pixels, and all valid ones.
    """
    counts = COUNTED_ROWS * _count(depth[::COUNTED_ROWS], index_of)
    return int(counts[:-1][counts[1:] == 0].sum()), int(counts.sum())


@compiled
def _count(depth: Depth, index_of: Integers) -> NDArray[np.int64]:
    """Count the valid pixels of each index: (65537,), one more than there may be."""
    counts = np.zeros(DEPTH_MAX + 2, np.int64)
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            counts[index_of[depth[y, x]]] += depth[y, x] > 0
    return counts


@lru_cache(maxsize=4)
def _bounded_levels(lattice: Lattice, max_error: float) -> _Levels:
    """Levels for all depths."""
    depths = np.arange(1, DEPTH_MAX + 1)
    if not lattice.on_grid:
        return _levels_among(depths, lattice, max_error)
    reachable = lattice.reachable.astype(np.int64)
    places, lowest, free = _spread(np.arange(len(reachable), dtype=np.float64), max_error)
    ranks = lattice.to_quanta(np.arange(DEPTH_MAX + 1, dtype=np.uint16)).astype(np.intp)
    return _Levels(reachable[places], lowest[ranks], free[ranks] if free.any() else None)


def _levels_among(depths: NDArray[np.int64], lattice: Lattice, max_error: float) -> _Levels:
    """Find levels among ascending depths, for these alone: others are given any."""
    if max_error == 0:
        # Two depths may be of one quantum.
        return _Levels(depths, _index_of(depths))
    # Closer means larger: quanta fall with depth.
    places, lowest, free = _spread(-_exact_quanta(depths, lattice), max_error)
    lowest_of, free_of = np.zeros(DEPTH_MAX + 1, np.int32), np.zeros(DEPTH_MAX + 1, bool)
    lowest_of[depths], free_of[depths] = lowest, free
    return _Levels(depths[places], lowest_of, free_of if free.any() else None)


def _spread(
    quanta: NDArray[np.float64], max_error: float
) -> tuple[NDArray[np.intp], Integers, Bits]:
    """
    Choose levels among ascending quanta (N,), so that one is within the bound of each.

    :returns: their places; for each of the quanta its first level, and whether the next one is
        within the bound as well.
    """
    places = _places_of_levels(quanta, max_error)
    levels, reach = quanta[places], max_error + ROUNDING
    first = np.searchsorted(levels, quanta - reach, 'left')
    last = np.searchsorted(levels, quanta + reach, 'right') - 1
    return places, first.astype(np.int32), last > first


@compiled
def _places_of_levels(quanta: NDArray[np.float64], max_error: float) -> NDArray[np.intp]:
    """Find where among ascending quanta (N,) levels are."""
    places = np.empty(len(quanta), np.intp)
    count, first = 0, 0
    while first < len(quanta):
        # As far on as keeps the bound.
        place = _last_within(quanta, first, max_error)
        if count > 0:
            reached = first - 1 - places[count - 1]
            # With one value to either side more levels would cost more than they save.
            if reached > 1:
                place = min(place, places[count - 1] + reached + reached // 2 + 1)
        places[count] = place
        count, first = count + 1, _last_within(quanta, place, max_error) + 1
    return places[:count].copy()


@compiled
def _last_within(quanta: NDArray[np.float64], start: int, bound: float) -> int:
    """Find the last place whose value is at most the bound above that at the start."""
    last, most = start, quanta[start] + bound + ROUNDING
    while last + 1 < len(quanta) and quanta[last + 1] <= most:
        last += 1
    return last


def _exact_quanta(values: Values, lattice: Lattice) -> NDArray[np.float64]:
    """Map depths to quanta as `Lattice.to_quanta` does, but for its rounding to float32."""
    if lattice.on_grid:
        return lattice.to_quanta(values.astype(np.uint16)).astype(np.float64)
    depth, limit = values.astype(np.float64), lattice.near_limit
    return np.where(depth > limit, lattice.constant / depth, 2 * limit - depth)


def _with_extra(lattice: Lattice, extra: NDArray[np.int64]) -> NDArray[np.int64]:
    """Reachable depths and others, farthest first."""
    return np.union1d(lattice.reachable.astype(np.int64), extra)[::-1]


def _index_of(alphabet: Values) -> Integers:
    """Index of each of 0..65535 in an alphabet that may lack some: (65536,)."""
    index = np.zeros(DEPTH_MAX + 1, np.int32)
    index[alphabet] = np.arange(len(alphabet))
    return index


def _pack_ascending(values: Values) -> bytes:
    """Pack ascending values: differences, most significant bytes first, deflated."""
    if len(values) == 0:
        return b''
    steps = np.diff(values.astype(np.int64), prepend=0).astype('>u4')
    return zlib.compress(np.ascontiguousarray(steps.view(np.uint8).reshape(-1, 4).T).tobytes(), 9)


def _unpack_ascending(data: bytes) -> NDArray[np.int64]:
    if not data:
        return np.zeros(0, np.int64)
    raw = _inflate(data)
    if len(raw) % 4 or not raw:
        raise CorruptStreamError(f'alphabet of {len(raw)} bytes')
    steps = np.ascontiguousarray(np.frombuffer(raw, np.uint8).reshape(4, -1).T).view('>u4')
    values = np.cumsum(steps.ravel().astype(np.int64))
    if values[-1] > 0xFFFFFFFF:
        raise CorruptStreamError('alphabet leaves 32 bits')
    return values


def _inflate(data: bytes, size: int | None = None) -> bytes:
    """Inflate, to a known size or to no more than the largest alphabet."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(data, 4 * MAX_ALPHABET if size is None else size + 1)
    except zlib.error as error:
        raise CorruptStreamError(f'alphabet is damaged: {error}') from error
    if size is not None and len(raw) != size:
        raise CorruptStreamError(f'{len(raw)} bytes inflated instead of {size}')
    return raw


def _ordered(metres: Metres) -> Keys:
    """Bits of floats such that greater floats have greater ones; one key for all NaN."""
    bits = np.where(np.isnan(metres), CANONICAL_NAN, metres.view(np.uint32))
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint32)


def _unordered(keys: Keys) -> Metres:
    """Undo `_ordered`."""
    bits = np.where(keys >> 31, keys & np.uint32(0x7FFFFFFF), ~keys).astype(np.uint32)
    return bits.view(np.float32)


def _from_steps(index: Integers, lattice: Lattice, max_error: float) -> Metres:
    """Depth in metres of a plane in steps of quanta; holes are whatever they are."""
    step = np.float32(STEP_OF_BOUND * max_error)
    metres: Metres = lattice.to_depth(index.astype(np.float32) * step) / MM_PER_M
    return metres
