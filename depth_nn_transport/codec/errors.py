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
"""Errors of the codec; each message names the value and what was expected."""

from __future__ import annotations


class DepthCodecError(ValueError):
    """Base class of all errors that the codec raises on purpose."""


class InvalidDepthError(DepthCodecError):
    """The depth image has a type, shape or size that cannot be encoded."""


class InvalidSettingError(DepthCodecError):
    """A mode, quality, bound, runtime or number of threads is none that the codec has."""


class RuntimeNotInstalledError(DepthCodecError):
    """The runtime that is to run the networks is not installed here."""


class CorruptStreamError(DepthCodecError):
    """The bytes are truncated, damaged or not of this format."""


class UnsupportedFormatError(DepthCodecError):
    """The stream is of a format version that this release does not read."""


class ModelMismatchError(DepthCodecError):
    """The stream was encoded with another model than the decoder holds."""


class ModelLoadError(DepthCodecError):
    """The model's files are missing or damaged."""
