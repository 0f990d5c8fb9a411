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
"""What a measured folder comes to: the peers' hull and our bits relative to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from depth_nn_transport.bench.measurement import OperatingPoint
from depth_nn_transport.bench.metrics import Metrics
from depth_nn_transport.bench.rate_distortion import compare, Comparison, Curve, lower_hull

import numpy as np

OURS = 'ours'
ERRORS = ('mean_q', 'rms_q')
HULL_LEVELS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
# Bits per pixel of the first published learned depth transport, at which codecs are set side by
# side too.
COMMON_RATE = 0.32


@dataclass(frozen=True)
class Range:
    """
    A comparison to make.

    :ivar name: as in the report.
    :ivar low, high: error in quanta.
    :ivar peers: codecs whose lower hull is the reference; all but ours if empty.
    :ivar our_mask: whether the peers' streams count with our mask in the place of theirs, so that
        the rest is compared alone.
    """

    name: str
    low: float
    high: float
    peers: tuple[str, ...] = ()
    our_mask: bool = False


RANGES = (
    Range('all peers', 0.5, 4.0),
    Range('JPEG XL, JPEG 2000 and x265', 0.5, 4.0, ('jpegxl', 'jpeg2000', 'x265')),
    Range('all peers, with our hole mask', 0.5, 4.0, our_mask=True),
)


@dataclass(frozen=True)
class FolderSummary:
    """
    Hull and comparisons of one folder.

    :ivar folder: name.
    :ivar hull: by error, name of the range and level in quanta, the fewest bits per pixel that
        any of its peers needs.
    :ivar ratios: by error, then by name of the range.
    :ivar at_common_rate: metrics by codec, of the lossy ones whose curve reaches ``COMMON_RATE``.
    """

    folder: str
    hull: dict[str, dict[str, dict[float, float]]]
    ratios: dict[str, dict[str, Comparison]]
    at_common_rate: dict[str, Metrics]


def by_codec(points: Iterable[OperatingPoint]) -> dict[str, list[OperatingPoint]]:
    """Group operating points by the name of their codec, in order."""
    return _group(points, lambda point: point.codec)


def by_folder(points: Iterable[OperatingPoint]) -> dict[str, list[OperatingPoint]]:
    """Group operating points by folder, in order."""
    return _group(points, lambda point: point.folder)


def is_lossy(point: OperatingPoint) -> bool:
    """Return whether the codec promises no bound on the error."""
    return point.setting_name != 'bound'


def curve_of(
    points: Iterable[OperatingPoint], error: str, mask_bits: float | None = None
) -> Curve:
    """Rate over the named error, of the points of one codec; with another mask if given."""
    return Curve.from_points(
        (point.metrics[error],
         point.bits if mask_bits is None else point.bits - point.mask_bits + mask_bits)
        for point in points
    )


def summarise_folder(folder: str, points: Sequence[OperatingPoint]) -> FolderSummary:
    """Compare the codecs measured on one folder."""
    groups = by_codec(points)
    at_rate = {
        name: metrics_at_rate(some, COMMON_RATE)
        for name, some in groups.items() if is_lossy(some[0])
    }
    summary = FolderSummary(
        folder, {}, {}, {name: metrics for name, metrics in at_rate.items() if metrics}
    )
    our_points = groups.get(OURS, [])
    our_mask_bits = our_points[0].mask_bits if our_points else 0.0
    for error in ERRORS:
        ours = curve_of(our_points, error)
        peers = {
            part.name: _peers(groups, part, error, our_mask_bits) for part in RANGES
        }
        summary.hull[error] = {name: _levels(some) for name, some in peers.items()}
        summary.ratios[error] = {
            part.name: compare(ours, peers[part.name], part.low, part.high) for part in RANGES
        }
    return summary


def metrics_at_rate(points: Iterable[OperatingPoint], bits: float) -> Metrics:
    """Interpolate the metrics of a codec over the logarithm of the rate; none if out of reach."""
    ordered = sorted(points, key=lambda point: point.bits)
    rates = np.log([point.bits for point in ordered])
    if not rates[0] <= np.log(bits) <= rates[-1]:
        return {}
    return {
        name: float(np.interp(np.log(bits), rates, [point.metrics[name] for point in ordered]))
        for name in ordered[0].metrics
    }


def _peers(
    groups: Mapping[str, Sequence[OperatingPoint]], part: Range, error: str, our_mask_bits: float
) -> list[Curve]:
    mask_bits = our_mask_bits if part.our_mask else None
    return [
        curve_of(points, error, mask_bits) for name, points in groups.items()
        if not name.startswith(OURS) and (not part.peers or name in part.peers)
        # Who codes holes with the depth has no mask to replace.
        and (mask_bits is None or points[0].mask_bits > 0)
    ]


def _levels(peers: Sequence[Curve]) -> dict[float, float]:
    bits = lower_hull(peers, np.array(HULL_LEVELS))
    return dict(zip(HULL_LEVELS, bits.tolist(), strict=True))


def _group(
    points: Iterable[OperatingPoint], key: Callable[[OperatingPoint], str]
) -> dict[str, list[OperatingPoint]]:
    groups: dict[str, list[OperatingPoint]] = {}
    for point in points:
        groups.setdefault(key(point), []).append(point)
    return groups
