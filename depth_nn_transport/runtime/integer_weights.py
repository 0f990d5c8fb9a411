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
"""Weights of networks, as layers of integers take them."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import NamedTuple

from depth_nn_transport.codec.networks import Array
from depth_nn_transport.runtime.integer_layers import (
    block_weights,
    depthwise_weights,
    Integers,
    LANES,
    Layer,
    pointwise_weights,
)
import numpy as np
from numpy.typing import NDArray

# What weights and biases of exact networks are multiples of, the most of their weights, times a
# power of two, and the most of their sums: see `training.fixed_point`.
_WEIGHT_STEP = 2.0**-12
_WEIGHT_MAX = 255
_SUM_MAX = 1 << 24
# Of other sums, which have 32 bits, less what rounding and biases take.
_ROUNDED_SUM_MAX = 1 << 30
SHORT_MAX = (1 << 15) - 1


class Finish(NamedTuple):
    """
    What is done to the sums of a layer, once they are in units.

    :ivar step: the unit.
    :ivar low: see `Layer`, as for the others.
    :ivar high: see `Layer`.
    :ivar slope: see `Layer`.
    :ivar splitter: see `Layer`.
    """

    step: float
    low: float = -math.inf
    high: float = math.inf
    slope: float = 1.0
    splitter: float = 0.0


class LayerWeights:
    """Weights and biases of one network."""

    def __init__(self, arrays: Mapping[str, Array], network: str) -> None:
        """
        Take them.

        :param arrays: float32, of all networks: ``network/layer.weight``, (outputs, inputs, taps,
            taps), of which the inputs are one where each channel is convolved by itself, and
            ``network/layer.bias``, (outputs,).
        :param network: whose they are.
        """
        self._arrays = arrays
        self._network = network

    def has(self, name: str) -> bool:
        """Return whether there is such a layer."""
        return f'{self._network}/{name}.weight' in self._arrays

    def exact(
        self, name: str, inputs: int, outputs: int | None, step: float, finish: Finish,
        taps: int = 1,
    ) -> Layer:
        """
        Make a layer of weights that are integers times a power of two.

        :param inputs: channels.
        :param outputs: channels; None if any multiple of 16 will do.
        :param step: of the inputs.
        :param taps: rows and columns of windows of each channel by itself; 1 if pointwise.
        :raises KeyError: if there is no such layer.
        :raises ValueError: if it has other channels or taps, or weights that are none such.
        """
        weight, bias = self._of(name, inputs, outputs, taps)
        whole, addends = weight / _WEIGHT_STEP, bias / (_WEIGHT_STEP * step)
        every = np.hstack([whole.reshape(len(whole), -1), addends[:, None]])
        if not (every == np.rint(every)).all():
            raise ValueError(f'{self._network}/{name} has weights that are no integers')
        common = np.bitwise_or.reduce(every.astype(np.int64), axis=1)
        # The greatest power of two that divides all of an output's.
        power = np.where(common == 0, 1, common & -common).astype(np.float64)
        whole, addends = whole / _of_outputs(power, whole), addends / power
        if np.abs(whole).max() > _WEIGHT_MAX or np.abs(addends).max() > _SUM_MAX:
            raise ValueError(f'{self._network}/{name} has weights of more than eight digits')
        return _layer(whole, addends, _WEIGHT_STEP * step * power, finish)

    def rounded(
        self, name: str, largest: NDArray[np.float64], outputs: int | None, step: float,
        finish: Finish, taps: int = 1,
    ) -> Layer:
        """
        Make a layer of any weights, rounded to integers as large as the sums leave room for.

        :param largest: magnitude of each input, in steps: (inputs,).
        :param outputs: see `exact`.
        :param step: of the inputs.
        :param taps: see `exact`.
        :raises KeyError: if there is no such layer.
        :raises ValueError: if it has other channels or taps.
        """
        weight, bias = self._of(name, len(largest), outputs, taps)
        taken = np.abs(weight).sum((2, 3))
        each = taken * largest if taken.shape[1] > 1 else taken * largest[:, None]
        greatest = np.abs(weight).max((1, 2, 3))
        unit = np.maximum(each.sum(1) / _ROUNDED_SUM_MAX, greatest / SHORT_MAX)
        unit = np.where(unit == 0, 1.0, unit)
        whole = np.rint(weight / _of_outputs(unit, weight))
        return _layer(whole, np.rint(bias / (unit * step)), unit * step, finish)

    def _of(
        self, name: str, inputs: int, outputs: int | None, taps: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        weight, bias = (
            self._arrays[f'{self._network}/{name}.{part}'].astype(np.float64)
            for part in ('weight', 'bias')
        )
        found = len(weight) if outputs is None else outputs
        expected = found, inputs if taps == 1 else 1, taps, taps
        if weight.shape != expected or bias.shape != (found,) or found % (2 * LANES):
            raise ValueError(
                f'{self._network}/{name} has weights and biases of the shapes {weight.shape} and '
                f'{bias.shape}, expected {expected} and {expected[:1]}, a multiple of {2 * LANES}'
            )
        return weight, bias


def _of_outputs(values: NDArray[np.float64], like: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _arranged(weights: NDArray[np.int16]) -> Integers:
    if weights.shape[1] > 1:
        return pointwise_weights(weights[:, :, 0, 0])
    # Windows of 3x3 are those of residual blocks.
    arranged = block_weights if weights.shape[-1] == 3 else depthwise_weights
    return arranged(weights[:, 0])


def _layer(
    weights: NDArray[np.float64], bias: NDArray[np.float64], units: NDArray[np.float64],
    finish: Finish,
) -> Layer:
    """
    Make a layer.

    :param weights: integers, (outputs, inputs, taps, taps).
    :param bias: integers, (outputs,).
    :param units: of their sums, (outputs,).
    """
    short = weights.astype(np.int16)
    return Layer(
        _arranged(short), bias.astype(np.int32), (units / finish.step).astype(np.float32),
        short.shape[-1],
        np.float32(finish.slope), np.float32(finish.low), np.float32(finish.high),
        np.float32(finish.splitter),
    )
