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
"""A model on disk: networks and tables, with an id that names them by their content."""

from __future__ import annotations

from dataclasses import dataclass
import hashlib
import io
from pathlib import Path
from zipfile import BadZipFile
import zlib

from depth_nn_transport.codec.errors import ModelLoadError
from depth_nn_transport.codec.networks import FLOAT_NETWORKS, STEPS
import numpy as np
from numpy.typing import NDArray

MODELS = Path(__file__).resolve().parent.parent / 'models'
DEFAULT_MODEL = 'main'
TABLES_FILE = 'tables.npz'
MASK_FILE = 'mask.npz'
STEPS_FILE = 'steps.npz'
LINEAR_FILE = 'linear.npz'
CORRECTIONS_FILE = 'corrections.npz'
PLANE_FILE = 'plane.npz'
WEIGHTS_FILE = 'weights.npz'
# In the order of the fields of ModelFiles.
ARRAY_FILES = (TABLES_FILE, MASK_FILE, STEPS_FILE, LINEAR_FILE, CORRECTIONS_FILE, PLANE_FILE)
# As long as the tables of a model are together.
TABLES_IN_ONE = ('latent', 'hyper')
EXACT_NETWORKS = (
    'features', *(f'{part}{k}' for k in range(len(STEPS)) for part in ('low', 'high')), 'synthesis'
)
NETWORK_NAMES = (*FLOAT_NETWORKS, *EXACT_NETWORKS)


# What reading something else than an archive of arrays raises.
DAMAGED = (OSError, ValueError, EOFError, BadZipFile, zlib.error)
Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class ModelFiles:
    """
    Files of one model, read into memory.

    :ivar model_id: name and hash of all files.
    :ivar networks: ONNX graphs by name.
    :ivar weights: archive of the networks' weights, float32, by ``network/layer.weight`` and
        ``network/layer.bias``, for runtimes of our own.
    :ivar tables: arrays of the entropy tables.
    :ivar mask: arrays of the hole mask's coder.
    :ivar steps: arrays of the step map's coder.
    :ivar corrections: arrays of the correction coder.
    :ivar plane: arrays of the plane coder.
    :ivar linear: matrices and quantisation steps of the transform, weights of the predictor.
    """

    model_id: str
    networks: dict[str, bytes]
    weights: bytes
    tables: Arrays
    mask: Arrays
    steps: Arrays
    linear: Arrays
    corrections: Arrays
    plane: Arrays

    @classmethod
    def load(cls, model: str) -> ModelFiles:
        """
        Read a model by its name, or by the path of its folder.

        :raises ModelLoadError: if there is no such model, or a file of it is missing, damaged or
            of another version of this package.
        """
        known = installed_models()
        folder = (MODELS / model if model in known else Path(model)).absolute()
        if not model or not folder.is_dir():
            raise ModelLoadError(f'there is no model {model!r}; known models: {", ".join(known)}')
        names = [*(f'{name}.onnx' for name in NETWORK_NAMES), WEIGHTS_FILE]
        try:
            contents = {name: (folder / name).read_bytes() for name in (*names, *ARRAY_FILES)}
            parts = {name: arrays_of(contents[name]) for name in ARRAY_FILES}
        except DAMAGED as error:
            raise ModelLoadError(f'model in {folder} is incomplete or damaged: {error}') from error
        if folder.parent != MODELS:
            _check_shapes(folder, parts)
        networks = {name: contents[f'{name}.onnx'] for name in NETWORK_NAMES}
        model_id = f'{folder.name}-{_digest(contents)}'
        return cls(model_id, networks, contents[WEIGHTS_FILE], *parts.values())


def installed_models() -> list[str]:
    """Return the names of the models that the package brings."""
    return sorted(path.parent.name for path in MODELS.glob(f'*/{TABLES_FILE}'))


def _check_shapes(folder: Path, parts: dict[str, Arrays]) -> None:
    """Hold a model's arrays against those of the package's own: compiled code trusts in them."""
    for name, arrays in parts.items():
        shapes = {key: array.shape for key, array in arrays.items()}
        known = arrays_of((MODELS / DEFAULT_MODEL / name).read_bytes())
        expected = {key: array.shape for key, array in known.items()}
        if name == TABLES_FILE:
            expected |= {
                key: (int(arrays[f'{key}_sizes'].sum()),) for key in TABLES_IN_ONE
                if f'{key}_sizes' in arrays
            }
        if shapes != expected:
            raise ModelLoadError(
                f'{folder / name} has arrays of shapes {shapes}, not {expected}: the model is of '
                'another version of this package; train and export it anew')


def arrays_of(data: bytes) -> Arrays:
    """
    Read the arrays of an archive.

    :raises Exception: one of `DAMAGED`, if it is none.
    """
    with np.load(io.BytesIO(data)) as archive:
        return dict(archive)


def _digest(contents: dict[str, bytes]) -> str:
    hasher = hashlib.sha256()
    for name in sorted(contents):
        hasher.update(name.encode() + hashlib.sha256(contents[name]).digest())
    return hasher.hexdigest()[:8]
