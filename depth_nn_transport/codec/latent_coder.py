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
Coding of a frame's latents with their side information, in the order of the entropy model.

    base -> hyperlatents -> seven spatial steps, each first the low frequencies, then the rest

Encoder and decoder walk the same path; only where the symbols come from differs. Means, table
indices and all that they depend on are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from depth_nn_transport.codec.activations import clamp
from depth_nn_transport.codec.base_coder import decode_base, encode_base
from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.context import Decoded, expected, Predictor, seen_low
from depth_nn_transport.codec.networks import (
    Activations,
    Array,
    HYPER_ANCHORS,
    HYPER_CHANNELS,
    HYPER_MAX,
    HYPER_STRIDE,
    LATENT_CHANNELS,
    LATENT_MAX,
    LOW_CHANNELS,
    Networks,
    Step,
    STEPS,
)
from depth_nn_transport.codec.table_coder import Integers, TableDecoder, TableEncoder, Tables
from depth_nn_transport.codec.table_shifts import COST_UNITS, TableShifts
import numpy as np
from numpy.typing import NDArray

# Below this a hyperlatent costs more bits than it saves, as measured.
HYPER_DEAD_ZONE = 0.57
# What a bit is worth, in squared steps of an error of all of a block's pixels.
RATE_WEIGHT = 0.03
# Latents of a block without valid pixels count as those of one with this share of them.
LEAST_SHARE = 1 / 64
# Codes the symbols of some channels in a step, given their means and table indices.
Exchange = Callable[[slice, Step, Array, NDArray[np.uint8]], Integers]
LOW = slice(0, LOW_CHANNELS)
REST = slice(LOW_CHANNELS, LATENT_CHANNELS)
# In the order in which each step codes them.
CHANNELS = LOW, REST


class SymbolSink(Protocol):
    """Takes symbols (N,) with their table indices; returns them as a decoder will see them."""

    def code(self, tables: Tables, index: NDArray[np.uint8], symbols: Integers) -> Integers:
        """Take symbols."""


@dataclass(frozen=True)
class Latents:
    """Decoded latents (H/8, W/8, 64) and base (H/32, W/32), float32."""

    values: Array
    base: Array


class _Record:
    """Keeps symbols with their table indices until it is known how to code them best."""

    def __init__(self) -> None:
        self.symbols: list[tuple[NDArray[np.uint8], Integers]] = []

    def code(self, tables: Tables, index: NDArray[np.uint8], symbols: Integers) -> Integers:
        """See `SymbolSink`."""
        seen = tables.seen(index, symbols)
        self.symbols.append((index, seen))
        return seen


class LatentCoder:
    """Encoder and decoder of latents for one model."""

    def __init__(
        self, networks: Networks, predictor: Predictor, latent_tables: Tables,
        hyper_tables: Tables,
    ) -> None:
        self._networks = networks
        self._predictor = predictor
        self._latent_tables = latent_tables
        self._hyper_tables = hyper_tables
        self._shifts = TableShifts(latent_tables)

    def encode(
        self, latents: Array, hyper: Array, base: Array, valid: Array, quality: int,
        encoder: TableEncoder,
    ) -> Latents:
        """
        Quantise and encode.

        :param latents: float32 (H/8, W/8, 64), before quantisation.
        :param hyper: float32 (H/32, W/32, 16), before rounding.
        :param base: float32 (H/32, W/32), integers.
        :param valid: float32 (H/8, W/8, 64), 1 where measured, 0 in holes.
        :param quality: 0..100, integer.
        :param encoder: takes them.
        :returns: the latents as the decoder will see them.
        """
        record = _Record()
        values = self.quantize(latents, hyper, base, valid, quality, record)
        (hyper_index, hyper_symbols), *symbols = record.symbols
        parts = [(CHANNELS[k % 2], *part) for k, part in enumerate(symbols)]
        shifts = self._shifts.choose(parts)
        encode_base(base.astype(np.int32), self._latent_tables, encoder)
        encoder.code(self._hyper_tables, hyper_index, hyper_symbols)
        self._shifts.encode(shifts, encoder)
        for channels, index, part in parts:
            shifted = self._shifts.apply(shifts[channels], index)
            encoder.code(self._latent_tables, shifted, part)
        return Latents(values, base)

    def quantize(
        self, latents: Array, hyper: Array, base: Array, valid: Array, quality: int,
        sink: SymbolSink,
    ) -> Array:
        """
        Send the symbols of hyperlatents and latents to a sink; see `encode`.

        :returns: the latents as the decoder will see them.
        """
        worthwhile = np.where(np.abs(hyper) < HYPER_DEAD_ZONE, 0, np.rint(hyper))
        rounded = np.clip(worthwhile, -HYPER_MAX, HYPER_MAX).astype(np.int32)
        index = _hyper_index(rounded.shape, quality)
        symbols = sink.code(self._hyper_tables, index, rounded.ravel())

        share = np.maximum(valid.mean(2), np.float32(LEAST_SHARE))

        def exchange(
            channels: slice, step: Step, mean: Array, index: NDArray[np.uint8]
        ) -> Integers:
            symbols = _to_symbols(
                latents, *step, channels.start, mean, index, self._shifts.costs, share
            )
            return sink.code(self._latent_tables, index, symbols)

        return self._walk(_as_hyper(symbols, hyper.shape), base, valid, quality, exchange)

    def decode(self, decoder: TableDecoder, valid: Array, quality: int) -> Latents:
        """
        Decode what `encode` wrote.

        :raises CorruptStreamError: if the bytes do not fit the model's tables.
        """
        height, width = valid.shape[0] // HYPER_STRIDE, valid.shape[1] // HYPER_STRIDE
        grid = decode_base((height, width), self._latent_tables, decoder)
        base = np.clip(grid, -LATENT_MAX, LATENT_MAX).astype(np.float32)
        shape = (height, width, HYPER_CHANNELS)
        symbols = decoder.code(self._hyper_tables, _hyper_index(shape, quality))
        shifts = self._shifts.decode(decoder)

        def exchange(
            channels: slice, step: Step, mean: Array, index: NDArray[np.uint8]
        ) -> Integers:
            shifted = self._shifts.apply(shifts[channels], index)
            return decoder.code(self._latent_tables, shifted)

        return Latents(
            self._walk(_as_hyper(symbols, shape), base, valid, quality, exchange), base
        )

    def _walk(
        self, hyper: Array, base: Array, valid: Array, quality: int, exchange: Exchange
    ) -> Array:
        features = self._networks.features(hyper, base, valid, quality)
        # Copied before the next network may overwrite them.
        parts = [_part(features, step).copy() for step in STEPS]
        decoded = Decoded(*features.shape[:2])
        for k, step in enumerate(STEPS):
            linear = self._predictor.predict(k, decoded.latents)
            trunk, head = self._networks.low(k, parts[k], decoded.seen(step))
            low = _restore(LOW, step, expected(head, linear, LOW.start), exchange)
            head = self._networks.high(k, seen_low(trunk, low))
            rest = _restore(REST, step, expected(head, linear, REST.start), exchange)
            decoded.put(step, low, rest)
        return decoded.latents


