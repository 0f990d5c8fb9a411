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
"""The codec's promises: holes exact, any valid image accepted, damage answered by typed errors."""

import dataclasses

from depth_nn_transport import DepthCodec
from depth_nn_transport.codec.container import EncodedDepth, Mode
from depth_nn_transport.codec.errors import (
    CorruptStreamError,
    DepthCodecError,
    InvalidDepthError,
    InvalidSettingError,
    ModelMismatchError,
)
from depth_nn_transport.codec.lattice import Lattice
from depth_nn_transport.codec.lossy_coder import loose_bound
from depth_nn_transport.simulator import simulate_sequence
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

QUALITIES = (0, 25, 50, 75, 100)


@pytest.fixture(scope='module')
def simulated():
    (frame,) = simulate_sequence(seed=3, frames=1, width=320, height=240)
    return frame.depth


@pytest.fixture(scope='module')
def encoded(codec):
    return codec.encode(structured((64, 96)))


def structured(shape, seed=0):
    """Depths (mm) of a slanted wall with a box in front and a scatter of holes."""
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    depth = (1500 + 3 * rows + 2 * columns).astype(np.uint16)
    depth[shape[0] // 4:shape[0] // 2, shape[1] // 3:shape[1] // 2] = 800
    depth[np.random.default_rng(seed).random(shape) < 0.1] = 0
    return depth


def in_metres(depth):
    """Convert to the same image as 32FC1, with every kind of hole."""
    metres = (depth / 1000).astype(np.float32)
    holes = np.flatnonzero(depth == 0)
    for k, value in enumerate((np.nan, np.inf, -np.inf, 0, -1)):
        metres.flat[holes[k::5]] = value
    return metres


def over_the_wire(frame):
    return EncodedDepth.from_bytes(frame.to_bytes())


def restore(codec, depth, **settings):
    return codec.decode(over_the_wire(codec.encode(depth, **settings)))


@pytest.mark.parametrize('shape', [
    (16, 16), (17, 31), (16, 1000), (1000, 16), (33, 64), (63, 65), (16, 4096), (4096, 16),
])
def test_holes_are_exact_at_any_size(codec, shape):
    depth = structured(shape)
    restored = restore(codec, depth)
    assert restored.dtype == np.uint16 and restored.shape == shape
    np.testing.assert_array_equal(restored == 0, depth == 0)


@pytest.mark.parametrize('shape', [(16, 16), (47, 81)])
def test_holes_are_exact_in_metres(codec, shape):
    depth = structured(shape)
    restored = restore(codec, in_metres(depth))
    assert restored.dtype == np.float32 and restored.shape == shape
    np.testing.assert_array_equal(np.isnan(restored), depth == 0)
    assert (restored[depth > 0] > 0).all()


def test_metres_and_millimetres_are_the_same_frame(codec):
    depth = structured((48, 64))
    millimetres, metres = restore(codec, depth), restore(codec, in_metres(depth))
    np.testing.assert_allclose(np.nan_to_num(metres) * 1000, millimetres, atol=0.51)


@pytest.mark.parametrize('quality', QUALITIES)
def test_the_tail_is_bounded(codec, quality):
    depth = structured((96, 128))
    depth[::7, ::5] = 3000
    frame = codec.encode(depth, quality=quality)
    restored = codec.decode(frame)
    lattice = Lattice(abs(frame.lattice_constant), frame.lattice_constant > 0)
    error = np.abs(lattice.to_quanta(restored) - lattice.to_quanta(depth))[depth > 0]
    # Far below what the transform alone leaves at these lone pixels.
    assert error.max() <= loose_bound(quality) + 1


@pytest.mark.parametrize('hole', [0, np.float32(np.nan), np.float32(-2)])
def test_nothing_but_holes(codec, hole):
    dtype = np.float32 if isinstance(hole, np.float32) else np.uint16
    frame = codec.encode(np.full((30, 50), hole, dtype))
    assert len(frame.to_bytes()) < 100
    restored = codec.decode(frame)
    assert (np.isnan(restored) if dtype == np.float32 else restored == 0).all()


@pytest.mark.parametrize('value', [1, 300, 1000, 4000, 20000, 65535])
def test_constant_images(codec, value):
    restored = restore(codec, np.full((64, 64), value, np.uint16), quality=100)
    quanta = 640000 / np.maximum(restored, 800.0) - 640000 / max(value, 800)
    assert np.abs(quanta).max() <= 2
    assert len(codec.encode(np.full((64, 64), value, np.uint16)).to_bytes()) < 200


def test_a_single_valid_pixel(codec):
    depth = np.zeros((40, 40), np.uint16)
    depth[17, 23] = 1234
    restored = restore(codec, depth)
    np.testing.assert_array_equal(restored == 0, depth == 0)
    assert 1100 < restored[17, 23] < 1400


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), quality=st.sampled_from(QUALITIES))
def test_noise_survives(codec, seed, quality):
    depth = np.random.default_rng(seed).integers(0, 65536, (37, 50)).astype(np.uint16)
    restored = restore(codec, depth, quality=quality)
    np.testing.assert_array_equal(restored == 0, depth == 0)


@pytest.mark.parametrize('value', [1e-30, 1e-6, 0.0004, 70.0, 3.4e38])
def test_extreme_metres_stay_valid_and_finite(codec, value):
    depth = np.full((20, 20), value, np.float32)
    depth[:10] = 1
    restored = restore(codec, depth)
    assert np.isfinite(restored).all() and (restored > 0).all()


def test_depth_beyond_all_millimetres_of_16_bits_stays_there(codec):
    # What 16 bits would leave of it, 100 mm, lies on any lattice.
    restored = restore(codec, np.full((20, 20), 131.172, np.float32), quality=100)
    assert (restored > 100).all()


