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
"""Our codec in the bench: the same bytes that a message would carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.bench.frames import Frame
from depth_nn_transport.bench.peers import BOUNDS, Codec
from depth_nn_transport.runtime.registry import AUTO

import numpy as np
from numpy.typing import NDArray

QUALITIES = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)


@dataclass(frozen=True)
class _OurCodec:
    """What our codec does alike in all modes."""

    codec: DepthCodec

    def preparation_ms(self, frame: Frame) -> float:
        """Nothing is shared."""
        return 0.0

    def forget(self) -> None:
        """Forget the lattice of the last frame."""
        self.codec.forget()

    def decode(self, stream: bytes) -> NDArray[np.uint16]:
        """Restore the depth."""
        return np.asarray(self.codec.decode(EncodedDepth.from_bytes(stream)), np.uint16)

    def mask_bytes(self, stream: bytes) -> int:
        """Bytes of the mask."""
        return len(EncodedDepth.from_bytes(stream).mask)


@dataclass(frozen=True)
class LossyCodec(_OurCodec):
    """Our codec in its lossy mode; recovers lattice and mask itself."""

    settings: Sequence[float] = QUALITIES
    name: str = 'ours'
    setting_name: str = 'quality'

    def encode(self, frame: Frame, setting: float) -> bytes:
        """Encode the depth."""
        return self.codec.encode(frame.depth, mode='lossy', quality=setting).to_bytes()


@dataclass(frozen=True)
class BoundedCodec(_OurCodec):
    """Our codec with a bound in quanta; lossless where it is 0."""

    settings: Sequence[float] = BOUNDS
    name: str = 'ours-bounded'
    setting_name: str = 'bound'

    def encode(self, frame: Frame, setting: float) -> bytes:
        """Encode the depth."""
        if setting == 0:
            return self.codec.encode(frame.depth, 'lossless').to_bytes()
        return self.codec.encode(frame.depth, 'bounded', max_error=setting).to_bytes()


@dataclass(frozen=True)
class MillimetreCodec(_OurCodec):
    """Our codec with a bound in mm up to a depth in m; lossless where no quantum fits."""

    at: float
    settings: Sequence[float]
    name: str = 'ours-bounded-mm'
    setting_name: str = 'bound'

    def encode(self, frame: Frame, setting: float) -> bytes:
        """Encode the depth."""
        return self.codec.encode(
            frame.depth, 'bounded', max_error_mm=setting, at=self.at).to_bytes()


def make_codecs(
    model: str, threads: int, qualities: Sequence[float], runtime: str = AUTO
) -> list[Codec]:
    """Load a model and return our codec in each of its modes."""
    codec = DepthCodec(model, threads, runtime)
    return [LossyCodec(codec, qualities), BoundedCodec(codec)]
