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
Depth frames as real bytes of HiFiC.

A historical reference for `bench poster`, not a format: encoder and decoder run the same float
networks in one process, where their tables agree. Across machines they need not, so no node and
no `DepthCodec` offers it.
"""

from __future__ import annotations

import struct

import constriction
from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder, Tables
from depth_nn_transport.codec.words import bytes_to_words, coded_bytes
from depth_nn_transport.training.export import normalise
from depth_nn_transport.training.hific.dataset import filled
from depth_nn_transport.training.hific.hyperprior import Hyperprior
from depth_nn_transport.training.hific.model import aligned, ALIGNMENT, DEPTH_MAX, HificModel
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

Depth = NDArray[np.uint16]
Integers = NDArray[np.int32]

# Height, width, bytes of the hole mask, bytes of the hyperlatents; the latents follow.
_HEADER = struct.Struct('<HHII')
_HYPER_RADIUS = 63
# Differences between a latent and its mean are clamped to this.
_LATENT_MAX = 4095
_GAUSSIAN = constriction.stream.model.QuantizedGaussian(-_LATENT_MAX, _LATENT_MAX)


class HificCoder:
    """Encoder and decoder of frames, uint16 (H, W), 0 in holes."""

    def __init__(self, model: HificModel, mask: MaskCoder) -> None:
        self._model, self._mask = model.eval(), mask
        self._tables = hyper_tables(model.hyperprior)

    @torch.no_grad()
    def encode(self, depth: Depth) -> bytes:
        """Fill the holes and encode, the hole mask apart."""
        plane = torch.from_numpy(filled(depth))[None, None]
        latents = self._model.latents_of(self._model.quantise(aligned(plane)))
        hyper = torch.round(self._model.hyperprior.analysis(latents))
        encoder = TableEncoder()
        sent = encoder.code(self._tables, _channels(hyper), _integers(hyper))
        mean, scale = self._model.hyperprior.distribution(_like(sent, hyper))
        symbols = torch.round(latents - mean).clamp(-_LATENT_MAX, _LATENT_MAX)
        mask, side, body = (
            self._mask.encode(depth == 0), encoder.to_bytes(), _encode_latents(symbols, scale),
        )
        return _HEADER.pack(*depth.shape, len(mask), len(side)) + mask + side + body

    @torch.no_grad()
    def decode(self, data: bytes) -> Depth:
        """Decode what `encode` returned."""
        height, width, mask_size, side_size = _HEADER.unpack_from(data)
        start, end = _HEADER.size + mask_size, _HEADER.size + mask_size + side_size
        hole = self._mask.decode(data[_HEADER.size:start], height, width)
        channels = self._model.config.hyper
        hyper = torch.empty(1, channels, -(-height // ALIGNMENT), -(-width // ALIGNMENT))
        sent = TableDecoder(data[start:end]).code(self._tables, _channels(hyper))
        mean, scale = self._model.hyperprior.distribution(_like(sent, hyper))
        latents = _decode_latents(data[end:], scale) + mean
        restored = self._model.quantise(self._model.depth_of(latents).clamp(1, DEPTH_MAX))
        # What rounds to 0 in 8 bits is a valid pixel still.
        samples = restored[0, 0, :height, :width].clamp_min(1).numpy().astype(np.uint16)
        return np.where(hole, np.uint16(0), samples)


def hyper_tables(prior: Hyperprior) -> Tables:
    """Probabilities of the hyperlatents by channel."""
    symbols = torch.arange(-_HYPER_RADIUS, _HYPER_RADIUS + 1.0)
    bits = prior.hyper_bits(symbols.expand(1, len(prior.mean), 1, -1))
    inside = torch.exp2(-bits)[0, :, 0].detach().double().numpy()
    return Tables([normalise(np.append(some, max(1 - some.sum(), 0.0))) for some in inside])


def _channels(hyper: Tensor) -> NDArray[np.uint8]:
    """Table of each hyperlatent, (1, C, H, W) -> (C * H * W,)."""
    channels, height, width = hyper.shape[1:]
    return np.repeat(np.arange(channels, dtype=np.uint8), height * width)


def _integers(x: Tensor) -> Integers:
    flat: Integers = x.numpy().astype(np.int32).ravel()
    return flat


def _like(symbols: Integers, hyper: Tensor) -> Tensor:
    return torch.from_numpy(symbols.astype(np.float32)).view(hyper.shape)


def _scales(scale: Tensor) -> NDArray[np.float64]:
    return scale.numpy().astype(np.float64).ravel()


def _encode_latents(symbols: Tensor, scale: Tensor) -> bytes:
    coder = constriction.stream.queue.RangeEncoder()
    scales = _scales(scale)
    coder.encode(_integers(symbols), _GAUSSIAN, np.zeros_like(scales), scales)
    return coded_bytes(coder)


def _decode_latents(data: bytes, scale: Tensor) -> Tensor:
    scales = _scales(scale)
    coder = constriction.stream.queue.RangeDecoder(bytes_to_words(data))
    symbols = coder.decode(_GAUSSIAN, np.zeros_like(scales), scales)
    return torch.from_numpy(symbols.astype(np.float32)).view(scale.shape)
