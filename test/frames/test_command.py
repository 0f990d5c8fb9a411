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
"""The commands encode and decode: files in, files out, one summary, errors that name a file."""

import json

from click.testing import CliRunner
import cv2
from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.frames.command import decode, encode
from depth_nn_transport.frames.files import read_depth, read_encoded
from depth_nn_transport.runtime.registry import AUTO, find_runtime
import numpy as np
import pytest


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    for index in range(3):
        depth = np.add.outer(7 * np.arange(48), np.arange(64)).astype(np.uint16) + 900 + index
        depth[:5] = 0
        cv2.imwrite(str(folder / f'{index:04}.png'), depth)
    return folder


def run(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_encode_then_decode(images, tmp_path):
    encoded, restored = tmp_path / 'encoded', tmp_path / 'deep' / 'restored'
    result = run(encode, images, '--out', encoded, '--quality', 80)
    assert result.exit_code == 0, result.output
    result = run(decode, encoded, '--out', restored)
    assert result.exit_code == 0, result.output
    codec = DepthCodec()
    for path in sorted(images.iterdir()):
        frame = EncodedDepth.from_bytes((encoded / f'{path.stem}.dnt').read_bytes())
        assert frame.quality == 80
        depth = read_depth(restored / path.name)
        np.testing.assert_array_equal(depth, codec.decode(frame))
        np.testing.assert_array_equal(depth == 0, read_depth(path) == 0)


def test_the_first_run_of_a_mode_is_not_timed(images, tmp_path, monkeypatch):
    clock = [0.0]
    started = set()

    def slow_at_first(function, mode_of):
        def work(codec, subject, *arguments, **settings):
            key = function, mode_of(subject, settings)
            clock[0] += 0 if key in started else 30
            started.add(key)
            return function(codec, subject, *arguments, **settings)
        return work

    monkeypatch.setattr(DepthCodec, 'encode', slow_at_first(
        DepthCodec.encode, lambda depth, settings: settings.get('mode')))
    monkeypatch.setattr(DepthCodec, 'decode', slow_at_first(
        DepthCodec.decode, lambda encoded, settings: encoded.mode))
    monkeypatch.setattr('time.perf_counter', lambda: clock[0])
    result = run(encode, images, '--out', tmp_path, '--mode', 'lossless', '--json')
    assert json.loads(result.output)['encode_ms_p99'] == 0
    result = run(decode, tmp_path, '--out', tmp_path / 'restored', '--json')
    assert json.loads(result.output)['decode_ms_p99'] == 0


def test_frames_are_numbered_as_a_stream(images, tmp_path):
    run(encode, images, '--out', tmp_path)
    numbers = [read_encoded(path).sequence for path in sorted(tmp_path.glob('*.dnt'))]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 1


def test_single_files_are_taken(images, tmp_path):
    result = run(encode, images / '0001.png', '--out', tmp_path)
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.glob('*.dnt')] == ['0001.dnt']


def test_prints_one_json_line(images, tmp_path):
    for command, verb, source in ((encode, 'encode', images), (decode, 'decode', tmp_path)):
        result = run(command, source, '--out', tmp_path, '--json')
        (line,) = result.stdout.splitlines()
        summary = json.loads(line)
        assert set(summary) == {
            'frames', 'bytes', 'bits_per_pixel', f'{verb}_ms_median', f'{verb}_ms_p99',
            'runtime', 'device',
        }
        size = sum(path.stat().st_size for path in tmp_path.glob('*.dnt'))
        assert (summary['frames'], summary['bytes']) == (3, size)
        assert summary['bits_per_pixel'] == pytest.approx(8 * size / (3 * 48 * 64), abs=1e-5)
        assert 0 < summary[f'{verb}_ms_median'] <= summary[f'{verb}_ms_p99']


@pytest.mark.parametrize('runtime, picked', [
    (AUTO, find_runtime(AUTO).runtime), ('openvino', 'openvino'), ('numba', 'numba'),
    ('torch', 'torch')])
