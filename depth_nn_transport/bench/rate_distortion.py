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
"""Rate-distortion curves, the best peer at each error, and our bits relative to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

_SAMPLES = 65


@dataclass(frozen=True)
class Comparison:
    """
    Bits of one curve relative to the best of others at equal error.

    :ivar ratio: geometric mean; NaN if nothing is covered.
    :ivar low, high: errors between which both sides have a curve; NaN likewise.
    :ivar covered: share of the asked range, by the logarithm of the error.
    """

    ratio: float
    low: float
    high: float
    covered: float


@dataclass(frozen=True)
class Curve:
    """
    Rate as a function of error.

    :ivar error: float64 (N,), ascending.
    :ivar bits: float64 (N,), bits per pixel, descending: points that another beats in both are
        left out.
    """

    error: NDArray[np.float64]
    bits: NDArray[np.float64]

    @classmethod
    def from_points(cls, points: Iterable[tuple[float, float]]) -> Curve:
        """Build a curve from pairs of error and bits; points without error are left out."""
        kept: list[tuple[float, float]] = []
        for error, bits in sorted(point for point in points if point[0] > 0):
            if not kept or bits < kept[-1][1]:
                kept.append((error, bits))
        table = np.array(kept, np.float64).reshape(-1, 2)
        return cls(table[:, 0], table[:, 1])

    def bits_at(self, error: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interpolate the logarithm of bits over that of error; NaN outside the curve."""
        if len(self.error) == 0:
            return np.full(error.shape, np.nan)
        logs = np.interp(
            np.log(error), np.log(self.error), np.log(self.bits), left=np.nan, right=np.nan
        )
        return np.asarray(np.exp(logs))


def lower_hull(curves: Sequence[Curve], error: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Fewest bits that any of the curves needs at each error; NaN where none reaches.

    :param curves: of the peers.
    :param error: float64 (N,).
    :returns: float64 (N,), bits per pixel.
    """
    bits = [np.full(error.shape, np.nan), *(curve.bits_at(error) for curve in curves)]
    return np.asarray(np.fmin.reduce(bits))


def compare(ours: Curve, peers: Sequence[Curve], low: float, high: float) -> Comparison:
    """
    Compare bits at equal error.

    :param ours: our curve.
    :param peers: curves whose lower hull is the reference.
    :param low: least error of interest.
    :param high: greatest error of interest.
    """
    error = np.geomspace(low, high, _SAMPLES, dtype=np.float64)
    ratio = np.log(ours.bits_at(error) / lower_hull(peers, error))
    both = np.isfinite(ratio)
    if not both.any():
        return Comparison(math.nan, math.nan, math.nan, 0.0)
    covered = error[both]
    mean = float(np.exp(ratio[both].mean()))
    return Comparison(mean, float(covered[0]), float(covered[-1]), float(both.mean()))
