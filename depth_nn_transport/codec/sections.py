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
Byte strings one after another, each but the last with its length before it.

A length is a LEB128 number, as in DWARF and WebAssembly: seven bits a byte, the lowest first, and
the highest bit set in all bytes but the last.
"""

from __future__ import annotations

from depth_nn_transport.codec.errors import CorruptStreamError

# Enough for 32 bits.
_MAX_BYTES = 5


def pack_number(number: int) -> bytes:
    """Write a number of 0..2**32 - 1."""
    packed = bytearray()
    while number >= 0x80:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    packed.append(number)
    return bytes(packed)


def unpack_number(data: bytes) -> tuple[int, bytes]:
    """
    Read a number; return it and the bytes after it.

    :raises CorruptStreamError: if the bytes end within it, or it passes 32 bits.
    """
    number = 0
    for k, byte in enumerate(data[:_MAX_BYTES]):
        number |= (byte & 0x7F) << 7 * k
        if byte < 0x80:
            if number >= 2**32:
                break
            return number, data[k + 1:]
    raise CorruptStreamError(f'truncated or too large: no number starts {data[:_MAX_BYTES]!r}')


def pack_section(section: bytes) -> bytes:
    """Put its length before a section."""
    return pack_number(len(section)) + section


def unpack_section(data: bytes) -> tuple[bytes, bytes]:
    """
    Read a section; return it and the bytes after it.

    :raises CorruptStreamError: if the bytes end before the section does.
    """
    size, rest = unpack_number(data)
    if size > len(rest):
        raise CorruptStreamError(
            f'truncated: {len(rest)} bytes where at least {size} are needed'
        )
    return rest[:size], rest[size:]
