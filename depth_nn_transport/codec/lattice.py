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
The grid of depth values a stereo camera can report, and its unit: the quantum.

A D4xx camera measures disparity in 1/32 px and reports ``z = round(K / n)`` for an integer
disparity ``n``, where ``K = focal_length_px * baseline_mm * 32``. One step of ``n`` is the
sensor's own quantum. Closer than ``sqrt(K)`` several ``n`` share one depth value; there the
quantum is the depth unit itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
import math

from depth_nn_transport.codec.compiled import compiled
import numpy as np
from numpy.typing import NDArray

# A D435 at VGA; frames of unknown sensors are coded in its quanta.
DEFAULT_CONSTANT = 640_000.0
MIN_CONSTANT = 1e5
MAX_CONSTANT = 2.5e7
DEPTH_MAX = 65535
# mm; where a 32FC1 frame ends: less than one quantum lies beyond.
FAR_LIMIT = 1e6

# A frame lies on a lattice if this share of its testable values does.
_MATCH_SHARE = 0.99
_COARSE_MATCH_SHARE = 0.8
# Only where reachable values lie this many units apart does a match tell anything; each match
# then is worth the logarithm of that spacing, and chance is ruled out past this many nats.
_TESTABLE_SPACING = 1.5
_MIN_EVIDENCE = 28.0
# A grid is finer than the sensor's if a frame's values, with so many steps between them at least,
# lie several quanta apart, and a multiple of the same number in this share of the steps.
_MIN_STEPS = 8
_EVEN_SHARE = 0.95
_BANDS = 40
_SURVIVORS = 64
_PART = 1024


