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
"""Where the time of the codec goes, observed from outside."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
import sys
import time
from types import CodeType, FrameType, TracebackType
from typing import Any

from depth_nn_transport import codec, runtime

_CODEC, _RUNTIME = (Path(str(package.__file__)).parent for package in (codec, runtime))


class StageClock:
    """Adds up the time spent in each module of the codec and each network of the runtime.

    As a context manager it observes the calls of its thread. What a module calls outside of the
    codec and the runtime counts as its own. Observation costs about a microsecond a call.

    Attributes:
        seconds: by stage.

    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stages: dict[CodeType, str | None] = {}
        self._stack: list[str] = []
        self._since = 0.0

    def __enter__(self) -> StageClock:
        sys.setprofile(self._observe)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sys.setprofile(None)

    def _observe(self, frame: FrameType, event: str, argument: Any) -> None:
        if event not in {'call', 'return'}:
            return
        stage = self._stage(frame.f_code)
        if stage is None:
            return
        now = time.perf_counter()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now
        if event == 'return':
            if self._stack:
                self._stack.pop()
            return
        # A network stays the stage throughout the functions of the runtime that it calls.
        within = self._stack and self._stack[-1].startswith('network ')
        self._stack.append(self._stack[-1] if within else stage)

    def _stage(self, code: CodeType) -> str | None:
        if code not in self._stages:
            path = Path(code.co_filename)
            stage = path.stem if path.parent == _CODEC else None
            self._stages[code] = (
                f'network {code.co_name}' if path.parent == _RUNTIME else stage)
        return self._stages[code]
