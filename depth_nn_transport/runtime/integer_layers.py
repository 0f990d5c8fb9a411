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
Convolutions in integers of 16 bits, whose products are added up in 32 bits.

Processors multiply eight or more pairs of such integers and add each pair up in one instruction,
twice as many as floats, and have done so for long.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from depth_nn_transport.codec.compiled import compiled, inlined
from depth_nn_transport.codec.vectors import (
    as_floats,
    at_least,
    at_most,
    filled,
    load,
    paired_products,
    rounded,
    store,
)
import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]
# (H, W, C): int16, or float32 where a layer's results are wanted as such.
Pixels = NDArray[np.int16] | NDArray[np.float32]
# Two results that come one after the other in memory, each of LANES channels.
LANES = 8
_OUTPUTS = 2 * LANES
# Pixels that the weights are loaded for at once: as many as processors have registers for.
_TILE = 6
_TILES_IN_BAND = 8
_BAND = _TILE * _TILES_IN_BAND
# Grid of all pixels.
ALL = 0, 0, 1
# See `Layer`.
EIGHT_DIGITS = 2.0**16 + 1


class Layer(NamedTuple):
    """
    A convolution, and what is done to its sums.

    A sum is multiplied by ``scale``, and by ``slope`` if it is below zero, rounded half to even,
    limited and shortened; then what is to be added is, and the result limited and shortened again.

    :ivar weights: int32 (N,), as of `pointwise_weights`, `depthwise_weights` or `block_weights`.
    :ivar bias: int32 (C,).
    :ivar scale: float32 (C,).
    :ivar taps: rows and columns of the window; 1 of a pointwise convolution.
    :ivar slope: 0..1.
    :ivar low: the least result.
    :ivar high: the greatest result.
    :ivar splitter: `EIGHT_DIGITS` shortens results to as many binary digits, half to even; 0 does
        not (T. J. Dekker, "A floating-point technique for extending the available precision",
        1971).
    """

    weights: Integers
    bias: Integers
    scale: NDArray[np.float32]
    taps: int
    slope: np.float32
    low: np.float32
    high: np.float32
    splitter: np.float32


