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

from collections.abc import Callable
from copy import deepcopy
import os
import re
import shutil
import signal

from depth_nn_transport.codec.model_files import MODELS
from depth_nn_transport.nodes.depth_decoder import DepthDecoder, fits
from depth_nn_transport.nodes.depth_encoder import DepthEncoder
from depth_nn_transport.nodes.image_conversion import depth_to_image, image_to_depth
from depth_nn_transport.nodes.quality_of_service import BEST_EFFORT, LATCHED, RELIABLE
from depth_nn_transport.nodes.remembered_size import remembered_size

from depth_nn_transport_msgs.msg import CompressedDepth, ModelInfo

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

import numpy as np

import pytest

from rcl_interfaces.srv import SetParameters

from rclpy.lifecycle import LifecycleNodeMixin, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy

from sensor_msgs.msg import CameraInfo, Image

from std_msgs.msg import Header

pytestmark = pytest.mark.dds

IMAGE = 'camera/depth/image_rect_raw'
INFO = 'camera/depth/camera_info'
COMPRESSED = 'camera/depth/image_rect_raw/depth_nn'
RESTORED = 'camera/depth/decoded/image_rect_raw'
RESTORED_INFO = 'camera/depth/decoded/camera_info'

# Every value is on the grid of a camera with K = 640000; of the 48 rows the first third are holes.
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
    for node in ('/depth_encoder', '/depth_decoder'):
        assert remembered_size(node) == (48, 64)


def test_images_pass_whatever_clock_their_stamps_are_of(chain):
    image = slope(number=-5)
    assert chain.pass_through(image).header == image.header
    for process in (chain.encoder, chain.decoder):
        assert 'unexpected' not in process.stop().summary['dropped']


def test_calibration_comes_with_the_header_of_the_image(chain):
    image = slope(number=7)

    def came() -> bool:
        chain.infos.publish(CameraInfo(height=48, width=64, k=np.arange(9.0)))
        chain.pass_through(image)
        return len(chain.restored_infos) > 0

    chain.partner.wait_for(came)
    assert chain.restored_infos[-1].header == image.header
    assert list(chain.restored_infos[-1].k) == list(range(9))


def test_a_camera_takes_no_calibration_of_another(chain):
    def came() -> bool:
        chain.infos.publish(CameraInfo(header=slope(number=1).header, height=48, width=64))
        chain.pass_through(slope(number=1))
        return len(chain.restored_infos) > 0

    chain.partner.wait_for(came)
    chain.pass_through(slope(number=2))
    assert {info.header.frame_id for info in chain.restored_infos} == {'optical_frame_1'}


@pytest.mark.parametrize('size, fitting', [
    ((848, 480), True), ((424, 240), True), ((212, 120), False), ((640, 480), False)])
def test_a_calibration_fits_images_that_are_binned_as_it_says(size, fitting):
    info = CameraInfo(width=848, height=480, binning_x=2, binning_y=2)
    assert fits(info, CompressedDepth(width=size[0], height=size[1])) == fitting


