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

"""Image formation: noise, occlusion, the blind band at the left, the lattice."""

from depth_nn_transport.simulator.camera import Camera
from depth_nn_transport.simulator.scene import View
from depth_nn_transport.simulator.sensor import DepthSensor

import numpy as np

import pytest

CAMERA = Camera(424, 240, 212.0, 212.0, 211.5, 119.5, baseline_mm=50.0)


def measure(depth: np.ndarray, seed: int = 0, texture: float = 1.0) -> np.ndarray:
    """Return what the sensor reports of a depth image in metres."""
    sensor = DepthSensor(CAMERA, np.random.default_rng(0))
    view = View(
        depth.astype(np.float32), np.full(depth.shape, texture, np.float32),
        np.zeros(depth.shape, np.int16))
    return sensor.measure(view, np.eye(4), np.random.default_rng(seed))


def plane(distance: float) -> np.ndarray:
    """Return a frontal plane in metres."""
    return np.full((CAMERA.height, CAMERA.width), distance)


def noise_mm(distance: float) -> float:
    """Return the interquartile range of the valid depth of a frontal plane."""
    depth = measure(plane(distance))
    low, high = np.percentile(depth[depth > 0], (25, 75))
    return float(high - low)


def test_noise_grows_with_the_square_of_the_distance():
    """Noise is uniform in disparity, so twice the distance is four times the noise."""
    assert noise_mm(3.0) / noise_mm(1.5) == pytest.approx(4, rel=0.2)


def test_noise_is_about_a_quantum_and_correlated():
    """Neighbours share most of their noise, as they share most of a matching window."""
    depth = measure(plane(2.0))[:, 30:].astype(float)
    depth[np.abs(depth - 2000) > 200] = np.nan
    noise = CAMERA.lattice_constant / depth - CAMERA.lattice_constant / 2000
    assert 0.6 < np.nanstd(noise) < 2
    assert abs(np.nanmean(noise)) < 0.5
    left, right = noise[:, :-1], noise[:, 1:]
    assert np.nanmean(left * right) / np.nanvar(noise) > 0.6


def test_noise_is_partly_new_in_every_frame():
    """Two frames of a still scene agree in part."""
    first, second = (measure(plane(2.0), seed).astype(float) for seed in (1, 2))
    valid = (np.abs(first - 2000) < 200) & (np.abs(second - 2000) < 200)
    assert 0.15 < np.corrcoef(first[valid], second[valid])[0, 1] < 0.7


@pytest.mark.parametrize('distance', [0.5, 1.0, 2.0])
def test_left_band_is_as_wide_as_the_disparity(distance):
    """The right imager does not see what lies at the left border."""
    depth = measure(plane(distance))
    disparity = CAMERA.fx * CAMERA.baseline_mm / (1000 * distance)
    first_valid = np.argmax(depth > 0, axis=1)
    assert np.median(first_valid) == pytest.approx(disparity, abs=3)


def test_shadow_falls_left_of_a_near_object():
    """Background left of the object is hidden from the right imager, right of it is seen."""
    depth = plane(3.0)
    depth[80:160, 200:260] = 0.8
    holes = measure(depth) == 0
    width = CAMERA.fx * CAMERA.baseline_mm / 1000 * (1 / 0.8 - 1 / 3.0)
    rows = slice(90, 150)
    assert holes[rows, 160:200].sum(axis=1).mean() == pytest.approx(width, abs=3)
    assert holes[rows, 264:300].mean() < 0.05


def test_objects_fatten():
    """A near object covers a little more of the image than it should."""
    depth = plane(3.0)
    depth[80:160, 200:260] = 0.8
    near = (measure(depth) > 0) & (measure(depth) < 1000)
    assert 80 * 60 < near[60:180, 180:280].sum() < 1.15 * 80 * 60


def test_blank_and_near_surfaces_are_holes():
    """Nothing matches without texture or nearer than the disparity search."""
    assert np.mean(measure(plane(2.0), texture=0.0) == 0) > 0.8
    assert np.mean(measure(plane(0.1)) == 0) > 0.9


def test_holes_are_scattered_over_well_textured_surfaces():
    """Single pixels fail to match everywhere."""
    holes = measure(plane(2.0))[20:-20, 60:-20] == 0
    assert 0 < holes.mean() < 0.01


def test_some_of_a_blank_surface_is_matched_wrongly():
    """Where nothing tells places apart, some match all the same."""
    depth = measure(plane(2.0), texture=0.0)[:, 60:]
    assert 0 < np.mean((depth > 0) & (np.abs(depth - 2000.0) > 200)) < 0.2


def test_every_value_is_on_the_lattice():
    """Every valid value is round(K / n)."""
    depth = measure(np.geomspace(0.3, 60, CAMERA.width) * np.ones((CAMERA.height, 1)))
    table = np.rint(CAMERA.lattice_constant / np.arange(1, 4000))
    assert np.isin(depth[depth > 0], table).all()
