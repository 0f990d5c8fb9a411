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
"""Errors of one restored frame, in mm and in quanta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from depth_nn_transport.bag.depth_messages import stamp_ns
from depth_nn_transport.bag.message_types import COMPRESSED_DEPTH
from depth_nn_transport.bag.worker import restore
from depth_nn_transport.codec.container import Mode
from depth_nn_transport.codec.depth_frame import Depth, is_depth, plain_millimetres
from depth_nn_transport.codec.errors import DepthCodecError
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.frames.error_histogram import ErrorHistogram, QUANTA_BIN
from depth_nn_transport.frames.errors import FrameErrors, quanta_errors
from depth_nn_transport.frames.millimetres import to_millimetres
import numpy as np
from numpy.typing import NDArray

# Rounding of depth in mm to float32 metres and back.
_FLOAT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Side:
    """A message of one of the bags under comparison: type and CDR bytes."""

    msgtype: str
    data: bytes


@dataclass(frozen=True)
class FrameComparison:
    """
    Errors of a frame over the pixels that are valid on both sides.

    :ivar stamp_ns: of the header.
    :ivar mm, quanta: distributions of the absolute error.
    :ivar max_mm, max_quanta: greatest absolute errors.
    :ivar changed_holes: pixels that are a hole on one side only.
    :ivar broken: the promise of a bounded or lossless frame that does not hold, else empty.
    """

    stamp_ns: int
    mm: ErrorHistogram
    quanta: ErrorHistogram
    max_mm: float
    max_quanta: float
    changed_holes: int
    broken: str


@dataclass(frozen=True)
class FramePair:
    """Both sides of a frame for a picture, in mm with 0 in holes, and the error in quanta."""

    original: NDArray[np.float32]
    restored: NDArray[np.float32]
    quanta: NDArray[np.float32]


def compare(original: Side, restored: Side) -> FrameComparison | str:
    """Compare two messages; return what is wrong if one cannot be read."""
    try:
        (message, before), (other, after) = _restore(original), _restore(restored)
    except DepthCodecError as error:
        return str(error)
    if before.shape != after.shape:
        return f'{before.shape[1]}x{before.shape[0]} became {after.shape[1]}x{after.shape[0]}'
    lattice = _lattice(before, message, other)
    errors = FrameErrors.of(before, after, lattice)
    worst = float(errors.quanta.max(initial=0))
    return FrameComparison(
        stamp_ns(message), _histogram(1, errors.mm), _histogram(QUANTA_BIN, errors.quanta),
        float(errors.mm.max(initial=0)), worst, errors.changed_holes,
        _broken_promise(other, before, after, worst),
    )


def picture_of(original: Side, restored: Side) -> FramePair:
    """
    Return both sides of a frame and its error.

    :raises DepthCodecError: if one cannot be read.
    """
    (message, before), (other, after) = _restore(original), _restore(restored)
    first, second = plain_millimetres(before), plain_millimetres(after)
    lattice = _lattice(before, message, other)
    return FramePair(first, second, quanta_errors(first, second, lattice))


def _restore(side: Side) -> tuple[Any, Depth]:
    return restore(side.msgtype, side.data)


def _lattice(original: Depth, *messages: Any) -> Lattice:
    """Return the lattice that one of the messages states, else that of the original."""
    for message in messages:
        if message.__msgtype__ == COMPRESSED_DEPTH:
            return Lattice.from_signed(message.lattice_constant)
    return Lattice.from_depth(to_millimetres(original))


def _histogram(width: float, errors: NDArray[np.float32]) -> ErrorHistogram:
    histogram = ErrorHistogram(width)
    histogram.add(errors)
    return histogram


def _broken_promise(restored: Any, before: Depth, after: Depth, max_quanta: float) -> str:
    if restored.__msgtype__ != COMPRESSED_DEPTH:
        return ''
    if restored.mode == Mode.LOSSLESS and not _identical(before, after):
        return 'not lossless'
    if restored.mode == Mode.BOUNDED and max_quanta > restored.max_error + _FLOAT_TOLERANCE:
        return f'off by {max_quanta:g} quanta where at most {restored.max_error:g} are promised'
    return ''


def _identical(before: Depth, after: Depth) -> bool:
    """Whether all values agree; any hole of 32FC1 is like another."""
    if before.dtype == np.uint16:
        return np.array_equal(before, after)
    first, second = (
        np.where(is_depth(depth), depth, np.nan) for depth in (before, after)
    )
    return np.array_equal(first, second, equal_nan=True)
