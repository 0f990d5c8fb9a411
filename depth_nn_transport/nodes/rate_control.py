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
"""Choice of the quality of each frame so that a stream keeps to a bit rate; free of ROS."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
import math
from statistics import fmean, median_low

import numpy as np
from numpy.typing import NDArray

MAX_QUALITY = 100
WINDOW_S = 0.5
# What was sent too little or too much is made up for in this time, but not in fewer frames.
SETTLING_S = 0.5
MIN_SETTLING_FRAMES = 3.0
# Credit is lost beyond this many frames and this time, so that a pause is not followed by a burst;
# that of a few frames that were overtaken is kept.
MAX_CREDIT_FRAMES = 2.0
MAX_CREDIT_S = 0.25
# Frames that are too large at any quality are skipped one by one, not by the half second.
MAX_DEBT_FRAMES = 1.5
# Share of the rate that is aimed at: a little room, for sizes are predictions.
AIM = 0.99
# Share of the bytes that may be sent at most that is aimed at, lest a frame is skipped for a few.
MARGIN = 0.97
# A deviation from the wanted size is made up for later rather than by another quality, up to here.
DEAD_BAND = 0.015
# Surprises below this are noise, to be averaged; above, the scene has changed.
NOISE_LOG = 0.15
NOISE_GAIN = 0.5
TYPICAL_PERIOD_S = 1 / 30
# A frame that comes early may wait for this share of a period until there is room for it.
PATIENCE = 0.5
# A longer gap is a pause, not a frame rate.
MAX_PERIOD_S = WINDOW_S
# Gaps that tell the period of the frames. One that is longer than others by this is a pause.
GAPS = 10
LONGEST_GAP = 2
# Where few frames make up two seconds each weighs much: with such a period, one whose size is off
# by more than this is encoded again if that is expected to end within so many periods of the first
# start, so that no frame is overtaken meanwhile.
LONG_PERIOD_S = 0.06
OFF_LOG = 0.2
RETRY_PERIODS = 1.2

# Natural logarithm of a frame's size over that at quality 0, as the first frame is expected.
QUALITY_KNOTS = np.linspace(0, MAX_QUALITY, 11)
TYPICAL_LOG_SIZES = np.array([0, .05, .11, .19, .29, .41, .55, .72, .91, 1.14, 1.42])
MIN_LOG_STEP = 0.01
# Between two frames a change of this quality tells as much of the curve as of the scene.
TELLING_CHANGE = 40.0


class SizeModel:
    """
    Size of a frame as a function of quality, learned from the frames of the stream.

    The logarithm of the size is piecewise linear in quality. The newest frame fixes its level;
    frames of different quality bend it in between.
    """

    def __init__(self, size: float = 10_000.0) -> None:
        self._log_sizes = math.log(size) - TYPICAL_LOG_SIZES[5] + TYPICAL_LOG_SIZES
        self._last_quality: int | None = None

    def size(self, quality: float) -> float:
        """Return the expected number of bytes."""
        return math.exp(np.interp(quality, QUALITY_KNOTS, self._log_sizes))

    def quality_for(self, size: float) -> int:
        """Return the highest quality that is expected not to exceed a number of bytes, or 0."""
        if size <= 0:
            return 0
        return int(np.interp(math.log(size), self._log_sizes, QUALITY_KNOTS))

    def learn(self, quality: int, size: int, same_frame: bool = False) -> None:
        """
        Take in the size of an encoded frame.

        :param same_frame: that it is the frame of the last call at another quality, so that
            nothing of the change in size is due to the scene.
        """
        surprise = math.log(size) - math.log(self.size(quality))
        gain = 1.0 if same_frame else float(np.clip(abs(surprise) / NOISE_LOG, NOISE_GAIN, 1))
        self._log_sizes += gain * surprise * self._share_of_surprise(quality, same_frame)
        self._keep_rising(quality)
        self._last_quality = quality

    def _keep_rising(self, quality: int) -> None:
        level = np.interp(quality, QUALITY_KNOTS, self._log_sizes)
        steps = np.maximum(np.diff(self._log_sizes), MIN_LOG_STEP)
        rising = np.concatenate([[0.0], np.cumsum(steps)])
        self._log_sizes = rising + level - np.interp(quality, QUALITY_KNOTS, rising)

    def _share_of_surprise(self, quality: int, same_frame: bool) -> NDArray[np.float64]:
        """Return by how much of a surprise each knot moves: 1 for the level, a ramp for bends."""
        level = np.ones_like(QUALITY_KNOTS)
        if self._last_quality is None or self._last_quality == quality:
            return level
        change = quality - self._last_quality
        bend = np.clip((QUALITY_KNOTS - self._last_quality) / change, 0, 1)
        trust = 1.0 if same_frame else min(abs(change) / TELLING_CHANGE, 0.5)
        return level + trust * (bend - level)


class FramePeriod:
    """Time between frames: the mean over the last ones, of which a pause does not count."""

    def __init__(self) -> None:
        self._gaps: deque[float] = deque(maxlen=GAPS)
        self._last_time: float | None = None
        self.seconds: float | None = None

    def tick(self, now: float) -> None:
        """Take in a frame; `now` is in seconds of a clock that never goes back."""
        if self._last_time is not None:
            self._gaps.append(min(now - self._last_time, MAX_PERIOD_S))
            longest = LONGEST_GAP * median_low(self._gaps)
            self.seconds = fmean(min(gap, longest) for gap in self._gaps)
        self._last_time = now


@dataclass(frozen=True)
class SentFrame:
    """When a frame was sent, in seconds, and its bytes."""

    time: float
    size: int


class RateController:
    """
    Keeps a stream to a bit rate by the quality of its frames.

    For each frame: `choose` a quality, encode, and ask for the `delay`. If there is one, wait,
    send and tell that it was `sent`; if not, encode again at the quality that `retry` names, or
    skip the frame. No 500 ms hold more than the rate allows plus one frame's worth, which is the
    rate times the period of the frames; but for a frame that is larger than that at quality 0,
    which goes alone, once it is paid for. Time before the first frame is sent does not count.
    """

    def __init__(self, bits_per_second: float) -> None:
        self.bits_per_second = bits_per_second
        self._rate = bits_per_second / 8
        self._period = TYPICAL_PERIOD_S
        self._work_period = FramePeriod()
        self._model = SizeModel(self._rate * self._period)
        self._window: deque[SentFrame] = deque()
        self._credit = 0.0
        self._chosen_at = 0.0
        self._has_sent = False
        self._quality = MAX_QUALITY // 2
        self._wanted = 0.0
        self._is_retry = False

    @property
    def frame_worth(self) -> float:
        """Bytes of a frame if all frames were equal."""
        return self._rate * self._period

    def choose(self, now: float, arrival_period: float | None = None) -> int:
        """
        Return the quality for a frame.

        :param now: seconds of a clock that never goes back.
        :param arrival_period: time between frames that come, s, as far as it is known. Of those
            that are overtaken the controller hears nothing.
        """
        self._account_for_time(now, arrival_period or 0.0)
        self._is_retry = False
        even = AIM * self.frame_worth
        settling_frames = max(SETTLING_S / self._period, MIN_SETTLING_FRAMES)
        self._wanted = even + (self._credit - even) / settling_frames
        wanted = self._target(now)
        if abs(self._model.size(self._quality) - wanted) > DEAD_BAND * wanted:
            self._quality = self._model.quality_for(wanted)
        return self._quality

    def delay(self, now: float, size: int) -> float | None:
        """
        Return how many seconds to wait before a frame may be sent.

        None if that is too long, or if the frame had better be encoded again.
        """
        if self._has_time_to_retry(now) and self._is_off(size, now):
            return None
        for wait in self._moments(now):
            if size <= self._limit(now + wait):
                return wait
        return 0.0 if self._quality == 0 and self._may_go_alone(now) else None

    def _may_go_alone(self, now: float) -> bool:
        """Tell whether a frame may go that is larger than a window's share at any quality."""
        return self._room(now) >= self._rate * WINDOW_S and self._affordable() == math.inf

    def _has_time_to_retry(self, now: float) -> bool:
        """Tell whether there is time to encode a frame once more just to change its size."""
        if self._is_retry or self._period < LONG_PERIOD_S:
            return False
        return 2 * (now - self._chosen_at) < RETRY_PERIODS * self._period

    def _is_off(self, size: int, now: float) -> bool:
        """Tell whether a frame is far from the wanted size, which another quality may change."""
        too_large = math.log(size) - math.log(max(self._target(now), 1))
        return (too_large > OFF_LOG and self._quality > 0) or (
            too_large < -OFF_LOG and self._quality < MAX_QUALITY)

    def _moments(self, now: float) -> list[float]:
        """Return the waits within patience after which there is more room than before."""
        waits = [sent.time + WINDOW_S - now for sent in self._window]
        return [0.0, *(wait for wait in waits if 0 < wait <= PATIENCE * self._period)]

    def retry(self, quality: int, size: int, now: float) -> int | None:
        """Return another quality at which the frame should fit, None if there is none."""
        limit = self._limit_soon(now)
        highest = MAX_QUALITY if size <= limit and not self._is_retry else quality - 1
        self._learn(quality, size)
        better = min(self._model.quality_for(self._target(now)), highest)
        if better < 0 or self._model.size(better) > limit:
            if quality == 0 or not self._may_go_alone(now):
                return None
            better = 0
        self._quality = better
        return better

    def sent(self, now: float, quality: int, size: int) -> None:
        """Take in a frame that was sent."""
        self._learn(quality, size)
        self._window.append(SentFrame(now, size))
        while self._window[0].time <= now - WINDOW_S:
            self._window.popleft()
        self._has_sent = True
        self._credit -= size
        self._quality = quality

    def _learn(self, quality: int, size: int) -> None:
        self._model.learn(quality, size, same_frame=self._is_retry)
        self._is_retry = True

    def _account_for_time(self, now: float, arrival_period: float) -> None:
        if self._has_sent:
            passed = min(now - self._chosen_at, MAX_PERIOD_S)
            self._credit += AIM * self._rate * passed
        else:
            self._work_period = FramePeriod()
            self._period = arrival_period or TYPICAL_PERIOD_S
            self._credit = AIM * self.frame_worth
        self._chosen_at = now
        self._learn_period(now, arrival_period)

    def _learn_period(self, now: float, arrival_period: float) -> None:
        is_guess = self._work_period.seconds is None
        self._work_period.tick(now)
        if self._work_period.seconds is None:
            return
        # Frames that were held up follow each other faster than they come.
        period = max(self._work_period.seconds, arrival_period)
        if is_guess:
            # What the first frame was given was one.
            self._credit += AIM * self._rate * (period - self._period)
        self._period = period
        longest = max(MAX_CREDIT_FRAMES * self._period, MAX_CREDIT_S)
        self._credit = min(self._credit, self._rate * longest)

    def _target(self, now: float) -> float:
        """Return the bytes that a frame should have."""
        return min(self._wanted, MARGIN * self._limit_soon(now))

    def _limit_soon(self, now: float) -> float:
        """Return the bytes that may be sent if one waits as long as patience allows."""
        return self._limit(now + PATIENCE * self._period)

    def _limit(self, time: float) -> float:
        """Return the bytes that may be sent at a time."""
        return min(self._room(time), self._affordable())

    def _affordable(self) -> float:
        """Return the bytes that leave no more than the largest debt; any if none can be saved."""
        affordable = self._credit + MAX_DEBT_FRAMES * self.frame_worth
        return affordable if affordable < MAX_CREDIT_FRAMES * self.frame_worth else math.inf

    def _room(self, time: float) -> float:
        """Return the bytes that may be sent at a time without exceeding the window's share."""
        recent = sum(frame.size for frame in self._window if frame.time > time - WINDOW_S)
        return self._rate * WINDOW_S + self.frame_worth - recent
