"""The meaning of arith and math ops over NumPy arrays: what `kernel.map` regions and index arithmetic compute.

Integers wrap, division truncates (by 0 to 0: undefined on a GPU, and never stored), f32 stays f32. Values are arrays or scalars of the
dtype that the IR type names; `index` is int64 here (kernels index with 32 bits: addresses are checked at each access).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import FloatAttr, IndexType, IntegerAttr
from xdsl.ir import Attribute, Operation

from ...dialects import kernel
from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import SimulationError
from ...dialects.meaning import arithmetic
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
    return _INTEGER_PREDICATES[predicate - 4](_unsigned(a), _unsigned(b))


def _cmpf(op: Operation, a: Value, b: Value) -> Value:
    assert isinstance(op, arith.CmpfOp)
    return _FLOAT_PREDICATES[op.predicate.value.data](a, b)


def _convert(op: Operation, a: Value) -> Value:
    a = np.asarray(a)
    if isinstance(op, arith.ExtSIOp | arith.SIToFPOp) and a.dtype == np.bool_:
        a = -a.astype(np.int8)  # the one bit of true is its sign
    if isinstance(op, arith.ExtUIOp | arith.UIToFPOp):
        a = _unsigned(a)
    if isinstance(op, arith.TruncIOp) and dtype_of(op.results[0].type) == np.bool_:
        a = a & a.dtype.type(1)
    return arithmetic.convert(a, dtype_of(op.results[0].type))


def _unsigned(a: Value) -> Value:
    """The bits of integers as unsigned ones."""
    array = np.asarray(a)
    return array.view(np.dtype(f"u{array.dtype.itemsize}"))


def _of_unsigned(function: Callable[[Value, Value], Value]) -> Callable[[Value, Value], Value]:
    """A function of operands taken as unsigned; the result has the bits in their own type."""
    return lambda a, b: np.asarray(function(_unsigned(a), _unsigned(b))).view(np.asarray(a).dtype)


_BINARY: dict[type[Operation], Callable[[Value, Value], Value]] = {
    arith.AddiOp: np.add, arith.SubiOp: np.subtract, arith.MuliOp: np.multiply,
    arith.DivSIOp: arithmetic.divide_integers, arith.RemSIOp: arithmetic.remainder_of_integers,
    arith.DivUIOp: _of_unsigned(arithmetic.divide_integers), arith.RemUIOp: _of_unsigned(arithmetic.remainder_of_integers),
    arith.FloorDivSIOp: np.floor_divide, arith.CeilDivSIOp: lambda a, b: a // b + (a % b != 0),
    arith.MinSIOp: np.minimum, arith.MaxSIOp: np.maximum, arith.MinUIOp: _of_unsigned(np.minimum), arith.MaxUIOp: _of_unsigned(np.maximum),
    arith.AndIOp: np.bitwise_and, arith.OrIOp: np.bitwise_or, arith.XOrIOp: np.bitwise_xor,
    arith.ShLIOp: np.left_shift, arith.ShRSIOp: np.right_shift, arith.ShRUIOp: _of_unsigned(np.right_shift),
    arith.AddfOp: np.add, arith.SubfOp: np.subtract, arith.MulfOp: np.multiply, arith.DivfOp: np.divide,
    arith.MaximumfOp: arithmetic.maximum, arith.MinimumfOp: arithmetic.minimum, arith.MaxnumfOp: np.fmax, arith.MinnumfOp: np.fmin,
    math.PowFOp: arithmetic.power, math.IPowIOp: arithmetic.integer_power, kernel.FmodOp: np.fmod,
    math.Atan2Op: np.arctan2, math.CopySignOp: np.copysign,
}  # fmt: skip

_UNARY: dict[type[Operation], Callable[[Value], Value]] = {
    arith.NegfOp: np.negative, math.AbsFOp: np.abs, math.AbsIOp: np.abs, math.ExpOp: np.exp, math.Exp2Op: np.exp2,
    math.ExpM1Op: np.expm1, math.LogOp: np.log, math.Log2Op: np.log2, math.Log10Op: np.log10, math.Log1pOp: np.log1p,
    math.SqrtOp: np.sqrt, math.RsqrtOp: arithmetic.reciprocal_root, math.TanhOp: np.tanh,
    math.SinOp: np.sin, math.CosOp: np.cos, math.TanOp: np.tan, math.FloorOp: np.floor, math.CeilOp: np.ceil,
    math.RoundEvenOp: np.rint, math.TruncOp: np.trunc, math.ErfOp: lambda a: erf(a).astype(np.asarray(a).dtype),
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
