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
"""What the encoder and the decoder node share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from copy import copy
import json
import queue
import time
from typing import Any

from depth_nn_transport import DepthCodec, EncodedDepth
from depth_nn_transport.codec.depth_frame import is_depth
from depth_nn_transport.codec.errors import DepthCodecError
from depth_nn_transport.nodes.codec_shelf import CodecShelf
from depth_nn_transport.nodes.diagnostics import figures_of, Problem, problems_of, status
from depth_nn_transport.nodes.drop_log import DropLog
from depth_nn_transport.nodes.drop_reasons import LOST, REPLACED, UNEXPECTED
from depth_nn_transport.nodes.frame_statistics import Frame, FrameStatistics
from depth_nn_transport.nodes.newest_worker import NewestWorker, Turn
from depth_nn_transport.nodes.parameters import CODEC_SETTINGS, refusal, Setting
from depth_nn_transport.nodes.quality_of_service import (
    OVERRIDES,
    publisher_events,
    strange_overrides,
)
from depth_nn_transport.nodes.remembered_size import remember_size, remembered_size
from depth_nn_transport.nodes.subscriptions import Subscriptions
from depth_nn_transport.nodes.warm_up import warm_codec

from diagnostic_msgs.msg import DiagnosticArray

import numpy as np
from numpy.typing import NDArray

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)

from rclpy.clock import Clock, ClockType
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions

SUMMARY = 'summary: '
DIAGNOSTICS_TOPIC = '/diagnostics'
DIAGNOSTICS_PERIOD_S = 1.0


class CodecNode(LifecycleNode):
    """
    A managed node that passes frames through codecs on threads of its own, newest first.

    Configuring advertises and loads the model, once for each thread, activating subscribes. A
    subclass defines `advertise_all`, `subscribe_all`, `is_idle` and `process`. `statistics`
    has the number of frames dropped for each reason; the node logs them when it is closed.
    """

    def __init__(self, name: str, settings: Sequence[Setting]) -> None:
        super().__init__(name)
        self.settings = {setting.name: setting for setting in settings}
        self.drop_log = DropLog(self.get_logger())
        # rclpy shows them nowhere else before the topic is there, and never those of other topics.
        self.qos_overrides = [
            name for name in self._parameter_overrides if name.startswith(OVERRIDES)]
        self.inputs = Subscriptions(
            self, self.subscribe_all, self.warn_once, self.qos_overrides)
        self.statistics = FrameStatistics()
        self.shelves: list[CodecShelf] = []
        self.free_shelves: queue.LifoQueue[CodecShelf] = queue.LifoQueue()
        self.worker: NewestWorker[Any] | None = None
        self.hardware_id = ''
        self.frame_size = remembered_size(self.get_fully_qualified_name())
        self._remembers = False
        self._warned: set[str] = set()
        self._publishers_of_ours: list[Any] = []
        self.add_on_set_parameters_callback(self.check_parameters)
        for setting in settings:
            self.declare_parameter(setting.name, setting.default, descriptor_of(setting))
        self._diagnostics = self.create_publisher(DiagnosticArray, DIAGNOSTICS_TOPIC, 10)
        # Not simulated time, which may stand still: the node would look dead.
        self.create_timer(DIAGNOSTICS_PERIOD_S, self.publish_diagnostics,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def codec(self) -> DepthCodec | None:
        """Return a codec of the model that the node is configured for, if it is."""
        return self.shelves[0].main if self.shelves else None

    def value(self, name: str) -> Any:
        """Return the current value of a parameter."""
        value = self.get_parameter(name).value
        return float(value) if self.settings[name].kind == 'double' else value

    def check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """Refuse wrong values with the reason; take a new model, runtime or threads into use."""
        changes = {parameter.name: parameter.value for parameter in parameters
                   if parameter.name in self.settings}
        reason = refusal(self.settings, changes) or self.contradiction(
            {**self.declared_values(), **changes})
        if not reason and self.codec is not None and any(
                changes.get(name, self.value(name)) != self.value(name)
                for name in CODEC_SETTINGS):
            reason = self.try_load({**self.declared_values(), **changes})
            if not reason:
                self.get_logger().info(f'goes on with {in_words(self.codec)}')
        return SetParametersResult(successful=not reason, reason=reason)

    def declared_values(self) -> dict[str, Any]:
        """Return the values of the node's own parameters, as far as they are declared yet."""
        return {name: self.value(name) for name in self.settings if self.has_parameter(name)}

    def contradiction(self, values: dict[str, Any]) -> str:
        """Return what is wrong with values together, an empty string if nothing."""
        return ''

    def try_load(self, values: dict[str, Any]) -> str:
        """Load the model that parameters ask for; return why it cannot be, if it cannot."""
        def load(model: str) -> DepthCodec:
            return warm_codec(model, values['runtime'], self.frame_size)

        return self.try_to(lambda: self.put_up(
            [CodecShelf(load, values['model']) for _ in range(values['threads'])]))

    def put_up(self, shelves: list[CodecShelf]) -> None:
        """Take shelves into use, each for one frame at a time, once no frame is at hand."""
        with self.worker.paused() if self.worker is not None else nullcontext():
            self.shelves, self.free_shelves = shelves, queue.LifoQueue()
            for shelf in reversed(shelves):
                self.free_shelves.put(shelf)

    def frames_at_once(self) -> int:
        """Return how many frames may be worked on at once."""
        return len(self.shelves)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Advertise and load the model; meanwhile the listeners are found."""
        reason = self.try_to(self.advertise_all) or self.try_load(self.declared_values())
        if reason:
            self.get_logger().fatal(reason)
            self.release()
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to work."""
        assert self.codec is not None
        result = super().on_activate(state)
        self.worker = NewestWorker(self.work, self.count_replaced, self.frames_at_once)
        self._remembers = False
        if reason := self.try_to(self.subscribe_all):
            self.get_logger().fatal(reason)
            self.on_deactivate(state)
            return TransitionCallbackReturn.FAILURE
        self.tell_of_strange_overrides()
        self.get_logger().info(f'ready with {in_words(self.codec)}')
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Finish the frame at hand and stop."""
        self.stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of the model and the topics."""
        self.stop()
        self.release()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop for good."""
        return self.on_cleanup(state)

    def _LifecycleNodeMixin__change_state(  # noqa: N802 - rclpy's own, by its mangled name
            self, transition: int) -> TransitionCallbackReturn:
        """Refuse what fits no state; before Kilted, rclpy raises and the node would end."""
        try:
            return super()._LifecycleNodeMixin__change_state(transition)
        except rclpy_implementation.RCLError as error:
            _, state = self._state_machine.current_state
            self.get_logger().error(f'transition {transition} failed while {state}: {error}; '
                                    '`ros2 lifecycle list` tells the possible ones')
            return TransitionCallbackReturn.ERROR

    def try_to(self, step: Callable[[], None]) -> str:
        """Return why a step fails, an empty string if it does not; rclpy would not tell."""
        try:
            step()
        except DepthCodecError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - rclpy and runtimes have no common base
            return f'{type(error).__name__}: {error}'
        return ''

    def release(self) -> None:
        """Let go of model and publishers."""
        for publisher in self._publishers_of_ours:
            self.destroy_lifecycle_publisher(publisher)
        self._publishers_of_ours.clear()
        self.put_up([])

    def stop(self) -> None:
        """Unsubscribe and end the worker."""
        self.inputs.unsubscribe()
        self.inputs.forget()
        if self.worker is not None:
            self.worker.close()
            self.worker = None
            self.remember()

    def remember(self) -> None:
        """Keep the size of the frames for the next start, which may come without a warning."""
        self._remembers = True
        remember_size(self.get_fully_qualified_name(), self.frame_size)

    def advertise_all(self) -> None:
        """Create the publishers."""
        raise NotImplementedError

    def subscribe_all(self) -> None:
        """Add the subscriptions."""
        raise NotImplementedError

    def advertise(self, message_type: type, topic: str, qos: QoSProfile) -> Any:
        """Return a publisher with QoS that parameters may override; silent while inactive."""
        self._publishers_of_ours.append(self.create_lifecycle_publisher(
            message_type, topic, copy(qos),
            event_callbacks=publisher_events(self.resolve_topic_name(topic), self.warn_once),
            qos_overriding_options=QoSOverridingOptions.with_default_policies()))
        return self._publishers_of_ours[-1]

    def tell_of_strange_overrides(self) -> None:
        """Warn of QoS that parameters override in vain."""
        topics = {end.topic_name for end in self._publishers_of_ours} | self.inputs.topics
        for warning in strange_overrides(self.qos_overrides, topics):
            self.warn_once(warning)

    def warn_once(self, text: str) -> None:
        """Warn of what does not change by itself; listeners that come again bring nothing new."""
        if text not in self._warned:
            self._warned.add(text)
            self.get_logger().warning(text)

    def is_wanted(self, *publishers: Any) -> bool:
        """Return whether a frame for these publishers is worth the work."""
        return not self.value('lazy') or any(p.get_subscription_count() > 0 for p in publishers)

    def hand_over(
            self, message: Any, stream: Hashable = None, group: Hashable = None) -> None:
        """Let the worker process a frame when its turn comes; see `NewestWorker`."""
        if self.worker is not None:
            self.worker.put(message, stream, group)

    def process(self, message: Any, shelf: CodecShelf, turn: Turn) -> Frame | None:
        """
        Pass a frame through a codec of the shelf, publish the outcome and return its figures.

        What depends on the order of frames, publication above all, waits for their turn.
        """
        raise NotImplementedError

    def work(self, message: Any, turn: Turn) -> None:
        """Process a frame, or drop and count it; bad input must not end the node."""
        shelf = self.free_shelves.get()
        try:
            frame = self.process(message, shelf, turn)
        except DepthCodecError as error:
            self.drop(type(error).__name__, str(error))
        except Exception as error:  # noqa: BLE001
            if self.context.ok():
                self.drop(UNEXPECTED, f'{type(error).__name__}: {error}; please report it')
        else:
            if frame is not None:
                if not self._remembers:
                    self.remember()
                self.statistics.passes(frame)
        finally:
            self.free_shelves.put(shelf)

    def drop(self, reason: str, advice: str) -> None:
        """Count a dropped frame and warn of the reason now and then."""
        self.drop_log.warn(reason, self.statistics.drop(reason), advice)

    def count_replaced(self) -> None:
        """Count a frame that a newer one overtook."""
        self.drop(REPLACED, 'a newer one came before this machine got to it; lower the frame '
                            'rate or the resolution, or raise threads')

    def count_lost(self, count: int, advice: str) -> None:
        """Count frames that the middleware lost."""
        for _ in range(count):
            self.drop(LOST, advice)

    def figures_of_frame(
            self, encoded: EncodedDepth, depth: NDArray[Any], size: int, start: float, turn: Turn,
            stamp: Any) -> Frame:
        """
        Return the figures of a frame that passed.

        :param depth: (H, W), on the node's side.
        :param size: bytes of the message.
        :param start: of its processing, by `time.perf_counter`.
        :param turn: of its processing.
        :param stamp: of its header.
        """
        return Frame(
            size=size, pixels=depth.size, on_lattice=encoded.lattice.on_grid,
            hole_share=1 - np.count_nonzero(is_depth(depth)) / depth.size,
            work_ms=milliseconds_since(start) - 1e3 * turn.waited_s, age_ms=self.age_ms(stamp))

    def age_ms(self, stamp: Any) -> float:
        """Return the time since a header's stamp, by the node's clock."""
        # Not as a `Time`, which refuses what lies before the epoch: stamps may be of any clock.
        age_ns = self.get_clock().now().nanoseconds - stamp.sec * 10**9 - stamp.nanosec
        return float(age_ns) / 1e6

    def problems(self) -> list[Problem]:
        """Return what is wrong at the moment."""
        return problems_of(self.statistics.recent())

    def is_idle(self) -> bool:
        """Return whether the node rests as nobody listens."""
        raise NotImplementedError

    def figures(self) -> dict[str, Any]:
        """Return what diagnostics tell of a configured node."""
        assert self.codec is not None
        return {
            **figures_of(self.statistics.recent()),
            'frames in': self.statistics.received,
            'frames out': self.statistics.passed,
            **{f'dropped: {reason}': count for reason, count in self.statistics.dropped.items()},
            'queue': 0 if self.worker is None else self.worker.waiting,
            **{name: self.value(name) for name in self.settings},
            'model': self.codec.model_id,
            'runtime': runtime_of(self.codec),
        }

    def publish_diagnostics(self) -> None:
        """Tell how it goes."""
        self.inputs.return_to_reliability()
        name = f'{self.get_fully_qualified_name().lstrip("/")}: {self.get_name()}'
        if self.worker is None:
            state = 'not configured' if self.codec is None else 'inactive'
            message = status(name, self.hardware_id, [], state, {})
        else:
            fine = 'idle: nobody listens' if self.is_idle() else 'running'
            message = status(name, self.hardware_id, self.problems(), fine, self.figures())
        array = DiagnosticArray(status=[message])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)

    def summary(self) -> dict[str, Any]:
        """Return the number of frames passed and dropped and what one takes, in ms."""
        return {
            'frames': self.statistics.passed,
            'dropped': dict(self.statistics.dropped),
            'median_ms': round(self.statistics.work_ms(50), 2),
            'p99_ms': round(self.statistics.work_ms(99), 2),
        }

    def close(self) -> None:
        """Finish the frame at hand and log the summary."""
        self.stop()
        # Not the node's own logger: at shutdown /rosout is gone already.
        name = self.get_fully_qualified_name()
        get_logger(name).info(SUMMARY + json.dumps(self.summary()))
        self.destroy_node()


def in_words(codec: DepthCodec) -> str:
    """Return model and runtime of a codec, for people."""
    return f'model {codec.model_id} on {runtime_of(codec)}'


def runtime_of(codec: DepthCodec) -> str:
    """Return what runs a codec's networks, for people."""
    return f'{codec.runtime} ({codec.device})'


def descriptor_of(setting: Setting) -> ParameterDescriptor:
    """Return the description of a parameter; whole numbers are welcome where doubles are."""
    descriptor = ParameterDescriptor(
        description=setting.meaning, additional_constraints=setting.constraint,
        read_only=setting.fixed, dynamic_typing=setting.kind == 'double')
    if setting.kind == 'double':
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(setting.lowest), to_value=float(setting.highest))]
    elif setting.kind == 'int':
        descriptor.integer_range = [IntegerRange(
            from_value=int(setting.lowest), to_value=int(setting.highest), step=1)]
    return descriptor


def milliseconds_since(start: float) -> float:
    """Return the time since a reading of the performance counter."""
    return (time.perf_counter() - start) * 1e3
