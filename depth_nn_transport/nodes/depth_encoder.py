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

import time
from typing import Any

from depth_nn_transport import DepthCodec, EncodedDepth, Mode
from depth_nn_transport.nodes.codec_node import CodecNode
from depth_nn_transport.nodes.codec_shelf import CodecShelf
from depth_nn_transport.nodes.diagnostics import figures_of_sample, Problem, problems_of_sample
from depth_nn_transport.nodes.drop_reasons import BITRATE, MAX_RATE
from depth_nn_transport.nodes.error_sample import compare, ErrorSample
from depth_nn_transport.nodes.frame_rate_limit import FrameRateLimit
from depth_nn_transport.nodes.frame_statistics import Frame
from depth_nn_transport.nodes.image_conversion import image_to_depth
from depth_nn_transport.nodes.message_conversion import encoded_to_message
from depth_nn_transport.nodes.newest_worker import Turn
from depth_nn_transport.nodes.parameters import contradiction, ENCODER
from depth_nn_transport.nodes.quality_of_service import LATCHED, RELIABLE
from depth_nn_transport.nodes.rate_control import FramePeriod, RateController
from depth_nn_transport.nodes.runner import run
from depth_nn_transport.nodes.topics import (
    COMPRESSED_SUFFIX,
    COMPRESSED_TOPIC,
    IMAGE_TOPIC,
    MODEL_SUFFIX,
    MODEL_TOPIC,
    topic_from,
)

from depth_nn_transport_msgs.msg import CompressedDepth, ModelInfo

from numpy.typing import NDArray

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.serialization import serialize_message

from sensor_msgs.msg import Image

# Times that a frame is encoded at most to keep to a bit rate.
MAX_ATTEMPTS = 3


