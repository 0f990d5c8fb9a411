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
"""Codecs of several models at hand, for a decoder whose senders may differ; free of ROS."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
import threading

from depth_nn_transport import DepthCodec
from depth_nn_transport.codec.errors import ModelLoadError, ModelMismatchError
from depth_nn_transport.codec.model_files import installed_models

MAX_OTHERS = 2


class CodecShelf:
    """
    The codecs of the models that frames came with, the ones used last.

    `load` makes a codec of a model's name. Only models that the package brings are loaded on
    demand: a name from the network must not choose a file.
    """

    def __init__(self, load: Callable[[str], DepthCodec], model: str) -> None:
        self.main = load(model)
        self._load = load
        self._others: OrderedDict[str, DepthCodec] = OrderedDict()
        # Empty for a model that is damaged; each is read once, whatever the frames claim.
        self._installed_ids = {model: self.main.model_id} if model in installed_models() else {}
        self._lock = threading.Lock()

    def codec(self, model_id: str) -> DepthCodec:
        """
        Return the codec of a model, loaded if need be.

        :raises ModelMismatchError: if the model is not installed here.
        """
        if model_id == self.main.model_id:
            return self.main
        with self._lock:
            if model_id not in self._others:
                self._take_in(model_id)
            self._others.move_to_end(model_id)
            return self._others[model_id]

    def _take_in(self, model_id: str) -> None:
        name = model_id.rpartition('-')[0]
        if name in installed_models() and self._installed_ids.get(name, model_id) == model_id:
            try:
                codec = self._load(name)
            except ModelLoadError:
                self._installed_ids[name] = ''
            else:
                self._installed_ids[name] = codec.model_id
                self._others[codec.model_id] = codec
                if len(self._others) > MAX_OTHERS:
                    self._others.popitem(last=False)
        if model_id not in self._others:
            raise ModelMismatchError(
                f'frame was encoded with model {model_id!r}, which is not installed here; this '
                f'decoder holds {self.main.model_id!r}; install the same model on both sides')
