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
"""Networks on OpenVINO, what is kept of them, and what it does to the process."""

from __future__ import annotations

from dataclasses import replace
import subprocess
import sys

from depth_nn_transport import DepthCodec
from depth_nn_transport.codec.container import EncodedDepth
from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.model_files import ModelFiles, NETWORK_NAMES
from depth_nn_transport.runtime import openvino_networks
from depth_nn_transport.runtime.file_cache import FileCache
from depth_nn_transport.runtime.openvino_networks import OpenVinoNetworks
import numpy as np
import pytest

DROPPED_BY_ANOTHER_THREAD = """
import signal, threading
import numpy as np
from depth_nn_transport import DepthCodec

kept = [DepthCodec(runtime='openvino')]
kept[0].encode(np.full((64, 64), 1000, np.uint16))
thread = threading.Thread(target=kept.clear)
thread.start()
thread.join()
signal.signal(signal.SIGUSR1, lambda *_: print('handled'))
signal.raise_signal(signal.SIGUSR1)
"""


def test_a_signal_is_handled_after_another_thread_has_dropped_the_codec():
    done = subprocess.run(
        [sys.executable, '-c', DROPPED_BY_ANOTHER_THREAD], capture_output=True, text=True,
        check=False)
    assert (done.returncode, done.stdout) == (0, 'handled\n'), done.stderr


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where networks are kept."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path / 'depth_nn_transport'


def coded():
    """Encode and restore a frame by a codec of its own."""
    rows, columns = np.mgrid[:48, :64]
    depth = np.rint(612000 / (300 + rows + columns // 16 * 20)).astype(np.uint16)
    codec = DepthCodec(runtime='openvino')
    data = codec.encode(depth).to_bytes()
    return data, codec.decode(EncodedDepth.from_bytes(data)).tobytes()


def test_networks_are_kept_and_do_the_same(folder, monkeypatch):
    expected = coded()
    kept = sorted(folder.iterdir())
    assert len(kept) == len(NETWORK_NAMES)
    monkeypatch.setattr(OpenVinoNetworks, '_compile_anew', None)
    assert coded() == expected
    assert sorted(folder.iterdir()) == kept


def test_networks_of_large_frames_give_way(folder, monkeypatch):
    files = ModelFiles.load('main')
    networks = OpenVinoNetworks(files, 1)
    codec = DepthCodec(runtime=lambda files, threads: networks)
    small, large = np.full((64, 64), 900, np.uint16), np.full((64, 96), 900, np.uint16)
    expected = [codec.encode(frame).latents for frame in (small, large)]
    assert len(networks._requests) == 2 * len(files.networks)
    monkeypatch.setattr(openvino_networks, 'KEPT_ELEMENTS', 1)
    wide = codec.encode(np.full((64, 128), 900, np.uint16))
    # Those of the frame at hand stay, lest each call compile.
    assert len(networks._requests) == len(files.networks)
    assert codec.decode(wide).shape == (64, 128)
    assert [codec.encode(frame).latents for frame in (small, large)] == expected


def test_other_settings_find_no_kept_networks(folder, monkeypatch):
    expected = coded()
    monkeypatch.setenv('ONEDNN_MAX_CPU_ISA', 'ALL')
    assert coded() == expected
    assert len(list(folder.iterdir())) == 2 * len(NETWORK_NAMES)


def test_what_is_no_network_is_made_anew(folder):
    expected = coded()
    for path in folder.iterdir():
        FileCache(folder).save(path.name, b'bnothing of the kind')
    assert coded() == expected
    assert all(path.stat().st_size > 1000 for path in folder.iterdir())


def test_a_damaged_network_is_refused_by_the_name_of_its_model(folder):
    files = ModelFiles.load('main')
    # What is kept of the sound one is not taken for it.
    OpenVinoNetworks(files, 1).high(0, np.zeros((2, 2, 160), np.int16))
    damaged = replace(files, networks={**files.networks, 'high0': files.networks['high0'][:1000]})
    with pytest.raises(ModelLoadError, match=files.model_id):
        OpenVinoNetworks(damaged, 1).high(0, np.zeros((2, 2, 160), np.int16))


def test_networks_of_the_sizes_used_last_stay(monkeypatch):
    networks = OpenVinoNetworks(ModelFiles.load('main'), 1)
    monkeypatch.setattr(networks, '_compile', lambda name, shapes: name)
    sizes = range(1, openvino_networks.KEPT_SIZES + 1)
    for size in (*sizes, 1, 99):
        for name in NETWORK_NAMES:
            networks._request(name, ((size,),))
    assert {shape for _, ((shape,),) in networks._requests} == {*sizes, 99} - {2}


def test_other_threads_find_no_kept_networks():
    files = ModelFiles.load('main')
    one, two = (OpenVinoNetworks(files, threads)._key('high0', ((1,),)) for threads in (1, 2))
    assert one != two
