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
"""BLAS gets its threads back when the last codec ends, in whatever order they end."""

from contextlib import ExitStack

from depth_nn_transport.codec.blas_threads import BlasThreads
# Loads BLAS.
import numpy  # noqa: F401
import pytest
from threadpoolctl import threadpool_info, threadpool_limits


def allowed():
    return {library['num_threads'] for library in threadpool_info()
            if library['user_api'] == 'blas'}


@pytest.mark.parametrize('first_ends_first', [True, False])
def test_the_limit_holds_until_the_last_ends(first_ends_first):
    threads = BlasThreads()
    with threadpool_limits(2, 'blas'):
        before = allowed()
        first, second = ExitStack(), ExitStack()
        first.enter_context(threads.limited(1))
        second.enter_context(threads.limited(1))
        one, other = (first, second) if first_ends_first else (second, first)
        one.close()
        assert allowed() == {1}
        other.close()
        assert allowed() == before
