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
"""Errors of restored depth over the pixels that were valid, in quanta and in millimetres."""

from __future__ import annotations

import math

import cv2

from depth_nn_transport.codec.lattice import Lattice

import numpy as np
from numpy.typing import NDArray

# A pixel is at an edge if the valid originals in its 3x3 neighbourhood span more than this; steep
# but smooth surfaces span up to half of it.
EDGE_QUANTA = 8.0
# A restored point flies if it is further than this from every valid original around it.
FLYING_QUANTA = 3.0
BANDS_M = {
    '0_to_2m': (0.0, 2.0), '2_to_4m': (2.0, 4.0), '4_to_10m': (4.0, 10.0),
    'beyond_10m': (10.0, math.inf), 'within_4m': (0.0, 4.0),
}
REGIONS = (*BANDS_M, 'edge', 'interior')

Metrics = dict[str, float]


def measure(
    original: NDArray[np.uint16],
    restored: NDArray[np.uint16],
    lattice: Lattice,
    unit_mm: float = 1.0,
) -> Metrics:
    """
    Compare a restored frame with its original.

    :param original: uint16 (H, W), depth units; 0 is a hole.
    :param restored: uint16 (H, W), likewise.
    :param lattice: gives the quantum.
    :param unit_mm: depth unit in mm.
    :returns: figures by name: ``mean``, ``rms``, ``p99`` and ``max`` with the unit ``_q``
        (quanta) or ``_mm``, over all valid pixels and, with the name of the region before the
        unit, over those of each of ``REGIONS``; ``flying`` and ``edge_share``, shares of valid
        pixels; ``holes_exact``, 1 or 0. NaN where there is no pixel to look at.
    """
    valid = original > 0
    quanta, found = lattice.to_quanta(original), lattice.to_quanta(restored)
    errors = {
        'q': np.abs(found - quanta)[valid],
        'mm': np.abs(restored.astype(np.float32) - original)[valid] * np.float32(unit_mm),
    }
    edge = edges(quanta, valid)
    metrics = _statistics('', errors)
    for name, where in _regions(original[valid] * np.float32(unit_mm / 1000), edge[valid]).items():
        metrics |= _statistics(f'_{name}', {unit: error[where] for unit, error in errors.items()})
    count = max(int(valid.sum()), 1)
    metrics['flying'] = float(flying(quanta, found, valid).sum() / count)
    metrics['edge_share'] = float(edge.sum() / count)
    metrics['holes_exact'] = float(np.array_equal(restored > 0, valid))
    return metrics


def edges(quanta: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the valid pixels whose 3x3 neighbourhood spans more than ``EDGE_QUANTA``."""
    lowest, highest = _valid_range(quanta, valid)
    return valid & (highest - lowest > EDGE_QUANTA)


def flying(
    quanta: NDArray[np.float32], restored: NDArray[np.float32], valid: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """
    Restored points that hang between two surfaces.

    :param quanta: float32 (H, W), originals.
    :param restored: float32 (H, W), quanta.
    :param valid: bool (H, W).
    :returns: bool (H, W): valid pixels whose restored value has valid originals on both sides
        within its 3x3 neighbourhood, none of them within ``FLYING_QUANTA``.
    """
    lowest, highest = _valid_range(quanta, valid)
    between = valid & (restored > lowest + FLYING_QUANTA) & (restored < highest - FLYING_QUANTA)
    padded = np.pad(np.where(valid, quanta, np.float32(np.inf)), 1, constant_values=np.inf)
    rows, columns = np.nonzero(between)
    window = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))[rows, columns]
    distance = np.abs(window - restored[rows, columns, None, None])
    between[rows, columns] = (distance > FLYING_QUANTA).all(axis=(1, 2))
    return between


def _valid_range(
    quanta: NDArray[np.float32], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Least and greatest valid value in each 3x3 neighbourhood."""
    kernel = np.ones((3, 3), np.uint8)
    lowest = cv2.erode(np.where(valid, quanta, np.float32(1e9)), kernel)
    highest = cv2.dilate(np.where(valid, quanta, np.float32(-1e9)), kernel)
    return np.asarray(lowest, np.float32), np.asarray(highest, np.float32)


def _regions(
    metres: NDArray[np.float32], edge: NDArray[np.bool_]
) -> dict[str, NDArray[np.bool_]]:
    bands = {name: (metres >= low) & (metres < high) for name, (low, high) in BANDS_M.items()}
    return {**bands, 'edge': edge, 'interior': ~edge}


def _statistics(region: str, errors: dict[str, NDArray[np.float32]]) -> Metrics:
    metrics = {}
    for unit, error in errors.items():
        known = error.astype(np.float64) if error.size else np.array([math.nan])
        metrics[f'mean{region}_{unit}'] = float(known.mean())
        metrics[f'rms{region}_{unit}'] = float(np.sqrt((known**2).mean()))
        metrics[f'p99{region}_{unit}'] = float(np.percentile(known, 99))
        metrics[f'max{region}_{unit}'] = float(known.max())
    return metrics
