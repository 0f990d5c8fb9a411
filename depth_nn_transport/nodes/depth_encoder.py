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
"""The node that compresses depth images."""

from __future__ import annotations

from depth_nn_transport.nodes.codec_node import CodecNode
from depth_nn_transport.nodes.image_conversion import image_to_depth
from depth_nn_transport.nodes.message_conversion import encoded_to_message
from depth_nn_transport.nodes.runner import run

from depth_nn_transport_msgs.msg import CompressedDepth

from rcl_interfaces.msg import FloatingPointRange, SetParametersResult

from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data

from sensor_msgs.msg import Image

IMAGE_TOPIC = 'camera/depth/image_rect_raw'
COMPRESSED_SUFFIX = '/depth_nn'
MODES = ('lossy',)


class DepthEncoder(CodecNode):
    """Subscribes to `camera/depth/image_rect_raw` and publishes it on `.../depth_nn`."""

    def __init__(self) -> None:
        super().__init__('depth_encoder')
        self.add_on_set_parameters_callback(self.check_parameters)
        self.declare('mode', 'lossy', 'what is kept of the image',
                     additional_constraints=f'one of {", ".join(MODES)}')
        self.declare('quality', 50.0, '0 is the smallest, 100 the best',
                     floating_point_range=[FloatingPointRange(from_value=0.0, to_value=100.0)])
        image_topic = self.resolve_topic_name(IMAGE_TOPIC)
        self.publisher = self.advertise(CompressedDepth, image_topic + COMPRESSED_SUFFIX)
        self.subscribe(Image, IMAGE_TOPIC, self.receive, qos_profile_sensor_data)

    def check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """Reject a mode that does not exist."""
        for parameter in parameters:
            if parameter.name == 'mode' and parameter.value not in MODES:
                return SetParametersResult(successful=False, reason=(
                    f'mode is {parameter.value!r}, expected one of {", ".join(MODES)}'))
        return SetParametersResult(successful=True)

    def receive(self, message: Image) -> None:
        """Hand an image to the worker if somebody listens."""
        if self.is_wanted(self.publisher):
            self.worker.put(message)

    def process(self, message: Image) -> None:
        """Encode an image and publish it."""
        encoded = self.codec.encode(
            image_to_depth(message), mode=self.value('mode'), quality=self.value('quality'))
        self.publisher.publish(encoded_to_message(encoded, message.encoding, message.header))


def main(arguments: list[str] | None = None) -> None:
    """Run the encoder node."""
    run(DepthEncoder, arguments)


if __name__ == '__main__':
    main()
