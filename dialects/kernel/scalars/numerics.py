"""What scalar ops compute over NumPy arrays: in `kernel.map` regions, index arithmetic and thread ops.

Integers wrap, division truncates (by 0 to 0: undefined on a GPU, and never stored), f32 stays f32. Values are arrays or scalars of the
dtype that the IR type names; `index` is int64 here (kernels index with 32 bits: addresses are checked at each access).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr, IndexType, IntegerAttr
from xdsl.dialects.utils import FastMathFlag
from xdsl.ir import Attribute, Operation

from ...dtypes import numpy_dtype
from ...meaning import arithmetic

Value: TypeAlias = Any
"""An array or scalar of NumPy."""


def dtype_of(type_: Attribute) -> np.dtype[Any]:
    """The dtype of a scalar type; int64 for `index`."""
    return np.dtype(np.int64) if isinstance(type_, IndexType) else numpy_dtype(type_)


def constant(op: arith.ConstantOp) -> Value:
    """The value of an `arith.constant`."""
    value = op.value
    assert isinstance(value, IntegerAttr | FloatAttr)
    number = value.value.data
    dtype = dtype_of(op.result.type)
    return np.bool_(bool(number)) if dtype == np.bool_ else np.asarray(number).astype(dtype)[()]


_INTEGER_PREDICATES: list[Callable[[Value, Value], Value]] = [
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
]  # fmt: skip
_FLOAT_PREDICATES: dict[int, Callable[[Value, Value], Value]] = {
    1: np.equal, 2: np.greater, 3: np.greater_equal, 4: np.less, 5: np.less_equal,
    6: lambda a, b: (a != b) & (a == a) & (b == b), 7: lambda a, b: (a == a) & (b == b),
    8: lambda a, b: (a == b) | (a != a) | (b != b), 9: lambda a, b: ~(a <= b), 10: lambda a, b: ~(a < b),
    11: lambda a, b: ~(a >= b), 12: lambda a, b: ~(a > b), 13: np.not_equal, 14: lambda a, b: (a != a) | (b != b),
}  # fmt: skip


def cmpi(op: Operation, a: Value, b: Value) -> Value:
    assert isinstance(op, arith.CmpiOp)
    predicate = op.predicate.value.data
    if predicate < 6:
        return _INTEGER_PREDICATES[predicate](a, b)
    return _INTEGER_PREDICATES[predicate - 4](unsigned(a), unsigned(b))


def cmpf(op: Operation, a: Value, b: Value) -> Value:
    assert isinstance(op, arith.CmpfOp)
    return _FLOAT_PREDICATES[op.predicate.value.data](a, b)


def convert_to_result(op: Operation, a: Value) -> Value:
    a = np.asarray(a)
    if isinstance(op, arith.ExtSIOp | arith.SIToFPOp) and a.dtype == np.bool_:
        a = -a.astype(np.int8)  # the one bit of true is its sign
    if isinstance(op, arith.ExtUIOp | arith.UIToFPOp) and a.dtype not in arithmetic.SMALL_INTEGERS:
        a = unsigned(a)
    if isinstance(op, arith.TruncIOp) and dtype_of(op.results[0].type) == np.bool_:
        a = a & a.dtype.type(1)
    return arithmetic.convert(a, dtype_of(op.results[0].type))


def unsigned(a: Value) -> Value:
    """The bits of integers as unsigned ones."""
    array = np.asarray(a)
    return array.view(np.dtype(f"u{array.dtype.itemsize}"))


def of_unsigned(function: Callable[[Value, Value], Value]) -> Callable[[Value, Value], Value]:
    """A function of operands taken as unsigned; the result has the bits in their own type."""
    return lambda a, b: np.asarray(function(unsigned(a), unsigned(b))).view(np.asarray(a).dtype)


def bitcast(op: Operation, a: Value) -> Value:
    """The same bits in the result's type."""
    return np.asarray(a).view(dtype_of(op.results[0].type))


def approximate(op: Operation) -> bool:
    flags = op.properties.get("fastmath")
    return isinstance(flags, arith.FastMathFlagsAttr) and FastMathFlag.APPROX_FUNC in flags.data


def flushed(a: Value) -> Value:
    """f32 numbers with those below the least normal one as zeros, as instructions with `.ftz` take and give them."""
    return np.where(np.abs(a) < np.finfo(np.float32).tiny, np.copysign(np.float32(0), a), a)


def exp2(op: Operation, a: Value) -> Value:
    """2 ** a, of `ex2.approx.ftz` where the op may be approximate: correctly rounded here, within 2 units in the last place on a GPU."""
    return flushed(np.exp2(flushed(a))) if approximate(op) else np.exp2(a)


def reciprocal(a: Value) -> Value:
    """1 / a of `rcp.approx.ftz`: correctly rounded here, within a unit in the last place on a GPU."""
    return flushed(np.float32(1) / flushed(a))
