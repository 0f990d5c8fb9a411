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

from __future__ import annotations

from depth_nn_transport.bench.throughput import measure_throughput


def test_codecs_at_once_code_all_frames(synthetic_depth):
    frames, seen = [synthetic_depth(48, 64, seed) for seed in range(2)], []
    throughput = measure_throughput(frames, 2, 'main', 3, 'auto', lambda: seen.append(1))
    assert (throughput.size, throughput.at_once) == ((64, 48), 2)
    assert throughput.encode_hz > 0 and throughput.decode_hz > 0
    assert len(seen) == 6
