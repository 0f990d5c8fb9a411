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
"""Where the time of a frame goes in our codec."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import wraps
import time
from types import TracebackType
from typing import Any

from depth_nn_transport.codec import lossy_coder
from depth_nn_transport.codec.container import EncodedDepth
from depth_nn_transport.codec.correction_coder import CorrectionCoder
from depth_nn_transport.codec.depth_codec import DepthCodec
from depth_nn_transport.codec.latent_coder import LatentCoder
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.codec.mask_coder import MaskCoder
from depth_nn_transport.codec.step_coder import StepCoder
from depth_nn_transport.codec.steps import Steps
from depth_nn_transport.codec.table_coder import TableDecoder, TableEncoder
from depth_nn_transport.codec.transform import Transform

_ENTROPY_MODEL, _CODING, _REST = 'entropy model', 'coding', 'rest'
# Every stage, in the order of the encoder, with the functions that it consists of by their owners.
_PLACES: dict[str, list[tuple[Any, tuple[str, ...]]]] = {
    'lattice': [(Lattice, ('from_depth', 'to_quanta', 'to_depth'))],
    'mask': [(MaskCoder, ('encode', 'decode'))],
    'fill': [(lossy_coder, ('fill_holes',))],
    'steps': [(lossy_coder, ('take_out_steps',)), (StepCoder, ('encode', 'decode')),
              (Steps, ('restore',))],
    'analysis': [(Transform, ('analyse',))],
    _ENTROPY_MODEL: [(LatentCoder, ('encode', 'decode'))],
    _CODING: [(TableEncoder, ('code', 'bulk', 'to_bytes')),
              (TableDecoder, ('__init__', 'code', 'bulk'))],
    'synthesis': [(Transform, ('synthesise',))],
    'corrections': [(CorrectionCoder, ('encode', 'decode'))],
    'message': [(EncodedDepth, ('to_bytes', 'from_bytes'))],
    _REST: [(DepthCodec, ('encode', 'decode'))],
}
STAGES = tuple(_PLACES)


class StageClock:
    """
    Adds up the time that a block of code spends in each of ``STAGES``.

    As a context manager it wraps the functions of the codec, so that this knows nothing of it. A
    stage lasts until its function returns, whatever that calls; only the coding within the
    entropy model is told apart. Everything else of an encoder or decoder is the rest.

    :ivar seconds: by stage.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._since = 0.0
        self._originals: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> StageClock:
        for stage, places in _PLACES.items():
            for owner, names in places:
                for name in names:
                    self._wrap(owner, name, stage)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for owner, name, original in self._originals:
            setattr(owner, name, original)

    def _wrap(self, owner: Any, name: str, stage: str) -> None:
        original = vars(owner)[name]
        self._originals.append((owner, name, original))
        if isinstance(original, classmethod):
            setattr(owner, name, classmethod(self._timed(original.__func__, stage)))
        else:
            setattr(owner, name, self._timed(original, stage))

    def _timed(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        @wraps(function)
        def timed(*arguments: Any, **settings: Any) -> Any:
            self._begin(stage)
            try:
                return function(*arguments, **settings)
            finally:
                self._end()

        return timed

    def _begin(self, stage: str) -> None:
        self._count()
        within = self._stack[-1] if self._stack else _REST
        is_told_apart = within == _REST or (within, stage) == (_ENTROPY_MODEL, _CODING)
        self._stack.append(stage if is_told_apart else within)

    def _end(self) -> None:
        self._count()
        self._stack.pop()

    def _count(self) -> None:
        now = time.perf_counter()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now