def pointwise_weights(weights: NDArray[np.int16]) -> Integers:
    """
    Arrange the weights of a pointwise convolution as `pointwise` reads them.

    :param weights: (outputs, inputs); outputs are a multiple of 16.
    :returns: int32 (outputs * pairs,), each a pair of weights: for every 16 outputs those of the
        first pair of inputs, then those of the next one. An odd last input is paired with a zero.
    """
    outputs, inputs = weights.shape
    even = np.pad(weights, ((0, 0), (0, inputs % 2)))
    pairs = even.reshape(outputs // _OUTPUTS, _OUTPUTS, -1, 2).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(pairs).view(np.int32).reshape(-1)


def depthwise_weights(weights: NDArray[np.int16]) -> Integers:
    """Arrange (channels, taps, taps) as `depthwise` reads them: tap by tap."""
    channels = len(weights)
    return np.ascontiguousarray(weights.reshape(channels, -1).T, np.int32).reshape(-1)


def block_weights(weights: NDArray[np.int16]) -> Integers:
    """
    Arrange (channels, 3, 3) as `depthwise_in_block` reads them.

    :returns: int32 (6 * channels,): for each column the weights of its upper two rows as a pair,
        then for each column that of the lowest row, paired with a zero.
    """
    columns = weights.transpose(2, 0, 1)
    lowest = np.zeros_like(columns[:, :, :2])
    lowest[:, :, 0] = columns[:, :, 2]
    pairs = np.concatenate([columns[:, :, :2], lowest])
    return np.ascontiguousarray(pairs).view(np.int32).reshape(-1)


@compiled
def pointwise(
    inputs: Integers, layer: Layer, more: NDArray[np.int16] | None, out: Pixels, first: int,
    grid: tuple[int, int, int],
) -> None:
    """
    Convolve each pixel by itself.

    :param inputs: int32 (H, W, pairs), two int16 each.
    :param more: int16, to be added to the results; with any margin of pixels, or None.
    :param out: the same; is written.
    :param first: channel of it that is written first.
    :param grid: row and column of the first pixel that is convolved, and the steps to the next.
    """
    outputs, (top, left, step) = len(layer.bias), grid
    sums, flat = np.empty(_BAND * outputs, np.int32), out.reshape(-1)
    source, margin = inputs.reshape(-1), (out.shape[0] - inputs.shape[0]) // 2
    if more is not None:
        addends, wide = more.reshape(-1), (more.shape[0] - inputs.shape[0]) // 2
    for y in range(top, inputs.shape[0], step):
        for x in range(left, inputs.shape[1], _BAND * step):
            count = min(_BAND, (inputs.shape[1] - x + step - 1) // step)
            _sum_up(source, y * inputs.shape[1] + x, step, count, inputs.shape[2], layer, sums)
            place = ((y + margin) * out.shape[1] + x + margin) * out.shape[2] + first
            if more is not None:
                other = ((y + wide) * more.shape[1] + x + wide) * outputs
            for pixel in range(count):
                for c in range(0, outputs, LANES):
                    total = load(sums, pixel * outputs + c, LANES)
                    result = _result(total, load(layer.scale, c, LANES), layer)
                    if more is not None:
                        addend = as_floats(load(addends, other + c, LANES))
                        result = _limited(result + addend, layer)
                    store(flat, place + c, result)
                place += step * out.shape[2]
                if more is not None:
                    other += step * outputs


@inlined
def _sum_up(
    inputs: Integers, start: int, step: int, count: int, pairs: int, layer: Layer, sums: Integers
) -> None:
    """Add up biases and products of so many pixels from one on, (count, outputs)."""
    outputs, last = len(layer.bias), count - 1
    for tile in range(0, count, _TILE):
        # Unsigned, as numba looks for negative indices else. A last tile repeats its last pixel.
        p0 = np.uint64((start + step * tile) * pairs)
        p1 = np.uint64((start + step * min(tile + 1, last)) * pairs)
        p2 = np.uint64((start + step * min(tile + 2, last)) * pairs)
        p3 = np.uint64((start + step * min(tile + 3, last)) * pairs)
        p4 = np.uint64((start + step * min(tile + 4, last)) * pairs)
        p5 = np.uint64((start + step * min(tile + 5, last)) * pairs)
        for c in range(0, outputs, _OUTPUTS):
            a0, b0 = load(layer.bias, c, LANES), load(layer.bias, c + LANES, LANES)
            a1, a2, a3, a4, a5 = a0, a0, a0, a0, a0
            b1, b2, b3, b4, b5 = b0, b0, b0, b0, b0
            weight = c * pairs
            for k in range(np.uint64(pairs)):
                u = load(layer.weights, weight, LANES)
                v = load(layer.weights, weight + LANES, LANES)
                weight += _OUTPUTS
                pair = filled(inputs[p0 + k], LANES)
                a0, b0 = a0 + paired_products(pair, u), b0 + paired_products(pair, v)
                pair = filled(inputs[p1 + k], LANES)
                a1, b1 = a1 + paired_products(pair, u), b1 + paired_products(pair, v)
                pair = filled(inputs[p2 + k], LANES)
                a2, b2 = a2 + paired_products(pair, u), b2 + paired_products(pair, v)
                pair = filled(inputs[p3 + k], LANES)
                a3, b3 = a3 + paired_products(pair, u), b3 + paired_products(pair, v)
                pair = filled(inputs[p4 + k], LANES)
                a4, b4 = a4 + paired_products(pair, u), b4 + paired_products(pair, v)
                pair = filled(inputs[p5 + k], LANES)
                a5, b5 = a5 + paired_products(pair, u), b5 + paired_products(pair, v)
            place = tile * outputs + c
            _store_pair(sums, place, a0, b0)
            _store_pair(sums, place + outputs, a1, b1)
            _store_pair(sums, place + 2 * outputs, a2, b2)
            _store_pair(sums, place + 3 * outputs, a3, b3)
            _store_pair(sums, place + 4 * outputs, a4, b4)
            _store_pair(sums, place + 5 * outputs, a5, b5)


@inlined
def _store_pair(sums: Integers, place: int, one: Any, other: Any) -> None:
    store(sums, place, one)
    store(sums, place + LANES, other)


@inlined
def _result(total: Any, scale: Any, layer: Layer) -> Any:
    """Make results, a vector of floats, of sums, one of integers, and of their scales."""
    values = as_floats(total) * scale
    return _limited(rounded(at_least(values, values * layer.slope)), layer)


@inlined
def _limited(values: Any, layer: Layer) -> Any:
    """Limit and shorten a vector of whole floats."""
    values = at_least(at_most(values, layer.high), layer.low)
    larger = values * layer.splitter
    return larger - (larger - values)


@compiled
def depthwise(
    inputs: NDArray[np.int16], layer: Layer, stride: int, top: int, left: int,
    out: NDArray[np.int16], first: int,
) -> None:
    """
    Convolve each channel by itself.

    :param inputs: (H, W, C), with the margin that the windows reach into.
    :param stride: of the windows, in pixels.
    :param top: row of the first window.
    :param left: column of the first window.
    :param out: (h, w, >= C), of each window; is written.
    :param first: channel of it that is written first.
    """
    channels, last = len(layer.bias), out.shape[1] - 1
    source, flat = inputs.reshape(-1), out.reshape(-1)
    for y in range(out.shape[0]):
        row = (stride * y + top) * inputs.shape[1] + left
        for tile in range(0, out.shape[1], 4):
            x0, x1 = tile, min(tile + 1, last)
            x2, x3 = min(tile + 2, last), min(tile + 3, last)
            for c in range(0, channels, LANES):
                t0 = t1 = t2 = t3 = load(layer.bias, c, LANES)
                weight = c
                for j in range(layer.taps):
                    for i in range(layer.taps):
                        w = load(layer.weights, weight, LANES)
                        weight += channels
                        tap = row + j * inputs.shape[1] + i
                        t0 = t0 + w * load(source, (tap + stride * x0) * channels + c, LANES)
                        t1 = t1 + w * load(source, (tap + stride * x1) * channels + c, LANES)
                        t2 = t2 + w * load(source, (tap + stride * x2) * channels + c, LANES)
                        t3 = t3 + w * load(source, (tap + stride * x3) * channels + c, LANES)
                scale = load(layer.scale, c, LANES)
                place = y * out.shape[1] * out.shape[2] + first + c
                store(flat, place + x0 * out.shape[2], _result(t0, scale, layer))
                store(flat, place + x1 * out.shape[2], _result(t1, scale, layer))
                store(flat, place + x2 * out.shape[2], _result(t2, scale, layer))
                store(flat, place + x3 * out.shape[2], _result(t3, scale, layer))


@compiled
def depthwise_in_block(
    inputs: NDArray[np.int16], layer: Layer, out: NDArray[np.int16]
) -> None:
    """
    Convolve each channel by itself, in windows of 3x3.

    :param inputs: (H + 2, W + 2, C).
    :param out: (H, W, C), W a multiple of 4; is written.
    """
    channels = len(layer.bias)
    source, flat = inputs.reshape(-1), out.reshape(-1)
    row = inputs.shape[1] * channels
    for y in range(out.shape[0]):
        for tile in range(0, out.shape[1], 4):
            start = y * row + tile * channels
            for c in range(0, channels, LANES):
                weights = _window_weights(layer.weights, c, channels)
                bias, scale = load(layer.bias, c, LANES), load(layer.scale, c, LANES)
                k0 = _column(source, start + c, row)
                k1 = _column(source, start + channels + c, row)
                k2 = _column(source, start + 2 * channels + c, row)
                k3 = _column(source, start + 3 * channels + c, row)
                k4 = _column(source, start + 4 * channels + c, row)
                k5 = _column(source, start + 5 * channels + c, row)
                t0, t1 = _window(bias, k0, k1, k2, weights), _window(bias, k1, k2, k3, weights)
                t2, t3 = _window(bias, k2, k3, k4, weights), _window(bias, k3, k4, k5, weights)
                place = (y * out.shape[1] + tile) * channels + c
                store(flat, place, _result(t0, scale, layer))
                store(flat, place + channels, _result(t1, scale, layer))
                store(flat, place + 2 * channels, _result(t2, scale, layer))
                store(flat, place + 3 * channels, _result(t3, scale, layer))


@inlined
def _window_weights(weights: Integers, c: int, channels: int) -> tuple[Any, ...]:
    """Weights of some channels: those of pairs, then the lowest ones, from left to right."""
    return (
        load(weights, c, LANES), load(weights, channels + c, LANES),
        load(weights, 2 * channels + c, LANES), load(weights, 3 * channels + c, LANES),
        load(weights, 4 * channels + c, LANES), load(weights, 5 * channels + c, LANES),
    )


@inlined
def _column(source: NDArray[np.int16], place: int, row: int) -> tuple[Any, Any]:
    """Three pixels, one below the other: the upper ones as pairs, and the lowest one."""
    upper, middle = load(source, place, LANES), load(source, place + row, LANES)
    return upper & 0xFFFF | middle << 16, load(source, place + 2 * row, LANES)


@inlined
def _window(
    bias: Any, left: tuple[Any, Any], middle: tuple[Any, Any], right: tuple[Any, Any],
    weights: tuple[Any, ...],
) -> Any:
    """Sum up a window's columns."""
    total = bias + paired_products(left[0], weights[0]) + paired_products(left[1], weights[3])
    total = total + paired_products(middle[0], weights[1])
    total = total + paired_products(middle[1], weights[4])
    total = total + paired_products(right[0], weights[2])
    return total + paired_products(right[1], weights[5])
