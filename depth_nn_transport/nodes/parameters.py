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
"""The parameters of the nodes: defaults, ranges and what is wrong with a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any

from depth_nn_transport.codec.bounds import LEAST_DEPTH_M, MAX_BOUND
from depth_nn_transport.codec.container import MAX_SIZE
from depth_nn_transport.codec.depth_codec import DEFAULT_QUALITY, MODES
from depth_nn_transport.codec.model_files import DEFAULT_MODEL
from depth_nn_transport.runtime.registry import AUTO, RUNTIMES

ENCODINGS = ('source', '16UC1', '32FC1')
# A Full HD image; larger claims of a message are not believed unless the user asks for it.
FULL_HD_PIXELS = 1920 * 1080


@dataclass(frozen=True)
class Setting:
    """
    A parameter of a node.

    :ivar choices: values that a string may have, empty if any.
    :ivar lowest: of a number.
    :ivar highest: of a number.
    :ivar fixed: whether it cannot be changed once the node runs.
    """

    name: str
    default: str | float | bool
    meaning: str
    choices: tuple[str, ...] = ()
    lowest: float = -math.inf
    highest: float = math.inf
    fixed: bool = False

    @property
    def kind(self) -> str:
        """Return the type's name, as ROS calls it."""
        return {str: 'string', bool: 'bool', int: 'int', float: 'double'}[type(self.default)]

    @property
    def constraint(self) -> str:
        """Return the values that are accepted, in words; empty if all of the type are."""
        if self.choices:
            return ', '.join(self.choices)
        if self.highest < math.inf:
            return f'{self.lowest} to {self.highest}'
        return ''

    def accepts(self, value: Any) -> bool:
        """Return whether the parameter may have a value; a whole number will do for a double."""
        wanted = (float, int) if self.kind == 'double' else type(self.default)
        if not isinstance(value, wanted) or (isinstance(value, bool) and self.kind != 'bool'):
            return False
        if self.choices:
            return value in self.choices
        return not isinstance(value, (int, float)) or self.lowest <= value <= self.highest

    def refusal(self, value: Any) -> str:
        """Return why a value cannot be accepted, an empty string if it can."""
        if self.accepts(value):
            return ''
        wanted = f' in {self.constraint}' if self.highest < math.inf else (
            f', one of {self.constraint}' if self.choices else '')
        return f'{self.name} is {value!r}, expected a {self.kind}{wanted}'


COMMON = (
    Setting('model', DEFAULT_MODEL, 'name or folder of the model; both ends need the same'),
    Setting('runtime', AUTO, 'what runs the networks; torch takes a GPU where there is one',
            choices=RUNTIMES),
    Setting('threads', 1, 'frames worked on at once, each by one CPU thread', lowest=1,
            highest=64),
    Setting('lazy', True, 'work only while somebody listens to the output'),
    Setting('autostart', True, 'configure and activate at start; if false, a lifecycle manager '
                               'does', fixed=True),
)
ENCODER = (
    *COMMON,
    Setting('mode', 'lossy', 'what is promised: a quality, an error bound or every bit',
            choices=MODES),
    Setting('quality', DEFAULT_QUALITY, 'of mode lossy without target_bitrate: 0 is the smallest, '
                                        '100 the best', lowest=0, highest=100),
    Setting('target_bitrate', 0.0, 'Mbit/s to keep to by choosing the quality of each frame; 0 '
                                   'means off; mode lossy only', lowest=0, highest=1000),
    Setting('max_error', 4.0, 'bound of mode bounded in quanta, steps of the sensor', lowest=0,
            highest=int(MAX_BOUND)),
    Setting('max_error_mm', 0.0, 'bound of mode bounded in mm, in the place of max_error; 0 means '
                                 'off', lowest=0, highest=10_000),
    Setting('max_error_mm_at', 0.0, 'm; depth up to which max_error_mm holds, beyond it the error '
                                    'may grow as that of the sensor; 0 means the whole frame',
            lowest=0, highest=65),
    Setting('max_rate', 0.0, 'Hz; frames beyond are left out; 0 means all are taken', lowest=0,
            highest=1000),
    Setting('error_sample_period', 30, 'of every so many frames one is decoded again to report '
                                       'its error; 0 means none', lowest=0, highest=100_000),
)
DECODER = (
    *COMMON,
    Setting('encoding', 'source', 'of the restored image; source is that of the original',
            choices=ENCODINGS),
    Setting('max_age', 0.0, 'seconds; older frames are dropped, by header stamp and node clock; '
                            '0 means off', lowest=0, highest=3600),
    Setting('max_pixels', FULL_HD_PIXELS, 'frames that claim to be larger are dropped unread',
            lowest=256, highest=MAX_SIZE**2),
)
CODEC_SETTINGS = ('model', 'runtime', 'threads')


def refusal(settings: Mapping[str, Setting], values: Mapping[str, Any]) -> str:
    """Return why values cannot be accepted, an empty string if all can."""
    reasons = (settings[name].refusal(value) for name, value in values.items())
    return '; '.join(reason for reason in reasons if reason)


def contradiction(values: Mapping[str, Any]) -> str:
    """Return what is wrong with the values of the encoder together, an empty string if nothing."""
    if values.get('target_bitrate', 0) > 0 and values.get('mode', 'lossy') != 'lossy':
        return (f"target_bitrate is kept by the quality, which mode {values['mode']!r} has not: "
                'set target_bitrate to 0 first, or mode to lossy')
    if 0 < values.get('max_error_mm_at', 0) < LEAST_DEPTH_M:
        return (f"max_error_mm_at is {values['max_error_mm_at']} m, expected 0, or at least "
                f'{LEAST_DEPTH_M} m')
    return ''
