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
"""The codec's model as it is trained: transforms and entropy model, end to end."""

from __future__ import annotations

from dataclasses import dataclass

from depth_nn_transport.training.entropy_model import EntropyModel
from depth_nn_transport.training.transforms import Analysis, base_of, Synthesis
from torch import nn, Tensor


@dataclass(frozen=True)
class ModelConfig:
    """Size of the transforms: channels and residual blocks."""

    width: int = 96
    analysis_depth: int = 3
    synthesis_depth: int = 4


class DepthModel(nn.Module):
    """Variable-rate transform codec with hyperprior and context model."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.analysis = Analysis(config.width, config.analysis_depth)
        self.synthesis = Synthesis(config.width, config.synthesis_depth)
        self.entropy_model = EntropyModel()

    def set_low_precision(self, enabled: bool) -> None:
        """Run the convolutional paths of the transforms in bfloat16."""
        self.analysis.bend.low_precision = enabled
        self.synthesis.bend.low_precision = enabled

    def forward(self, plane: Tensor, valid: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """
        Code and restore a plane.

        :param plane: (N, 1, H, W) quanta, holes filled; H and W multiples of 32.
        :param valid: (N, 1, H, W), 1 where measured, 0 in holes.
        :param quality: (N,), integers in 0..100.
        :returns: the restored plane, (N, 1, H, W) quanta, and the latents' bits, (N,).
        """
        base = base_of(plane)
        latents = self.analysis(plane, valid, base, quality)
        decoded, bits = self.entropy_model(latents, base, valid, quality)
        return self.synthesis(decoded, valid, base, quality), bits
