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
"""Why nodes drop frames: the names of errors, and these for frames that were in order."""

from __future__ import annotations

from depth_nn_transport.codec.errors import DepthCodecError

# A newer one came before the node got to it.
REPLACED = 'replaced'
# By the middleware.
LOST = 'lost'
# It would have exceeded the bit rate that is asked for.
BITRATE = 'bitrate'
# One more than the frame rate that is asked for.
MAX_RATE = 'max_rate'
# An error of the program.
UNEXPECTED = 'unexpected'


class TooLargeError(DepthCodecError):
    """A message claims to hold a larger image than the user wants."""


class StaleFrameError(DepthCodecError):
    """A frame is older than the user wants."""


STALE = StaleFrameError.__name__
