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
"""
Makes the stored streams anew: ``python test/golden/regenerate.py``, after a change of model.

Streams of released versions must keep decoding: bump the format version or rename the model
before you replace them.
"""

from depth_nn_transport import DepthCodec
from depth_nn_transport.frames.files import write_depth
from test_golden import FOLDER, FRAMES, GUARANTEED


def main():
    """Write a stream and what it decodes to for each frame."""
    for name, (make, quality) in FRAMES.items():
        codec = DepthCodec()
        encoded = codec.encode(make(), quality=quality)
        (FOLDER / f'{name}.dnt').write_bytes(encoded.to_bytes())
        write_depth(FOLDER / f'{name}.png', codec.decode(encoded))
        print(f'{name}: {len(encoded.to_bytes())} bytes by {encoded.model_id}')
    for name, (make, settings) in GUARANTEED.items():
        encoded = DepthCodec().encode(make(), **settings)
        (FOLDER / f'{name}.dnt').write_bytes(encoded.to_bytes())
        print(f'{name}: {len(encoded.to_bytes())} bytes')


if __name__ == '__main__':
    main()