class DepthEncoder(CodecNode):
    """Subscribes to `camera/depth/image_rect_raw` and publishes it on `.../depth_nn`."""

    def __init__(self) -> None:
        self.sample: ErrorSample | None = None
        self.sampled_bound = 0.0
        self.frames_to_sample = 0
        self.last_quality = 0.0
        self.sequence = 0
        # Of frames that networks are compiled for.
        self.prepared_sizes: set[tuple[int, int]] = set()
        self.rate_limit = FrameRateLimit(0.0)
        self.arrivals = FramePeriod()
        self.rate_controller: RateController | None = None
        super().__init__('depth_encoder', ENCODER)

    def contradiction(self, values: dict[str, Any]) -> str:
        """See `CodecNode`."""
        return contradiction(values)

    def try_load(self, values: dict[str, Any]) -> str:
        """Load a model and tell decoders, at once if active."""
        size = self.frame_size
        reason = super().try_load(values)
        if not reason:
            self.prepared_sizes = {size}
            if self.worker is not None:
                self.tell_model()
        return reason

    def frames_at_once(self) -> int:
        """See `CodecNode`; the quality that keeps to a bit rate depends on the frames before."""
        return 1 if self.value('target_bitrate') > 0 else super().frames_at_once()

    def advertise_all(self) -> None:
        """See `CodecNode`."""
        topic = topic_from(
            self, COMPRESSED_TOPIC, self.resolve_topic_name(IMAGE_TOPIC) + COMPRESSED_SUFFIX)
        self.publisher = self.advertise(CompressedDepth, topic, RELIABLE)
        self.model_publisher = self.advertise(
            ModelInfo, topic_from(self, MODEL_TOPIC, topic + MODEL_SUFFIX),
            LATCHED)

    def subscribe_all(self) -> None:
        """See `CodecNode`."""
        # An image of 800 kB is many datagrams, and best effort loses it with any one of them.
        self.inputs.add(
            Image, IMAGE_TOPIC, self.receive, RELIABLE, as_offered=True,
            on_lost=self.count_lost)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to work and tell decoders the model."""
        self.rate_controller = None
        result = super().on_activate(state)
        if result == TransitionCallbackReturn.SUCCESS:
            self.tell_model()
        return result

    def tell_model(self) -> None:
        """Publish what a decoder can prepare before the first frame comes."""
        assert self.codec is not None
        self.model_publisher.publish(ModelInfo(model_id=self.codec.model_id))

    def receive(self, message: Image) -> None:
        """Hand an image to the worker if somebody listens and it is not one too many."""
        self.statistics.receive()
        self.hardware_id = message.header.frame_id
        if not self.is_wanted(self.publisher):
            return
        if self.rate_limit.rate != self.value('max_rate'):
            self.rate_limit = FrameRateLimit(self.value('max_rate'))
        now = time.monotonic()
        if self.rate_limit.takes(now):
            self.arrivals.tick(now)
            self.hand_over(message)
        else:
            self.statistics.drop(MAX_RATE)

    def process(self, message: Image, shelf: CodecShelf, turn: Turn) -> Frame | None:
        """Encode an image and publish it."""
        start = time.perf_counter()
        depth = image_to_depth(message)
        if self.value('target_bitrate') > 0:
            with turn:
                sent = self.send_at_rate(depth, message, shelf.main)
        else:
            sent = self.send(depth, message, shelf.main, turn)
        self.frame_size = message.height, message.width
        self.prepared_sizes.add(self.frame_size)
        if sent is None:
            return None
        encoded, bytes_sent = sent
        self.last_quality = encoded.quality
        frame = self.figures_of_frame(
            encoded, depth, bytes_sent, start, turn, message.header.stamp)
        self.sample_error(depth, encoded, shelf.main)
        return frame

    def send(
            self, depth: NDArray[Any], message: Image, codec: DepthCodec,
            turn: Turn) -> tuple[EncodedDepth, int]:
        """Encode an image as the parameters ask, publish it and return its bytes too."""
        mode = self.value('mode')
        encoded = codec.encode(depth, mode=mode, **self.promise(mode))
        with turn:
            data = self.serialized(encoded, message)
            self.publish(data)
        return encoded, len(data)

    def serialized(self, encoded: EncodedDepth, image: Image) -> bytes:
        """Return the message of an encoded image, as the next of the stream."""
        message = encoded_to_message(
            encoded.numbered(self.sequence), image.encoding, image.header)
        return bytes(serialize_message(message))

    def publish(self, data: bytes) -> None:
        """Publish the next message of the stream."""
        self.publisher.publish(data)
        self.sequence = (self.sequence + 1) % 2**32

    def promise(self, mode: str) -> dict[str, float]:
        """Return what the codec is told beside the mode."""
        millimetres, reach = self.value('max_error_mm'), self.value('max_error_mm_at')
        if mode == 'lossy':
            return {'quality': self.value('quality')}
        if mode == 'lossless':
            return {}
        if millimetres > 0:
            return {'max_error_mm': millimetres, **({'at': reach} if reach > 0 else {})}
        return {'max_error': self.value('max_error')}

    def is_overtaken_while_compiling(self, depth: NDArray[Any], codec: DepthCodec) -> bool:
        """
        Compile the networks for a size of image before its stream begins.

        Return whether a newer image waits: time spent on an older one would lack in the stream.
        """
        if depth.shape in self.prepared_sizes:
            return False
        assert self.worker is not None
        codec.decode(codec.encode(depth))
        return self.worker.waiting > 0

    def send_at_rate(
            self, depth: NDArray[Any], message: Image,
            codec: DepthCodec) -> tuple[EncodedDepth, int] | None:
        """Encode an image at the quality that keeps to the bit rate, or skip and count it."""
        if self.is_overtaken_while_compiling(depth, codec):
            self.count_replaced()
            return None
        controller = self.controller()
        quality: int | None = controller.choose(time.monotonic(), self.arrivals.seconds)
        for _ in range(MAX_ATTEMPTS):
            if quality is None:
                break
            encoded = codec.encode(depth, quality=quality)
            data = self.serialized(encoded, message)
            now = time.monotonic()
            delay = controller.delay(now, len(data))
            if delay is not None:
                time.sleep(delay)
                self.publish(data)
                controller.sent(now + delay, quality, len(data))
                return encoded, len(data)
            quality = controller.retry(quality, len(data), now)
        self.drop(BITRATE, 'it would have exceeded target_bitrate even at a low quality; raise '
                           'target_bitrate, or lower the frame rate or the resolution')
        return None

    def controller(self) -> RateController:
        """Return the controller of the bit rate that is asked for."""
        rate = self.value('target_bitrate') * 1e6
        if self.rate_controller is None or self.rate_controller.bits_per_second != rate:
            self.rate_controller = RateController(rate)
        return self.rate_controller

    def sample_error(
            self, depth: NDArray[Any], encoded: EncodedDepth, codec: DepthCodec) -> None:
        """Decode one frame in a while as a receiver would, and note its error."""
        period = self.value('error_sample_period')
        if period == 0:
            self.sample = None
            return
        self.frames_to_sample = min(self.frames_to_sample, period) - 1
        if self.frames_to_sample > 0:
            return
        self.frames_to_sample = period
        self.sample = compare(depth, codec.decode(encoded), encoded)
        self.sampled_bound = {Mode.LOSSLESS: 0.0, Mode.BOUNDED: encoded.max_error}.get(
            encoded.mode, float('inf'))

    def problems(self) -> list[Problem]:
        """See `CodecNode`."""
        return [*super().problems(), *problems_of_sample(self.sample, self.sampled_bound)]

    def is_idle(self) -> bool:
        """See `CodecNode`."""
        return not self.is_wanted(self.publisher)

    def figures(self) -> dict[str, Any]:
        """See `CodecNode`."""
        return {**super().figures(), **figures_of_sample(self.sample),
                'quality of the last frame': self.last_quality,
                'listeners': self.publisher.get_subscription_count()}


def main(arguments: list[str] | None = None) -> None:
    """Run the encoder node."""
    run(DepthEncoder, arguments)


if __name__ == '__main__':
    main()
