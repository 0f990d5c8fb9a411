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
"""Plot of a training run's history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


def plot_history(history: list[dict[str, Any]], path: Path, key: str, unit: str) -> None:
    """
    Draw bits and mean error on the validation recordings over the steps.

    :param history: entries with their step and points.
    :param path: of the image to write.
    :param key: of the points; each of its values gets a curve.
    :param unit: of the error.
    """
    figure = Figure(figsize=(10, 4), layout='constrained')
    axes = figure.subplots(1, 2)
    values = sorted({point[key] for point in history[-1]['points']})
    steps = [entry['step'] for entry in history]
    for name, label, axis in zip(
        ('bits', 'mean'), ('latents, bit/px', f'mean error, {unit}'), axes, strict=True
    ):
        for value in values:
            curve = [_average(entry['points'], key, value, name) for entry in history]
            axis.plot(steps, curve, marker='.', label=f'{key} {value}')
        axis.set(xlabel='step', ylabel=label, yscale='log')
        axis.grid(which='both', alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=100)


def _average(points: list[dict[str, Any]], key: str, value: Any, name: str) -> float:
    values = [point[name] for point in points if point[key] == value]
    return float(sum(values) / len(values))
