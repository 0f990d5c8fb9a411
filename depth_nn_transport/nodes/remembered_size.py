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
"""The size of a node's frames, remembered from one start to the next."""

from __future__ import annotations

import hashlib

from depth_nn_transport.codec.container import MAX_SIZE, MIN_SIZE
from depth_nn_transport.runtime.file_cache import user_cache

# Height and width of the frames of a node that has not seen any.
USUAL_SIZE = (480, 848)


def remembered_size(node: str) -> tuple[int, int]:
    """Return height and width of the last frames of a node, by its full name."""
    try:
        height, width = map(int, (user_cache().load(_key(node)) or b'').split())
    except ValueError:
        return USUAL_SIZE
    fits = all(MIN_SIZE <= side <= MAX_SIZE for side in (height, width))
    return (height, width) if fits else USUAL_SIZE


def remember_size(node: str, size: tuple[int, int]) -> None:
    """Keep height and width of a node's frames for its next start."""
    if remembered_size(node) != size:
        user_cache().save(_key(node), b'%d %d' % size)


def _key(node: str) -> str:
    return hashlib.sha256(f'size of the frames of {node}'.encode()).hexdigest()
