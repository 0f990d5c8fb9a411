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
"""Bounded and lossless mode: what is promised is kept, for every frame and on every path."""

import dataclasses

from depth_nn_transport import DepthCodec
from depth_nn_transport.codec.bounded_coder import BoundedCoder
from depth_nn_transport.codec.container import EncodedDepth, Mode
from depth_nn_transport.codec.errors import (
    CorruptStreamError,
    DepthCodecError,
    InvalidSettingError,
)
from depth_nn_transport.codec.exact_coder import Alphabet
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.simulator import simulate_sequence
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

CONSTANT = 612_000
SHAPE = (41, 57)


@pytest.fixture(scope='module')
def simulated():
    (frame,) = simulate_sequence(seed=3, frames=1, width=320, height=240)
    return frame.depth


@pytest.fixture
def fresh_codec():
    """Codec that has seen no frames."""
    return DepthCodec()


def on_grid(seed, shape=SHAPE):
    """Lattice frame (mm) of a noisy slope with a box and holes."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    disparity = 160 + 2 * rows + columns // 3 + random.integers(-2, 3, shape)
    disparity[10:25, 20:40] += 300
    depth = np.rint(CONSTANT / disparity).astype(np.uint16)
    depth[random.random(shape) < 0.1] = 0
    return depth


def noise(seed, shape=SHAPE):
    return np.random.default_rng(seed).integers(0, 65536, shape).astype(np.uint16)


def smooth(seed, shape=SHAPE):
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    random = np.random.default_rng(seed)
    depth = 900 + 7 * columns + rows * rows // 3 + random.integers(0, 3, shape)
    return depth.astype(np.uint16)


def extremes(seed, shape=SHAPE):
    return np.random.default_rng(seed).choice(np.array([0, 1, 65535], np.uint16), shape)


def few_values(seed, shape=SHAPE):
    values = np.array([0, 500, 505, 40000, 40100], np.uint16)
    return np.random.default_rng(seed).choice(values, shape)


def with_gaps(seed, shape=SHAPE):
    """Frame (mm) of a lattice of which only every eighth value or so occurs."""
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    return every_eighth(rows + columns // 8 + np.random.default_rng(seed).integers(0, 3, shape))


def every_eighth(level):
    """Lattice frame (mm) of levels, unevenly spaced; 0 is a hole."""
    depth = np.rint(CONSTANT / (163 + 8 * level + 5 * level % 7))
    return np.where(level > 0, depth, 0).astype(np.uint16)


MAKERS = (on_grid, noise, smooth, extremes, few_values, with_gaps)


def restore(codec, encoded):
    return codec.decode(EncodedDepth.from_bytes(encoded.to_bytes()))


def quanta_off(encoded, original, restored):
    lattice = Lattice(abs(encoded.lattice_constant), encoded.lattice_constant > 0)
    valid = original > 0
    error = lattice.to_quanta(original[valid]) - lattice.to_quanta(restored[valid])
    return np.abs(error).max(initial=0)


@settings(max_examples=40)
@given(make=st.sampled_from(MAKERS), seed=st.integers(0, 2**32 - 1))
def test_lossless_integers(codec, make, seed):
    depth = make(seed)
    np.testing.assert_array_equal(restore(codec, codec.encode(depth, 'lossless')), depth)


@settings(max_examples=60)
@given(
    make=st.sampled_from(MAKERS), seed=st.integers(0, 2**32 - 1),
    max_error=st.sampled_from([0, 0.3, 1, 1.5, 2, 3, 4, 8, 30, 1000]),
)
def test_bounded_integers(codec, make, seed, max_error):
    depth = make(seed)
    encoded = codec.encode(depth, 'bounded', max_error=max_error)
    restored = restore(codec, encoded)
    np.testing.assert_array_equal(restored == 0, depth == 0)
    assert quanta_off(encoded, depth, restored) <= max_error + 1e-3


@pytest.mark.parametrize('max_error', [1, 2, 4, 8])
def test_bounded_scene_on_another_decoder(fresh_codec, simulated, max_error):
    encoded = fresh_codec.encode(simulated, 'bounded', max_error=max_error)
    restored = restore(DepthCodec(threads=2), encoded)
    assert quanta_off(encoded, simulated, restored) <= max_error
    assert len(encoded.latents) <= len(fresh_codec.encode(simulated, 'lossless').latents)


@pytest.mark.parametrize('max_error', [1, 2])
def test_the_engine_suits_the_frame(fresh_codec, max_error):
    rows, columns = np.mgrid[:240, :320]
    rank = np.rint(300 + 60 * np.sin(columns / 50) * np.cos(rows / 40))
    smooth = np.rint(CONSTANT / rank).astype(np.uint16)
    enlarged = on_grid(1, (60, 80)).repeat(4, 0).repeat(4, 1)
    for frame, engine in (enlarged, 1), (smooth, 0):
        assert fresh_codec.encode(frame, 'bounded', max_error=max_error).latents[0] == engine
        fresh_codec.forget()


@pytest.mark.parametrize('unit', [np.float32, np.uint16])
@pytest.mark.parametrize('max_error', [4, 8.5])
def test_filtered_depth_is_corrected_too(fresh_codec, unit, max_error):
    rows, columns = np.mgrid[:240, :320]
    noise = np.random.default_rng(0).normal(0, 1.5, rows.shape)
    metres = CONSTANT / 1000 / (300 + 60 * np.sin(columns / 50) * np.cos(rows / 40) + noise)
    valid = (rows + columns) % 100 > 10
    depth = np.where(valid, metres, np.nan).astype(np.float32)
    if unit == np.uint16:
        depth = np.where(valid, np.rint(metres * 1000), 0).astype(np.uint16)
    encoded = fresh_codec.encode(depth, 'bounded', max_error=max_error)
    assert encoded.lattice_constant < 0 and encoded.latents[0] == 0
    restored = restore(DepthCodec(), encoded)
    np.testing.assert_array_equal(restored > 0, valid)
    millimetres = [np.where(valid, x, 0).astype(np.float32) * (1 if unit == np.uint16 else 1000)
                   for x in (depth, restored)]
    assert quanta_off(encoded, *millimetres) <= max_error + 1e-3


def test_values_that_do_not_occur_cost_little(fresh_codec):
    rows, columns = np.mgrid[:120, :160]
    level = 20 + np.rint(9 * np.sin(columns / 30) * np.cos(rows / 20)).astype(np.uint16)
    plain, gaps = 700 + level, every_eighth(level)
    most = 1.1 * len(fresh_codec.encode(plain, 'lossless').latents)
    fresh_codec.forget()
    assert fresh_codec.encode(gaps, 'lossless').lattice_constant > 0
    assert len(fresh_codec.encode(gaps, 'lossless').latents) < most
    assert len(fresh_codec.encode(gaps, 'bounded', max_error=2).latents) < most


def test_what_values_occur_is_told_where_enough_pixels_gain_from_it(fresh_codec):
    rows, columns = np.mgrid[:60, :90]
    small = (900 + 7 * columns + (rows * rows + 2 * rows * columns) // 9).astype(np.uint16)
    large = np.tile(small, (6, 6))
    # Behind the engine and the hole's value.
    kinds = [fresh_codec.encode(depth, 'lossless').latents[2] for depth in (small, large)]
    assert kinds == [Alphabet.INTEGERS, Alphabet.PALETTE]


def test_a_stream_is_encoded_by_one_engine_most_of_the_time(fresh_codec, simulated, monkeypatch):
    tried = []
    encode_by = BoundedCoder._encode_by

    def count(coder, trial, frame):
        tried.append(trial)
        return encode_by(coder, trial, frame)

    monkeypatch.setattr(BoundedCoder, '_encode_by', count)
    sizes = [len(fresh_codec.encode(simulated, 'bounded', max_error=4).latents) for _ in range(4)]
    # Both in the first frame and, once more, in the third.
    assert len(tried) == 6 and len(set(tried)) == 2
    assert max(sizes) == min(sizes)
    fresh_codec.encode(simulated[:120], 'bounded', max_error=4)
    assert len(tried) == 8


def test_bounds_from_two_quanta_leave_less_error_than_groups_of_levels_would(fresh_codec):
    enlarged = on_grid(1, (60, 80)).repeat(4, 0).repeat(4, 1)
    encoded = fresh_codec.encode(enlarged, 'bounded', max_error=2)
    assert encoded.latents[0] == 1
    lattice, valid = Lattice(encoded.lattice_constant, True), enlarged > 0
    error = lattice.to_quanta(enlarged) - lattice.to_quanta(fresh_codec.decode(encoded))
    # Of groups of five values, each one restored as the middle one: 1.2.
    assert np.abs(error[valid]).mean() < 1.1


@pytest.mark.parametrize('at', [None, 2.0])
@pytest.mark.parametrize('make', [on_grid, smooth, noise])
def test_bounded_millimetres(codec, make, at):
    depth = make(5)
    restored = restore(codec, codec.encode(depth, 'bounded', max_error_mm=25, at=at))
    near = depth <= (65535 if at is None else 1000 * at)
    assert np.abs(restored.astype(int) - depth)[near].max() <= 25


def floats(seed, shape=SHAPE):
    """Any bits at all."""
    bits = np.random.default_rng(seed).integers(0, 2**32, shape, dtype=np.uint32)
    return bits.view(np.float32)


def special(seed, shape=SHAPE):
    values = [np.nan, np.inf, -np.inf, 0.0, -0.0, -1.5, 1e-42, 3e38, 1.25]
    return np.random.default_rng(seed).choice(np.array(values, np.float32), shape)


def metres(seed, shape=SHAPE):
    depth = on_grid(seed, shape)
    return np.where(depth > 0, depth / np.float32(1000), np.float32(np.nan))


def metres_of_zero_holes(seed, shape=SHAPE):
    return on_grid(seed, shape) / np.float32(1000)


def real_metres(seed, shape=SHAPE):
    random = np.random.default_rng(seed)
    return (metres(seed, shape) + random.normal(0, 1e-3, shape)).astype(np.float32)


FLOATS = (floats, special, metres, metres_of_zero_holes, real_metres)


@settings(max_examples=40)
@given(make=st.sampled_from(FLOATS), seed=st.integers(0, 2**32 - 1))
def test_lossless_floats_keep_their_bits_and_nan_is_canonical(codec, make, seed):
    depth = make(seed)
    restored = restore(codec, codec.encode(depth, 'lossless'))
    nan = np.isnan(depth)
    np.testing.assert_array_equal(restored.view(np.uint32)[~nan], depth.view(np.uint32)[~nan])
    assert (restored.view(np.uint32)[nan] == 0x7FC00000).all()


def test_a_zero_among_other_holes_is_lossless(codec):
    depth = metres(0)
    depth[3, 3] = 0
    restored = restore(codec, codec.encode(depth, 'lossless'))
    np.testing.assert_array_equal(restored, depth)


@settings(max_examples=40)
@given(
    make=st.sampled_from(FLOATS), seed=st.integers(0, 2**32 - 1),
    max_error=st.sampled_from([0, 0.5, 1, 4, 100]),
)
def test_bounded_floats(codec, make, seed, max_error):
    depth = make(seed)
    encoded = codec.encode(depth, 'bounded', max_error=max_error)
    restored = restore(codec, encoded)
    valid = np.isfinite(depth) & (depth > 0)
    np.testing.assert_array_equal(np.isnan(restored), ~valid)
    lattice = Lattice(abs(encoded.lattice_constant), encoded.lattice_constant > 0)
    original, found = (1000 * np.minimum(x[valid], 1e3) for x in (depth, restored))
    error = lattice.to_quanta(original) - lattice.to_quanta(found)
    assert np.abs(error).max(initial=0) <= max_error + 1e-3


def test_steps_too_fine_for_the_plane_are_lossless(fresh_codec):
    depth = np.linspace(1e-3, 1.5, 41 * 57, dtype=np.float32).reshape(SHAPE)
    encoded = fresh_codec.encode(depth, 'bounded', max_error=1 / 64)
    np.testing.assert_array_equal(restore(fresh_codec, encoded), depth)


@pytest.mark.parametrize('mode', ['bounded', 'lossless'])
@pytest.mark.parametrize('dtype', [np.uint16, np.float32])
def test_nothing_but_holes(codec, mode, dtype):
    depth = np.zeros((30, 50), dtype)
    bound = {'max_error': 2} if mode == 'bounded' else {}
    restored = restore(codec, codec.encode(depth, mode, **bound))
    assert not np.nan_to_num(restored).any()


@pytest.mark.parametrize('hole', [0.0, np.nan])
def test_a_frame_of_one_kind_of_hole_is_lossless(codec, hole):
    depth = np.full((30, 50), hole, np.float32)
    restored = restore(codec, codec.encode(depth, 'lossless'))
    np.testing.assert_array_equal(restored.view(np.uint32), depth.view(np.uint32))


@pytest.mark.parametrize('setting', [
    {'mode': 'bounded'}, {'mode': 'bounded', 'max_error': -1},
    {'mode': 'bounded', 'max_error': np.nan}, {'mode': 'bounded', 'max_error': 1e9},
    {'mode': 'bounded', 'max_error': 1, 'max_error_mm': 5},
    {'mode': 'bounded', 'max_error_mm': np.inf}, {'mode': 'bounded', 'max_error': 1, 'at': 2},
    {'mode': 'bounded', 'max_error_mm': 5, 'at': -2},
    {'mode': 'bounded', 'max_error_mm': 5, 'at': 0}, {'mode': 'lossless', 'max_error': 1},
    {'mode': 'lossy', 'max_error': 1},
])
def test_bounds_out_of_range_are_refused(codec, setting):
    with pytest.raises(InvalidSettingError):
        codec.encode(on_grid(0), **setting)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, -1.5, 0.0])
def test_bounded_frames_hold_nothing_but_depths(codec, value):
    depth = real_metres(0)
    depth[7, 7], depth[8] = value, 0.0 if np.isnan(value) else np.nan
    lossless = codec.encode(depth, 'lossless')
    hostile = dataclasses.replace(lossless, mode=Mode.BOUNDED, max_error=1.0)
    with pytest.raises(CorruptStreamError, match='no depths'):
        restore(codec, hostile)


payload = st.binary(max_size=300)


@settings(max_examples=150)
@given(data=st.data())
def test_hostile_frames_give_an_image_or_a_typed_error(codec, data):
    make = data.draw(st.sampled_from([on_grid, few_values, noise, real_metres]), 'frame')
    setting = data.draw(st.sampled_from([('lossless', None), ('bounded', 1), ('bounded', 4)]))
    encoded = codec.encode(make(0), setting[0], max_error=setting[1])
    bounds = [0.0, 1.0, 4.0, 1e30] if setting[0] == 'bounded' else [0.0]
    cut = data.draw(st.integers(0, min(40, len(encoded.latents))), 'cut')
    hostile = dataclasses.replace(
        encoded, latents=encoded.latents[:cut] + data.draw(payload, 'tail'),
        max_error=data.draw(st.sampled_from(bounds), 'bound'),
        encoding=data.draw(st.sampled_from(['16UC1', '32FC1']), 'encoding'),
        lattice_constant=data.draw(st.sampled_from([612000.0, -1e3, 1e3, 1e9, -1e9]), 'K'),
    )
    try:
        restored = restore(codec, hostile)
    except DepthCodecError:
        return
    assert restored.shape == SHAPE
