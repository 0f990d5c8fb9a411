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
"""Frames on disk: what is read, written and refused, always naming the file."""

import resource
import sys
import zlib

import cv2
from depth_nn_transport.frames.files import (
    find_files,
    FrameFileError,
    read_depth,
    read_encoded,
    write_depth,
    write_whole,
)
import numpy as np
import pytest


def test_finds_files_in_order(tmp_path):
    for name in ('b.png', 'a.png', 'c.dnt', 'note.txt'):
        (tmp_path / name).touch()
    single = tmp_path / 'c.dnt'
    found = find_files([tmp_path, single], '.png')
    assert [path.name for path in found] == ['a.png', 'b.png', 'c.dnt']


def test_finding_nothing_is_told(tmp_path):
    with pytest.raises(FrameFileError, match=str(tmp_path)):
        find_files([tmp_path], '.png')


def test_files_that_would_overwrite_each_other_are_told(tmp_path):
    for folder in ('one', 'two'):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'a.png').touch()
    with pytest.raises(FrameFileError, match='same name'):
        find_files([tmp_path / 'one', tmp_path / 'two'], '.png')


def test_depth_round_trip(tmp_path):
    depth = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21
    write_depth(tmp_path / 'a.png', depth)
    np.testing.assert_array_equal(read_depth(tmp_path / 'a.png'), depth)


def test_metres_are_written_as_millimetres(tmp_path):
    write_depth(tmp_path / 'a.png', np.array([[1.2345, np.nan, 70, 0]], np.float32))
    np.testing.assert_array_equal(read_depth(tmp_path / 'a.png'), [[1234, 0, 0, 0]])


@pytest.mark.parametrize('image', [
    np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.uint16),
], ids=['8 bit', 'colour'])
def test_other_images_are_refused(tmp_path, image):
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    with pytest.raises(FrameFileError, match=r'a\.png.*16-bit'):
        read_depth(tmp_path / 'a.png')


def test_an_image_that_claims_too_much_is_refused(tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), np.zeros((8, 8), np.uint16))
    data = bytearray(path.read_bytes())
    # Width and height, then the checksum of their chunk.
    data[16:24] = 2 * (40_000).to_bytes(4, 'big')
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, 'big')
    path.write_bytes(data)
    with pytest.raises(FrameFileError, match=r'a\.png'):
        read_depth(path)


@pytest.mark.parametrize('read', [read_depth, read_encoded])
@pytest.mark.parametrize('content', [None, b'', b'something else'])
def test_unreadable_files_are_named(tmp_path, read, content):
    path = tmp_path / 'a.bin'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FrameFileError, match=r'a\.bin'):
        read(path)


def test_unwritable_files_are_named(tmp_path):
    path = tmp_path / 'missing' / 'a.png'
    with pytest.raises(FrameFileError, match=r'a\.png'):
        write_depth(path, np.zeros((8, 8), np.uint16))


@pytest.mark.parametrize('write', [
    lambda path: write_depth(path, np.ones((8, 8), np.uint16)),
    lambda path: write_whole(path, bytes(2000)),
], ids=['image', 'bytes'])
def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path, monkeypatch, write):
    # Compiled modules would be cut, for all that run later.
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)
    path = tmp_path / 'a.png'
    path.write_bytes(b'older')
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on the size of files is what a test can set.
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
    try:
        with pytest.raises(FrameFileError, match=r'a\.png cannot be written'):
            write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b'older']