def _part(grid: Activations, step: Step) -> Activations:
    """Positions of a step: (H, W, C) -> (h, w, C)."""
    (row, column), spacing = step.phase, step.spacing
    return grid[row * spacing::2 * spacing, column * spacing::2 * spacing]


def _restore(
    channels: slice, step: Step, distribution: tuple[Array, NDArray[np.uint8]], exchange: Exchange
) -> Array:
    mean, index = distribution
    symbols = exchange(channels, step, mean, index.ravel())
    # In place: the means have served.
    _add_symbols(mean.reshape(-1), symbols)
    return mean


@compiled
def _to_symbols(
    latents: Array, spacing: int, phase: tuple[int, int], first: int, mean: Array,
    index: NDArray[np.uint8], costs: Integers, share: Array,
) -> Integers:
    """
    Whole steps of a step's latents from their means, one less where that saves enough bits.

    A latent's error matters as far as its block has valid pixels.

    :param latents: (H, W, 64), all of them.
    :param spacing: of the step's grid.
    :param phase: of the step.
    :param first: the first of the channels.
    :param mean: (h, w, C).
    :param index: (h * w * C,), table of each.
    :param costs: int32 (2 R + 1, tables), of symbols from -R to R, in `COST_UNITS` of a bit.
    :param share: (H, W), of valid pixels.
    :returns: int32 (h * w * C,).
    """
    height, width, channels = mean.shape
    symbols = np.empty((height, width, channels), np.int32)
    limit, reach = np.float32(LATENT_MAX), costs.shape[0] // 2
    worth = np.float32(RATE_WEIGHT / COST_UNITS)
    for row in range(height):
        y = (2 * row + phase[0]) * spacing
        for column in range(width):
            x = (2 * column + phase[1]) * spacing
            here, out = latents[y, x, first:first + channels], symbols[row, column]
            for c in range(channels):
                out[c] = np.int32(np.rint(clamp(here[c], limit) - mean[row, column, c]))
            tables = index[(row * width + column) * channels:]
            for c in range(channels):
                if out[c] != 0:
                    error = clamp(here[c], limit) - mean[row, column, c] - np.float32(out[c])
                    sign = 1 if out[c] > 0 else -1
                    saved = (
                        costs[min(max(out[c], -reach), reach) + reach, tables[c]]
                        - costs[min(max(out[c] - sign, -reach), reach) + reach, tables[c]]
                    )
                    # The error's square grows by this.
                    worse = (np.float32(1) + np.float32(2 * sign) * error) * share[y, x]
                    out[c] -= sign * np.int32(saved * worth > worse)
    return symbols.reshape(-1)


@compiled
def _add_symbols(mean: Array, symbols: Integers) -> None:
    # Clamped so that hostile streams cannot leave the range in which the networks are exact.
    limit = np.float32(LATENT_MAX)
    for n in range(len(mean)):
        mean[n] = clamp(mean[n] + np.float32(symbols[n]), limit)


def _hyper_index(shape: tuple[int, ...], quality: int) -> NDArray[np.uint8]:
    anchor = round(quality * (HYPER_ANCHORS - 1) / 100)
    channels = np.arange(HYPER_CHANNELS, dtype=np.uint8) + np.uint8(anchor * HYPER_CHANNELS)
    return np.tile(channels, shape[0] * shape[1])


def _as_hyper(symbols: Integers, shape: tuple[int, ...]) -> Array:
    clamped = np.clip(symbols, -HYPER_MAX, HYPER_MAX)
    return clamped.astype(np.float32).reshape(shape)
