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
"""Sets up encoder, decoder and player and lets them play."""

from __future__ import annotations

from contextlib import ExitStack
import os
from typing import Any

from depth_nn_transport.demo.player import PATIENT, Player
from depth_nn_transport.demo.report import Run
from depth_nn_transport.nodes.shared_memory import make_room_for_images
from depth_nn_transport.nodes.topics import COMPRESSED_TOPIC, IMAGE_TOPIC, RESTORED_TOPIC
from depth_nn_transport.processes.node_process import NodeProcess

import numpy as np
from numpy.typing import NDArray

import rclpy

NAMESPACE = '/depth_nn_demo'


class StageError(Exception):
    """The nodes did not start or did not find each other."""


def play(
        frames: list[NDArray[np.uint16]], rate: float, encoder_settings: dict[str, Any],
        settings: dict[str, Any]) -> Run:
    """
    Start both nodes, play the frames through them and stop them.

    :param encoder_settings: parameters of the encoder.
    :param settings: parameters of both nodes.
    :raises StageError: if the nodes do not come up.
    """
    settings = {**settings, **lossless_queues()}
    with ExitStack() as stack:
        encoder = stack.enter_context(start('depth_encoder', {**encoder_settings, **settings}))
        decoder = stack.enter_context(start('depth_decoder', settings))
        make_room_for_images(os.environ)
        rclpy.init(args=[])
        stack.callback(rclpy.try_shutdown)
        player = Player(NAMESPACE)
        nodes = encoder, decoder
        if not player.wait_for_nodes(frames[0], lambda: all(node.is_running() for node in nodes)):
            raise StageError(f'the nodes did not come up:\n{encoder.output}{decoder.output}')
        passages = player.play(frames, rate)
        return Run(passages, encoder.stop().summary, decoder.stop().summary, rate)


def start(name: str, parameters: dict[str, Any]) -> NodeProcess:
    """Start a node in the demo's namespace."""
    return NodeProcess(name, parameters, ['-r', f'__ns:={NAMESPACE}'])


def lossless_queues() -> dict[str, Any]:
    """Return parameters of the nodes for queues that lose nothing, so that the demo may count."""
    ends = {
        IMAGE_TOPIC: ('subscription',),
        COMPRESSED_TOPIC: ('publisher', 'subscription'),
        RESTORED_TOPIC: ('publisher',),
    }
    return {f'qos_overrides.{NAMESPACE}/{topic}.{end}.{policy}': value
            for topic, kinds in ends.items() for end in kinds
            for policy, value in (('reliability', 'reliable'), ('depth', PATIENT.depth))}
