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
"""Distributions of errors."""

from __future__ import annotations

from dataclasses import dataclass, field
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Errors in quanta are counted in bins of this width.
QUANTA_BIN = 1 / 16


@dataclass
class ErrorHistogram:
    """Distribution of absolute errors, in bins of a fixed width."""

    width: float
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))

    def add(self, errors: NDArray[Any]) -> None:
        """Count absolute errors."""
        self._add_counts(np.bincount(np.rint(errors / self.width).astype(np.int64).ravel()))

    def merge(self, other: ErrorHistogram) -> None:
        """Take in the errors that another histogram of the same width has counted."""
        self._add_counts(other.counts)

    def mean(self) -> float:
        """Return the mean error, NaN if there is none."""
        return self._moment(1)

    def mean_square(self) -> float:
        """Return the mean squared error, NaN if there is none."""
        return self._moment(2)

    def percentile(self, percent: float) -> float:
        """Return the error that this percentage does not exceed."""
        reached = np.cumsum(self.counts) >= self.counts.sum() * percent / 100
        return float(np.argmax(reached)) * self.width

    def _add_counts(self, new: NDArray[np.int64]) -> None:
        longer, shorter = sorted((self.counts, new), key=len, reverse=True)
        self.counts = longer.astype(np.int64)
        self.counts[:len(shorter)] += shorter

    def _moment(self, order: int) -> float:
        total = self.counts.sum()
        if total == 0:
            return math.nan
        values = np.arange(len(self.counts)) * self.width
        return float((self.counts * values**order).sum() / total)
