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
"""The command, from a bag to its compressed form and back."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import resource
import signal
import struct
import subprocess
import sys
import termios
from time import monotonic, sleep

from click.testing import CliRunner

import cv2

from depth_nn_transport.bag.command import bag as bag_command
from depth_nn_transport.bag.depth_messages import depth_of, image_message
from depth_nn_transport.bag.message_types import (
    COMPRESSED_DEPTH,
    deserialize,
    IMAGE,
    known_definition,
)
from depth_nn_transport.bag.reader import BagReader
from depth_nn_transport.bag.writer import BagWriter

import numpy as np

import pytest

from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin

from .conftest import (
    COLOUR,
    contents,
    frame,
    FRAMES,
    header,
    METRES,
    PNG,
    QOS,
    RAW,
    RVL,
    TEXT,
    UNKNOWN,
)

DEPTH = (RAW, METRES, PNG, RVL)
OTHERS = (COLOUR, TEXT, UNKNOWN)
COMPRESSED = {
    RAW: f'{RAW}/depth_nn', METRES: f'{METRES}/depth_nn',
    PNG: '/png/depth/depth_nn', RVL: '/rvl/depth/depth_nn',
}


BAG = (sys.executable, '-m', 'depth_nn_transport', 'bag')


def run(*arguments, status=0):
    result = CliRunner().invoke(bag_command, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


@pytest.fixture(scope='module')
def compressed(bag, tmp_path_factory):
    """Return the bag, compressed."""
    path = tmp_path_factory.mktemp('compressed') / 'small'
    run('compress', bag, path, '--quality', 90, '--threads', 2)
    return path


def test_everything_else_is_passed_through(bag, compressed):
    before = [message for message in contents(bag) if message[0] in OTHERS]
    after = [message for message in contents(compressed) if message[0] in OTHERS]
    assert after == before


def test_order_and_times_are_kept(bag, compressed):
    expected = [(COMPRESSED.get(topic, topic), time) for topic, time, _ in contents(bag)]
    assert [(topic, time) for topic, time, _ in contents(compressed)] == expected


def test_topics_keep_their_qos_and_the_bag_its_notes(bag, compressed):
    with BagReader(bag) as before, BagReader(compressed) as after:
        assert after.storage is before.storage
        assert after.custom_data == before.custom_data == {'operator': 'me'}
        assert [topic.ext.offered_qos_profiles for topic in after.connections] == [[QOS]] * 7
        assert {topic.topic: topic.msgtype for topic in after.connections} == {
            **dict.fromkeys(COMPRESSED.values(), COMPRESSED_DEPTH),
            COLOUR: IMAGE, TEXT: 'std_msgs/msg/String', UNKNOWN: 'robot_msgs/msg/State',
        }


def test_rosbags_opens_it_with_no_type_registered(compressed):
    with AnyReader([compressed]) as reader:
        wanted = [topic for topic in reader.connections if topic.msgtype == COMPRESSED_DEPTH]
        frames = [reader.deserialize(data, topic.msgtype)
                  for topic, _, data in reader.messages(wanted)]
    assert len(frames) == FRAMES * len(DEPTH)
    assert all(message.width == 64 and message.quality == 90 for message in frames)
    assert [frames[0].MODE_LOSSY, frames[0].MODE_LOSSLESS] == [0, 2]


def test_frames_are_numbered_in_their_topics(compressed):
    with BagReader(compressed) as reader:
        topic = next(one for one in reader.connections if one.topic == COMPRESSED[RAW])
        frames = [deserialize(data, COMPRESSED_DEPTH) for _, _, data in reader.messages([topic])]
    assert [message.sequence for message in frames] == list(range(FRAMES))


def test_decompressing_restores_topics_encodings_and_headers(bag, compressed, tmp_path):
    run('decompress', compressed, tmp_path / 'restored', '--threads', 1)
    with BagReader(tmp_path / 'restored') as reader:
        names = {topic.topic for topic in reader.connections}
        assert names == {RAW, METRES, '/png/depth', '/rvl/depth', *OTHERS}
        topic = next(one for one in reader.connections if one.topic == METRES)
        images = [deserialize(data, IMAGE) for _, _, data in reader.messages([topic])]
    for number, image in enumerate(images):
        depth = depth_of(image)
        assert image.encoding == '32FC1' and image.header.frame_id == 'camera_depth_optical_frame'
        np.testing.assert_array_equal(np.isnan(depth), frame(number) == 0)
        assert np.nanmean(np.abs(depth * 1000 - frame(number))) < 20
    run('verify', bag, tmp_path / 'restored', '--threads', 1)


def test_verify_tells_errors_and_sizes_and_draws(bag, compressed, tmp_path):
    picture = tmp_path / 'worst.png'
    result = run('verify', bag, compressed, '--threads', 1, '--json', '--out', picture)
    summary = json.loads(result.stdout)
    assert summary['good'] and summary['different'] == []
    assert {report['original'] for report in summary['depth']} == set(DEPTH)
    for report in summary['depth']:
        assert report['frames'] == FRAMES
        assert report['changed_holes'] == report['missing'] == report['extra'] == 0
        assert 0 < report['mean_mm'] <= report['max_mm']
        assert 0 < report['mean_quanta'] <= report['max_quanta']
        assert report['bytes_after'] < report['bytes_before']
    assert cv2.imread(str(picture)).shape[1] == 1500


def test_verify_finds_what_differs(bag, tmp_path):
    damaged = tmp_path / 'damaged'
    _write_without_last_frame(bag, damaged)
    result = run('verify', bag, damaged, '--threads', 1, '--json', status=1)
    assert {report['missing'] for report in json.loads(result.stdout)['depth']} == {1}
    assert json.loads(result.stdout)['different'] == list(OTHERS)


def test_verify_misses_a_whole_topic(tmp_path):
    before = write_images(tmp_path / 'before', {'/a': [frame(0)], '/b': [frame(0)]})
    after = write_images(tmp_path / 'after', {'/a': [frame(0)]})
    result = run('verify', before, after, '--threads', 1, '--json', status=1)
    assert json.loads(result.stdout)['different'] == ['/b']


def test_verify_takes_what_was_compressed_for_depth(tmp_path):
    before = write_images(tmp_path / 'before', {'/infrared': [frame(0)]}, 'mono16')
    run('compress', before, tmp_path / 'small', '--topics', '/infrared', '--threads', 1)
    for bags in ((before, tmp_path / 'small'), (tmp_path / 'small', before)):
        summary = json.loads(run('verify', *bags, '--threads', 1, '--json').stdout)
        assert [report['frames'] for report in summary['depth']] == [1]


def test_verify_finds_the_frames_that_stayed_as_they_were(tmp_path):
    before = write_images(tmp_path / 'before', {'/a': [frame(0), frame(1)[:8], b'', frame(3)]})
    run('compress', before, tmp_path / 'small', '--threads', 1)
    result = run('verify', before, tmp_path / 'small', '--threads', 1, '--json')
    (report,) = json.loads(result.stdout)['depth']
    assert (report['frames'], report['missing'], report['problems']) == (2, 0, {})


def test_verify_finds_restored_frames_beside_those_that_stayed(tmp_path):
    before = write_images(tmp_path / 'before', {'/a': [frame(0), frame(1)[:8], frame(2)]})
    run('compress', before, tmp_path / 'small', '--mode', 'lossless', '--threads', 1)
    run('decompress', tmp_path / 'small', tmp_path / 'restored', '--threads', 1)
    result = run('verify', before, tmp_path / 'restored', '--threads', 1, '--json')
    summary = json.loads(result.stdout)
    assert summary['good'] and [one['frames'] for one in summary['depth']] == [2]


def test_verify_pairs_frames_of_one_stamp_though_some_stayed(tmp_path):
    images = [image_message(image, '16UC1', header(0)) for image in
              (frame(0), frame(1)[:8], frame(2))]
    before = write_images(tmp_path / 'before', {'/a': images})
    run('compress', before, tmp_path / 'small', '--mode', 'lossless', '--threads', 1)
    result = run('verify', before, tmp_path / 'small', '--threads', 1, '--json')
    (report,) = json.loads(result.stdout)['depth']
    assert (report['frames'], report['missing'], report['problems']) == (2, 0, {})


def test_any_hole_of_a_lossless_float_is_like_another(tmp_path):
    metres = (frame(0) / np.float32(1000)).astype(np.float32)
    metres[0, :4] = np.inf, -np.inf, -1, np.nan
    before = write_images(tmp_path / 'before', {'/a': [metres]}, '32FC1')
    run('compress', before, tmp_path / 'small', '--mode', 'lossless', '--threads', 1)
    run('verify', before, tmp_path / 'small', '--threads', 1)


def test_verify_tells_what_it_found_though_no_picture_can_be_drawn(bag, compressed, tmp_path):
    result = run('verify', bag, compressed, '--threads', 1, '--out', tmp_path / 'no' / 'a.png',
                 status=1)
    assert RAW in result.stdout


def test_verify_says_why_it_draws_nothing(tmp_path):
    before = write_images(tmp_path / 'before', {'/a': [frame(0)]})
    picture = tmp_path / 'worst.png'
    result = run('verify', before, before, '--threads', 1, '--out', picture)
    assert f'{picture} is not written: no frame' in result.stderr and not picture.exists()


def test_verify_prints_json_of_frames_without_depth(tmp_path):
    before = write_images(tmp_path / 'before', {'/a': [np.zeros((16, 16), np.uint16)]})
    result = run('verify', before, before, '--threads', 1, '--json')
    (report,) = json.loads(result.stdout, parse_constant=pytest.fail)['depth']
    assert report['mean_mm'] is report['mean_quanta'] is None


@pytest.mark.parametrize('options, bound', [
    (('--mode', 'bounded', '--max-error', 2), 2), (('--mode', 'lossless'), 0)])
def test_promises_are_kept_and_verified(bag, tmp_path, options, bound):
    run('compress', bag, tmp_path / 'small', '--topics', f'{RAW},{METRES}', *options,
        '--threads', 1)
    run('decompress', tmp_path / 'small', tmp_path / 'restored', '--threads', 1)
    summary = json.loads(
        run('verify', bag, tmp_path / 'small', '--threads', 1, '--json').stdout)
    assert summary['good'] and max(one['max_quanta'] for one in summary['depth']) <= bound
    assert (contents(tmp_path / 'restored') == contents(bag)) == (bound == 0)


def test_export_writes_what_verify_compares(bag, compressed, tmp_path):
    run('export', bag, '--out', tmp_path / 'a', '--topics', f'{RAW},{PNG}', '--threads', 1)
    for folder in ('camera_depth_image_rect_raw', 'png_depth_compressedDepth'):
        images = sorted((tmp_path / 'a' / folder).iterdir())
        assert [path.name[:7] for path in images] == [f'{k:06d}_' for k in range(FRAMES)]
        for number, path in enumerate(images):
            depth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(depth, frame(number))
    run('export', compressed, '--out', tmp_path / 'b', '--topics', COMPRESSED[RVL], '--threads', 1)
    assert len(list((tmp_path / 'b' / 'rvl_depth_depth_nn').iterdir())) == FRAMES


def test_export_does_not_mix_topics(tmp_path):
    bag = write_images(tmp_path / 'bag', {'/a/b': [frame(0)], '/a_b': [frame(1)]})
    result = run('export', bag, '--out', tmp_path / 'out', '--threads', 1, status=1)
    assert '/a/b and /a_b would share the folder' in result.output
    run('export', bag, '--out', tmp_path / 'out', '--topics', ' /a_b, ', '--threads', 1)
    (path,) = (tmp_path / 'out' / 'a_b').iterdir()
    result = run('export', bag, '--out', tmp_path / 'out', '--topics', '/a_b', status=1)
    assert 'holds frames already' in result.output
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), frame(1))


def test_info_tells_how_depth_is_coded(bag, compressed):
    topics = json.loads(run('info', bag, '--json').stdout)['topics']
    before = {topic['name']: topic for topic in topics}
    assert before[RAW]['depth'] == '16UC1' and before[COLOUR]['depth'] == ''
    assert before[PNG]['depth'] == '16UC1; compressedDepth png'
    assert before[RAW]['messages'] == FRAMES
    assert before[RAW]['rate'] == pytest.approx(30, rel=1e-3)
    assert '32FC1, lossy, model main-' in run('info', compressed).stdout


def test_info_tells_of_a_damaged_message(tmp_path):
    data = image_message(frame(0), '16UC1', header(0))
    bag = write_images(tmp_path / 'bag', {'/a': [data]})
    run('compress', bag, tmp_path / 'small', '--threads', 1)
    with BagReader(tmp_path / 'small') as reader:
        ((topic, _, encoded),) = reader.messages()
    with BagWriter(tmp_path / 'cut', StoragePlugin.MCAP) as writer:
        cut = writer.add_topic(topic.topic, topic.msgtype, known_definition(topic.msgtype))
        writer.write(cut, 0, encoded[:30])
    assert 'damaged' in run('info', tmp_path / 'cut').stdout


def test_export_makes_holes_of_infinite_depth(tmp_path):
    metres = np.full((16, 16), 2, np.float32)
    metres[0, :3] = np.inf, -np.inf, np.nan
    bag = write_images(tmp_path / 'bag', {'/a': [metres]}, '32FC1')
    run('export', bag, '--out', tmp_path / 'out', '--threads', 1)
    (path,) = (tmp_path / 'out' / 'a').iterdir()
    depth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert (depth[0, :3] == 0).all() and (depth[1:] == 2000).all()


def test_a_frame_that_cannot_be_compressed_stays_as_it_is(bag, tmp_path):
    # rgb8 that is called depth.
    result = run('compress', bag, tmp_path / 'out', '--topics', COLOUR, '--threads', 1, '--json')
    assert json.loads(result.stdout)['topics'][0]['left'] == FRAMES
    assert contents(tmp_path / 'out') == contents(bag)
    assert "encoding is 'rgb8'" in result.stderr


def test_storage_can_be_chosen(bag, tmp_path):
    for name in ('sqlite3', 'mcap'):
        run('compress', bag, tmp_path / name, '--storage', name, '--topics', RAW, '--threads', 1)
        with BagReader(tmp_path / name) as reader:
            assert reader.storage.name.lower() == name


@pytest.mark.parametrize('arguments, words', [
    (['--topics', '/no/such'], 'no such topic to convert: /no/such'),
    (['--model', 'no-such-model'], 'no-such-model'),
    (['--mode', 'bounded', '--max-error', -1], '-1'),
])
def test_errors_are_one_line_and_leave_nothing(bag, tmp_path, arguments, words):
    result = run('compress', bag, tmp_path / 'out', '--threads', 1, *arguments, status=1)
    assert words in result.output and 'Traceback' not in result.output
    assert list(tmp_path.iterdir()) == []


def test_an_existing_bag_is_not_touched(bag, compressed):
    before = contents(compressed)
    assert 'exists already' in run('compress', bag, compressed, status=1).output
    assert contents(compressed) == before


@pytest.mark.parametrize('command, option', [('compress', ()), ('export', ('--out',))])
def test_a_full_disk_is_told_and_leaves_no_file(bag, tmp_path, command, option):
    # A limit on the size of files is what a test can set.
    limit = 100
    ended = subprocess.run(
        [*BAG, command, bag, *option, tmp_path / 'out'],
        capture_output=True, text=True, check=False,
        # Those of modules would be cut, for all that run later.
        env={**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert ended.returncode == 1 and 'Traceback' not in ended.stderr
    assert 'cannot be written' in ended.stderr and str(tmp_path / 'out') in ended.stderr
    assert not [path for path in tmp_path.rglob('*') if path.is_file()]


def test_a_process_that_is_told_to_end_leaves_nothing(bag, tmp_path):
    compressing = subprocess.Popen([*BAG, 'compress', bag, tmp_path / 'out'],
                                   stderr=subprocess.PIPE, text=True)
    deadline = monotonic() + 60
    while not list(tmp_path.glob('*/out/*')) and monotonic() < deadline:
        sleep(0.01)
    compressing.send_signal(signal.SIGTERM)
    _, told = compressing.communicate(timeout=60)
    assert compressing.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == [] and 'Traceback' not in told


def test_the_summary_stands_below_the_bar(bag, tmp_path):
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack('4H', 24, 100, 0, 0))
    subprocess.run([*BAG, 'compress', bag, tmp_path / 'out', '--topics', RAW, '--threads', '1'],
                   stdout=end, stderr=end, check=True)
    lines = os.read(terminal, 2**16).decode().split('\n')
    assert any('converting' in line for line in lines)
    assert any(line.startswith('topic ') for line in lines), lines


def write_images(path, topics, encoding='16UC1'):
    with BagWriter(path, StoragePlugin.MCAP) as writer:
        for name, images in topics.items():
            topic = writer.add_topic(name, IMAGE, known_definition(IMAGE))
            for number, image in enumerate(images):
                data = image if isinstance(image, bytes) else image_message(
                    image, encoding, header(number))
                writer.write(topic, number, data)
    return path


def _write_without_last_frame(source, target):
    from depth_nn_transport.bag.message_types import definition_of

    with BagReader(source) as reader, BagWriter(target, reader.storage) as writer:
        topics = {one.topic: writer.add_topic(one.topic, one.msgtype, definition_of(one))
                  for one in reader.connections}
        for topic, time, data in list(reader.messages())[:-len(topics)]:
            writer.write(topics[topic.topic], time, data)
