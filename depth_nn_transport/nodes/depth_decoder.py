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

from depth_nn_transport.nodes.codec_node import CodecNode, RELIABLE, sibling
from depth_nn_transport.nodes.depth_encoder import COMPRESSED_SUFFIX, IMAGE_TOPIC
from depth_nn_transport.nodes.image_conversion import depth_to_image
from depth_nn_transport.nodes.message_conversion import message_to_encoded
from depth_nn_transport.nodes.runner import run

from depth_nn_transport_msgs.msg import CompressedDepth

from rclpy.qos import qos_profile_sensor_data

from sensor_msgs.msg import CameraInfo, Image

RESTORED_TOPIC = 'camera/depth/decoded/image_rect_raw'


class DepthDecoder(CodecNode):
    """
    Subscribes to `camera/depth/image_rect_raw/depth_nn`, publishes `camera/depth/decoded/...`.

    The source's `camera_info` is published beside each restored image, with its header.
    """

    def __init__(self) -> None:
        super().__init__('depth_decoder')
        self.camera_info: CameraInfo | None = None
        compressed_topic = self.resolve_topic_name(IMAGE_TOPIC + COMPRESSED_SUFFIX)
        restored_topic = self.resolve_topic_name(RESTORED_TOPIC)
        source_topic = compressed_topic.removesuffix(COMPRESSED_SUFFIX)
        self.image_publisher = self.advertise(Image, RESTORED_TOPIC)
        self.info_publisher = self.advertise(CameraInfo, sibling(restored_topic, 'camera_info'))
        self.subscribe(CameraInfo, sibling(source_topic, 'camera_info'), self.receive_info,
                       qos_profile_sensor_data)
        self.subscribe(CompressedDepth, IMAGE_TOPIC + COMPRESSED_SUFFIX, self.receive, RELIABLE)

    def receive_info(self, message: CameraInfo) -> None:
        """Keep the calibration for the images to come."""
        self.camera_info = message

    def receive(self, message: CompressedDepth) -> None:
        """Hand a frame to the worker if somebody listens."""
        if self.is_wanted(self.image_publisher):
            self.worker.put(message)

    def process(self, message: CompressedDepth) -> None:
        """Decode a frame and publish image and calibration."""
        depth = self.codec.decode(message_to_encoded(message))
        self.image_publisher.publish(depth_to_image(depth, message.encoding, message.header))
        info = self.camera_info
        if info is not None:
            info.header = message.header
            self.info_publisher.publish(info)


def main(arguments: list[str] | None = None) -> None:
    """Run the decoder node."""
    run(DepthDecoder, arguments)


if __name__ == '__main__':
    main()