def test_the_runtime_is_chosen_and_told(images, tmp_path, runtime, picked):
    for command, source in ((encode, images), (decode, tmp_path)):
        result = run(command, source, '--out', tmp_path, '--runtime', runtime, '--json')
        assert json.loads(result.stdout)['runtime'] == picked
    restored = read_depth(tmp_path / '0000.png')
    np.testing.assert_array_equal(restored == 0, read_depth(images / '0000.png') == 0)


def test_prints_a_readable_summary(images, tmp_path):
    result = run(encode, images, '--out', tmp_path)
    assert result.stdout.startswith('frames 3  bytes ')


@pytest.mark.parametrize('image', [np.zeros((48, 64), np.uint8), np.zeros((8, 8), np.uint16)])
def test_encode_names_the_image_it_cannot_take(images, tmp_path, image):
    cv2.imwrite(str(images / '0002.png'), image)
    result = run(encode, images, '--out', tmp_path)
    assert result.exit_code == 1
    assert '0002.png' in result.output and 'Traceback' not in result.output


def test_decode_names_the_damaged_frame(images, tmp_path):
    run(encode, images, '--out', tmp_path)
    path = tmp_path / '0001.dnt'
    path.write_bytes(path.read_bytes()[:-1] + b'?')
    result = run(decode, tmp_path, '--out', tmp_path)
    assert result.exit_code == 1
    assert '0001.dnt' in result.output and 'checksum' in result.output


def test_decode_names_the_frame_of_another_model(images, tmp_path):
    run(encode, images, '--out', tmp_path)
    path = tmp_path / '0001.dnt'
    frame = EncodedDepth.from_bytes(path.read_bytes())
    other = EncodedDepth(**{**vars(frame), 'model_id': 'other-01234567'})
    path.write_bytes(other.to_bytes())
    result = run(decode, tmp_path, '--out', tmp_path)
    assert result.exit_code == 1
    assert '0001.dnt' in result.output and 'other-01234567' in result.output


@pytest.mark.parametrize('arguments, status', [
    (['--quality', '101'], 2), (['--mode', 'magic'], 2), (['--threads', '0'], 2),
    (['--threads', '257'], 2),
    (['--runtime', 'abacus'], 2),
    (['--model', 'no-such-model'], 1),
])
def test_settings_out_of_range_are_refused(images, tmp_path, arguments, status):
    result = run(encode, images, '--out', tmp_path, *arguments)
    assert result.exit_code == status
    assert arguments[1] in result.output


def test_settings_that_do_not_go_together_are_no_fault_of_a_file(images, tmp_path):
    result = run(encode, images, '--out', tmp_path, '--max-error', 2)
    assert result.exit_code == 1
    assert 'bounded mode' in result.output and '.png' not in result.output


def test_decode_overwrites_no_originals(images):
    run(encode, images, '--out', images)
    before = [path.read_bytes() for path in sorted(images.iterdir())]
    result = run(decode, images, '--out', images)
    assert result.exit_code == 1
    assert '0000.png' in result.output and '--out' in result.output
    assert [path.read_bytes() for path in sorted(images.iterdir())] == before


def test_each_folder_is_another_camera(tmp_path):
    disparity = np.random.default_rng(0).integers(80, 700, (48, 64))
    noise = np.random.default_rng(0).integers(500, 6000, (48, 64)).astype(np.uint16)
    for folder, frames in (('a', 4 * [noise]), ('b', [np.rint(612000 / disparity)])):
        (tmp_path / folder).mkdir()
        for number, depth in enumerate(frames):
            path = tmp_path / folder / f'{folder}{number}.png'
            cv2.imwrite(str(path), depth.astype(np.uint16))
    run(encode, tmp_path / 'a', tmp_path / 'b', '--out', tmp_path)
    frame = EncodedDepth.from_bytes((tmp_path / 'b0.dnt').read_bytes())
    assert frame.lattice_constant == pytest.approx(612000, rel=1e-3)


@pytest.mark.parametrize('command', [encode, decode])
def test_an_empty_folder_is_told(command, tmp_path):
    result = run(command, tmp_path, '--out', tmp_path)
    assert result.exit_code == 1
    assert str(tmp_path) in result.output
