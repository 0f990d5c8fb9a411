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
"""Encoder and decoder as processes, spoken to over DDS."""

from __future__ import annotations

from copy import deepcopy
import signal

from depth_nn_transport.nodes.image_conversion import depth_to_image, image_to_depth

from depth_nn_transport_msgs.msg import CompressedDepth

import numpy as np

import pytest

from sensor_msgs.msg import CameraInfo, Image

from std_msgs.msg import Header

pytestmark = pytest.mark.dds

IMAGE = 'camera/depth/image_rect_raw'
INFO = 'camera/depth/camera_info'
COMPRESSED = 'camera/depth/image_rect_raw/depth_nn'
RESTORED = 'camera/depth/decoded/image_rect_raw'
RESTORED_INFO = 'camera/depth/decoded/camera_info'

# Every value is on the grid of a camera with K = 640000 and one of 48 rows in three is a hole.
SLOPE_MM = np.rint(640000 / np.arange(400, 464))


def slope(encoding: str = '16UC1', number: int = 0) -> Image:
    """Return an image of 64x48 pixels whose header carries a number."""
    depth = np.tile(SLOPE_MM, (48, 1))
    depth[:16] = 0
    if encoding == '32FC1':
        depth = np.where(depth > 0, depth / 1000, np.nan)
    header = Header(frame_id=f'optical_frame_{number}')
    header.stamp.sec, header.stamp.nanosec = number, 123456789
    return depth_to_image(depth, encoding, header)


def mean_error_mm(restored: Image, original: Image) -> float:
    """Return the mean error of the pixels that are not holes."""
    unit = 1000 if original.encoding == '32FC1' else 1
    difference = image_to_depth(restored).astype(float) - image_to_depth(original)
    return float(np.abs(difference[16:]).mean()) * unit


class Chain:
    """Encoder, decoder and a partner at both ends."""

    def __init__(self, partner, start_node):
        self.partner = partner
        self.encoder = start_node('depth_encoder', quality=90.0)
        self.decoder = start_node('depth_decoder')
        self.images = partner.speak(Image, IMAGE)
        self.infos = partner.speak(CameraInfo, INFO)
        self.restored = partner.listen(Image, RESTORED)
        self.restored_infos = partner.listen(CameraInfo, RESTORED_INFO)
        partner.wait_for(self.is_connected)

    def is_connected(self) -> bool:
        """Return whether every topic has both its ends."""
        return all((
            self.images.get_subscription_count(), self.infos.get_subscription_count(),
            self.partner.count_publishers(COMPRESSED), self.partner.count_subscribers(COMPRESSED),
            self.partner.count_publishers(RESTORED), self.partner.count_publishers(RESTORED_INFO)))

    def pass_through(self, image: Image) -> Image:
        """Return what becomes of an image; it is sent again until something comes."""
        before = len(self.restored)

        def came() -> bool:
            self.images.publish(image)
            return self.partner.spin(lambda: len(self.restored) > before, 1)

        self.partner.wait_for(came)
        self.partner.wait_for_silence()
        return self.restored[-1]


@pytest.fixture
def chain(partner, start_node) -> Chain:
    """Return a running encoder and decoder."""
    return Chain(partner, start_node)


def test_images_come_out_as_they_went_in(chain):
    for number, encoding in enumerate(['16UC1', 'mono16', '32FC1']):
        image = slope(encoding, number)
        restored = chain.pass_through(image)
        assert restored.header == image.header
        assert restored.encoding == encoding
        assert (restored.height, restored.width) == (48, 64)
        holes = image_to_depth(restored)[:16]
        assert np.isnan(holes).all() if encoding == '32FC1' else not holes.any()
        assert mean_error_mm(restored, image) < 20


