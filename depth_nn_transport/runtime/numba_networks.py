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
"""The model's networks in integers of 16 bits, compiled by numba."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import itertools
from typing import ClassVar, NamedTuple

from depth_nn_transport.codec.compiled import compiled
from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.model_files import (
    arrays_of,
    DAMAGED,
    ModelFiles,
    WEIGHTS_FILE,
)
from depth_nn_transport.codec.networks import (
    ACTIVATION_MAX,
    ACTIVATION_STEP,
    Activations,
    Array,
    BEND_GAIN,
    BEND_STEP,
    HYPER_CHANNELS,
    HYPER_MAX,
    HYPER_STRIDE,
    known_phases,
    LATENT_CHANNELS,
    LATENT_STEP,
    LOW_CHANNELS,
    STEPS,
    SYNTHESIS_VIEW,
)
from depth_nn_transport.runtime.graph_networks import GraphNetworks, Tensor
from depth_nn_transport.runtime.integer_layers import (
    ALL,
    depthwise,
    depthwise_in_block,
    EIGHT_DIGITS,
    Integers,
    Layer,
    pointwise,
)
from depth_nn_transport.runtime.integer_weights import Finish, LayerWeights, SHORT_MAX
from depth_nn_transport.runtime.workspace import Shorts, Workspace
import numpy as np

_MOST = ACTIVATION_MAX / ACTIVATION_STEP
_RECTIFIED = Finish(ACTIVATION_STEP, 0, _MOST)
_SATURATED = Finish(ACTIVATION_STEP, -_MOST, _MOST)
_IN_LATENT_STEPS = Finish(LATENT_STEP)
# The synthesis.
_FINE_STEP = ACTIVATION_STEP / 4
_FINE = Finish(
    _FINE_STEP, -ACTIVATION_MAX / _FINE_STEP, ACTIVATION_MAX / _FINE_STEP,
    splitter=EIGHT_DIGITS)
_FINE_LEAKY = _FINE._replace(slope=1 / 8)
_IN_BEND_STEPS = Finish(BEND_STEP / BEND_GAIN)
# The analysis: steps of what it sees, of its activations, of those that are squashed to +-1, and
# of what it returns.
_VIEW_STEP = 2.0**-11
_ROUGH_STEP = 2.0**-8
_SQUASHED_STEP = 2.0**-14
_RETURNED_STEP = 2.0**-12
_ROUGH = Finish(_ROUGH_STEP, -SHORT_MAX, SHORT_MAX)
_ROUGH_LEAKY = _ROUGH._replace(slope=0.1)
_RETURNED = Finish(_RETURNED_STEP)
# It sees residuals r up to these quanta, in units, and as r / (knee + |r|).
_RESIDUAL_MAX = 512.0
_RESIDUAL_UNIT = 64.0
_RESIDUAL_KNEE = 4.0
_MAX_QUALITY = 100
# The entropy model.
_FEATURES = 64
_MASK_CHANNELS = 32
_TRUNK = 128
_HIGH = 96
_SIDE_CHANNELS = HYPER_CHANNELS + 5
_SEEN = LATENT_CHANNELS + LOW_CHANNELS
# Windows of it, how far they reach, and windows of residual blocks.
_WINDOW, _MARGIN, _BLOCK_WINDOW = 5, 2, 3
# Takes and returns (H, W, C); a quality is a number.
_Network = Callable[..., list[Tensor]]


class NumbaNetworks(GraphNetworks):
    """
    `Networks` on the CPU, on the thread that calls.

    The exact networks are integers anyway. The analysis, which need not be exact, is rounded to
    them: its activations to steps of 1/256, its weights to the digits that sums leave room for.
    """

    runtime: ClassVar[str] = 'numba'
    device = 'CPU, int16'

    def __init__(self, files: ModelFiles, threads: int) -> None:
        """See `GraphNetworks`; more threads do not help."""
        try:
            self._networks = dict(_networks(files))
        except (KeyError, *DAMAGED) as error:
            raise ModelLoadError(f'{files.model_id}, {WEIGHTS_FILE}: {error}') from error

    def run(self, name: str, inputs: list[Tensor]) -> list[Tensor]:
        """See `GraphNetworks`."""
        return [x[None] for x in self._networks[name](*(x[0] for x in inputs))]


def _networks(files: ModelFiles) -> Iterator[tuple[str, _Network]]:
    arrays, space = arrays_of(files.weights), Workspace()

    def weights(network: str) -> LayerWeights:
        return LayerWeights(arrays, network)

    linear, steps = files.linear['analysis'], files.linear['analysis_steps']
    yield 'analysis', _Analysis(weights('analysis'), space, linear, steps)
    yield 'features', _Features(weights('features'), space)
    # There are no surroundings to look at in the first step.
    yield 'low0', _Trunk(weights('low0'), space, _FEATURES)
    for k in range(len(STEPS)):
        if k > 0:
            yield f'low{k}', _Low(weights(f'low{k}'), space, k)
        yield f'high{k}', _High(weights(f'high{k}'), space)
    yield 'synthesis', _Synthesis(weights('synthesis'), space)


class _Features:
    """See `training.entropy_model.HyperSynthesis`, as for the others below."""

    def __init__(self, weights: LayerWeights, space: Workspace) -> None:
        step, self._space = ACTIVATION_STEP, space
        self._hyper_enter = weights.exact(
            'hyper_enter', _SIDE_CHANNELS, _FEATURES, step, _RECTIFIED)
        self._hyper_leave = weights.exact(
            'hyper_leave', _FEATURES, HYPER_STRIDE**2 * _MASK_CHANNELS, step, _RECTIFIED)
        self._mask_enter = weights.exact(
            'mask_enter', LATENT_CHANNELS, _MASK_CHANNELS, step, _RECTIFIED)
        self._mix = weights.exact('mix', 2 * _MASK_CHANNELS + 1, _FEATURES, step, _RECTIFIED)
        self._spatial = weights.exact(
            'spatial', _FEATURES, _FEATURES, step, _SATURATED, _WINDOW)
        self._leave = weights.exact('leave', 2 * _FEATURES, _FEATURES, step, _RECTIFIED)

    def __call__(self, hyper: Array, base: Array, valid: Array, quality: float) -> list[Tensor]:
        self._space.begin(valid.shape[:2])
        level = round(float(quality) / 8 / ACTIVATION_STEP)
        joined = self._joined(self._side(hyper, base, level), valid, level)
        around = self._space.shorts('around', valid.shape[:2], _FEATURES, _MARGIN)
        pointwise(_pairs(joined), self._mix, None, around, 0, ALL)
        mixed = self._space.shorts('mixed', valid.shape[:2], 2 * _FEATURES)
        mixed[:, :, :_FEATURES] = around[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        depthwise(around, self._spatial, 1, 0, 0, mixed, _FEATURES)
        return [_applied(self._leave, mixed, self._space, 'features')]

    def _side(self, hyper: Array, base: Array, level: int) -> Shorts:
        """Expand what there is at 1/4 of the resolution."""
        side = self._space.shorts('side', base.shape[:2], _SIDE_CHANNELS + 1)
        side[:, :, :HYPER_CHANNELS] = hyper / 4 / ACTIVATION_STEP
        side[:, :, HYPER_CHANNELS:-2] = _base_steps(base)
        side[:, :, -2] = level
        entered = _applied(self._hyper_enter, side, self._space, 'entered')
        return _shuffled(_applied(self._hyper_leave, entered, self._space, 'expanded'))

    def _joined(self, side: Shorts, valid: Array, level: int) -> Shorts:
        joined = self._space.shorts('joined', valid.shape[:2], 2 * _MASK_CHANNELS + 2)
        joined[:, :, :_MASK_CHANNELS] = side
        mask = self._space.shorts('mask', valid.shape[:2], LATENT_CHANNELS)
        np.multiply(valid, 1 / ACTIVATION_STEP, out=mask, casting='unsafe')
        pointwise(_pairs(mask), self._mask_enter, None, joined, _MASK_CHANNELS, ALL)
        joined[:, :, -2] = level
        return joined


class _Trunk:
    """The part of a step's networks that features and surroundings come into."""

    def __init__(self, weights: LayerWeights, space: Workspace, inputs: int) -> None:
        step, self._space = ACTIVATION_STEP, space
        self._mix = weights.exact('mix', inputs, _TRUNK, step, _RECTIFIED)
        self._deepen = weights.exact('deepen', _TRUNK, _TRUNK, step, _RECTIFIED)
        self._head = weights.exact(
            'low_head', _TRUNK, 2 * LOW_CHANNELS, step, _IN_LATENT_STEPS)

    def __call__(self, joined: Shorts) -> list[Tensor]:
        mixed = _applied(self._mix, joined, self._space, 'trunk, mixed')
        trunk = _applied(self._deepen, mixed, self._space, 'trunk')
        return [trunk, _applied_to_floats(self._head, trunk, self._space, 'low')]


