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
"""The command on a tiny folder: what it writes, prints and refuses."""

import csv
import json

import click
from click.testing import CliRunner

import cv2

from depth_nn_transport.bench.command import bench

import pytest


@pytest.fixture
def folder(tmp_path, synthetic_depth):
    recording = tmp_path / 'recording'
    recording.mkdir()
    for index in range(3):
        cv2.imwrite(str(recording / f'{index}.png'), synthetic_depth(64, 96, seed=index))
    return recording


def run(*arguments):
    return CliRunner().invoke(bench, [str(argument) for argument in arguments])


def test_writes_tables_and_plots(folder, tmp_path):
    out = tmp_path / 'out'
    result = run(folder, '--out', out, '--frames', 2, '--model', 'none',
                 '--codecs', 'jpeg2000,jpegxl-e3-rank,png6-raw')
    assert result.exit_code == 0, result.output
    report = json.loads((out / 'rate_distortion.json').read_text())
    rows = list(csv.DictReader((out / 'rate_distortion.csv').open()))
    assert len(rows) == len(report['operating_points']) == 14 + 5 + 1
    assert {row['frames'] for row in rows} == {'2'}
    assert report['summaries'][0]['hull']['mean_q']['all peers']['1.0'] > 0
    assert (out / 'recording.png').read_bytes().startswith(b'\x89PNG')
    tables = (out / 'rate_distortion.md').read_text()
    assert tables in result.output
    assert 'jpegxl-e3-rank, bound 8' in tables
    assert '![rate and distortion](recording.png)' in tables
    assert 'the largest errors' not in tables


def test_pictures_our_largest_errors(folder, tmp_path):
    out = tmp_path / 'out'
    result = run(folder, '--out', out, '--frames', 1, '--codecs', 'ours,jpegxl',
                 '--qualities', '20,50,80')
    assert result.exit_code == 0, result.output
    assert '![the largest errors](recording_largest_errors.png)' in result.output
    assert (out / 'recording_largest_errors.png').read_bytes().startswith(b'\x89PNG')


def test_prints_json(folder, tmp_path):
    result = run('rate-distortion', folder, '--out', tmp_path, '--model', 'none',
                 '--codecs', 'png1-raw', '--json')
    assert 'frame/s' not in result.stderr
    summary = json.loads(result.stdout)['summaries'][0]
    assert summary['folder'] == 'recording'
    assert summary['ratios']['mean_q']['all peers']['ratio'] is None


def test_unknown_codec_is_told(folder, tmp_path):
    result = run(folder, '--out', tmp_path, '--model', 'none', '--codecs', 'jpeg')
    assert result.exit_code != 0
    assert 'jpeg2000' in result.output


def test_empty_folder_is_told(tmp_path):
    result = run(tmp_path, '--out', tmp_path, '--model', 'none', '--codecs', 'png1-raw')
    assert result.exit_code != 0
    assert 'no .png frames' in result.output


@pytest.mark.parametrize('command', bench.commands)
def test_results_that_cannot_be_written_are_told_first(folder, command):
    folders = [] if command in {'exactness', 'wifi'} else [str(folder)]
    out = str(folder / '0.png' / 'out' / 'file')
    with pytest.raises(click.BadParameter, match='cannot be made'):
        bench.commands[command].make_context(command, [*folders, '--out', out])


def test_folders_of_one_name_are_refused(folder, tmp_path):
    other = tmp_path / 'other' / folder.name
    other.mkdir(parents=True)
    result = run(folder, other, '--out', tmp_path / 'out')
    assert result.exit_code == 2
    assert str(folder) in result.output and 'has to differ' in result.output
