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
General image and video codecs as coders of one plane of 10 to 16 bits.

Only the bytes that a decoder needs are kept: raw codestreams where a codec has them, one intra
picture without encoder information from the video codecs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import os
import struct
from typing import Any, Protocol

import av

from depth_nn_transport.frames.rvl import rvl_decode, rvl_encode

import imagecodecs

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint16]

# SVT-AV1 reads its verbosity from here only.
os.environ.setdefault('SVT_LOG', '1')
av.logging.set_level(av.logging.ERROR)


class PlaneCodec(Protocol):
    """Codec of a plane, uint16 (H, W)."""

    def encode(self, plane: Plane, quality: float) -> bytes:
        """Encode at the codec's own quality scale; lossless codecs ignore it."""

    def decode(self, stream: bytes) -> Plane:
        """Restore the plane from nothing but the stream."""


@dataclass(frozen=True)
class JpegXl:
    """JPEG XL; the quality of the lossy mode is the butteraugli distance."""

    lossless: bool = False
    effort: int = 7
    threads: int = 1

    def encode(self, plane: Plane, quality: float) -> bytes:
        """Encode a plane."""
        mode = {'lossless': True} if self.lossless else {'distance': quality}
        return bytes(imagecodecs.jpegxl_encode(
            plane, effort=self.effort, numthreads=self.threads, **mode
        ))

    def decode(self, stream: bytes) -> Plane:
        """Restore a plane."""
        return _plane(imagecodecs.jpegxl_decode(stream, numthreads=self.threads))


@dataclass(frozen=True)
class Jpeg2000:
    """JPEG 2000 with the 9/7 wavelet; the quality is the PSNR aimed at in dB, peak 65535."""

    threads: int = 1

    def encode(self, plane: Plane, quality: float) -> bytes:
        """Encode a plane."""
        return bytes(imagecodecs.jpeg2k_encode(
            plane, level=round(quality), codecformat='j2k', reversible=False, bitspersample=16,
            numthreads=self.threads,
        ))

    def decode(self, stream: bytes) -> Plane:
        """Restore a plane."""
        return _plane(imagecodecs.jpeg2k_decode(stream, numthreads=self.threads))


@dataclass(frozen=True)
class JpegLs:
    """JPEG-LS, lossless."""

    def encode(self, plane: Plane, quality: float) -> bytes:
        """Encode a plane."""
        return bytes(imagecodecs.jpegls_encode(plane))

    def decode(self, stream: bytes) -> Plane:
        """Restore a plane."""
        return _plane(imagecodecs.jpegls_decode(stream))


@dataclass(frozen=True)
class Png:
    """PNG."""

    level: int

    def encode(self, plane: Plane, quality: float) -> bytes:
        """Encode a plane."""
        return bytes(imagecodecs.png_encode(plane, level=self.level))

    def decode(self, stream: bytes) -> Plane:
        """Restore a plane."""
        return _plane(imagecodecs.png_decode(stream))


@dataclass(frozen=True)
class Zstd:
    """Zstandard over the raw samples, behind height and width."""

    level: int = 3

    def encode(self, plane: Plane, quality: float) -> bytes:
        """Encode a plane."""
        body = imagecodecs.zstd_encode(plane.tobytes(), level=self.level)
        return struct.pack('<HH', *plane.shape) + bytes(body)

    def decode(self, stream: bytes) -> Plane:
        """Restore a plane."""
        body = imagecodecs.zstd_decode(stream[4:])
        return np.frombuffer(body, np.uint16).reshape(struct.unpack('<HH', stream[:4]))


@dataclass(frozen=True)
class Rvl:
    """RVL behind height and width."""

    def encode(self, plane: Plane, quality: float) -> bytes:
        """Encode a plane."""
        return struct.pack('<HH', *plane.shape) + rvl_encode(plane)

    def decode(self, stream: bytes) -> Plane:
        """Restore a plane."""
        height, width = struct.unpack('<HH', stream[:4])
        return rvl_decode(stream[4:], (height, width))


@dataclass(frozen=True)
class IntraVideo:
    """
    One intra picture of a video codec; the quality is its constant rate factor.

    :ivar encoder, decoder: names in FFmpeg.
    :ivar pixel_format: 10 or 12 bits; the plane is the luma, chroma if any is grey.
    :ivar options: of the encoder.
    :ivar threads: of the decoder; the encoder's are in its options.
    """

    encoder: str
    decoder: str
    pixel_format: str
    options: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1

    def encode(self, plane: Plane, quality: float) -> bytes:
        """Encode a plane; odd sizes are padded to even, the caller crops."""
        padded = np.pad(plane, [(0, size % 2) for size in plane.shape], mode='edge')
        context: Any = av.CodecContext.create(self.encoder, 'w')
        context.height, context.width = padded.shape
        context.pix_fmt = self.pixel_format
        context.framerate = 30
        context.thread_count = self.threads
        context.options = {**self.options, 'crf': f'{quality:g}'}
        packets = context.encode(_video_frame(padded, self.pixel_format)) + context.encode(None)
        return b''.join(bytes(packet) for packet in packets)

    def decode(self, stream: bytes) -> Plane:
        """Restore a plane."""
        context: Any = av.CodecContext.create(self.decoder, 'r')
        context.thread_count = self.threads
        frame = (context.decode(av.Packet(stream)) + context.decode(None))[0]
        return _samples(frame.planes[0])[:, :frame.width].copy()


def x265(
    tune: str | None = None, threads: int = 1, preset: str = 'medium'
) -> IntraVideo:
    """x265 at 12 bits, one key frame without encoder information."""
    parameters = (
        f'keyint=1:bframes=0:rc-lookahead=0:pools={threads if threads > 1 else "none"}'
        f':frame-threads=1:info=0:log-level=none'
    )
    options = {'preset': preset, 'x265-params': parameters} | ({'tune': tune} if tune else {})
    return IntraVideo('libx265', 'hevc', 'gray12le', options, threads)


def av1(threads: int = 1) -> IntraVideo:
    """SVT-AV1 at 10 bits, its widest, preset 6, tuned to PSNR."""
    parameters = f'keyint=1:lp={threads}:tune=1:aq-mode=0'
    options = {'preset': '6', 'svtav1-params': parameters}
    return IntraVideo('libsvtav1', 'libdav1d', 'yuv420p10le', options, threads)


def _plane(image: NDArray[Any]) -> Plane:
    return image.astype(np.uint16, copy=False)


def _video_frame(plane: Plane, pixel_format: str) -> av.VideoFrame:
    frame = av.VideoFrame(plane.shape[1], plane.shape[0], pixel_format)
    for component in frame.planes[1:]:
        _samples(component)[:] = 512
    _samples(frame.planes[0])[:, :plane.shape[1]] = plane
    frame.pts = 0
    return frame


def _samples(component: Any) -> Plane:
    samples = np.frombuffer(component, np.uint16)
    return samples.reshape(component.height, component.line_size // 2)