class _Low:

    def __init__(self, weights: LayerWeights, space: Workspace, k: int) -> None:
        self._space, self._name, step = space, f'around, {k}', ACTIVATION_STEP
        self._phase, self._known = STEPS[k].phase, known_phases(k)
        self._enter = weights.exact('enter', _SEEN, _FEATURES, step, _RECTIFIED)
        self._spatial = weights.exact(
            'spatial', _FEATURES, _FEATURES, step, _SATURATED, _WINDOW)
        self._trunk = _Trunk(weights, space, 2 * _FEATURES)
        # What the first layer makes of latents that are not known yet, which are zeros.
        nothing = np.zeros((1, 1, _SEEN), np.int16)
        self._of_nothing = _applied(self._enter, nothing, Workspace(), 'nothing')[0, 0]

    def __call__(self, features: Activations, seen: Activations) -> list[Tensor]:
        around = self._space.shorts(
            self._name, seen.shape[:2], _FEATURES, _MARGIN, self._of_nothing)
        for known in self._known:
            pointwise(_pairs(seen), self._enter, None, around, 0, (*known, 2))
        mixed = self._space.shorts('mixed', features.shape[:2], 2 * _FEATURES)
        mixed[:, :, :_FEATURES] = features
        depthwise(around, self._spatial, 2, *self._phase, mixed, _FEATURES)
        return self._trunk(mixed)


