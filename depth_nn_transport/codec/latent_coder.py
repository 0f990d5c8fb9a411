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
"""Coding of a frame's latents with their side information, in the order of the entropy model.

    base -> hyperlatents -> four spatial phases, each first the low frequencies, then the rest

Encoder and decoder walk the same path; only where the symbols come from differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from depth_nn_transport.codec.base_coder import decode_base, encode_base
from depth_nn_transport.codec.networks import (
    Array,
    BASE_BLOCK,
    HYPER_ANCHORS,
    HYPER_CHANNELS,
    HYPER_MAX,
    LATENT_CHANNELS,
    LATENT_MAX,
    LOW_CHANNELS,
    Networks,
    PHASES,
)
from depth_nn_transport.codec.table_coder import Integers, TableDecoder, TableEncoder, Tables
import numpy as np
from numpy.typing import NDArray

# Codes the symbols of a part, given where the part lies, its means and table indices.
Exchange = Callable[[slice, tuple[int, int], Array, NDArray[np.uint8]], Integers]


class SymbolSink(Protocol):
    """Takes symbols (N,) with their table indices; returns them as a decoder will see them."""

    def code(self, tables: Tables, index: NDArray[np.uint8], symbols: Integers) -> Integers:
        """Take symbols."""


@dataclass(frozen=True)
class Latents:
    """Decoded latents (1, 64, H/8, W/8) and base (1, 1, H/32, W/32), float32."""

    values: Array
    base: Array


class LatentCoder:
    """Encoder and decoder of latents for one model."""

    def __init__(self, networks: Networks, latent_tables: Tables, hyper_tables: Tables) -> None:
        self._networks = networks
        self._latent_tables = latent_tables
        self._hyper_tables = hyper_tables

    def encode(
        self, latents: Array, hyper: Array, base: Array, valid: Array, quality: float
    ) -> tuple[bytes, Latents]:
        """Quantise and encode.

        Args:
            latents: float32 (1, 64, H/8, W/8), before quantisation.
            hyper: float32 (1, 16, H/32, W/32), before rounding.
            base: float32 (1, 1, H/32, W/32), integers.
            valid: float32 (1, 1, H, W), 1 where measured, 0 in holes.
            quality: 0..100, integer.

        Returns:
            The bytes, and the latents as the decoder will see them.

        """
        encoder = TableEncoder()
        encode_base(base[0, 0].astype(np.int32), self._latent_tables, encoder)
        values = self.quantize(latents, hyper, base, valid, quality, encoder)
        return encoder.to_bytes(), Latents(values, base)

    def quantize(
        self, latents: Array, hyper: Array, base: Array, valid: Array, quality: float,
        sink: SymbolSink,
    ) -> Array:
        """Send the symbols of hyperlatents and latents to a sink; see `encode`.

        Returns:
            The latents as the decoder will see them.

        """
        rounded = np.clip(np.rint(hyper), -HYPER_MAX, HYPER_MAX).astype(np.int32)
        index = _hyper_index(rounded.shape, quality)
        symbols = sink.code(self._hyper_tables, index, rounded.ravel())
        features = self._networks.features(_as_hyper(symbols, hyper.shape), base, valid, quality)

        def exchange(
            channels: slice, phase: tuple[int, int], mean: Array, index: NDArray[np.uint8]
        ) -> Integers:
            target = np.clip(_part(latents, channels, phase), -LATENT_MAX, LATENT_MAX) - mean
            return sink.code(self._latent_tables, index, np.rint(target.ravel()).astype(np.int32))

        return self._walk(features, exchange)

    def decode(self, data: bytes, valid: Array, quality: float) -> Latents:
        """Decode what `encode` wrote.

        Raises:
            CorruptStreamError: if the bytes do not fit the model's tables.

        """
        decoder = TableDecoder(data)
        height, width = valid.shape[2] // BASE_BLOCK, valid.shape[3] // BASE_BLOCK
        grid = decode_base((height, width), self._latent_tables, decoder)
        base = np.clip(grid, -LATENT_MAX, LATENT_MAX).astype(np.float32)[None, None]
        shape = (1, HYPER_CHANNELS, height, width)
        symbols = decoder.code(self._hyper_tables, _hyper_index(shape, quality))

        def exchange(
            channels: slice, phase: tuple[int, int], mean: Array, index: NDArray[np.uint8]
        ) -> Integers:
            return decoder.code(self._latent_tables, index)

        hyper = _as_hyper(symbols, shape)
        features = self._networks.features(hyper, base, valid, quality)
        return Latents(self._walk(features, exchange), base)

    def _walk(self, features: Array, exchange: Exchange) -> Array:
        decoded = np.zeros((1, LATENT_CHANNELS, *features.shape[2:]), np.float32)
        for k, phase in enumerate(PHASES):
            trunk, linear, mean, index = self._networks.low(k, features, decoded)
            low = _restore(slice(0, LOW_CHANNELS), phase, mean, index, exchange)
            mean, index = self._networks.high(k, trunk, linear, low)
            rest = slice(LOW_CHANNELS, LATENT_CHANNELS)
            _part(decoded, slice(0, LOW_CHANNELS), phase)[:] = low
            _part(decoded, rest, phase)[:] = _restore(rest, phase, mean, index, exchange)
        return decoded


def _part(latents: Array, channels: slice, phase: tuple[int, int]) -> Array:
    return latents[:, channels, phase[0]::2, phase[1]::2]


def _restore(
    channels: slice, phase: tuple[int, int], mean: Array, index: Array, exchange: Exchange
) -> Array:
    symbols = exchange(channels, phase, mean, index.astype(np.uint8).ravel())
    # Clamped so that hostile streams cannot leave the range in which the networks are exact.
    values = mean + symbols.reshape(mean.shape).astype(np.float32)
    return np.clip(values, -LATENT_MAX, LATENT_MAX)


def _hyper_index(shape: tuple[int, ...], quality: float) -> NDArray[np.uint8]:
    anchor = round(quality * (HYPER_ANCHORS - 1) / 100)
    channels = np.arange(HYPER_CHANNELS, dtype=np.uint8) + np.uint8(anchor * HYPER_CHANNELS)
    return np.repeat(channels, shape[2] * shape[3])


def _as_hyper(symbols: Integers, shape: tuple[int, ...]) -> Array:
    clamped = np.clip(symbols, -HYPER_MAX, HYPER_MAX)
    return clamped.astype(np.float32).reshape(shape)
