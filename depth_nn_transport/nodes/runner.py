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
"""Runs a node until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
import os
import signal
import sys
from typing import Any, TypeVar

from depth_nn_transport.codec.errors import DepthCodecError
from depth_nn_transport.nodes.codec_node import CodecNode
from depth_nn_transport.nodes.memory import use_one_heap
from depth_nn_transport.nodes.shared_memory import make_room_for_images

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.logging import get_logger

AnyNode = TypeVar('AnyNode', bound=Any)


def run(create: Callable[[], CodecNode], arguments: list[str] | None) -> None:
    """Create a node and spin it until SIGINT or SIGTERM; exit with 1 if it cannot start."""
    use_one_heap()
    spin(create, arguments, DepthCodecError, begin)


def begin(node: CodecNode) -> None:
    """Start a node if its parameters say so; exit with 1 if it cannot."""
    if node.value('autostart') and not start(node) and rclpy.ok():
        sys.exit(1)


def start(node: CodecNode) -> bool:
    """Configure and activate a node; return whether it could."""
    return all(step() == TransitionCallbackReturn.SUCCESS
               for step in (node.trigger_configure, node.trigger_activate))


def spin(
        create: Callable[[], AnyNode], arguments: list[str] | None, error: type[Exception],
        begin: Callable[[AnyNode], None] = lambda node: None) -> AnyNode | None:
    """
    Create a node, begin and spin it until SIGINT or SIGTERM, and close it.

    Exits with 1 and the reason if ROS refuses the arguments, or on an error of the node's kind.

    :returns: the node, None if it was told to stop before there was one.
    """
    node = None
    # rclpy's own handler, which calls this one, ends the context only: what is starting goes on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        initialise(arguments, create.__name__)
        # Before a model is loaded: an executor that is made after a signal complains.
        executor = SingleThreadedExecutor()
        node = create()
        begin(node)
        rclpy.spin(node, executor)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (error, ParameterException) as reason:
        get_logger(create.__name__).fatal(str(reason))
        sys.exit(1)
    except Exception:
        # Told to stop in the middle of something, which then fails for want of a context.
        if rclpy.ok():
            raise
    finally:
        # Who is told twice still finishes what is at hand.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if node is not None:
            node.close()
        rclpy.try_shutdown()
    return node


def initialise(arguments: list[str] | None, name: str) -> None:
    """Initialise ROS; exit with 1 and the reason if it refuses the arguments."""
    make_room_for_images(os.environ)
    try:
        rclpy.init(args=arguments)
    except RuntimeError as reason:
        get_logger(name).fatal(str(reason))
        sys.exit(1)