class _High:

    def __init__(self, weights: LayerWeights, space: Workspace) -> None:
        self._space = space
        inputs, rest = _TRUNK + 2 * LOW_CHANNELS, LATENT_CHANNELS - LOW_CHANNELS
        self._mix = weights.exact('high_mix', inputs, _HIGH, ACTIVATION_STEP, _RECTIFIED)
        self._head = weights.exact(
            'high_head', _HIGH, 2 * rest, ACTIVATION_STEP, _IN_LATENT_STEPS)

    def __call__(self, seen: Activations) -> list[Tensor]:
        mixed = _applied(self._mix, seen, self._space, 'high, mixed')
        return [_applied_to_floats(self._head, mixed, self._space, 'high')]


class _Block(NamedTuple):
    """A residual block."""

    spatial: Layer
    mix: Layer
    leave: Layer

    @classmethod
    def of(
        cls, layer: Callable[..., Layer], name: str, width: int, plain: Finish, leaky: Finish
    ) -> _Block:
        """
        Make the block of a name.

        :param layer: makes a layer of its name, inputs, outputs, finish and taps.
        :param width: channels that it adds to.
        :param plain: finish of its layers but the middle one.
        :param leaky: of that.
        """
        mix = layer(f'{name}.mix', width, None, leaky)
        spatial = layer(f'{name}.spatial', width, width, plain, _BLOCK_WINDOW)
        return cls(spatial, mix, layer(f'{name}.leave', len(mix.bias), width, plain))

    def add_to(self, x: Shorts, space: Workspace) -> None:
        """Add what comes out to what goes in, (H + 2, W + 2, C) with a margin of a pixel."""
        size = x.shape[0] - 2, x.shape[1] - 2
        filtered = space.shorts('filtered', size, x.shape[2])
        depthwise_in_block(x, self.spatial, filtered)
        mixed = _applied(self.mix, filtered, space, 'bottleneck')
        pointwise(_pairs(mixed), self.leave, x, x, 0, ALL)


def _names_of_blocks(weights: LayerWeights, row: str, first: int) -> list[str]:
    """Name the blocks of a row that there are, from a number on."""
    names = (f'{row}.{k}' for k in itertools.count(first))
    return list(itertools.takewhile(lambda name: weights.has(f'{name}.mix'), names))


