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
"""Compilation of loops over pixels, which Python is too slow for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.extending import intrinsic

F = TypeVar('F', bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function of numbers and arrays to machine code, kept on disk between runs."""
    # No fast-math: what selects an entropy table must come out the same on every machine.
    # A division by zero gives infinity, as in numpy: a check before each division would keep its
    # loop from being vectorised.
    machine_code: F = numba.njit(cache=True, nogil=True, error_model='numpy')(function)
    return machine_code


def inlined(function: F) -> F:
    """
    Compile a function into each of its callers: for short ones that are called at every pixel.

    A call hands over every field of every array, which may cost more than what is called.
    """
    part: F = numba.njit(inline='always')(function)
    return part


@intrinsic  # type: ignore[untyped-decorator]
def borrowed(_: Any, array: Any) -> Any:
    """
    Take an array whose owner outlives the function: an argument, not what it made itself.

    Uses of an array are counted by locked instructions. Where many functions are inlined into a
    loop the compiler cannot leave them out, and they may take longer than all the rest.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.return_type)(context, builder, value=arguments[0])
        view.meminfo = view.meminfo.type(None)
        view.parent = view.parent.type(None)
        return view._getvalue()  # noqa: SLF001

    return array(array), generate