@dataclass(frozen=True)
class Lattice:
    """
    A depth grid ``z = round(constant / n)`` and its map to a plane of quanta.

    :ivar constant: K in depth units (mm) times 1/32 px, a float32.
    :ivar on_grid: whether the frame's values lie on the grid. If not, the constant only sets the
        unit of error, and restored values are not snapped.
    :ivar spacing: of a sensor whose disparities have an offset, how many quanta of the grid that
        its values lie on make one of its own; else 1.
    """

    constant: float
    on_grid: bool
    spacing: int = 1

    @classmethod
    def from_depth(
        cls, depth: NDArray[np.uint16], hint: Lattice | None = None
    ) -> Lattice:
        """
        Recover the lattice of a frame.

        :param depth: uint16 (H, W), mm; 0 is a hole.
        :param hint: lattice of an earlier frame of the same camera, tried first.
        :returns: the recovered lattice; that of the hint, or the default one, if all values
            happen to lie on it; or, with ``on_grid`` false, the constant that gives the quantum
            of a sensor whose disparities have an offset, as the Kinect's, or else that of the
            hint or the default one.
        """
        occurs = present(np.ascontiguousarray(depth).reshape(-1))
        values = 1 + np.flatnonzero(occurs[1:DEPTH_MAX]).astype(np.float64)
        if hint is not None and hint.is_found and _matches(values, hint.constant * hint.spacing):
            return hint
        constant = _search_constant(values)
        if constant is None:
            constant = DEFAULT_CONSTANT if hint is None else hint.constant
            # So near that every millimetre is on it, if a frame tells nothing else.
            is_on_it = len(values) > 0 and np.isin(values, cls(constant, True).reachable).all()
            return cls(constant, bool(is_on_it))
        spacing = _spacing(values, constant)
        return cls(float(np.float32(constant / spacing)), spacing == 1, spacing)

    @classmethod
    def from_signed(cls, constant: float) -> Lattice:
        """Return the lattice that a frame's header tells by `signed_constant`."""
        return cls(abs(constant), constant > 0)

    @property
    def signed_constant(self) -> float:
        """Return the constant, negative off the grid."""
        return self.constant if self.on_grid else -self.constant

    @property
    def is_found(self) -> bool:
        """Whether the constant is that of the frame's own sensor."""
        return self.on_grid or self.spacing > 1

    @property
    def near_limit(self) -> float:
        """Depth (mm) below which the quantum is one millimetre."""
        return math.sqrt(self.constant)

    @cached_property
    def reachable(self) -> NDArray[np.uint16]:
        """
        Every depth (mm) on the grid, farthest first; the index of a depth is its rank.

        What is farther than `DEPTH_MAX` counts as that.
        """
        far = self.constant / np.arange(1, math.ceil(self.near_limit) + 1)
        near = np.arange(1, math.ceil(self.near_limit) + 1)
        depths = np.rint(np.concatenate([far, near]))
        ascending: NDArray[np.uint16] = np.unique(np.minimum(depths, DEPTH_MAX)).astype(np.uint16)
        return ascending[::-1]

    @cached_property
    def _ranks(self) -> NDArray[np.float32]:
        """Rank of the reachable depth nearest to each of 0..65535 mm."""
        ascending = self.reachable[::-1].astype(np.float64)
        midpoints = (ascending[1:] + ascending[:-1]) / 2
        nearest = np.searchsorted(midpoints, np.arange(DEPTH_MAX + 1))
        return (len(ascending) - 1 - nearest).astype(np.float32)

    def to_quanta(self, depth: NDArray[np.generic]) -> NDArray[np.float32]:
        """
        Map depth to a plane in quanta; closer means larger.

        On the grid this is the rank among the reachable depths. Off the grid it is ``K / z``
        where far and linear in ``z`` where near, the pieces meeting with equal slope.

        :param depth: (H, W), mm; uint16, or float32 if off the grid. Holes map to any value.
        :returns: float32 (H, W).
        """
        if self.on_grid:
            if depth.dtype != np.uint16:
                depth = np.clip(np.rint(depth), 0, DEPTH_MAX)
            index = depth.astype(np.uint16, copy=False)
            return _look_up(index.ravel(), self._ranks).reshape(index.shape)
        z = np.clip(depth, 1, FAR_LIMIT).astype(np.float32)
        limit = np.float32(self.near_limit)
        return np.where(z > limit, np.float32(self.constant) / z, 2 * limit - z)

    def to_depth(self, quanta: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Map a plane in quanta back to depth, to reachable depths if the frame was on the grid.

        :param quanta: float32 (H, W).
        :returns: float32 (H, W), mm, within 1..65535, or 1..1e6 off the grid.
        """
        if self.on_grid:
            return _nearest(quanta.ravel(), self.reachable).reshape(quanta.shape)
        limit = np.float32(self.near_limit)
        far = np.float32(self.constant) / np.maximum(quanta, np.float32(1e-3))
        return np.clip(np.where(quanta < limit, far, 2 * limit - quanta), 1, FAR_LIMIT)


@compiled
def present(depth: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Tell which of 0..65535 occur in depths (N,)."""
    present = np.zeros(DEPTH_MAX + 1, np.bool_)
    for value in depth:
        present[value] = True
    return present


@compiled
def _look_up(index: NDArray[np.uint16], table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the entries of a table of 65536: (N,) -> (N,)."""
    entries = np.empty(len(index), np.float32)
    for n in range(len(index)):
        entries[n] = table[index[n]]
    return entries


@compiled
def _nearest(quanta: NDArray[np.float32], reachable: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Look up the reachable depths of the ranks nearest to quanta (N,)."""
    depth = np.empty(len(quanta), np.float32)
    last = np.float32(len(reachable) - 1)
    # Ranks of a part, then their depths: only the former are vectorised.
    ranks = np.empty(_PART, np.uint16)
    for start in range(0, len(quanta), _PART):
        part, out = quanta[start:start + _PART], depth[start:start + _PART]
        for n in range(len(part)):
            rank = np.rint(part[n])
            rank = rank if rank < last else last
            ranks[n] = np.uint16(np.int32(rank if rank > 0 else np.float32(0)))
        for n in range(len(part)):
            out[n] = reachable[ranks[n]]
    return depth


def _testable(values: NDArray[np.float64], constant: float) -> NDArray[np.float64]:
    return values[values * values > _TESTABLE_SPACING * constant]


def _evidence(values: NDArray[np.float64], constant: float) -> NDArray[np.float64]:
    """Nats that a match of the first 1, 2, ... of the values is worth."""
    return np.cumsum(np.log(np.maximum(values * values / constant, 1.0)))


@compiled
def _match_share(
    values: NDArray[np.float64], constants: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of values on each candidate grid: (V,), (C,) -> (C,)."""
    share = np.empty(len(constants), np.float64)
    for c in range(len(constants)):
        matches = 0
        for value in values:
            nearest = constants[c] / max(np.rint(constants[c] / value), 1.0)
            matches += abs(nearest - value) <= 0.5 + 1e-6
        share[c] = matches / len(values)
    return share


def _matches(values: NDArray[np.float64], constant: float) -> bool:
    testable = _testable(values, constant)
    if len(testable) == 0:
        # Nothing speaks against the earlier lattice.
        return True
    return bool(_match_share(testable, np.array([constant]))[0] >= _MATCH_SHARE)


def _spacing(values: NDArray[np.float64], constant: float) -> int:
    """
    Tell how many quanta of a grid lie between two values of the frame.

    The disparities of other sensors than the D4xx have an offset, ``z = constant / (n + offset)``.
    They lie on a grid many times as fine, which says nothing of the sensor's noise.
    """
    disparity = np.rint(constant / _testable(values, constant))
    steps = np.diff(np.unique(disparity))
    if len(steps) < _MIN_STEPS:
        return 1
    spacing = int(np.median(steps))
    return spacing if np.mean(steps % spacing == 0) >= _EVEN_SHARE else 1


def _search_constant(values: NDArray[np.float64]) -> float | None:
    """Find the smallest K on whose grid the values lie, band by band of K."""
    edges = np.geomspace(MIN_CONSTANT, MAX_CONSTANT, _BANDS + 1)
    for lower, upper in pairwise(edges):
        constant = _search_band(_testable(values, upper), float(lower), float(upper))
        if constant is not None:
            return constant
    return None


def _search_band(values: NDArray[np.float64], lower: float, upper: float) -> float | None:
    """
    Find K in a band, coarse to fine.

    A scan of relative step 1 / (8 z) stays within a sixteenth of a unit of the K that puts a value
    z on the grid. So the nearest values that rule out chance are scanned first, and the best
    candidates are refined on twice as many values each time.
    """
    evidence = _evidence(values, upper)
    if len(values) == 0 or evidence[-1] < _MIN_EVIDENCE:
        return None
    count = int(np.searchsorted(evidence, _MIN_EVIDENCE)) + 1
    candidates = lower * np.exp(np.arange(0, math.log(upper / lower), 1 / (8 * values[count - 1])))
    while True:
        share = _match_share(values[:count], candidates)
        if share.max() < _COARSE_MATCH_SHARE:
            return None
        if count == len(values):
            break
        span = 1 / (4 * values[count - 1])
        count = min(2 * count, len(values))
        around = np.exp(np.arange(-span, span, 1 / (8 * values[count - 1])))
        best = candidates[np.argsort(-share, kind='stable')[:_SURVIVORS]]
        candidates = (best[:, None] * around).ravel()
    around = np.exp(np.arange(-8, 9) / (64 * values[-1]))
    candidates = (candidates[share == share.max()][:, None] * around).ravel()
    share = _match_share(values, candidates)
    if share.max() < _MATCH_SHARE:
        return None
    return float(np.median(candidates[share == share.max()]))
