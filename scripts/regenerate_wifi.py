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
"""Measures anew what docs/wifi.md says, and draws its picture; needs root and iproute2."""

from __future__ import annotations

import click

from pages import regenerate


@click.command()
@click.option('--seconds', default=8.0, show_default=True, help='As of `bench wifi`.')
@click.option('--rate', default=10.0, show_default=True, help='As of `bench wifi`.')
def main(seconds: float, rate: float) -> None:
    """Write the tables into the page and the picture beside the others."""
    regenerate('wifi.md', 'wifi', '--seconds', seconds, '--rate', rate,
               pictures={'wifi.png': 'wifi.png'})


if __name__ == '__main__':
    main()
