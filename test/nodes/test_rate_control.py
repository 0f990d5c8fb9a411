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
"""Keeping to a bit rate by the quality of frames."""

from __future__ import annotations

from functools import partial
import math

from depth_nn_transport import DepthCodec
from depth_nn_transport.nodes.rate_control import FramePeriod, RateController, SizeModel, WINDOW_S
from depth_nn_transport.simulator import simulate_sequence

from hypothesis import given, settings, strategies as st

import numpy as np

import pytest

RATE_HZ = 30
# Frame rates of a D4xx.
RATES_HZ = (60, 30, 15, 6)
FRAMES = 300
# A second to find the quality of the scene.
SETTLED = 30
# Bytes at quality 0 and how they grow to quality 100, as the codec's do on a D435.
BASE_SIZE = 7000
GROWTH = np.array([0, .05, .11, .19, .29, .41, .55, .72, .91, 1.14, 1.42])


def size_of(quality: float, scene: float, bend: float = 1.0) -> int:
    """Return the bytes of a frame; `scene` is the logarithm of how busy it is."""
    growth = np.interp(quality, np.linspace(0, 100, 11), GROWTH) * bend
    return round(BASE_SIZE * math.exp(scene + growth))


def play(controller, scenes, jitter=0.0, size=size_of, rate=RATE_HZ, holdups=None, work=0.0):
    """
    Return times, sizes and qualities of the frames that were sent.

    `size` gives the bytes of a scene at a quality, `work` the seconds that a frame takes to encode
    and `holdups` what some take longer; those that come in the meantime are overtaken.
    """
    rng = np.random.default_rng(1)
    sent, now = [], 0.0
    arrivals = FramePeriod()
    for number, scene in enumerate(scenes):
        arrival = (number + jitter * rng.uniform(-1, 1)) / rate
        arrivals.tick(arrival)
        if number + 1 < now * rate:
            continue
        now = max(now + 0.001, arrival)
        quality = controller.choose(now, arrivals.seconds)
        now += (holdups or {}).get(number, 0)
        if not sent and now > (number + 1) / rate:
            # The node sends no first frame that was held up.
            continue
        while quality is not None:
            now += work
            encoded = size(quality, scene)
            delay = controller.delay(now, encoded)
            if delay is not None:
                now += delay
                controller.sent(now, quality, encoded)
                sent.append((now, encoded, quality))
                break
            quality = controller.retry(quality, encoded, now)
    return tuple(np.array(column) for column in zip(*sent, strict=True))


def deviations(times, sizes, target, rate=RATE_HZ):
    """Return how far the mean over each 2 s is off the target, as a share of it."""
    found = []
    for start in range(len(times)):
        end = np.searchsorted(times, times[start] + 2 - 0.5 / rate)
        if end < len(times):
            mean = 8 * sizes[start:end].sum() / (times[end] - times[start])
            found.append(mean / target - 1)
    return np.array(found)


def excess(times, sizes, target, rate=RATE_HZ):
    """Return by how much the fullest 500 ms exceed the target, in frames' worths."""
    fullest = max(sizes[(times > end - WINDOW_S) & (times <= end)].sum() for end in times)
    return (8 * fullest - target * WINDOW_S) / (target / rate)


