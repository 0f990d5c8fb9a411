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

"""A sequence is deterministic, coherent in time and lies on the sensor's lattice."""

from itertools import islice, pairwise

from depth_nn_transport.simulator import simulate_sequence, SimulatedFrame

from hypothesis import given, settings, strategies as st

import numpy as np

import pytest


def frames(seed: int = 0, count: int = 3, width: int = 212, height: int = 120,
           fps: float = 30.0) -> list[SimulatedFrame]:
    """Return a short sequence."""
    return list(simulate_sequence(seed, count, width, height, fps))


def on_lattice(depth: np.ndarray, lattice_constant: float) -> bool:
    """Return whether every valid value is round(K / n) of an integer n."""
    table = np.rint(lattice_constant / np.arange(1, 40000))
    return bool(np.isin(depth[depth > 0], table).all())


@given(seed=st.integers(0, 2**32), width=st.integers(16, 160), height=st.integers(16, 120))
@settings(max_examples=12, deadline=None)
def test_any_size_and_seed_gives_frames_on_the_lattice(seed, width, height):
    """The contract of every field holds for odd sizes and any seed."""
    frame = frames(seed, 1, width, height)[0]
    assert frame.depth.dtype == np.uint16
    assert frame.depth.shape == (height, width)
    assert frame.ground_truth.dtype == np.float32
    assert frame.ground_truth.shape == (height, width)
    assert np.isfinite(frame.ground_truth).all()
    assert (frame.ground_truth > 0).all()
    assert on_lattice(frame.depth, frame.camera.lattice_constant)


def test_camera_is_a_d435():
    """The lattice constant is that of a D435 at 848x480, scaled with the width."""
    wide, narrow = (
        next(iter(simulate_sequence(0, 1, width, 48))).camera for width in (848, 424))
    assert 650_000 < wide.lattice_constant < 710_000
    assert wide.lattice_constant == pytest.approx(2 * narrow.lattice_constant)
    assert wide.lattice_constant == pytest.approx(wide.fx * wide.baseline_mm * 32)


def test_equal_seeds_give_equal_bits():
    """Two runs do not differ in a single value."""
    for first, second in zip(frames(seed=3), frames(seed=3), strict=True):
        np.testing.assert_array_equal(first.depth, second.depth)
        np.testing.assert_array_equal(first.ground_truth, second.ground_truth)
        np.testing.assert_array_equal(first.pose, second.pose)


def test_a_longer_sequence_starts_with_the_shorter():
    """A frame depends on its index, not on how many are asked for."""
    np.testing.assert_array_equal(
        frames(count=2)[1].depth, next(islice(simulate_sequence(0, 50, 212, 120), 1, 2)).depth)


def test_different_seeds_differ():
    """Each seed has a room and a calibration of its own."""
    first, second = frames(seed=1, count=1)[0], frames(seed=2, count=1)[0]
    assert first.camera != second.camera
    assert np.mean(first.depth != second.depth) > 0.5


def test_motion_is_coherent():
    """Surfaces move by about a percent a frame, what is measured by a few quanta."""
    sequence = frames(seed=5, count=6)
    for before, after in pairwise(sequence):
        step = np.abs(after.ground_truth - before.ground_truth) / before.ground_truth
        assert 0 < np.median(step) < 0.02
        valid = (before.depth > 0) & (after.depth > 0)
        assert valid.mean() > 0.4
        a, b = (frame.camera.lattice_constant / frame.depth[valid]
                for frame in (before, after))
        assert 0 < np.median(np.abs(a - b)) < 4
    np.testing.assert_allclose([f.stamp for f in sequence], np.arange(6) / 30.0)


def test_frame_rate_leaves_the_motion_alone():
    """Half the frame rate sees every other pose."""
    np.testing.assert_allclose(
        frames(count=3, fps=15.0)[1].pose, frames(count=3, fps=30.0)[2].pose)


def test_pose_is_a_level_optical_frame():
    """Rotation is proper and the image's down axis points down in the world."""
    for frame in frames(seed=4):
        rotation = frame.pose[:3, :3]
        np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1)
        assert rotation[2, 1] < -0.8


def test_depth_agrees_with_ground_truth():
    """Most valid pixels lie within a few quanta of the noiseless depth."""
    frame = frames(seed=0, count=1, width=424, height=240)[0]
    valid = frame.depth > 0
    k = frame.camera.lattice_constant / 1000
    error = k / (frame.depth[valid] / 1000) - k / frame.ground_truth[valid]
    assert np.median(np.abs(error)) < 2
    assert np.mean(np.abs(error) < 8) > 0.9


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'seed': -1}, 'seed is -1'), ({'frames': -1}, 'frames is -1'),
    ({'width': 15}, 'width is 15'), ({'height': 4097}, 'height is 4097'),
    ({'fps': 0.0}, 'fps is 0')])
def test_bad_arguments_are_named(arguments, message):
    """An argument out of range is refused on the call, before the first frame."""
    with pytest.raises(ValueError, match=message):
        simulate_sequence(**arguments)
