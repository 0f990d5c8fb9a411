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
"""Depth images as `sensor_msgs/Image` and as arrays."""

from __future__ import annotations

from array import array
from functools import cache
import sys
from typing import Any

from depth_nn_transport.frames.messages import check_image, PIXEL_TYPES, read_rows
from depth_nn_transport.frames.millimetres import to_millimetres

import numpy as np
from numpy.typing import NDArray

from sensor_msgs.msg import Image

from std_msgs.msg import Header


def image_to_depth(message: Image) -> NDArray[Any]:
    """
    Return the pixels of an Image message, which they may share memory with.

    :returns: uint16 (H, W) in mm or float32 (H, W) in metres, of native byte order.
    :raises InvalidImageError: for another encoding, an impossible size or too little data.
    """
    check_image(message)
    bridge = working_cv_bridge()
    if bridge is None:
        return read_rows(message)
    pixels = bridge.imgmsg_to_cv2(message, 'passthrough')
    return np.ascontiguousarray(pixels, PIXEL_TYPES[message.encoding])


def depth_to_image(depth: NDArray[Any], encoding: str, header: Header) -> Image:
    """Return an Image message of the given encoding that holds a copy of the pixels."""
    pixels = np.ascontiguousarray(depth, PIXEL_TYPES[encoding])
    message = Image(header=header, encoding=encoding)
    message.height, message.width = pixels.shape
    message.step = pixels.shape[1] * pixels.itemsize
    message.is_bigendian = int(sys.byteorder == 'big')
    # An array is taken over as it is; rclpy would check any other sequence byte by byte.
    message.data = array('B', pixels.tobytes())
    return message


def convert_depth(depth: NDArray[Any], encoding: str) -> NDArray[Any]:
    """Return depth (H, W) as an encoding has it: uint16 in mm or float32 in metres."""
    wanted = PIXEL_TYPES[encoding]
    if depth.dtype == wanted:
        return depth
    if wanted == np.float32:
        return np.where(depth > 0, depth / np.float32(1000), np.float32(np.nan))
    return to_millimetres(depth)


@cache
def working_cv_bridge() -> Any | None:
    """
    Return a CvBridge if there is one that reads padded depth of either byte order.

    Some releases cannot: one built for another numpy, or the one on PyPI.
    """
    probes = [probe_image(order) for order in '<>']
    try:
        from cv_bridge import CvBridge
        bridge = CvBridge()
        works = all(np.array_equal(bridge.imgmsg_to_cv2(probe, 'passthrough'), read_rows(probe))
                    for probe in probes)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, there is an own reader
        return None
    return bridge if works else None


def probe_image(byte_order: str) -> Image:
    """Return a 3x2 image whose rows are padded by two bytes."""
    pixels = np.arange(256, 264, dtype=f'{byte_order}u2').reshape(2, 4)
    return Image(height=2, width=3, encoding='16UC1', step=8, is_bigendian=int(byte_order == '>'),
                 data=array('B', pixels.tobytes()))