class _Bend:
    """A row of residual blocks between two pointwise layers."""

    def __init__(
        self, enter: Layer, blocks: list[_Block], leave: Layer, space: Workspace
    ) -> None:
        self._enter, self._blocks, self._leave, self._space = enter, blocks, leave, space

    def __call__(self, seen: Shorts) -> Array:
        x = self._space.shorts('bent', seen.shape[:2], len(self._enter.bias), 1)
        pointwise(_pairs(seen), self._enter, None, x, 0, ALL)
        for block in self._blocks:
            block.add_to(x, self._space)
        inside = self._space.shorts('filtered', seen.shape[:2], x.shape[2])
        inside[:] = x[1:-1, 1:-1]
        return _applied_to_floats(self._leave, inside, self._space, 'bend')


class _Synthesis:

    def __init__(self, weights: LayerWeights, space: Workspace) -> None:
        self._space = space
        enter = weights.exact('enter', SYNTHESIS_VIEW, None, ACTIVATION_STEP, _FINE)

        def exact(
            name: str, inputs: int, outputs: int | None, finish: Finish, taps: int = 1
        ) -> Layer:
            return weights.exact(name, inputs, outputs, _FINE_STEP, finish, taps)

        width = len(enter.bias)
        names = _names_of_blocks(weights, 'blocks', 0)
        blocks = [_Block.of(exact, name, width, _FINE, _FINE_LEAKY) for name in names]
        leave = exact('leave', width, LATENT_CHANNELS, _IN_BEND_STEPS)
        self._bend = _Bend(enter, blocks, leave, space)

    def __call__(self, seen: Activations) -> list[Tensor]:
        self._space.begin(seen.shape[:2])
        return [self._bend(seen)]


class _Analysis:
    """See `training.transforms.Analysis` and `training.entropy_model.HyperAnalysis`."""

    def __init__(
        self, weights: LayerWeights, space: Workspace, linear: Array, steps: Array
    ) -> None:
        self._space, self._linear, self._steps = space, linear, steps

        def rounded(
            name: str, inputs: int, outputs: int | None, finish: Finish, taps: int = 1
        ) -> Layer:
            largest = np.full(inputs, SHORT_MAX)
            return weights.rounded(name, largest, outputs, _ROUGH_STEP, finish, taps)

        seen = np.repeat([_RESIDUAL_MAX / _RESIDUAL_UNIT, 1.0], [
            LATENT_CHANNELS, 2 * LATENT_CHANNELS + 1])
        enter = weights.rounded('bend.0', seen / _VIEW_STEP, None, _VIEW_STEP, _ROUGH)
        width = len(enter.bias)
        names = _names_of_blocks(weights, 'bend', 1)
        blocks = [_Block.of(rounded, name, width, _ROUGH, _ROUGH_LEAKY) for name in names]
        leave = rounded(f'bend.{len(blocks) + 1}', width, LATENT_CHANNELS, _RETURNED)
        self._bend = _Bend(enter, blocks, leave, space)
        squashed = np.full(2 * LATENT_CHANNELS, 1 / _SQUASHED_STEP)
        self._hyper_enter = weights.rounded(
            'enter', squashed, None, _SQUASHED_STEP, _ROUGH_LEAKY)
        gathered = HYPER_STRIDE**2 * len(self._hyper_enter.bias)
        self._hyper_gather = rounded('gather', gathered, None, _ROUGH_LEAKY)
        self._hyper_leave = rounded(
            'leave', len(self._hyper_gather.bias), HYPER_CHANNELS, _RETURNED)

    def __call__(self, residual: Array, valid: Array, quality: float) -> list[Tensor]:
        self._space.begin(residual.shape[:2])
        level = round(float(quality))
        view = self._space.shorts('view', residual.shape[:2], 3 * LATENT_CHANNELS + 2)
        _see(residual, valid, np.float32(level / _MAX_QUALITY), view)
        bend = self._bend(view)
        bend *= np.float32(_RETURNED_STEP)
        inverse = 1 / self._steps[level]
        latents = self._space.floats('latents', residual.shape[:2], LATENT_CHANNELS)
        np.matmul(residual, self._linear * inverse, out=latents)
        squashed = self._space.shorts('squashed', residual.shape[:2], 2 * LATENT_CHANNELS)
        _squash(latents, bend, np.float32(BEND_GAIN) * inverse, squashed)
        return [bend, self._hyper(squashed)]

    def _hyper(self, squashed: Shorts) -> Array:
        entered = _applied(self._hyper_enter, squashed, self._space, 'hyper, entered')
        around = _unshuffled(entered)
        gathered = _applied(self._hyper_gather, around, self._space, 'hyper, gathered')
        hyper = _applied_to_floats(self._hyper_leave, gathered, self._space, 'hyper')
        hyper *= np.float32(_RETURNED_STEP)
        return np.clip(hyper, -HYPER_MAX, HYPER_MAX, out=hyper)