SCENES = {
    'still': np.zeros(FRAMES),
    'noisy': np.random.default_rng(2).normal(0, 0.05, FRAMES),
    'wandering': np.cumsum(np.random.default_rng(3).normal(0, 0.02, FRAMES)),
    'turning': 0.25 * np.sin(np.arange(FRAMES) / 20),
    'cuts': np.repeat(np.random.default_rng(4).uniform(-0.3, 0.3, FRAMES // 60), 60),
}


@pytest.mark.parametrize('name', SCENES)
@pytest.mark.parametrize('bend', [0.8, 1.0, 1.3])
@pytest.mark.parametrize('rate', RATES_HZ)
def test_the_mean_over_two_seconds_is_kept_on_changing_scenes(name, bend, rate):
    target = 8 * rate * size_of(55, 0, bend)
    times, sizes, _ = play(
        RateController(target), SCENES[name], size=partial(size_of, bend=bend), rate=rate)
    assert np.abs(deviations(times, sizes, target, rate)).max() < 0.05


@pytest.mark.parametrize('jitter', [0.0, 0.1])
@pytest.mark.parametrize('length', [20, 45, 60])
@pytest.mark.parametrize('rate', RATES_HZ)
def test_the_mean_is_kept_across_cuts_between_scenes_of_threefold_size(jitter, length, rate):
    size = partial(size_of, bend=1.3)
    target = 8 * rate * size(65, 0)
    scenes = np.resize(np.repeat([0.55, -0.55], length), FRAMES)
    times, sizes, _ = play(RateController(target), scenes, jitter, size, rate)
    # Two seconds that begin with an early frame and end with a late one hold less.
    assert np.abs(deviations(times, sizes, target, rate)).max() < 0.05 + jitter / 30
    assert excess(times, sizes, target, rate) < 1.05
    assert len(times) >= FRAMES - 1


@pytest.mark.parametrize('name', SCENES)
@pytest.mark.parametrize('jitter', [0.0, 0.1])
@pytest.mark.parametrize('rate', RATES_HZ)
def test_half_a_second_never_exceeds_the_rate_by_more_than_a_frame(name, jitter, rate):
    target = 8 * rate * size_of(55, 0)
    times, sizes, _ = play(RateController(target), SCENES[name], jitter, rate=rate)
    # The period of the frames, and with it a frame's worth, is measured.
    assert excess(times, sizes, target, rate) < 1.05


@pytest.mark.parametrize('rate', RATES_HZ)
@pytest.mark.parametrize('holdups', [
    {0: 0.3}, {0: 1.2}, {0: 2}, dict.fromkeys(range(0, FRAMES, 40), 0.3)])
def test_holdups_are_no_excuse(rate, holdups):
    target = 8 * rate * size_of(55, 0)
    times, sizes, _ = play(RateController(target), SCENES['noisy'], rate=rate, holdups=holdups)
    assert excess(times, sizes, target, rate) < 1.05
    if list(holdups) == [0]:
        # At 6 Hz two seconds are twelve frames, of which the first is late.
        allowed = 0.05 if rate > 6 else 0.1
        assert np.abs(deviations(times, sizes, target, rate)).max() < allowed


def test_what_overtaken_frames_would_have_taken_is_made_up_for():
    target = 8 * RATE_HZ * size_of(55, 0)
    times, sizes, _ = play(
        RateController(target), SCENES['noisy'], holdups=dict.fromkeys(range(20, FRAMES, 15), 0.1))
    # Two seconds that end with a holdup lack what went into its 0.1 s.
    assert np.abs(deviations(times, sizes, target)).max() < 0.05 + 0.1 / 2
    assert excess(times, sizes, target) < 1.05


@pytest.mark.parametrize(('rate', 'work'), [
    (6, 0.02), (6, 0.1), (10, 0.02), (10, 0.055), (10, 0.08), (15, 0.02), (15, 0.05)])
def test_encoding_again_overtakes_no_frame(rate, work):
    size = partial(size_of, bend=1.3)
    target = 8 * rate * size(65, 0)
    scenes = np.resize(np.repeat([0.3, -0.3], 15), FRAMES)
    times, sizes, _ = play(RateController(target), scenes, size=size, rate=rate, work=work)
    assert len(times) == FRAMES
    # Sending times vary by what encoding takes.
    assert np.abs(deviations(times, sizes, target, rate)).max() < 0.05 + work / 2


@pytest.mark.parametrize('seed', [0, 1])
def test_the_codec_itself_keeps_the_rate_on_changing_scenes(seed):
    codec = DepthCodec()
    # Played at 30 Hz, the camera moves five times as fast as it should.
    frames = [frame.depth for frame in simulate_sequence(
        seed, frames=150, width=160, height=120, fps=RATE_HZ / 5)]
    default = np.mean([len(codec.encode(depth).to_bytes()) for depth in frames[::10]])
    target = 8 * RATE_HZ * float(default)
    times, sizes, _ = play(
        RateController(target), frames,
        size=lambda quality, depth: len(codec.encode(depth, quality=quality).to_bytes()))
    assert np.abs(deviations(times, sizes, target)).max() < 0.05
    assert excess(times, sizes, target) < 1.05


def test_the_quality_does_not_oscillate_on_a_still_scene():
    target = 8 * RATE_HZ * size_of(55, 0)
    _, _, qualities = play(RateController(target), SCENES['still'])
    assert np.ptp(qualities[SETTLED:]) <= 3


def test_the_quality_moves_to_a_new_scene_and_stays():
    target = 8 * RATE_HZ * size_of(50, 0)
    _, _, qualities = play(RateController(target), np.repeat([0.0, 0.2], FRAMES // 2))
    before, after = qualities[SETTLED:FRAMES // 2 - 5], qualities[-FRAMES // 2 + SETTLED:]
    assert before.min() > after.max()
    assert np.ptp(after) <= 4


def test_an_easy_scene_gets_the_best_quality_and_no_burst_follows():
    target = 8 * RATE_HZ * size_of(60, 0)
    times, sizes, qualities = play(RateController(target), np.repeat([-2.0, 0.0], 100))
    assert qualities[SETTLED:95].min() == 100
    assert excess(times, sizes, target) < 1.05


@pytest.mark.parametrize('times_too_large', [1.05, 1.5, 2, 3])
def test_frames_are_skipped_one_by_one_where_no_quality_is_low_enough(times_too_large):
    target = 8 * RATE_HZ * size_of(0, 0) / times_too_large
    times, sizes, _ = play(RateController(target), SCENES['still'])
    assert len(times) <= FRAMES / times_too_large + 2
    assert np.abs(deviations(times, sizes, target)).max() < 0.1
    # What fits into half a second goes evenly, not at once.
    assert np.diff(times).max() * RATE_HZ < 2 * times_too_large + 1.5


def test_a_frame_larger_than_a_window_at_any_quality_goes_alone():
    controller = RateController(8000)
    quality = controller.choose(0.0)
    assert quality > 0
    assert controller.delay(0.0, 20_000) is None
    assert controller.retry(quality, 20_000, 0.0) == 0
    assert controller.delay(0.0, 10_000) == 0
    controller.sent(0.0, 0, 10_000)
    assert controller.choose(0.1) == 0
    assert controller.delay(0.1, 10_000) is None


def test_the_first_frame_is_made_small_enough_for_half_a_second():
    target = 8 * 2 * size_of(0, 0)
    times, sizes, _ = play(RateController(target), np.zeros(1))
    assert len(times) == 1
    assert 8 * sizes[0] <= target * WINDOW_S + target / RATE_HZ


@settings(max_examples=30)
@given(st.lists(st.floats(-0.5, 0.5), min_size=20, max_size=60), st.floats(5e5, 5e6),
       st.sampled_from([5, 10, 15, 30, 60]))
def test_no_sequence_of_frames_exceeds_the_window(scenes, target, rate):
    controller = RateController(target)
    times, sizes, _ = play(controller, scenes, rate=rate)
    for end in times:
        recent = sizes[(times > end - WINDOW_S) & (times <= end)]
        # A frame's worth is that of the slowest frame rate that was measured on the way.
        worth = max(target / 8 / min(rate, RATE_HZ), sizes.max() if len(recent) == 1 else 0)
        assert recent.sum() <= target / 8 * WINDOW_S + 1.001 * worth


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(100, 10**6), st.booleans()),
                max_size=30))
def test_the_learned_curve_always_rises(observations):
    model = SizeModel()
    for quality, size, same_frame in observations:
        model.learn(quality, size, same_frame)
    sizes = [model.size(quality) for quality in range(101)]
    assert np.all(np.diff(sizes) > 0)
    for quality in (0, 37, 100):
        assert abs(model.quality_for(model.size(quality) * 1.0001) - quality) <= 1


def test_two_qualities_of_one_frame_fix_both_sizes():
    model = SizeModel()
    model.learn(60, 10_000)
    model.learn(60, 10_000, same_frame=True)
    model.learn(20, 5000, same_frame=True)
    assert model.size(20) == pytest.approx(5000, rel=0.01)
    assert model.size(60) == pytest.approx(10_000, rel=0.01)
