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

from __future__ import annotations

from dataclasses import replace
import json

from click.testing import CliRunner

import cv2

from depth_nn_transport.bench.command import bench
from depth_nn_transport.bench.navigation_comparison import (
    impact_of, NOISE, recorded_scenes, setting_at_rate, SIMULATED, simulated_scenes,
)
from depth_nn_transport.bench.navigation_report import Figures, markdown, PURPOSES
from depth_nn_transport.bench.peers import lossy_peers

import numpy as np

import pytest

EXACT = Figures(1.0, 12.0, 0.0, 0.0, 0.0, 0.0, (0.0,) * 3, ((0.0,) * 3,) * 2, 0.0)


@pytest.fixture(scope='module')
def scene():
    return next(simulated_scenes(1))


def test_an_exact_copy_has_no_impact(scene):
    impact = impact_of(scene, 1.0, scene.frame.depth)
    assert impact.cells > 0
    assert impact.appeared == impact.vanished == 0
    assert impact.scan_mm.max(initial=0) == 0
    assert all(points.max(initial=0) == 0 for points in impact.points_mm)


def test_a_uniform_shift_is_measured_as_what_it_is(scene):
    depth = scene.frame.depth
    impact = impact_of(scene, 1.0, np.where(depth > 0, depth + 30, 0).astype(np.uint16))
    x, y = scene.camera.ray_slopes()
    longest = 30 * np.sqrt(1 + x[[0, -1]].max()**2 + y[[0, -1]].max()**2)
    near, far = impact.points_mm
    assert len(near) < len(far)
    assert far.min() >= 29.9
    assert far.max() <= 1.1 * longest


def test_the_second_measurement_differs_by_noise_alone(scene):
    both = (scene.frame.depth > 0) & (scene.again > 0)
    difference = np.abs(scene.frame.depth.astype(int) - scene.again)[both]
    assert 0 < np.median(difference) < 10


def test_a_peer_gets_the_rate_asked_for(scene):
    codec = next(codec for codec in lossy_peers() if codec.name == 'jpeg2000')
    setting = setting_at_rate(codec, [scene], 0.3)
    rate = 8 * len(codec.encode(scene.frame, setting)) / scene.frame.depth.size
    assert rate == pytest.approx(0.3, rel=0.2)


def test_the_cheapest_setting_that_meets_a_purpose_everywhere_is_named():
    cheap, dear = replace(EXACT, bits=0.1), replace(EXACT, bits=0.5)
    loose = replace(cheap, points_mm=((0.0, 0.0, 99.0),) * 2)
    text = markdown({
        'one': {'quality 10': cheap, 'quality 90': dear, 'bounded, 1 quanta': dear},
        'other': {'quality 10': loose, 'quality 90': dear, 'bounded, 1 quanta': loose}})
    rows = {row.split('|')[1].strip(): row for row in text.splitlines() if row.startswith('|')}
    gripping = rows['manipulation within 1 m']
    assert '**quality 90**, 0.50' in gripping and '| none |' in gripping
    assert '**quality 10**, 0.10' in rows['obstacle layer of a costmap']


@pytest.mark.parametrize('purpose', PURPOSES, ids=lambda purpose: purpose.name)
def test_lossless_depth_serves_every_purpose(purpose):
    assert purpose.is_met(EXACT)


def test_recordings_get_the_focal_length_of_their_lattice(tmp_path, scene):
    cv2.imwrite(str(tmp_path / '0.png'), scene.frame.depth)
    recorded = next(recorded_scenes(tmp_path, 1))
    focal = scene.camera.fx * scene.camera.baseline_mm / recorded.camera.baseline_mm
    assert recorded.camera.fx == pytest.approx(focal, rel=1e-3)
    assert recorded.pose[2, 3] == pytest.approx(scene.pose[2, 3], abs=0.1)


def test_the_command_writes_tables_figures_and_the_picture(tmp_path):
    result = CliRunner().invoke(bench, ['navigation', '--out', str(tmp_path), '--frames', '1'])
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / 'navigation.json').read_text())[SIMULATED]
    assert figures['quality 90']['points_mm'][0][0] < figures['quality 10']['points_mm'][0][0]
    assert figures['bounded, 1 quanta']['bits'] > figures['bounded, 8 quanta']['bits']
    assert NOISE in figures
    assert 'safe for what' in (tmp_path / 'navigation.md').read_text()
    assert (tmp_path / 'costmaps.png').read_bytes().startswith(b'\x89PNG')