def test_calibration_comes_with_the_header_of_the_image(chain):
    image = slope(number=7)

    def came() -> bool:
        chain.infos.publish(CameraInfo(height=48, width=64, k=np.arange(9.0)))
        chain.pass_through(image)
        return len(chain.restored_infos) > 0

    chain.partner.wait_for(came)
    assert chain.restored_infos[-1].header == image.header
    assert list(chain.restored_infos[-1].k) == list(range(9))


def test_bad_images_are_dropped_and_counted(chain):
    chain.pass_through(slope())
    colour, short, huge, tiny = (slope() for _ in range(4))
    colour.encoding = 'rgb8'
    short.data = short.data[:-1]
    huge.height = 2**32 - 1
    tiny.height = 1
    for bad in (colour, short, huge, tiny):
        chain.images.publish(bad)
        chain.partner.wait_for_silence()
    chain.pass_through(slope())
    report = chain.encoder.stop()
    assert report.exit_code == 0
    dropped = report.summary['dropped']
    assert dropped['InvalidImageError'] == 3
    assert dropped['InvalidDepthError'] == 1
    assert "encoding is 'rgb8'" in report.output


def test_bad_messages_are_dropped_and_counted(partner, start_node):
    encoder = start_node('depth_encoder')
    images = partner.speak(Image, IMAGE)
    compressed = partner.listen(CompressedDepth, COMPRESSED)
    partner.wait_for(lambda: images.get_subscription_count() > 0
                     and partner.count_publishers(COMPRESSED) > 0)

    def came() -> bool:
        images.publish(slope())
        return partner.spin(lambda: len(compressed) > 0, 1)

    partner.wait_for(came)
    encoder.stop()
    good = compressed[0]
    decoder = start_node('depth_decoder')
    sender = partner.speak(CompressedDepth, COMPRESSED)
    restored = partner.listen(Image, RESTORED)
    partner.wait_for(lambda: sender.get_subscription_count() > 0
                     and partner.count_publishers(RESTORED) > 0)
    flipped, truncated, other = (deepcopy(good) for _ in range(3))
    flipped.latents[len(flipped.latents) // 2] ^= 16
    truncated.latents = truncated.latents[:-1]
    other.model_id = 'other-00000000'
    for message in (flipped, truncated, other, CompressedDepth()):
        sender.publish(message)
        partner.wait_for_silence()
    sender.publish(good)
    partner.wait_for(lambda: len(restored) > 0)
    report = decoder.stop()
    assert report.exit_code == 0
    assert len(restored) == report.summary['frames'] == 1
    assert sum(report.summary['dropped'].values()) == 4
    assert report.summary['dropped']['CorruptStreamError'] >= 2


@pytest.mark.parametrize('lazy', [True, False])
def test_only_a_node_that_is_not_lazy_works_for_nobody(partner, start_node, lazy):
    encoder = start_node('depth_encoder', lazy=str(lazy).lower())
    images = partner.speak(Image, IMAGE)
    partner.wait_for(lambda: images.get_subscription_count() > 0)
    for _ in range(5):
        images.publish(slope())
        partner.wait_for_silence()
    assert (encoder.stop().summary['frames'] > 0) != lazy


@pytest.mark.parametrize('name', ['depth_encoder', 'depth_decoder'])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_node_cleanly(partner, start_node, name, number):
    node = start_node(name)
    partner.wait_for(lambda: 'ready with model' in node.output)
    report = node.stop(number)
    assert report.exit_code == 0, report.output
    assert 'Traceback' not in report.output
    assert report.summary['frames'] == 0


@pytest.mark.parametrize('parameters', [
    {'mode': 'best'}, {'quality': 101.0}, {'quality': 'good'}, {'threads': 0},
    {'model': 'no_such_model'}])
def test_wrong_parameters_end_a_node_with_one_line(start_node, partner, parameters):
    node = start_node('depth_encoder', **parameters)
    partner.wait_for(lambda: not node.is_running())
    report = node.stop()
    assert report.exit_code == 1
    assert 'Traceback' not in report.output
    assert str(*parameters.values()) in report.output or 'threads' in report.output
