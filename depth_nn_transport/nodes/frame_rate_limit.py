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
"""Leaves out frames so that a rate is not exceeded; free of ROS."""

from __future__ import annotations


class FrameRateLimit:
    """
    Tells which frames of a camera to take so that they come at a rate at most.

    The moments at which a frame is due lie on a grid, so that 20 Hz come out of a camera's 30 Hz
    and not 15.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._due = 0.0

    def takes(self, now: float) -> bool:
        """Return whether to take a frame that comes at a time in s; a rate of 0 takes all."""
        if self.rate == 0:
            return True
        if now < self._due:
            return False
        period = 1 / self.rate
        # After a pause there is nothing to catch up with; half a period is left for jitter.
        paused = now - self._due > period
        self._due = now + period / 2 if paused else self._due + period
        return True
