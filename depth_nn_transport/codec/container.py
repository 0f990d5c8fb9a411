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
"""An encoded frame and its byte layout, which docs/format.md describes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
import math
import struct
import zlib

from depth_nn_transport.codec.errors import CorruptStreamError, UnsupportedFormatError
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.codec.sections import (
    pack_number,
    pack_section,
    unpack_number,
    unpack_section,
)

MAGIC = b'DNT'
FORMAT_VERSION = 8
ENCODINGS = ('16UC1', '32FC1')
MIN_SIZE = 16
MAX_SIZE = 4096
MAX_SEQUENCE = 2**32 - 1

_HEADER = struct.Struct('<3sBBBHHBf')
_FLOAT = struct.Struct('<f')
_CRC = struct.Struct('<I')


class Mode(IntEnum):
    """What is promised about the restored frame."""

    LOSSY = 0
    BOUNDED = 1
    LOSSLESS = 2


@dataclass(frozen=True)
class EncodedDepth:
    """
    An encoded frame: all that a decoder needs beside the model.

    :ivar height: pixels, 16..4096.
    :ivar width: pixels, 16..4096.
    :ivar encoding: ``16UC1`` (mm) or ``32FC1`` (m), what the frame was and is restored to.
    :ivar model_id: name of the model and hash of its files.
    :ivar mode: what is promised.
    :ivar quality: 0..100, an integer; of lossy mode.
    :ivar max_error: quanta, of bounded mode; 0 in others.
    :ivar lattice_constant: K of the depth lattice, in mm and 1/32 px, a float32; negative if the
        frame is off the grid and the magnitude only sets the unit of error.
    :ivar sequence: number of the frame in its stream.
    :ivar reference: number of the frame that this one was predicted from; itself if none.
    :ivar mask: coded hole mask.
    :ivar latents: coded latents, steps and corrections; in bounded and lossless mode an engine
        and its bytes.
    :ivar format_version: of the byte layout.
    """

    height: int
    width: int
    encoding: str
    model_id: str
    mode: Mode
    quality: float
    max_error: float
    lattice_constant: float
    sequence: int
    reference: int
    mask: bytes
    latents: bytes
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        """
        Check every field.

        :raises UnsupportedFormatError: if the format version is not this release's.
        :raises CorruptStreamError: if a field is out of its range.
        """
        check_version(self.format_version)
        for name, number, low, high in (
            ('height', self.height, MIN_SIZE, MAX_SIZE), ('width', self.width, MIN_SIZE, MAX_SIZE),
            ('sequence', self.sequence, 0, MAX_SEQUENCE),
            ('reference', self.reference, 0, MAX_SEQUENCE),
        ):
            if not low <= number <= high:
                raise CorruptStreamError(f'{name} {number} is not in {low}..{high}')
        if self.encoding not in ENCODINGS:
            raise CorruptStreamError(f'encoding {self.encoding!r} is none of {ENCODINGS}')
        if not (0 <= self.quality <= 100 and self.quality == int(self.quality)):
            raise CorruptStreamError(f'quality {self.quality} is not an integer of 0..100')
        if not (math.isfinite(self.max_error) and self.max_error >= 0):
            raise CorruptStreamError(f'max_error {self.max_error} is negative or not finite')
        if self.max_error > 0 and self.mode is not Mode.BOUNDED:
            raise CorruptStreamError(f'max_error {self.max_error} in mode {self.mode.name}')
        if not 1e3 <= abs(self.lattice_constant) <= 1e9:
            raise CorruptStreamError(
                f'lattice constant {self.lattice_constant} is not within 1e3..1e9'
            )
        if self.lattice_constant != _FLOAT.unpack(_FLOAT.pack(self.lattice_constant))[0]:
            raise CorruptStreamError(f'lattice constant {self.lattice_constant} is no float32')
        if not (self.model_id.isascii() and len(self.model_id) <= 255):
            raise CorruptStreamError(f'model id {self.model_id!r} is not short ASCII')

    def to_bytes(self) -> bytes:
        """Serialise, header and checksum included."""
        return self._body + _CRC.pack(self.crc32)

    @property
    def lattice(self) -> Lattice:
        """Lattice of the frame."""
        return Lattice.from_signed(self.lattice_constant)

    def numbered(self, sequence: int) -> EncodedDepth:
        """Return the frame as one of so many in its topic, which refers to no other."""
        return replace(self, sequence=sequence, reference=sequence)

    @property
    def crc32(self) -> int:
        """CRC-32 of all fields."""
        return zlib.crc32(self._body)

    def verify_crc(self, crc32: int) -> None:
        """
        Compare with a checksum that travelled with the fields.

        :raises CorruptStreamError: if they differ.
        """
        if crc32 != self.crc32:
            raise CorruptStreamError(
                f'checksum {crc32:#010x} does not match the data ({self.crc32:#010x}): '
                'the frame was damaged on its way'
            )

    @classmethod
    def from_bytes(cls, data: bytes) -> EncodedDepth:
        """
        Parse what `to_bytes` made.

        :raises CorruptStreamError: if the bytes are truncated, damaged or something else.
        :raises UnsupportedFormatError: if they are of another format version.
        """
        body, crc32 = data[:-_CRC.size], data[-_CRC.size:]
        header, rest = _take(body, _HEADER.size)
        magic, version, encoding, mode, *numbers = _HEADER.unpack(header)
        if magic != MAGIC:
            raise CorruptStreamError(f'not an encoded depth frame: it starts with {magic!r}')
        check_version(version)
        max_error = 0.0
        if mode == Mode.BOUNDED:
            bound, rest = _take(rest, _FLOAT.size)
            (max_error,) = _FLOAT.unpack(bound)
        sequence, rest = unpack_number(rest)
        back, rest = unpack_number(rest)
        model_id, rest = unpack_section(rest)
        mask, latents = unpack_section(rest)
        if crc32 != _CRC.pack(zlib.crc32(body)):
            raise CorruptStreamError('checksum does not match: the frame was damaged')
        if encoding >= len(ENCODINGS) or mode not in Mode.__members__.values():
            raise CorruptStreamError(f'unknown encoding {encoding} or mode {mode}')
        height, width, quality, constant = numbers
        return cls(
            height, width, ENCODINGS[encoding], model_id.decode('ascii', 'replace'), Mode(mode),
            float(quality), max_error, constant, sequence, (sequence - back) % 2**32, mask,
            latents,
        )

    @cached_property
    def _body(self) -> bytes:
        bounded = self.mode is Mode.BOUNDED
        return b''.join((
            _HEADER.pack(
                MAGIC, self.format_version, ENCODINGS.index(self.encoding), self.mode,
                self.height, self.width, int(self.quality), self.lattice_constant,
            ),
            _FLOAT.pack(self.max_error) if bounded else b'',
            pack_number(self.sequence),
            pack_number((self.sequence - self.reference) % 2**32),
            pack_section(self.model_id.encode('ascii')),
            pack_section(self.mask), self.latents,
        ))


def check_version(version: int) -> None:
    """
    Refuse another version of the format.

    :raises UnsupportedFormatError: if it is not the one of this release.
    """
    if version != FORMAT_VERSION:
        raise UnsupportedFormatError(
            f'format version {version} is not supported, this release reads '
            f'version {FORMAT_VERSION}; update the older side'
        )


def _take(data: bytes, size: int) -> tuple[bytes, bytes]:
    if size > len(data):
        raise CorruptStreamError(f'truncated: {len(data)} bytes where at least {size} are needed')
    return data[:size], data[size:]
