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
"""Compares what a navigation stack makes of raw and of restored depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from depth_nn_transport import DepthCodec
from depth_nn_transport.bench.floor import floor_pose
from depth_nn_transport.bench.frames import Frame, frame_paths
from depth_nn_transport.bench.image_codecs import JpegXl
from depth_nn_transport.bench.metrics import flying
from depth_nn_transport.bench.navigation import (
    base_pose, compare_cells, Depth, laser_scan, MM_PER_M, ObstacleLayer, point_cloud,
    Points, Pose,
)
from depth_nn_transport.bench.ours import BoundedCodec, LossyCodec, MillimetreCodec
from depth_nn_transport.bench.peers import Codec, lossy_peers, RawPeer
from depth_nn_transport.frames.files import read_depth
from depth_nn_transport.simulator import simulate_stereo
from depth_nn_transport.simulator.camera import BASELINE_MM, Camera, SUBPIXELS

import numpy as np
from numpy.typing import NDArray

SIMULATED = 'simulated rooms and corridors'
LAYER = ObstacleLayer()
QUALITIES = (10, 30, 50, 70, 90)
BOUNDS_QUANTA = (1, 2, 4, 8)
# Bounds in mm, each with the depth in m up to which it holds.
BOUNDS_MM = ((10, 1.5), (20, 2.0), (50, 4.0))
# Peers get the rate of this quality.
PEER_QUALITY = 50
NOISE = 'the sensor itself, a second time'
# Distances in m up to which points are compared: what is gripped and what is mapped.
REACHES_M = (1.0, 5.0)
# Ranges are compared up to this distance: what is docked at.
SCAN_REACH_M = 2.0
_SWEEP_STRIDE = 3
# So quick that camera and people stand still between two frames; only the noise changes.
_STILL_FPS = 1e6
# Of three places the third is outdoors, where hardly anything stands within the layer's range.
_PLACES, _INDOORS = 3, 2


@dataclass(frozen=True)
class Scene:
    """
    A frame with its camera.

    `again` is the same view measured once more, None if that is not known.
    """

    frame: Frame
    camera: Camera
    pose: Pose
    again: Depth | None


@dataclass(frozen=True)
class Impact:
    """
    What a setting does to one frame.

    :ivar bits: per pixel.
    :ivar cells, appeared, vanished, appeared_beyond, vanished_beyond: cells of the obstacle
        layer, see `CellChanges`.
    :ivar scan_mm: float32 (N,), errors of the ranges within `SCAN_REACH_M` that both scans have.
    :ivar points_mm: float32 (N,) for each of `REACHES_M`, shift of the points that both clouds
        have.
    :ivar flying: share of the points that hang between two surfaces.
    """

    bits: float
    cells: int
    appeared: int
    vanished: int
    appeared_beyond: int
    vanished_beyond: int
    scan_mm: NDArray[np.float32]
    points_mm: tuple[NDArray[np.float32], ...]
    flying: float


@dataclass(frozen=True)
class Setting:
    """A codec at a setting, as the table names it."""

    title: str
    codec: Codec
    value: float

    def restore(self, frame: Frame) -> tuple[float, Depth]:
        """Return bits per pixel and what a decoder makes of a frame."""
        stream = self.codec.encode(frame, self.value)
        return 8 * len(stream) / frame.depth.size, self.codec.decode(stream)


def recordings(folders: Sequence[Path]) -> dict[str, Callable[[int], Iterator[Scene]]]:
    """Return by name what yields a number of scenes: simulated ones and those of folders."""
    return {SIMULATED: simulated_scenes,
            **{folder.name: partial(recorded_scenes, folder) for folder in folders}}


def simulated_scenes(count: int) -> Iterator[Scene]:
    """Yield views of rooms and corridors by a simulated stereo camera, each measured twice."""
    seeds = (seed for seed in range(_PLACES * count) if seed % _PLACES < _INDOORS)
    for _, seed in zip(range(count), seeds, strict=False):
        first, second = simulate_stereo(seed, 2, fps=_STILL_FPS)
        yield Scene(
            Frame.prepare(first.depth), first.camera, base_pose(first.pose), second.depth)


def recorded_scenes(folder: Path, count: int) -> Iterator[Scene]:
    """
    Yield frames of a recording, whose calibration and pose are not known.

    The focal length is that of a D435 with the lattice of the frame; the floor is the plane that
    most points below the camera lie in.
    """
    for path in frame_paths(folder, count):
        frame = Frame.prepare(read_depth(path))
        height, width = frame.depth.shape
        focal = frame.lattice.constant / (BASELINE_MM * SUBPIXELS)
        camera = Camera(
            width, height, focal, focal, (width - 1) / 2, (height - 1) / 2, BASELINE_MM)
        yield Scene(frame, camera, floor_pose(point_cloud(frame.depth, camera)), None)


def our_settings(model: str) -> list[Setting]:
    """Return the settings of our codec."""
    codec = DepthCodec(model=model)
    lossy, bounded = LossyCodec(codec), BoundedCodec(codec)
    return [
        *(Setting(f'quality {value}', lossy, value) for value in QUALITIES),
        *(Setting(f'bounded, {value} quanta', bounded, value) for value in BOUNDS_QUANTA),
        *(Setting(f'bounded, {value} mm up to {at:g} m',
                  MillimetreCodec(codec, at, (value,)), value) for value, at in BOUNDS_MM),
    ]


def peer_settings(scenes: Sequence[Scene], bits: float) -> list[Setting]:
    """Return peers at the setting at which the scenes take so many bits per pixel."""
    known = {codec.name: codec for codec in lossy_peers()}
    naive = RawPeer('jpegxl-naive', JpegXl(), (0.5, 1, 2, 4, 8, 14, 20, 25), 'distance')
    titles = {
        'JPEG XL': known['jpegxl'], 'x265': known['x265-psnr'],
        'JPEG XL of the image as it is': naive}
    return [
        Setting(f'{title}, same rate', codec, setting_at_rate(codec, scenes, bits))
        for title, codec in titles.items()]


def setting_at_rate(codec: Codec, scenes: Sequence[Scene], bits: float) -> float:
    """Interpolate the setting of so many bits per pixel in a sweep over some of the scenes."""
    settings = np.sort(np.array(codec.settings, np.float64))
    some = [scene.frame for scene in scenes[::_SWEEP_STRIDE]]
    pixels = sum(frame.depth.size for frame in some)
    rates = [
        8 * sum(len(codec.encode(frame, setting)) for frame in some) / pixels
        for setting in settings]
    order = np.argsort(rates)
    return float(np.interp(np.log(bits), np.log(np.array(rates)[order]), settings[order]))


def choose_settings(scenes: Sequence[Scene], model: str) -> list[Setting]:
    """Return the settings of our codec and the peers at the rate that it takes for the scenes."""
    ours = our_settings(model)
    (same,) = (setting for setting in ours if setting.title == f'quality {PEER_QUALITY}')
    bits = float(np.mean([same.restore(scene.frame)[0] for scene in scenes[::_SWEEP_STRIDE]]))
    return [*ours, *peer_settings(scenes, bits)]


def measure_settings(
        scenes: Sequence[Scene], settings: Sequence[Setting],
        progress: Callable[[], object] = lambda: None) -> dict[str, list[Impact]]:
    """
    Return the impact of each setting on each scene, by title.

    The first one is that of the sensor's own noise, if the scenes were measured twice.
    """
    again = [(scene, scene.again) for scene in scenes if scene.again is not None]
    noise = [impact_of(scene, float('nan'), depth) for scene, depth in again]
    impacts = {NOISE: noise} if noise else {}
    for setting in settings:
        impacts[setting.title] = []
        for scene in scenes:
            impacts[setting.title].append(impact_of(scene, *setting.restore(scene.frame)))
            progress()
    return impacts


def impact_of(scene: Scene, bits: float, restored: Depth) -> Impact:
    """Compare restored depth, uint16 (H, W) in mm, with that of the scene."""
    depth, lattice = scene.frame.depth, scene.frame.lattice
    cloud = partial(point_cloud, camera=scene.camera)
    original, found = cloud(depth), cloud(restored)
    changes = compare_cells(LAYER, scene.pose, original, found)
    scans = [laser_scan(image, scene.camera) for image in (depth, restored)]
    valid = depth > 0
    floating = flying(lattice.to_quanta(depth), lattice.to_quanta(restored), valid)
    return Impact(
        bits,
        cells=int(changes.obstacles.sum()),
        appeared=int(changes.appeared.sum()),
        vanished=int(changes.vanished.sum()),
        appeared_beyond=int(changes.appeared_beyond.sum()),
        vanished_beyond=int(changes.vanished_beyond.sum()),
        scan_mm=_range_errors(*scans),
        points_mm=tuple(_shifts(original, found, reach) for reach in REACHES_M),
        flying=float(floating.sum() / max(valid.sum(), 1)))


def _range_errors(
        original: NDArray[np.float32], restored: NDArray[np.float32]) -> NDArray[np.float32]:
    near = (original <= SCAN_REACH_M) & np.isfinite(restored)
    return np.asarray(np.abs(restored - original)[near] * MM_PER_M, np.float32)


def _shifts(original: Points, restored: Points, reach_m: float) -> NDArray[np.float32]:
    near = (original[..., 2] <= reach_m) & np.isfinite(restored[..., 2])
    return np.asarray(np.linalg.norm((restored - original)[near], axis=-1) * MM_PER_M, np.float32)