def test_a_calibration_fits_images_of_its_window():
    info = CameraInfo(width=848, height=480)
    info.roi.width, info.roi.height = 100, 50
    assert fits(info, CompressedDepth(width=100, height=50))


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

    def passes() -> bool:
        sender.publish(good)
        return partner.spin(lambda: len(restored) > 0, 1)

    partner.wait_for(passes)
    flipped, truncated, other, huge = (deepcopy(good) for _ in range(4))
    flipped.latents[len(flipped.latents) // 2] ^= 16
    truncated.latents = truncated.latents[:-1]
    other.model_id = 'main-00000000'
    huge.width = huge.height = 4000
    for message in (flipped, truncated, other, huge, CompressedDepth()):
        sender.publish(message)
        partner.wait_for_silence()
    before = len(restored)
    sender.publish(good)
    partner.wait_for(lambda: len(restored) > before)
    report = decoder.stop()
    assert report.exit_code == 0
    dropped = report.summary['dropped']
    # The first frames of a size take their time; what came meanwhile was overtaken.
    assert sum(dropped.values()) - dropped.get('replaced', 0) == 5
    assert report.summary['dropped']['CorruptStreamError'] >= 2
    assert report.summary['dropped']['TooLargeError'] == 1


@pytest.mark.parametrize('lazy', [True, False])
def test_only_a_node_that_is_not_lazy_works_for_nobody(partner, start_node, lazy):
    encoder = start_node('depth_encoder', lazy=str(lazy).lower())
    images = partner.speak(Image, IMAGE)
    partner.wait_for(lambda: images.get_subscription_count() > 0)
    # The first frame of a size takes a while.
    for _ in range(5 if lazy else 40):
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


def test_a_second_signal_does_not_cut_the_end_short(partner, start_node):
    node = start_node('depth_encoder', lazy=False)
    images = partner.speak(Image, IMAGE)

    def publish() -> bool:
        images.publish(slope())
        return False

    partner.wait_for(lambda: 'ready with model' in node.output)
    partner.spin(publish, 1)
    os.kill(node.pid, signal.SIGINT)
    partner.spin(lambda: False, 0.05)
    report = node.stop()
    assert report.exit_code == 0, report.output
    assert 'Traceback' not in report.output
    assert 'frames' in report.summary


def test_arguments_that_ros_refuses_end_a_node_with_the_reason(partner, start_node):
    node = start_node('depth_decoder', '--params-file', '/no/such.yaml')
    partner.wait_for(lambda: not node.is_running())
    report = node.stop()
    assert report.exit_code == 1
    assert 'Traceback' not in report.output
    assert '/no/such.yaml' in report.output


@pytest.mark.parametrize('parameters', [
    {'mode': 'best'}, {'quality': 101.0}, {'quality': 'good'}, {'threads': 0},
    {'model': 'no_such_model'}])
def test_wrong_parameters_end_a_node_with_one_line(start_node, partner, parameters):
    node = start_node('depth_encoder', **parameters)
    partner.wait_for(lambda: not node.is_running())
    report = node.stop()
    assert report.exit_code == 1
    assert 'Traceback' not in report.output
    ((name, value),) = parameters.items()
    assert name in report.output and str(value) in report.output


def diagnosed(partner, key: str, node: str = '') -> str:
    """Return what the next diagnostics say of a key, of any node if none is named."""
    arrays = partner.listen(DiagnosticArray, '/diagnostics')

    def found() -> list[str]:
        return [pair.value for array in arrays for status in array.status
                for pair in status.values if pair.key == key and node in status.name]

    partner.wait_for(lambda: bool(found()))
    return found()[-1]


def call(partner, kind: type, service: str, request):
    """Return the answer of a service."""
    client = partner.create_client(kind, service)
    partner.wait_for(client.service_is_ready)
    future = client.call_async(request)
    partner.wait_for(future.done)
    return future.result()


def set_parameter(partner, node: str, name: str, value):
    """Set a parameter of a node and return the outcome."""
    parameter = Parameter(name, value=value).to_parameter_msg()
    answer = call(partner, SetParameters, f'{node}/set_parameters',
                  SetParameters.Request(parameters=[parameter]))
    return answer.results[0]


def change_state(partner, node: str, transition: int) -> bool:
    """Return whether a node took a transition."""
    request = ChangeState.Request(transition=Transition(id=transition))
    return call(partner, ChangeState, f'{node}/change_state', request).success


def test_parameters_change_at_run_time_or_are_refused_with_the_reason(chain):
    chain.pass_through(slope())
    partner = chain.partner
    assert set_parameter(partner, 'depth_encoder', 'quality', 20).successful
    assert set_parameter(partner, 'depth_encoder', 'threads', 2).successful
    refused = set_parameter(partner, 'depth_encoder', 'mode', 'best')
    assert not refused.successful and "'best'" in refused.reason and 'lossy' in refused.reason
    refused = set_parameter(partner, 'depth_encoder', 'model', 'none_such')
    assert not refused.successful and 'none_such' in refused.reason
    refused = set_parameter(partner, 'depth_encoder', 'runtime', 'abacus')
    assert not refused.successful and 'openvino' in refused.reason
    assert not set_parameter(partner, 'depth_encoder', 'quality', 101.0).successful
    chain.pass_through(slope())
    assert diagnosed(partner, 'quality of the last frame') == '20.0'


def test_a_setting_that_stays_as_it_is_loads_nothing(partner, start_node):
    node = start_node('depth_encoder')
    partner.wait_for(lambda: 'ready with model' in node.output)
    for name, value in (('model', 'main'), ('runtime', 'auto'), ('threads', 1)):
        assert set_parameter(partner, 'depth_encoder', name, value).successful
    assert 'goes on with' not in node.stop().output


def test_what_auto_stands_for_is_told(partner, start_node):
    partner.listen(Image, RESTORED)
    for name in ('depth_encoder', 'depth_decoder'):
        node = start_node(name)
        partner.wait_for(lambda node=node: 'ready with model' in node.output)
        told = diagnosed(partner, 'runtime', name)
        assert re.fullmatch(r'openvino \(CPU, bfloat16\)|numba \(CPU, int16\)', told)
        model = diagnosed(partner, 'model', name)
        assert re.fullmatch(r'main-[0-9a-f]+', model)
        assert f'ready with model {model} on {told}' in node.output


def test_the_runtime_changes_at_run_time_and_is_told(chain):
    expected = chain.pass_through(slope())
    for node in ('depth_encoder', 'depth_decoder'):
        assert set_parameter(chain.partner, node, 'runtime', 'torch').successful
    assert diagnosed(chain.partner, 'runtime').startswith('torch (')
    restored = chain.pass_through(slope())
    assert mean_error_mm(restored, expected) < 1
    assert re.search(r'on (openvino|numba) \(', chain.encoder.output)
    assert re.search(r'goes on with model main-\w+ on torch \(', chain.encoder.output)


def test_promises_change_at_run_time_and_are_kept(chain):
    image = slope()
    compressed = chain.partner.listen(CompressedDepth, COMPRESSED)
    original = image_to_depth(image).astype(float)[16:]
    for changes, limit_mm in (
            ({'mode': 'bounded', 'max_error': 2.0}, 2 * 1600**2 / 640000 + 1),
            ({'max_error_mm': 6, 'max_error_mm_at': 1.5}, 7),
            ({'mode': 'lossless'}, 0)):
        for name, value in changes.items():
            assert set_parameter(chain.partner, 'depth_encoder', name, value).successful
        # The frames that were under way have passed by then.
        chain.pass_through(image)
        restored = image_to_depth(chain.pass_through(image)).astype(float)[16:]
        assert np.abs(restored - original).max() <= limit_mm
    assert compressed[-1].mode == CompressedDepth.MODE_LOSSLESS
    refused = set_parameter(chain.partner, 'depth_encoder', 'target_bitrate', 2.0)
    assert not refused.successful and "'lossless'" in refused.reason


def test_max_rate_changes_at_run_time(chain):
    chain.pass_through(slope())
    assert set_parameter(chain.partner, 'depth_encoder', 'max_rate', 0.001).successful
    for _ in range(5):
        chain.images.publish(slope())
        chain.partner.wait_for_silence()
    # The first one is not too many.
    assert chain.encoder.stop().summary['dropped']['max_rate'] >= 3


def test_frames_that_are_worked_on_at_once_keep_their_order(chain):
    def image(number):
        small = slope(number=number)
        small.header.frame_id = 'optical_frame'
        # Every second one takes longer than the small image right after it.
        large = np.tile(image_to_depth(small), (5, 5))
        return small if number % 2 else depth_to_image(large, '16UC1', small.header)

    # Networks of both sizes are compiled for the first images of them.
    for number in (1, 0):
        chain.pass_through(image(number))
    for node in ('depth_encoder', 'depth_decoder'):
        assert set_parameter(chain.partner, node, 'threads', 2).successful
    compressed = chain.partner.listen(CompressedDepth, COMPRESSED)
    chain.restored.clear()
    numbers = range(2, 42)
    for number in numbers:
        chain.images.publish(image(number))
        chain.partner.spin(lambda: False, 0.1 if number % 2 else 0.01)
    chain.partner.wait_for(lambda: any(i.header.stamp.sec == numbers[-1] for i in chain.restored))
    chain.partner.wait_for_silence()
    stamps = [message.header.stamp.sec for message in compressed]
    assert len(stamps) > 4
    assert stamps == sorted(set(stamps))
    # Frames of another size are another stream to the decoder.
    for parity in range(2):
        stamps = [image.header.stamp.sec for image in chain.restored
                  if image.header.stamp.sec % 2 == parity]
        assert stamps == sorted(set(stamps))
    assert [message.sequence for message in compressed] == [
        *range(compressed[0].sequence, compressed[0].sequence + len(compressed))]
    dropped = chain.encoder.stop().summary['dropped']
    assert set(dropped) <= {'replaced'}


def test_target_bitrate_lowers_the_quality(chain):
    # Before that, the encoder may not be listened to.
    chain.pass_through(slope())
    assert set_parameter(chain.partner, 'depth_encoder', 'target_bitrate', 0.001).successful
    for _ in range(20):
        chain.images.publish(slope())
        chain.partner.spin(lambda: False, 0.1)
    report = chain.encoder.stop()
    assert report.summary['dropped']['bitrate'] > 0


def test_decoded_encoding_is_chosen_by_parameter(chain):
    assert set_parameter(chain.partner, 'depth_decoder', 'encoding', '32FC1').successful
    restored = chain.pass_through(slope())
    assert restored.encoding == '32FC1'
    depth = image_to_depth(restored)
    assert np.isnan(depth[:16]).all()
    assert np.abs(depth[16:] * 1000 - SLOPE_MM).mean() < 20


def test_frames_that_are_too_old_are_dropped(chain):
    chain.pass_through(slope())
    assert set_parameter(chain.partner, 'depth_decoder', 'max_age', 1.0).successful
    chain.images.publish(slope(number=1))
    chain.partner.wait_for_silence()
    chain.images.publish(slope(number=1))
    chain.partner.wait_for_silence()
    assert chain.decoder.stop().summary['dropped']['StaleFrameError'] >= 1


def test_size_and_camera_may_change_in_the_stream(chain):
    chain.pass_through(slope())
    larger = depth_to_image(np.tile(np.repeat(SLOPE_MM, 2), (64, 1)), '16UC1',
                            Header(frame_id='another'))
    restored = chain.pass_through(larger)
    assert (restored.height, restored.width) == (64, 128)
    assert restored.header.frame_id == 'another'
    assert chain.pass_through(slope()).height == 48


SECOND_ENCODER = ('-r', '__node:=second_encoder', '-r', f'{IMAGE}:=second/{IMAGE}',
                  '-r', f'/second/{COMPRESSED}:=/{COMPRESSED}')


class SharedTopic:
    """
    A decoder, and encoders of two cameras that send on one topic.

    The cameras differ in size and in nothing else; `compressed` and `restored` are (width, stamp)
    of the frames seen.
    """

    def __init__(self, partner, start_node):
        self.partner = partner
        self.start_node = start_node
        self.decoder = start_node('depth_decoder')
        self.cameras = [partner.speak(Image, topic) for topic in (IMAGE, f'second/{IMAGE}')]
        self.seen = {topic: partner.listen(kind, topic)
                     for kind, topic in ((CompressedDepth, COMPRESSED), (Image, RESTORED))}
        self.number = 0
        start_node('depth_encoder')

    def start_second(self, **parameters):
        """Return a second encoder."""
        return self.start_node('depth_encoder', *SECOND_ENCODER, **parameters)

    def send_until(self, found: Callable[[], bool]) -> None:
        """Send images, a few a second, until the nodes have found each other."""
        def sent_and_found() -> bool:
            self.send()
            return self.partner.spin(found, 0.5)

        self.partner.wait_for(sent_and_found)

    def send(self) -> None:
        """Send an image of each camera."""
        self.number += 1
        header = Header(frame_id='optical_frame')
        header.stamp.sec = self.number
        for camera, width in zip(self.cameras, (64, 128), strict=True):
            depth = np.tile(np.repeat(SLOPE_MM, width // 64), (48, 1))
            camera.publish(depth_to_image(depth, '16UC1', header))

    def pass_on(self, expected: dict[str, set[int]]) -> None:
        """Send an image of each camera; wait for the widths that are expected on each topic."""
        self.send()
        self.partner.wait_for(lambda: all(
            self.widths(topic) == widths for topic, widths in expected.items()))

    def widths(self, topic: str) -> set[int]:
        """Return the widths of the newest frames on a topic."""
        return {message.width for message in self.seen[topic]
                if message.header.stamp.sec == self.number}


def test_encoders_of_two_sizes_modes_and_models_share_a_topic(partner, start_node, tmp_path):
    topic = SharedTopic(partner, start_node)
    second = topic.start_second(mode='bounded', max_error=2.0)
    topic.send_until(lambda: topic.widths(RESTORED) == {64, 128})
    for _ in range(10):
        topic.pass_on({COMPRESSED: {64, 128}, RESTORED: {64, 128}})
    assert {message.mode for message in topic.seen[COMPRESSED]} == {
        CompressedDepth.MODE_LOSSY, CompressedDepth.MODE_BOUNDED}
    second.stop()
    partner.wait_for(lambda: partner.count_publishers(COMPRESSED) == 1)
    shutil.copytree(MODELS / 'main', tmp_path / 'other')
    topic.start_second(model=tmp_path / 'other')
    topic.send_until(lambda: topic.widths(COMPRESSED) == {64, 128}
                     and 'dropped a frame (ModelMismatchError' in topic.decoder.output)
    for _ in range(10):
        topic.pass_on({COMPRESSED: {64, 128}, RESTORED: {64}})
    # Nobody tells when the last frame is refused.
    partner.wait_for_silence()
    report = topic.decoder.stop()
    assert report.exit_code == 0
    dropped = report.summary['dropped']['ModelMismatchError']
    assert dropped >= 10
    assert 1 <= report.output.count('dropped a frame (ModelMismatchError') < dropped
    assert 'other-' in report.output and 'not installed here' in report.output


def test_a_managed_node_waits_for_its_manager(partner, start_node):
    encoder = start_node('depth_encoder', autostart='false')
    images = partner.speak(Image, IMAGE)
    compressed = partner.listen(CompressedDepth, COMPRESSED)
    assert change_state(partner, 'depth_encoder', Transition.TRANSITION_CONFIGURE)
    assert images.get_subscription_count() == 0
    assert change_state(partner, 'depth_encoder', Transition.TRANSITION_ACTIVATE)

    def came() -> bool:
        images.publish(slope())
        return partner.spin(lambda: len(compressed) > 0, 1)

    partner.wait_for(came)
    assert not change_state(partner, 'depth_encoder', Transition.TRANSITION_CONFIGURE)
    assert change_state(partner, 'depth_encoder', Transition.TRANSITION_DEACTIVATE)
    assert change_state(partner, 'depth_encoder', Transition.TRANSITION_CLEANUP)
    assert change_state(partner, 'depth_encoder', Transition.TRANSITION_CONFIGURE)
    assert encoder.stop().exit_code == 0


def test_a_transition_that_fits_no_state_is_refused_though_rclpy_raises(partner, monkeypatch):
    # As rclpy does before Kilted.
    def change_state_or_raise(node, transition: int):
        node._state_machine.trigger_transition_by_id(transition, True)

    monkeypatch.setattr(
        LifecycleNodeMixin, '_LifecycleNodeMixin__change_state', change_state_or_raise)
    node = DepthDecoder()
    partner.own_executor.add_node(node)
    assert not change_state(partner, 'depth_decoder', Transition.TRANSITION_ACTIVATE)
    node.close()


def test_an_encoder_that_cannot_subscribe_says_nothing(partner, monkeypatch):
    def subscribe_all(node):
        raise ValueError('no such policy')

    told = []
    partner.create_subscription(ModelInfo, f'{COMPRESSED}/model', told.append, LATCHED)
    monkeypatch.setattr(DepthEncoder, 'subscribe_all', subscribe_all)
    node = DepthEncoder()
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.trigger_activate() == TransitionCallbackReturn.FAILURE
    assert not node.publisher.is_activated
    partner.wait_for(lambda: partner.count_publishers(f'{COMPRESSED}/model') > 0)
    partner.wait_for_silence()
    assert not told
    node.close()


def test_the_model_is_told_to_late_comers(partner, start_node):
    node = start_node('depth_encoder')
    partner.wait_for(lambda: 'ready with model' in node.output)
    told = []
    partner.create_subscription(ModelInfo, f'{COMPRESSED}/model', told.append, LATCHED)
    partner.wait_for(lambda: len(told) > 0)
    assert told[0].model_id in node.output


@pytest.mark.parametrize('reliability', ['reliable', 'best_effort'])
def test_both_kinds_of_delivery_work_end_to_end(partner, start_node, reliability):
    overrides = {f'qos_overrides./{topic}.{end}.reliability': reliability
                 for topic in (IMAGE, COMPRESSED, RESTORED)
                 for end in ('publisher', 'subscription')}
    start_node('depth_encoder', **overrides)
    start_node('depth_decoder', **overrides)
    qos = QoSProfile(depth=10, reliability=ReliabilityPolicy[reliability.upper()])
    images = partner.create_publisher(Image, IMAGE, qos)
    restored = []
    partner.create_subscription(Image, RESTORED, restored.append, qos)

    def came() -> bool:
        images.publish(slope())
        return partner.spin(lambda: len(restored) > 0, 1)

    partner.wait_for(came)


def test_nodes_that_do_not_fit_both_tell_so_in_plain_words_and_once(partner, start_node):
    override = f'qos_overrides./{COMPRESSED}'
    encoder = start_node('depth_encoder', **{f'{override}.publisher.reliability': 'best_effort'})
    decoder = start_node('depth_decoder')
    for _ in range(2):
        # The decoder subscribes anew for each listener.
        listener = partner.create_subscription(Image, RESTORED, lambda image: None, 1)
        partner.wait_for(lambda: partner.count_subscribers(COMPRESSED) > 0)
        partner.wait_for(lambda: 'no messages' in encoder.output)
        partner.wait_for(lambda: 'no messages' in decoder.output)
        partner.wait_for_silence()
        partner.destroy_subscription(listener)
        partner.wait_for(lambda: partner.count_subscribers(COMPRESSED) == 0)
    assert encoder.output.count(
        f'no messages reach another node on /{COMPRESSED}: it asks for reliable delivery') == 1
    assert f'set {override}.publisher.reliability to reliable' in encoder.output
    assert decoder.output.count(
        f'no messages come from another node on /{COMPRESSED}: it sends best effort') == 1
    assert f'set {override}.subscription.reliability to best_effort' in decoder.output


def test_an_override_that_cannot_be_ends_a_node_at_once(partner, start_node):
    node = start_node('depth_decoder', **{
        f'qos_overrides./{COMPRESSED}.subscription.reliability': 'best-effort'})
    partner.wait_for(lambda: not node.is_running())
    report = node.stop()
    assert report.exit_code == 1
    assert 'Traceback' not in report.output


def test_an_override_is_kept_though_the_camera_offers_less(partner, start_node):
    override = f'qos_overrides./{IMAGE}.subscription.reliability'
    node = start_node('depth_encoder', **{override: 'reliable'})
    partner.create_publisher(Image, IMAGE, BEST_EFFORT)
    partner.wait_for(lambda: f'set {override} to best_effort' in node.output)
    assert listens_to_camera(partner, ReliabilityPolicy.RELIABLE)


@pytest.mark.parametrize('name', ['depth_encoder', 'depth_decoder'])
def test_overrides_for_no_topic_of_a_node_are_told(partner, start_node, name):
    strange = start_node(name, **{
        'lazy': False,
        'qos_overrides./elsewhere/depth_nn.subscription.reliability': 'best_effort'})
    told = 'qos_overrides of /elsewhere/depth_nn have no effect'
    partner.wait_for(lambda: told in strange.output)
    assert f'/{COMPRESSED}' in strange.output


def test_overrides_of_what_cannot_be_overridden_are_told(partner, start_node):
    node = start_node('depth_encoder', **{
        f'qos_overrides./{COMPRESSED}.publisher.durability': 'transient_local'})
    partner.wait_for(lambda: 'have no effect on durability' in node.output)


@pytest.mark.parametrize('name, rules, published, subscribed', [
    ('depth_encoder', {IMAGE: '/cam/img', COMPRESSED: '/wifi/depth'},
     ['/wifi/depth', '/wifi/depth/model'], ['/cam/img']),
    ('depth_decoder', {IMAGE: '/cam/img', INFO: '/cam/info', RESTORED: '/out/image',
                       RESTORED_INFO: '/out/info'},
     ['/out/image', '/out/info'], ['/cam/img/depth_nn', '/cam/info']),
    ('depth_decoder', {COMPRESSED: '/wifi/depth'}, [f'/{RESTORED_INFO}'],
     ['/wifi/depth', f'/{INFO}']),
    ('depth_decoder', {COMPRESSED: '/rear/image/depth_nn'}, [],
     ['/rear/image/depth_nn', '/rear/camera_info']),
])
def test_every_documented_topic_can_be_remapped(
        partner, start_node, name, rules, published, subscribed):
    words = [word for source, target in rules.items() for word in ('-r', f'{source}:={target}')]
    start_node(name, *words, lazy=False)
    partner.wait_for(lambda: all(
        [partner.count_publishers(topic) == 1 for topic in published]
        + [partner.count_subscribers(topic) == 1 for topic in subscribed]))


def test_images_without_a_calibration_are_told(chain):
    def told() -> bool:
        chain.images.publish(slope())
        chain.partner.spin(lambda: False, 0.05)
        return 'are published without a camera_info' in chain.decoder.output

    chain.partner.wait_for(told)
    assert int(diagnosed(chain.partner, 'frames in a row without camera_info')) >= 30


def test_both_ends_follow_the_source_image(partner, start_node):
    for name in ('depth_encoder', 'depth_decoder'):
        start_node(name, '-r', f'{IMAGE}:=/front/aligned/image_raw')
    images = partner.speak(Image, '/front/aligned/image_raw')
    restored = partner.listen(Image, RESTORED)

    def came() -> bool:
        images.publish(slope())
        return partner.spin(lambda: len(restored) > 0, 1)

    partner.wait_for(came)
    assert partner.count_publishers('/front/aligned/image_raw/depth_nn') == 1


def test_an_encoder_listens_as_its_camera_offers(partner, start_node):
    node = start_node('depth_encoder')
    partner.listen(CompressedDepth, COMPRESSED)
    reliable = partner.create_publisher(Image, IMAGE, RELIABLE)
    partner.wait_for(lambda: listens_to_camera(partner, ReliabilityPolicy.RELIABLE))
    partner.destroy_publisher(reliable)

    images = partner.create_publisher(Image, IMAGE, BEST_EFFORT)
    compressed = partner.listen(CompressedDepth, COMPRESSED)
    partner.wait_for(lambda: listens_to_camera(partner, ReliabilityPolicy.BEST_EFFORT))

    def came() -> bool:
        images.publish(slope())
        return partner.spin(lambda: len(compressed) > 0, 1)

    partner.wait_for(came)
    assert node.output.count(f'listening by best effort on /{IMAGE}') == 1
    assert 'no messages' not in node.output

    partner.destroy_publisher(images)
    partner.create_publisher(Image, IMAGE, RELIABLE)
    partner.wait_for(lambda: listens_to_camera(partner, ReliabilityPolicy.RELIABLE))


def listens_to_camera(partner, reliability: ReliabilityPolicy) -> bool:
    """Return whether there is one subscription, and of this kind."""
    partner.spin(lambda: False, 0.1)
    listeners = partner.get_subscriptions_info_by_topic(IMAGE)
    return [one.qos_profile.reliability for one in listeners] == [reliability]


def test_a_decoder_without_listeners_is_idle_and_fine(partner, start_node):
    start_node('depth_decoder')
    arrays = partner.listen(DiagnosticArray, '/diagnostics')

    def idle() -> list[DiagnosticStatus]:
        return [status for array in arrays for status in array.status
                if 'nobody listens' in status.message]

    partner.wait_for(lambda: bool(idle()))
    assert idle()[0].level == DiagnosticStatus.OK


def test_diagnostics_report_figures_and_the_error_of_a_sample(chain):
    chain.pass_through(slope())
    assert float(diagnosed(chain.partner, 'error, mean quanta')) < 5
    assert diagnosed(chain.partner, 'model').startswith('main-')