def test_error_falls_and_bytes_grow_with_quality(codec, simulated):
    valid = simulated > 0
    sizes, errors = [], []
    for quality in QUALITIES:
        frame = codec.encode(simulated, quality=quality)
        sizes.append(len(frame.to_bytes()))
        errors.append(np.abs(1e6 / codec.decode(frame)[valid] - 1e6 / simulated[valid]).mean())
    assert sizes == sorted(set(sizes))
    assert errors == sorted(set(errors), reverse=True)


def test_frames_decode_in_any_order_on_any_decoder(codec, simulated):
    frames = [codec.encode(depth) for depth in (simulated, structured((64, 96)), simulated // 2)]
    forward = [codec.decode(frame) for frame in frames]
    fresh = DepthCodec()
    backward = [fresh.decode(frame) for frame in reversed(frames)]
    for a, b in zip(forward, reversed(backward), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_frame_that_shows_its_lattice_owes_nothing_to_earlier_ones(simulated):
    rows, columns = np.mgrid[:48, :64]
    codec = DepthCodec()
    codec.encode(np.rint(640_000 / (150 + rows + 8 * columns)).astype(np.uint16))
    used, fresh = codec.encode(simulated), DepthCodec().encode(simulated)
    assert used == fresh


def test_input_is_left_alone(codec):
    depth = structured((40, 40))
    for image in (depth, in_metres(depth)):
        kept = image.copy()
        codec.encode(image)
        np.testing.assert_array_equal(image, kept)


def test_strided_images_are_taken(codec):
    depth = structured((64, 96))
    np.testing.assert_array_equal(
        restore(codec, depth[::2, ::-2]), restore(codec, depth[::2, ::-2].copy())
    )


@pytest.mark.parametrize('depth', [
    np.ones((15, 64), np.uint16), np.ones((64, 4097), np.uint16), np.ones((0, 0), np.uint16),
    np.ones((64, 64, 1), np.uint16), np.ones((64, 64), np.int16), np.ones((64, 64)),
    np.ones((64, 64), np.uint8), [[1] * 64] * 64, None,
    np.ma.MaskedArray(np.ones((64, 64), np.uint16)), np.matrix(np.ones((64, 64), np.uint16)),
], ids=lambda depth: f'{getattr(depth, "dtype", type(depth))}{getattr(depth, "shape", "")}')
def test_other_images_are_refused(codec, depth):
    with pytest.raises(InvalidDepthError):
        codec.encode(depth)


@pytest.mark.parametrize('setting', [
    {'quality': -1}, {'quality': 101}, {'quality': np.nan}, {'mode': 'magic'},
])
def test_settings_out_of_range_are_refused(codec, setting):
    with pytest.raises(InvalidSettingError):
        codec.encode(structured((16, 16)), **setting)


@pytest.mark.parametrize('threads', [0, 257])
def test_threads_out_of_range_are_refused(threads):
    with pytest.raises(InvalidSettingError):
        DepthCodec(threads=threads)


@pytest.mark.parametrize('mode', Mode)
def test_a_mode_goes_by_its_name_or_itself(mode):
    bound = {'max_error': 2.0} if mode is Mode.BOUNDED else {}
    depth = structured((16, 16))
    assert DepthCodec().encode(depth, mode, **bound) == DepthCodec().encode(
        depth, mode.name.lower(), **bound)


def test_a_frame_of_another_model_is_refused(codec, encoded):
    with pytest.raises(ModelMismatchError, match='main-00000000'):
        codec.decode(dataclasses.replace(encoded, model_id='main-00000000'))


def test_a_mask_of_garbage_is_refused(codec, encoded):
    with pytest.raises(CorruptStreamError):
        codec.decode(dataclasses.replace(encoded, mask=b'\xff' * 200))


payload = st.binary(max_size=300) | st.binary(min_size=1, max_size=1).map(lambda b: b * 300)


@settings(max_examples=150)
@given(data=st.data())
def test_hostile_frames_give_an_image_or_a_typed_error(codec, encoded, data):
    cut = data.draw(st.integers(0, len(encoded.latents)), 'cut')
    tail = data.draw(payload, 'tail')
    hostile = dataclasses.replace(
        encoded,
        mask=data.draw(st.just(encoded.mask) | payload, 'mask'),
        latents=encoded.latents[:cut] + tail,
        height=data.draw(st.sampled_from([64, 16, 100]), 'height'),
        quality=data.draw(st.sampled_from([50.0, 0.0, 33.0]), 'quality'),
        lattice_constant=data.draw(st.sampled_from([612000.0, -1e3, 1e3, 1e9, -1e9]), 'K'),
    )
    try:
        restored = codec.decode(over_the_wire(hostile))
    except DepthCodecError:
        return
    assert restored.shape == (hostile.height, hostile.width)


@pytest.mark.parametrize('encoding', ['16UC1', '32FC1'])
def test_hostile_metres_are_positive_or_holes(codec, encoded, encoding):
    frame = dataclasses.replace(encoded, encoding=encoding, latents=encoded.latents[:-8] + b'\x5a')
    restored = codec.decode(frame)
    valid = np.isfinite(restored) & (restored > 0)
    np.testing.assert_array_equal(valid, structured((64, 96)) > 0)


def test_lattice_is_found_again_after_frames_off_the_grid(codec):
    rows, columns = np.mgrid[:48, :64]
    off_grid = (1000 + 37 * rows + 61 * columns).astype(np.uint16)
    on_grid = np.rint(640_000 / (150 + rows + 8 * columns)).astype(np.uint16)
    assert codec.encode(off_grid).lattice_constant < 0
    constants = [codec.encode(on_grid).lattice_constant for _ in range(12)]
    assert constants[-1] > 0
