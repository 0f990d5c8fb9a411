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
"""The node that restores compressed depth images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from copy import copy
import time
from typing import Any

from depth_nn_transport.codec.errors import DepthCodecError
from depth_nn_transport.frames.messages import message_to_encoded
from depth_nn_transport.nodes.codec_node import CodecNode
from depth_nn_transport.nodes.codec_shelf import CodecShelf
from depth_nn_transport.nodes.diagnostics import Problem
from depth_nn_transport.nodes.drop_reasons import StaleFrameError, TooLargeError
from depth_nn_transport.nodes.frame_statistics import Frame
from depth_nn_transport.nodes.image_conversion import convert_depth, depth_to_image
from depth_nn_transport.nodes.newest_worker import Turn
from depth_nn_transport.nodes.parameters import DECODER
from depth_nn_transport.nodes.quality_of_service import BEST_EFFORT, LATCHED, RELIABLE
from depth_nn_transport.nodes.runner import run
from depth_nn_transport.nodes.topics import (
    COMPRESSED_SUFFIX,
    COMPRESSED_TOPIC,
    IMAGE_TOPIC,
    INFO,
    INFO_TOPIC,
    MODEL_SUFFIX,
    MODEL_TOPIC,
    RESTORED_INFO_TOPIC,
    RESTORED_TOPIC,
    sibling,
    topic_from,
)

from depth_nn_transport_msgs.msg import CompressedDepth, ModelInfo

from rclpy.clock import Clock, ClockType
from rclpy.serialization import serialize_message

from sensor_msgs.msg import CameraInfo, Image

LISTENER_CHECK_PERIOD_S = 0.2
# After so many in a row a calibration is missed.
FRAMES_WITHOUT_INFO = 30
# Cameras that may share a topic.
MAX_CAMERAS = 8


class DepthDecoder(CodecNode):
    """
    Subscribes to `camera/depth/image_rect_raw/depth_nn`, publishes `camera/depth/decoded/...`.

    The source's `camera_info` is published beside each restored image, with its header. A lazy
    decoder subscribes only while somebody listens, so that the encoder may rest as well.
    """

    def __init__(self) -> None:
        self.camera_infos: OrderedDict[str, CameraInfo] = OrderedDict()
        # Of images, until there are two.
        self.frame_ids: set[str] = set()
        self.info_topic = ''
        self.frames_without_info = 0
        super().__init__('depth_decoder', DECODER)
        self.create_timer(LISTENER_CHECK_PERIOD_S, self.check_listeners,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))

    def advertise_all(self) -> None:
        """See `CodecNode`."""
        self.camera_infos.clear()
        self.frame_ids.clear()
        restored_topic = self.resolve_topic_name(RESTORED_TOPIC)
        self.image_publisher = self.advertise(Image, RESTORED_TOPIC, RELIABLE)
        info_topic = topic_from(self, RESTORED_INFO_TOPIC, sibling(restored_topic, INFO))
        self.info_publisher = self.advertise(CameraInfo, info_topic, RELIABLE)

    def subscribe_all(self) -> None:
        """Subscribe, and not for long if nobody listens: QoS that cannot be is refused at once."""
        source_topic = self.resolve_topic_name(IMAGE_TOPIC)
        compressed_topic = topic_from(self, COMPRESSED_TOPIC, source_topic + COMPRESSED_SUFFIX)
        if compressed_topic.endswith(COMPRESSED_SUFFIX):
            source_topic = compressed_topic.removesuffix(COMPRESSED_SUFFIX)
        self.info_topic = topic_from(self, INFO_TOPIC, sibling(source_topic, INFO))
        model_topic = topic_from(self, MODEL_TOPIC, compressed_topic + MODEL_SUFFIX)
        self.inputs.add(CameraInfo, self.info_topic, self.receive_info, BEST_EFFORT)
        self.inputs.add(ModelInfo, model_topic, self.receive_model, LATCHED)
        self.inputs.add(
            CompressedDepth, compressed_topic, self.receive, RELIABLE, on_lost=self.count_lost)
        self.check_listeners()

    def check_listeners(self) -> None:
        """Subscribe or unsubscribe as listeners come and go."""
        if self.worker is None:
            return
        wanted = self.is_wanted(self.image_publisher, self.info_publisher)
        if wanted and not self.inputs.are_there:
            self.subscribe_all()
        elif not wanted and self.inputs.are_there:
            self.inputs.unsubscribe()

    def is_idle(self) -> bool:
        """See `CodecNode`."""
        return not self.inputs.are_there

    def problems(self) -> list[Problem]:
        """Return what is wrong with the frames that the node asks for."""
        return super().problems() if self.inputs.are_there else []

    def receive_info(self, message: CameraInfo) -> None:
        """Keep the calibration of a camera for the images to come."""
        self.camera_infos[message.header.frame_id] = message
        if len(self.camera_infos) > MAX_CAMERAS:
            self.camera_infos.popitem(last=False)

    def receive_model(self, message: ModelInfo) -> None:
        """Load the model that an encoder says it uses, before its first frame comes."""
        try:
            for shelf in self.shelves:
                shelf.codec(message.model_id)
        except DepthCodecError as error:
            self.get_logger().warning(str(error))

    def receive(self, message: CompressedDepth) -> None:
        """Hand a frame to the worker."""
        self.statistics.receive()
        self.hardware_id = message.header.frame_id
        if len(self.frame_ids) < 2:
            self.frame_ids.add(message.header.frame_id)
        self.hand_over(message, stream_of(message), message.header.frame_id)

    def process(self, message: CompressedDepth, shelf: CodecShelf, turn: Turn) -> Frame:
        """Decode a frame and publish image and calibration."""
        start = time.perf_counter()
        self.check_claims(message)
        encoded = message_to_encoded(message)
        depth = shelf.codec(encoded.model_id).decode(encoded)
        self.frame_size = message.height, message.width
        encoding = self.value('encoding')
        encoding = message.encoding if encoding == 'source' else encoding
        image = depth_to_image(convert_depth(depth, encoding), encoding, message.header)
        with turn:
            self.image_publisher.publish(image)
            self.publish_info(message)
        size = len(serialize_message(message))
        return self.figures_of_frame(encoded, depth, size, start, turn, message.header.stamp)

    def check_claims(self, message: CompressedDepth) -> None:
        """
        Look at a frame before any work goes into it.

        :raises TooLargeError: if it has more pixels than the parameters allow.
        :raises StaleFrameError: if it is older than they allow.
        """
        pixels, limit = message.height * message.width, self.value('max_pixels')
        if pixels > limit:
            raise TooLargeError(f'it claims {message.width}x{message.height} pixels, max_pixels '
                                f'is {limit}; raise that if the frame is genuine')
        age, max_age = self.age_ms(message.header.stamp) / 1e3, self.value('max_age')
        if 0 < max_age < age:
            raise StaleFrameError(f'it is {age:.3f} s old, max_age is {max_age:g} s; is the link '
                                  'slow, or do the clocks of the two machines differ?')

    def publish_info(self, message: CompressedDepth) -> None:
        """Publish the calibration of the camera that a frame is from, if it is known."""
        info = self.camera_infos.get(message.header.frame_id)
        if info is None:
            # Some cameras call themselves by two names; which one it is must be beyond doubt.
            known = list(self.camera_infos.values())
            if len(known) != 1 or len(self.frame_ids) != 1:
                self.miss_info(message)
                return
            (info,) = known
        # Right after the camera changed its resolution, calibration and image may not fit.
        if not fits(info, message):
            self.warn_once(
                f'no camera_info goes with images of {message.width}x{message.height} of '
                f'{message.header.frame_id}, as the camera says {info.width}x{info.height}')
            return
        # Not in place: another camera's frame may be at hand.
        info = copy(info)
        info.header = message.header
        self.info_publisher.publish(info)
        self.frames_without_info = 0

    def miss_info(self, message: CompressedDepth) -> None:
        """Count a frame without a calibration; tell of it when that is no matter of the start."""
        self.frames_without_info += 1
        if self.frames_without_info == FRAMES_WITHOUT_INFO:
            known = ', '.join(sorted(self.camera_infos)) or 'none'
            self.warn_once(
                f'images of {message.header.frame_id} are published without a camera_info: on '
                f'{self.info_topic} came those of {known}; remap camera/depth/camera_info to '
                'where the camera publishes its own')

    def figures(self) -> dict[str, Any]:
        """See `CodecNode`."""
        return {**super().figures(), 'frames in a row without camera_info':
                self.frames_without_info}


def stream_of(message: CompressedDepth) -> Hashable:
    """
    Return what tells the frames of one sender from those of another on the same topic.

    A frame that waits is overtaken by those of its own stream only, so that a sender of another
    model or size takes nothing away from one with the same `frame_id`.
    """
    return message.header.frame_id, message.model_id, message.width, message.height


def fits(info: CameraInfo, image: CompressedDepth) -> bool:
    """Return whether an image has the size of a calibration or of its binned window."""
    full = info.width, info.height
    width, height = info.roi.width or info.width, info.roi.height or info.height
    binned = width // max(info.binning_x, 1), height // max(info.binning_y, 1)
    # Some cameras tell no size.
    return full == (0, 0) or (image.width, image.height) in {full, binned}


def main(arguments: list[str] | None = None) -> None:
    """Run the decoder node."""
    run(DepthDecoder, arguments)


if __name__ == '__main__':
    main()
