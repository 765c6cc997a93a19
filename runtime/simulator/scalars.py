"""The meaning of arith and math ops over NumPy arrays: what `kernel.map` regions and index arithmetic compute.

Integers wrap, division truncates, f32 stays f32. Values are arrays or NumPy scalars of the dtype that the IR type names; `index` is
int64 here (kernels index with 32 bits: addresses are checked at each access).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import FloatAttr, IndexType, IntegerAttr
from xdsl.ir import Attribute, Operation

from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import SimulationError
from ...dialects.meaning.erf import erf
from ...dialects.provenance import describe

Value = Any
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


def _truncated(a: Value, b: Value) -> tuple[Value, Value]:
    """Quotient and remainder of integers, toward zero; a zero divisor gives 0 (undefined on a GPU, and never stored)."""
    safe = np.where(b == 0, np.ones_like(b), b)
    quotient = a // safe
    rest = a - quotient * safe
    low = (rest != 0) & ((a < 0) != (safe < 0))
    quotient = quotient + low.astype(quotient.dtype)
    return quotient, a - quotient * safe


_INTEGER_PREDICATES: list[Callable[[Value, Value], Value]] = [
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
]  # fmt: skip
_FLOAT_PREDICATES: dict[int, Callable[[Value, Value], Value]] = {
    1: np.equal, 2: np.greater, 3: np.greater_equal, 4: np.less, 5: np.less_equal,
    6: lambda a, b: (a != b) & (a == a) & (b == b), 7: lambda a, b: (a == a) & (b == b),
    8: lambda a, b: (a == b) | (a != a) | (b != b), 9: lambda a, b: ~(a <= b), 10: lambda a, b: ~(a < b),
    11: lambda a, b: ~(a >= b), 12: lambda a, b: ~(a > b), 13: np.not_equal, 14: lambda a, b: (a != a) | (b != b),
}  # fmt: skip


def _cmpi(op: Operation, a: Value, b: Value) -> Value:
    assert isinstance(op, arith.CmpiOp)
    predicate = op.predicate.value.data
    if predicate < 6:
        return _INTEGER_PREDICATES[predicate](a, b)
    if np.asarray(a).dtype == np.bool_:
        a, b = np.asarray(a).astype(np.uint8), np.asarray(b).astype(np.uint8)
    else:
        unsigned = np.dtype(f"u{np.asarray(a).dtype.itemsize}")
        a, b = np.asarray(a).view(unsigned), np.asarray(b).view(unsigned)
    return _INTEGER_PREDICATES[predicate - 4](a, b)


def _cmpf(op: Operation, a: Value, b: Value) -> Value:
    assert isinstance(op, arith.CmpfOp)
    return _FLOAT_PREDICATES[op.predicate.value.data](a, b)


def _convert(op: Operation, a: Value) -> Value:
    return np.asarray(a).astype(dtype_of(op.results[0].type))


def _shift_right_unsigned(a: Value, b: Value) -> Value:
    array = np.asarray(a)
    return (array.view(f"u{array.dtype.itemsize}") >> b).view(array.dtype)


_BINARY: dict[type[Operation], Callable[[Value, Value], Value]] = {
    arith.AddiOp: np.add, arith.SubiOp: np.subtract, arith.MuliOp: np.multiply,
    arith.DivSIOp: lambda a, b: _truncated(a, b)[0], arith.RemSIOp: lambda a, b: _truncated(a, b)[1],
    arith.DivUIOp: lambda a, b: _truncated(a, b)[0], arith.RemUIOp: lambda a, b: _truncated(a, b)[1],
    arith.FloorDivSIOp: np.floor_divide, arith.CeilDivSIOp: lambda a, b: -(-a // b),
    arith.MinSIOp: np.minimum, arith.MaxSIOp: np.maximum, arith.MinUIOp: np.minimum, arith.MaxUIOp: np.maximum,
    arith.AndIOp: np.bitwise_and, arith.OrIOp: np.bitwise_or, arith.XOrIOp: np.bitwise_xor,
    arith.ShLIOp: np.left_shift, arith.ShRSIOp: np.right_shift, arith.ShRUIOp: _shift_right_unsigned,
    arith.AddfOp: np.add, arith.SubfOp: np.subtract, arith.MulfOp: np.multiply, arith.DivfOp: np.divide,
    arith.MaximumfOp: np.maximum, arith.MinimumfOp: np.minimum, arith.MaxnumfOp: np.fmax, arith.MinnumfOp: np.fmin,
    math.PowFOp: np.power, math.Atan2Op: np.arctan2, math.CopySignOp: np.copysign,
}  # fmt: skip

_UNARY: dict[type[Operation], Callable[[Value], Value]] = {
    arith.NegfOp: np.negative, math.AbsFOp: np.abs, math.AbsIOp: np.abs, math.ExpOp: np.exp, math.Exp2Op: np.exp2,
    math.ExpM1Op: np.expm1, math.LogOp: np.log, math.Log2Op: np.log2, math.Log10Op: np.log10, math.Log1pOp: np.log1p,
    math.SqrtOp: np.sqrt, math.RsqrtOp: lambda a: (1 / np.sqrt(a)).astype(np.asarray(a).dtype), math.TanhOp: np.tanh,
    math.SinOp: np.sin, math.CosOp: np.cos, math.TanOp: np.tan, math.FloorOp: np.floor, math.CeilOp: np.ceil,
    math.RoundEvenOp: np.rint, math.TruncOp: np.trunc, math.ErfOp: erf,
}  # fmt: skip

_CONVERSIONS = (
    arith.ExtFOp, arith.TruncFOp, arith.FPToSIOp, arith.FPToUIOp, arith.SIToFPOp, arith.UIToFPOp, arith.ExtSIOp, arith.ExtUIOp,
    arith.TruncIOp, arith.IndexCastOp,
)  # fmt: skip


def evaluate(op: Operation, operands: list[Value]) -> Value:
    """The result of one arith or math op. Raises SimulationError for an op that kernels do not use."""
    kind = type(op)
    if kind in _BINARY:
        return _BINARY[kind](operands[0], operands[1])
    if kind in _UNARY:
        return _UNARY[kind](operands[0])
    if isinstance(op, arith.ConstantOp):
        return constant(op)
    if isinstance(op, _CONVERSIONS):
        return _convert(op, operands[0])
    if isinstance(op, arith.CmpiOp):
        return _cmpi(op, operands[0], operands[1])
    if isinstance(op, arith.CmpfOp):
        return _cmpf(op, operands[0], operands[1])
    if isinstance(op, arith.SelectOp):
        return np.where(operands[0], operands[1], operands[2])
    if isinstance(op, math.FmaOp):
        return operands[0] * operands[1] + operands[2]
    if isinstance(op, arith.BitcastOp):
        return np.asarray(operands[0]).view(dtype_of(op.results[0].type))
    raise SimulationError(f"{describe(op)}: expected an op of arith or math that the simulator knows.")
