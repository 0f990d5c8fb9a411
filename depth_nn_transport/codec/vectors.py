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
"""
Vectors of 32-bit integers in compiled code, as processors have them.

What numba makes of a loop over a few numbers is often a number at a time. A vector is a value of
its own here: it is loaded from an array of int32, calculated with by the operators +, -, *, &, |,
<< and >>, lane by lane or with one integer for all lanes, and stored. All wrap around at 32 bits.
Every processor that LLVM knows runs them, on as wide registers as it has.
"""

from __future__ import annotations

from collections.abc import Callable
import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

_LANE, _INDEX = ir.IntType(32), ir.IntType(64)

# Below this a quotient of float32, rounded down, is that of integers: a quotient that is none is
# further below the next integer than float32 rounds.
QUOTIENT_MAX = 1 << 23


class Vector(types.Type):  # type: ignore[misc]
    """Type of a vector of so many lanes."""

    def __init__(self, lanes: int) -> None:
        """Take the number of lanes, a power of two."""
        super().__init__(f'Vector({lanes})')
        self.lanes = lanes


@register_model(Vector)  # type: ignore[untyped-decorator]
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]

    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, _native(kind.lanes))


def _native(lanes: int) -> ir.VectorType:
    return ir.VectorType(_LANE, lanes)


def _splat(builder: Any, value: Any, lanes: int) -> Any:
    """Put one integer in all lanes."""
    nothing = ir.Constant(_native(lanes), ir.Undefined)
    first = builder.insert_element(nothing, builder.trunc(value, _LANE), ir.Constant(_LANE, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(_native(lanes), None))


def _address(context: Any, builder: Any, kind: Any, array: Any, first: Any, lanes: int) -> Any:
    data = context.make_array(kind)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [first]), _native(lanes).as_pointer())


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def load(_: Any, array: Any, first: Any, lanes: Any) -> Any:
    """Load so many elements of an array, int32 (N,), from the first on, which is not checked."""
    count = lanes.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, start, _ = arguments
        address = _address(context, builder, array, values, start, count)
        return builder.load(address, align=4)

    return Vector(count)(array, types.int64, lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def store(_: Any, array: Any, first: Any, vector: Any) -> Any:
    """Store a vector in an array, int32 (N,), from an element on, which is not checked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, start, value = arguments
        address = _address(context, builder, array, values, start, vector.lanes)
        builder.store(value, address, align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, vector), generate


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def filled(_: Any, value: Any, lanes: Any) -> Any:
    """Return a vector of so many lanes with one integer in all of them."""
    count = lanes.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _splat(builder, arguments[0], count)

    return Vector(count)(types.int64, lanes), generate


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def vector_of(_: Any, values: Any, lanes: Any) -> Any:
    """Return a vector of a tuple of integers, and zeros behind."""
    count = lanes.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.Constant(_native(count), None)
        for k in range(values.count):
            value = builder.trunc(builder.extract_value(arguments[0], k), _LANE)
            vector = builder.insert_element(vector, value, ir.Constant(_LANE, k))
        return vector

    return Vector(count)(types.UniTuple(types.int64, values.count), lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def put(_: Any, vector: Any, lane: Any, value: Any) -> Any:
    """Return a vector with another integer in one lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        changed, place, number = arguments
        return builder.insert_element(changed, builder.trunc(number, _LANE), place)

    return vector(vector, types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def lane(_: Any, vector: Any, place: Any) -> Any:
    """Return the integer in one lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.sext(builder.extract_element(*arguments), _INDEX)

    return types.int64(vector, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def total(_: Any, vector: Any) -> Any:
    """Add all lanes up, in 32 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        name = f'llvm.vector.reduce.add.v{vector.lanes}i32'
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(_LANE, [_native(vector.lanes)]), name
        )
        return builder.sext(builder.call(function, arguments), _INDEX)

    return types.int64(vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def equal(_: Any, vector: Any, value: Any) -> Any:
    """Return -1 in the lanes that hold an integer, 0 in others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        other = _splat(builder, arguments[1], vector.lanes)
        return builder.sext(
            builder.icmp_signed('==', arguments[0], other), _native(vector.lanes)
        )

    return vector(vector, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def magnitudes(_: Any, vector: Any) -> Any:
    """Return the absolute value of each lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        negative = builder.neg(arguments[0])
        less = builder.icmp_signed('<', arguments[0], negative)
        return builder.select(less, negative, arguments[0])

    return vector(vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def at_most(_: Any, vector: Any, limit: Any) -> Any:
    """Return the lesser of each lane and a limit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        most = _splat(builder, arguments[1], vector.lanes)
        less = builder.icmp_signed('<', arguments[0], most)
        return builder.select(less, arguments[0], most)

    return vector(vector, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def quotients(_: Any, value: Any, vector: Any) -> Any:
    """Divide an integer 0..QUOTIENT_MAX by each lane, all above 0, and round down."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        floats = ir.VectorType(ir.FloatType(), vector.lanes)
        dividend = builder.sitofp(_splat(builder, arguments[0], vector.lanes), floats)
        quotient = builder.fdiv(dividend, builder.sitofp(arguments[1], floats))
        return builder.fptosi(quotient, _native(vector.lanes))

    return vector(types.int64, vector), generate


def _lane_by_lane(instruction: str) -> Callable[..., Any]:
    """Make what an operator does to two vectors, or to a vector and an integer."""

    @intrinsic  # type: ignore[untyped-decorator]
    def calculate(_: Any, one: Any, other: Any) -> Any:
        kinds = [kind if isinstance(kind, Vector) else types.int64 for kind in (one, other)]
        vector = next(kind for kind in kinds if isinstance(kind, Vector))

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vectors = [
                value if kind == vector else _splat(builder, value, vector.lanes)
                for value, kind in zip(arguments, kinds, strict=True)
            ]
            return getattr(builder, instruction)(*vectors)

        return vector(*kinds), generate

    def implement(one: Any, other: Any) -> Any:
        def apply(one: Any, other: Any) -> Any:
            return calculate(one, other)

        return apply if Vector in (type(one), type(other)) else None

    return implement


for _operator, _instruction in (
    (operator.add, 'add'), (operator.sub, 'sub'), (operator.mul, 'mul'), (operator.and_, 'and_'),
    (operator.or_, 'or_'), (operator.lshift, 'shl'), (operator.rshift, 'ashr'),
):
    overload(_operator, strict=False)(_lane_by_lane(_instruction))
