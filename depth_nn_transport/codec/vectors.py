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
Vectors of 32-bit integers or floats in compiled code, as processors have them.

What numba makes of a loop over a few numbers is often a number at a time. A vector is a value of
its own here: it is loaded from an array of int16, int32 or float32, calculated with by the
operators +, -, * and, of integers, &, |, << and >>, lane by lane or with one number for all lanes,
and stored. Integers wrap around at 32 bits. Every processor that LLVM knows runs them, on as wide
registers as it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

_LANE, _FLOAT, _INDEX = ir.IntType(32), ir.FloatType(), ir.IntType(64)

# Below this a quotient of float32, rounded down, is that of integers: a quotient that is none is
# further below the next integer than float32 rounds.
QUOTIENT_MAX = 1 << 23


class Vector(types.Type):  # type: ignore[misc]
    """Type of a vector of so many lanes, of int32 or of float32."""

    def __init__(self, lanes: int, *, floats: bool = False) -> None:
        """Take the number of lanes, a power of two."""
        super().__init__(f'Vector({lanes}, {"float32" if floats else "int32"})')
        self.lanes = lanes
        self.floats = floats
        self.element = types.float32 if floats else types.int64


@register_model(Vector)  # type: ignore[untyped-decorator]
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]

    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, _native(kind))


def _native(kind: Vector) -> ir.VectorType:
    return ir.VectorType(_FLOAT if kind.floats else _LANE, kind.lanes)


