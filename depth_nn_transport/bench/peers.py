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
The codecs under comparison, each a complete coder from a depth frame to bytes and back.

Transform peers get the help that our codec has: the plane of quanta with filled holes, the mask
coded apart (by JPEG XL) and put back, values snapped onto the lattice. Lossless and bounded peers
code ranks on the lattice, quantised so that no pixel is off by more than the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import struct
from typing import Protocol

from depth_nn_transport.bench import image_codecs
from depth_nn_transport.bench.frames import decode_mask, Frame
from depth_nn_transport.bench.image_codecs import PlaneCodec
from depth_nn_transport.codec.lattice import DEPTH_MAX, Lattice

import numpy as np
from numpy.typing import NDArray

BOUNDS = (0, 1, 2, 4, 8)

# Lattice constant (negative off the grid), step, offset, bytes of the mask.
_LOSSY_HEADER = struct.Struct('<ffHI')
# Lattice constant (negative off the grid), bound, number of off-grid values that follow.
_RANK_HEADER = struct.Struct('<fBH')


class Codec(Protocol):
    """
    What the bench measures.

    :ivar name: as in the tables.
    :ivar settings: qualities or bounds to sweep.
    :ivar setting_name: what they are.
    """

    @property
    def name(self) -> str:
        """Name as in the tables."""

    @property
    def settings(self) -> Sequence[float]:
        """Qualities or bounds to sweep."""

    @property
    def setting_name(self) -> str:
        """Tell what a setting is."""

    def forget(self) -> None:
        """Forget the frames so far: those that follow are of another recording or setting."""

    def preparation_ms(self, frame: Frame) -> float:
        """Time of the shared preparation that ``encode`` builds on but does not repeat."""

    def encode(self, frame: Frame, setting: float) -> bytes:
        """Encode to a stream that is complete but for the model."""

    def decode(self, stream: bytes) -> NDArray[np.uint16]:
        """Restore the depth, uint16 (H, W), from the stream."""

    def mask_bytes(self, stream: bytes) -> int:
        """Bytes that a stream has for the holes alone."""


class Peer:
    """What most peers do alike."""

    def forget(self) -> None:
        """Nothing is remembered."""

    def mask_bytes(self, stream: bytes) -> int:
        """Holes are coded with the depth."""
        return 0


@dataclass(frozen=True)
class LossyPeer(Peer):
    """
    A transform codec on the filled plane of quanta.

    Samples are ``offset + step * (quanta - floor)``: the floor is subtracted and the step lowered
    only where the plane would not fit the codec's bits otherwise.

    :ivar name, settings, setting_name: as in ``Codec``.
    :ivar codec: of the plane.
    :ivar bits: depth of its samples.
    :ivar step: samples per quantum wished for.
    :ivar offset: sample of the lowest quantum that the plane can hold.
    """

    name: str
    settings: Sequence[float]
    setting_name: str
    codec: PlaneCodec
    bits: int
    step: float = 1.0
    offset: int = 0

    def preparation_ms(self, frame: Frame) -> float:
        """Lattice, mapping to quanta, filling and mask."""
        return frame.lattice_ms + frame.holes_ms

    def encode(self, frame: Frame, setting: float) -> bytes:
        """Encode the filled quanta."""
        floor, step = self._fit(frame.quanta)
        samples = np.rint((frame.quanta - floor) * step + self.offset).astype(np.uint16)
        header = _LOSSY_HEADER.pack(frame.lattice.signed_constant, step, floor, len(frame.mask))
        return header + frame.mask + self.codec.encode(samples, setting)

    def decode(self, stream: bytes) -> NDArray[np.uint16]:
        """Restore the depth and put the holes back."""
        constant, step, floor, mask_size = _LOSSY_HEADER.unpack_from(stream)
        start = _LOSSY_HEADER.size
        valid = decode_mask(stream[start:start + mask_size])
        samples = self.codec.decode(stream[start + mask_size:])[:valid.shape[0], :valid.shape[1]]
        quanta = (samples.astype(np.float32) - self.offset) / np.float32(step) + floor
        depth = np.clip(np.rint(Lattice.from_signed(constant).to_depth(quanta)), 1, DEPTH_MAX)
        return np.where(valid, depth, 0).astype(np.uint16)

    def mask_bytes(self, stream: bytes) -> int:
        """Bytes of the mask."""
        return int(_LOSSY_HEADER.unpack_from(stream)[-1])

    def _fit(self, quanta: NDArray[np.float32]) -> tuple[int, float]:
        """Floor and step (float32) that keep the samples within the codec's bits."""
        room = 2**self.bits - 1 - self.offset
        floor = 0 if quanta.max() * self.step <= room else int(quanta.min())
        step = min(self.step, room / max(float(quanta.max()) - floor, 1.0))
        return floor, float(np.nextafter(np.float32(step), np.float32(0)))