@compiled
def _see(residual: Array, valid: Array, level: np.float32, view: Shorts) -> None:
    """Join what the analysis sees, in its steps: (H, W, 64) twice, a number -> (H, W, 193)."""
    height, width, channels = residual.shape
    per_step, most = np.float32(1 / _VIEW_STEP), np.float32(_RESIDUAL_MAX)
    per_unit, knee = np.float32(1 / _VIEW_STEP / _RESIDUAL_UNIT), np.float32(_RESIDUAL_KNEE)
    for row in range(height):
        for column in range(width):
            values, known, out = residual[row, column], valid[row, column], view[row, column]
            for c in range(channels):
                value = values[c] if values[c] < most else most
                value = value if value > -most else -most
                out[c] = np.int16(np.rint(value * per_unit))
            out = out[channels:]
            for c in range(channels):
                out[c] = np.int16(np.rint(values[c] / (knee + abs(values[c])) * per_step))
            out = out[channels:]
            for c in range(channels):
                out[c] = np.int16(known[c] * per_step)
            out[channels] = np.int16(np.rint(level * per_step))


@compiled
def _squash(latents: Array, bend: Array, gains: Array, squashed: Shorts) -> None:
    """
    Squash latents and append their magnitudes: (H, W, 64) -> (H, W, 128).

    :param latents: of the linear path; those of the other one are added.
    :param bend: of the other path.
    :param gains: for each channel of that.
    :param squashed: l / (1 + |l|), in steps; is written.
    """
    height, width, channels = latents.shape
    one, per_step = np.float32(1), np.float32(1 / _SQUASHED_STEP)
    for row in range(height):
        for column in range(width):
            linear, bent, out = latents[row, column], bend[row, column], squashed[row, column]
            for c in range(channels):
                latent = linear[c] + gains[c] * bent[c]
                out[c] = np.int16(np.rint(latent / (one + abs(latent)) * per_step))
            for c in range(channels):
                out[channels + c] = abs(out[c])


def _base_steps(base: Array) -> Array:
    """Difference of the base, (H, W, 1), to its four neighbours, in activations: (H, W, 4)."""
    height, width, _ = base.shape
    padded = np.pad(base, ((1, 1), (1, 1), (0, 0)), 'edge')
    shifts = ((0, 1), (2, 1), (1, 0), (1, 2))
    around = [padded[row:row + height, column:column + width] for row, column in shifts]
    steps = np.concatenate(around, 2) - base
    return np.clip(np.rint(steps / 4 / ACTIVATION_STEP), -_MOST, _MOST)


def _shuffled(x: Shorts) -> Shorts:
    """Spread channels over 4x4 pixels: (H, W, 16 C) -> (4 H, 4 W, C)."""
    height, width, _ = x.shape
    cells = x.reshape(height, width, -1, HYPER_STRIDE, HYPER_STRIDE).transpose(0, 3, 1, 4, 2)
    return cells.reshape(height * HYPER_STRIDE, width * HYPER_STRIDE, -1)


def _unshuffled(x: Shorts) -> Shorts:
    """Undo `_shuffled`."""
    height, width = (n // HYPER_STRIDE for n in x.shape[:2])
    cells = x.reshape(height, HYPER_STRIDE, width, HYPER_STRIDE, -1).transpose(0, 2, 4, 1, 3)
    return cells.reshape(height, width, -1)


def _applied(layer: Layer, x: Shorts, space: Workspace, name: str) -> Shorts:
    """Convolve pointwise, (H, W, C) -> (H, W, C')."""
    out = space.shorts(name, x.shape[:2], len(layer.bias))
    pointwise(_pairs(x), layer, None, out, 0, ALL)
    return out


def _applied_to_floats(layer: Layer, x: Shorts, space: Workspace, name: str) -> Array:
    """Do the same, with results that may need more digits."""
    out = space.floats(name, x.shape[:2], len(layer.bias))
    pointwise(_pairs(x), layer, None, out, 0, ALL)
    return out


def _pairs(x: Shorts) -> Integers:
    """Take channels two by two: (H, W, C) -> int32 (H, W, C / 2)."""
    return np.ascontiguousarray(x).view(np.int32)
