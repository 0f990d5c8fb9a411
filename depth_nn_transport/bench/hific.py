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
"""HiFiC for depth in the bench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from depth_nn_transport.bench.frames import Frame
from depth_nn_transport.bench.peers import Codec, Peer
from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.model_files import ModelFiles
from depth_nn_transport.training.hific.coder import HificCoder
from depth_nn_transport.training.hific.weights import load_net, NETS

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class HificPeer(Peer):
    """One net; its rate is what it was trained for, so it has one setting."""

    name: str
    coder: HificCoder
    settings: Sequence[float] = (1,)
    setting_name: str = 'rate'

    def preparation_ms(self, frame: Frame) -> float:
        """Nothing is shared."""
        return 0.0

    def encode(self, frame: Frame, setting: float) -> bytes:
        """Encode the depth."""
        return self.coder.encode(frame.depth)

    def decode(self, stream: bytes) -> NDArray[np.uint16]:
        """Restore the depth."""
        return self.coder.decode(stream)


def load_peers(mask_model: str) -> list[Codec]:
    """Load all nets; the hole mask is coded as that model does."""
    mask = MaskCoder(ModelFiles.load(mask_model).mask)
    return [HificPeer(net.name, HificCoder(load_net(net), mask)) for net in NETS]