@dataclass(frozen=True)
class RankPeer(Peer):
    """
    A lossless codec on ranks of the lattice quantised by ``2 * bound + 1``, 0 for a hole.

    At bound 0 values off the grid are sent along, so that it is lossless; at others they are
    snapped, which loosens this peer's bound by half a quantum in its favour.
    """

    name: str
    codec: PlaneCodec
    settings: Sequence[float] = BOUNDS
    setting_name: str = 'bound'

    def preparation_ms(self, frame: Frame) -> float:
        """Lattice."""
        return frame.lattice_ms

    def encode(self, frame: Frame, setting: float) -> bytes:
        """Encode the quantised ranks."""
        bound = int(setting)
        values = reachable(frame.lattice, bound)
        off_grid = np.setdiff1d(frame.depth[frame.depth > 0], values)
        extra = off_grid if bound == 0 else off_grid[:0]
        values = np.union1d(values, extra)
        rank = np.searchsorted((values[1:] + values[:-1]) / 2, frame.depth)
        plane = np.where(frame.depth > 0, rank // (2 * bound + 1) + 1, 0).astype(np.uint16)
        header = _RANK_HEADER.pack(frame.lattice.signed_constant, bound, len(extra))
        return header + extra.astype('<u2').tobytes() + self.codec.encode(plane, setting)

    def decode(self, stream: bytes) -> NDArray[np.uint16]:
        """Restore the depth."""
        constant, bound, extras = _RANK_HEADER.unpack_from(stream)
        extra = np.frombuffer(stream, '<u2', extras, _RANK_HEADER.size)
        within = reachable(Lattice.from_signed(constant), bound)
        values = np.union1d(within, extra).astype(np.uint16)
        plane = self.codec.decode(stream[_RANK_HEADER.size + 2 * extras:]).astype(np.int64)
        rank = np.minimum((plane - 1) * (2 * bound + 1) + bound, len(values) - 1)
        return np.where(plane > 0, values[np.maximum(rank, 0)], np.uint16(0))


@dataclass(frozen=True)
class RawPeer(Peer):
    """A lossless codec on the depth as it is, the way ROS sends it today."""

    name: str
    codec: PlaneCodec
    settings: Sequence[float] = (0,)
    setting_name: str = 'bound'

    def preparation_ms(self, frame: Frame) -> float:
        """Nothing is prepared."""
        return 0.0

    def encode(self, frame: Frame, setting: float) -> bytes:
        """Encode the depth."""
        return self.codec.encode(frame.depth, setting)

    def decode(self, stream: bytes) -> NDArray[np.uint16]:
        """Restore the depth."""
        return self.codec.decode(stream)


def reachable(lattice: Lattice, bound: int) -> NDArray[np.int64]:
    """Depth values on the lattice, ascending; every value if off the grid and lossless."""
    if not lattice.on_grid and bound == 0:
        return np.arange(1, DEPTH_MAX + 1)
    disparity = np.arange(1, int(lattice.near_limit) + 2)
    far = np.rint(lattice.constant / disparity).astype(np.int64)
    near = np.arange(1, int(lattice.near_limit) + 1)
    values = np.union1d(near, far)
    return values[values <= DEPTH_MAX]


def lossy_peers(threads: int = 1) -> list[Codec]:
    """Transform peers, swept over 0.4 to 5 quanta of mean error."""
    def peer(
        name: str, codec: PlaneCodec, setting: str, settings: Sequence[float], bits: int,
        step: float = 1.0, offset: int = 0,
    ) -> LossyPeer:
        return LossyPeer(name, settings, setting, codec, bits, step, offset)

    distances = (0.05, 0.1, 0.2, 0.35, 0.6, 1, 1.6, 2.5, 4, 6, 9)
    return [
        # The offset lifts the plane out of the dark, which the codec quantises finest.
        peer('jpegxl', image_codecs.JpegXl(threads=threads), 'distance', distances, 16, 16, 8192),
        peer('jpegxl-e3', image_codecs.JpegXl(effort=3, threads=threads), 'distance', distances,
             16, 16, 8192),
        peer('jpeg2000', image_codecs.Jpeg2000(threads), 'dB', range(54, 82, 2), 16, 16),
        peer('x265', image_codecs.x265(threads=threads), 'crf', range(6, 39, 3), 12),
        # Finer samples and squared error serve depth better than the plain preset.
        peer('x265-psnr', image_codecs.x265('psnr', threads), 'crf', range(4, 44, 4), 12, 4),
        peer('av1', image_codecs.av1(threads), 'crf',
             (4, 8, 13, 19, 26, 34, 42, 48, 54, 60, 63), 10),
    ]


def exact_peers(threads: int = 1) -> list[Codec]:
    """Lossless peers on raw depth, and lossless and bounded peers on ranks of the lattice."""
    codecs: dict[str, Callable[[], PlaneCodec]] = {
        'rvl': image_codecs.Rvl,
        'png1': lambda: image_codecs.Png(1),
        'png6': lambda: image_codecs.Png(6),
        'zstd3': lambda: image_codecs.Zstd(3),
        'jpegls': image_codecs.JpegLs,
        'jpegxl-e3': lambda: image_codecs.JpegXl(True, 3, threads),
        'jpegxl-e7': lambda: image_codecs.JpegXl(True, 7, threads),
    }
    raw: list[Codec] = [RawPeer(f'{name}-raw', make()) for name, make in codecs.items()]
    return raw + [RankPeer(f'{name}-rank', make()) for name, make in codecs.items()]
