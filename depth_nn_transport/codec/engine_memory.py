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
"""Memory of what engines made of a stream's frames, which tells what to try on the next one."""

from __future__ import annotations

from typing import NamedTuple

# An engine, and the bound (quanta) that it is to keep.
Trial = tuple[int, float]
# Frames before a trial that was not the best is made again: ever more, up to this.
_LONGEST_PAUSE = 31


class _Outcome(NamedTuple):
    """
    What became of a trial.

    :ivar ratio: of the size to what was guessed.
    :ivar pause: frames before the next one, whatever is expected of it.
    :ivar due: number of the frame in which that is.
    """

    ratio: float
    pause: int
    due: int


class EngineMemory:
    """
    Foretells sizes of frames from rough guesses, which are off by much the same for a while.

    To encode a frame by each engine would take twice the time.
    """

    def __init__(self) -> None:
        self._outcomes: dict[Trial, _Outcome] = {}
        self._frame = 0

    def expected(self, trial: Trial, guess: float) -> float:
        """Return the size to be expected of a guess above 0; 0 if a trial is due."""
        outcome = self._outcomes.get(trial)
        if outcome is None or self._frame >= outcome.due:
            return 0.0
        return outcome.ratio * guess

    def note(self, ratios: dict[Trial, float], best: Trial) -> None:
        """
        Note the trials of a frame.

        :param ratios: of sizes to what was guessed, by trial.
        :param best: of these.
        """
        for trial, ratio in ratios.items():
            last, pause, left = self._outcomes.get(trial), 0, _LONGEST_PAUSE
            if trial != best:
                left = pause = min(2 * last.pause + 1 if last else 1, _LONGEST_PAUSE)
            self._outcomes[trial] = _Outcome(ratio, pause, self._frame + 1 + left)
        self._frame += 1
