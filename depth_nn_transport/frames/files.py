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
"""Reading and writing of frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
from depth_nn_transport.codec.container import EncodedDepth
from depth_nn_transport.codec.depth_frame import Depth
from depth_nn_transport.codec.errors import DepthCodecError
from depth_nn_transport.frames.millimetres import to_millimetres
import numpy as np
from numpy.typing import NDArray

ENCODED_SUFFIX = '.dnt'
IMAGE_SUFFIX = '.png'


class FrameFileError(ValueError):
    """A file is missing, unreadable or not a depth frame; the message names it."""


def find_files(paths: Sequence[Path], suffix: str) -> list[Path]:
    """
    List the files of a suffix among files and folders, in order.

    :raises FrameFileError: if there is none, or two share a stem and would overwrite each other.
    """
    files: list[Path] = []
    for path in paths:
        files += sorted(path.glob(f'*{suffix}')) if path.is_dir() else [path]
    if not files:
        raise FrameFileError(f'no *{suffix} file in {", ".join(map(str, paths))}')
    stems: dict[str, Path] = {}
    for file in files:
        other = stems.setdefault(file.stem, file)
        if other != file:
            raise FrameFileError(
                f'{other} and {file} have the same name; convert their folders one by one'
            )
    return files


def read_depth(path: Path) -> NDArray[np.uint16]:
    """
    Read a 16-bit single-channel PNG, (H, W) mm.

    :raises FrameFileError: if the file is something else.
    """
    try:
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        # Such as of an image that claims to be larger than OpenCV allows.
        image = None
    if image is None:
        raise FrameFileError(f'{path} is not a readable image')
    if image.dtype != np.uint16 or image.ndim != 2:
        raise FrameFileError(
            f'{path} has type {image.dtype} and shape {image.shape}; a depth image is a '
            '16-bit single-channel PNG in millimetres'
        )
    return image.astype(np.uint16, copy=False)


def write_depth(path: Path, depth: Depth) -> None:
    """
    Write a depth image as 16-bit PNG in mm, see `to_millimetres`.

    :raises FrameFileError: if the file cannot be written.
    """
    write_image(path, to_millimetres(depth))


def write_image(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """
    Write an image as PNG.

    :raises FrameFileError: if the file cannot be written.
    """
    # cv2.imwrite does not notice when the last bytes find no room.
    _, data = cv2.imencode(IMAGE_SUFFIX, image)
    write_whole(path, data.tobytes())


def write_whole(path: Path, data: bytes) -> None:
    """
    Write a file that appears under its name when it is whole, and not before.

    :raises FrameFileError: if the file cannot be written.
    """
    partial = path.with_name(f'.{path.name}.partial')
    try:
        try:
            partial.write_bytes(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise FrameFileError(f'{path} cannot be written: {error.strerror}') from error


def read_encoded(path: Path) -> EncodedDepth:
    """
    Read an encoded frame.

    :raises FrameFileError: if the file is missing, damaged or of another format.
    """
    try:
        return EncodedDepth.from_bytes(path.read_bytes())
    except (OSError, DepthCodecError) as error:
        raise FrameFileError(f'{path}: {error}') from error
