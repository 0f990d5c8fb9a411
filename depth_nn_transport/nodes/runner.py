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
import sys

from depth_nn_transport.codec.errors import DepthCodecError
from depth_nn_transport.nodes.codec_node import CodecNode
from depth_nn_transport.nodes.memory import use_one_heap

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.logging import get_logger

from threadpoolctl import threadpool_limits


def run(create: Callable[[], CodecNode], arguments: list[str] | None) -> None:
    """Create a node and spin it until SIGINT or SIGTERM; exit with 1 if it cannot start."""
    node = None
    use_one_heap()
    # For good: codecs of several threads would lift each other's limits.
    threadpool_limits(1)
    try:
        rclpy.init(args=arguments)
        # Before the model is loaded: an executor that is made after a signal complains.
        executor = SingleThreadedExecutor()
        node = create()
        if node.value('autostart') and not start(node) and rclpy.ok():
            sys.exit(1)
        rclpy.spin(node, executor)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (DepthCodecError, ParameterException) as error:
        get_logger(create.__name__).fatal(str(error))
        sys.exit(1)
    except Exception:
        # Told to stop in the middle of something, which then fails for want of a context.
        if rclpy.ok():
            raise
    finally:
        if node is not None:
            node.close()
        rclpy.try_shutdown()


def start(node: CodecNode) -> bool:
    """Configure and activate a node; return whether it could."""
    return all(step() == TransitionCallbackReturn.SUCCESS
               for step in (node.trigger_configure, node.trigger_activate))