def _splat(builder: Any, value: Any, kind: Vector) -> Any:
    """Put one number in all lanes."""
    nothing = ir.Constant(_native(kind), ir.Undefined)
    element = value if kind.floats else builder.trunc(value, _LANE)
    first = builder.insert_element(nothing, element, ir.Constant(_LANE, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(_native(Vector(kind.lanes)), None))


def _vectors(builder: Any, values: Any, kinds: Sequence[Any], vector: Vector) -> list[Any]:
    """Put those of some values that are numbers in all lanes."""
    return [
        value if kind == vector else _splat(builder, value, vector)
        for value, kind in zip(values, kinds, strict=True)
    ]


def _address(context: Any, builder: Any, kind: Any, array: Any, first: Any, lanes: int) -> Any:
    data = context.make_array(kind)(context, builder, value=array).data
    elements = ir.VectorType(data.type.pointee, lanes)
    return builder.bitcast(builder.gep(data, [first]), elements.as_pointer())


def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Call a function of LLVM's own, with a type of result."""
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(result, [x.type for x in arguments]), name
    )
    return builder.call(function, arguments)


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def load(_: Any, array: Any, first: Any, lanes: Any) -> Any:
    """Load so many elements of an array, (N,), from the first on, which is not checked."""
    kind = Vector(lanes.literal_value, floats=array.dtype == types.float32)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, start, _ = arguments
        address = _address(context, builder, array, values, start, kind.lanes)
        elements = builder.load(address, align=array.dtype.bitwidth // 8)
        return builder.sext(elements, _native(kind)) if array.dtype == types.int16 else elements

    return kind(array, types.int64, lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def store(_: Any, array: Any, first: Any, vector: Any) -> Any:
    """
    Store a vector in an array, (N,), from an element on, which is not checked.

    Integers and whole floats go into arrays of int16 as far as these hold them.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, start, value = arguments
        address = _address(context, builder, array, values, start, vector.lanes)
        if vector.floats and array.dtype == types.int16:
            value = builder.fptosi(value, _native(Vector(vector.lanes)))
        if array.dtype == types.int16:
            value = builder.trunc(value, address.type.pointee)
        builder.store(value, address, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, vector), generate


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def filled(_: Any, value: Any, lanes: Any) -> Any:
    """Return a vector of so many lanes with one number in all of them, an integer or float32."""
    kind = Vector(lanes.literal_value, floats=value == types.float32)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _splat(builder, arguments[0], kind)

    return kind(kind.element, lanes), generate


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def vector_of(_: Any, values: Any, lanes: Any) -> Any:
    """Return a vector of a tuple of integers, and zeros behind."""
    kind = Vector(lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.Constant(_native(kind), None)
        for k in range(values.count):
            value = builder.trunc(builder.extract_value(arguments[0], k), _LANE)
            vector = builder.insert_element(vector, value, ir.Constant(_LANE, k))
        return vector

    return kind(types.UniTuple(types.int64, values.count), lanes), generate


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
        return builder.sext(_call(builder, name, _LANE, *arguments), _INDEX)

    return types.int64(vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def equal(_: Any, vector: Any, value: Any) -> Any:
    """Return -1 in the lanes that hold an integer, 0 in others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        other = _splat(builder, arguments[1], vector)
        return builder.sext(builder.icmp_signed('==', arguments[0], other), _native(vector))

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
    """Return the lesser of each lane and a limit, one number or one for each lane."""
    return _choosing('<', vector, limit)


@intrinsic  # type: ignore[untyped-decorator]
def at_least(_: Any, vector: Any, limit: Any) -> Any:
    """Return the greater of each lane and a limit, one number or one for each lane."""
    return _choosing('>', vector, limit)


def _choosing(comparison: str, vector: Vector, limit: Any) -> Any:
    """Make what chooses between each lane and a limit."""
    kind = limit if limit == vector else vector.element

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        one, other = _vectors(builder, arguments, (vector, kind), vector)
        compare = builder.fcmp_ordered if vector.floats else builder.icmp_signed
        return builder.select(compare(comparison, one, other), one, other)

    return vector(vector, kind), generate


@intrinsic  # type: ignore[untyped-decorator]
def as_floats(_: Any, vector: Any) -> Any:
    """Return integers as float32, which holds those below 2**24."""
    floats = Vector(vector.lanes, floats=True)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.sitofp(arguments[0], _native(floats))

    return floats(vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def rounded(_: Any, vector: Any) -> Any:
    """Round float32 to whole numbers, half to even."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _call(builder, f'llvm.rint.v{vector.lanes}f32', _native(vector), *arguments)

    return vector(vector), generate


@intrinsic  # type: ignore[untyped-decorator]
def paired_products(_: Any, one: Any, other: Any) -> Any:
    """
    Take each lane of two vectors as a pair of 16-bit integers, multiply and add up the pairs.

    Neither may hold the least of these integers in both of a pair.
    """
    halves = ir.VectorType(ir.IntType(16), 2 * one.lanes)
    products = ir.VectorType(_LANE, 2 * one.lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        factors = [builder.sext(builder.bitcast(x, halves), products) for x in arguments]
        product = builder.mul(*factors)
        even, odd = (
            builder.shuffle_vector(
                product, product, ir.Constant(_native(one), [*range(k, 2 * one.lanes, 2)])
            ) for k in range(2)
        )
        return builder.add(even, odd)

    return one(one, other), generate


@intrinsic  # type: ignore[untyped-decorator]
def quotients(_: Any, value: Any, vector: Any) -> Any:
    """Divide an integer 0..QUOTIENT_MAX by each lane, all above 0, and round down."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        floats = ir.VectorType(_FLOAT, vector.lanes)
        dividend = builder.sitofp(_splat(builder, arguments[0], vector), floats)
        quotient = builder.fdiv(dividend, builder.sitofp(arguments[1], floats))
        return builder.fptosi(quotient, _native(vector))

    return vector(types.int64, vector), generate


def _lane_by_lane(instruction: str, of_floats: str = '') -> Callable[..., Any]:
    """Make what an operator does to two vectors, or to a vector and a number."""

    @intrinsic  # type: ignore[untyped-decorator]
    def calculate(_: Any, one: Any, other: Any) -> Any:
        vector = next(kind for kind in (one, other) if isinstance(kind, Vector))
        kinds = [kind if kind == vector else vector.element for kind in (one, other)]

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vectors = _vectors(builder, arguments, kinds, vector)
            return getattr(builder, of_floats if vector.floats else instruction)(*vectors)

        return vector(*kinds), generate

    def implement(one: Any, other: Any) -> Any:
        def apply(one: Any, other: Any) -> Any:
            return calculate(one, other)

        return apply if Vector in (type(one), type(other)) else None

    return implement


for _operator, *_instructions in (
    (operator.add, 'add', 'fadd'), (operator.sub, 'sub', 'fsub'), (operator.mul, 'mul', 'fmul'),
    (operator.and_, 'and_'), (operator.or_, 'or_'),
    (operator.lshift, 'shl'), (operator.rshift, 'ashr'),
):
    overload(_operator, strict=False)(_lane_by_lane(*_instructions))
