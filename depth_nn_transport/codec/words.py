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

import numpy as np
from numpy.typing import NDArray


def words_to_bytes(words: NDArray[np.uint32]) -> bytes:
    """Serialise 32-bit words, least significant byte first, without trailing zero bytes."""
    return words.astype('<u4').tobytes().rstrip(b'\0')


def bytes_to_words(data: bytes) -> NDArray[np.uint32]:
    """Restore words; the range decoder reads zeros past their end."""
    return np.frombuffer(data + bytes(-len(data) % 4), '<u4').astype(np.uint32)
