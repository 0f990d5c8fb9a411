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
"""Range coder words as bytes, the same on machines of either byte order."""

from __future__ import annotations

import constriction
import numpy as np
from numpy.typing import NDArray

# Bytes of a range coder's state.
_STATE_BYTES = 8


def coded_bytes(coder: constriction.stream.queue.RangeEncoder) -> bytes:
    """Return the fewest bytes that, with zeros after them, decode to what was encoded."""
    words = coder.get_compressed()
    position, (lower, size) = coder.pos()
    # The coder chose one of the numbers that would do; the least of them has the same state.
    chosen = _number(words) << 32 * (position + 2 - len(words))
    least = chosen - (chosen - lower) % 256**_STATE_BYTES
    zeros = _STATE_BYTES
    while (shortest := -(-least // 256**zeros) * 256**zeros) >= least + size:
        zeros -= 1
    data: bytes = shortest.to_bytes(4 * position + _STATE_BYTES, 'big')
    return data.rstrip(b'\0')


def _number(words: NDArray[np.uint32]) -> int:
    return int.from_bytes(words.astype('>u4').tobytes(), 'big')


def bytes_to_words(data: bytes) -> NDArray[np.uint32]:
    """Restore words; the range decoder reads zeros past their end."""
    return np.frombuffer(data + bytes(-len(data) % 4), '>u4').astype(np.uint32)
