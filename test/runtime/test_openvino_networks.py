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
"""What OpenVINO does to the process that it is loaded into."""

from __future__ import annotations

import subprocess
import sys

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
