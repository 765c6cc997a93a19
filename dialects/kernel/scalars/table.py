"""
The scalar ops of kernels, arith and math on one thread's values: the CUDA C of each and what it computes in NumPy. The CUDA C printer and
both simulators read this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects import arith, math
from xdsl.ir import Operation

from ...errors import SimulationError
from ...meaning import arithmetic
from ...meaning.erf import erf
from ...provenance import describe
from ..tile.compute import FmodOp, ReciprocalOp
from . import forms, numerics, wrappers
from .ctext import c_type
from .forms import Expression
from .numerics import Value


@dataclass(frozen=True)
class Scalar:
    """A row: the op's C expression (`forms.py`), and its result from arrays or scalars of the operands."""

    c: Expression
    numpy: Callable[..., Value]
    """`(op, *operands) -> result`."""


def of_values(function: Callable[..., Any]) -> Callable[..., Value]:
    """Semantics that depend on the operands only."""
    return lambda op, *operands: function(*operands)


SCALARS: dict[type[Operation], Scalar] = {
    arith.AddiOp: Scalar(forms.wrapping("+"), of_values(np.add)),
    arith.SubiOp: Scalar(forms.wrapping("-"), of_values(np.subtract)),
    arith.MuliOp: Scalar(forms.wrapping("*"), of_values(np.multiply)),
    arith.DivSIOp: Scalar(forms.infix("/"), of_values(arithmetic.divide_integers)),
    arith.RemSIOp: Scalar(forms.infix("%"), of_values(arithmetic.remainder_of_integers)),
    arith.DivUIOp: Scalar(forms.unsigned("/"), of_values(numerics.of_unsigned(arithmetic.divide_integers))),
    arith.RemUIOp: Scalar(forms.unsigned("%"), of_values(numerics.of_unsigned(arithmetic.remainder_of_integers))),
    arith.FloorDivSIOp: Scalar(forms.call(wrappers.FLOOR_DIV), of_values(np.floor_divide)),
    arith.CeilDivSIOp: Scalar(forms.call(wrappers.CEIL_DIV), of_values(lambda a, b: a // b + (a % b != 0))),
    arith.AndIOp: Scalar(forms.infix("&"), of_values(np.bitwise_and)),
    arith.OrIOp: Scalar(forms.infix("|"), of_values(np.bitwise_or)),
    arith.XOrIOp: Scalar(forms.infix("^"), of_values(np.bitwise_xor)),
    arith.ShLIOp: Scalar(forms.wrapping("<<"), of_values(np.left_shift)),
    arith.ShRSIOp: Scalar(forms.infix(">>"), of_values(np.right_shift)),
    arith.ShRUIOp: Scalar(forms.unsigned(">>"), of_values(numerics.of_unsigned(np.right_shift))),
    arith.MinSIOp: Scalar(lambda op, x, needs: f"min({forms.listed(x)})", of_values(np.minimum)),
    arith.MaxSIOp: Scalar(lambda op, x, needs: f"max({forms.listed(x)})", of_values(np.maximum)),
    arith.MinUIOp: Scalar(forms.unsigned("min"), of_values(numerics.of_unsigned(np.minimum))),
    arith.MaxUIOp: Scalar(forms.unsigned("max"), of_values(numerics.of_unsigned(np.maximum))),
    arith.CmpiOp: Scalar(forms.cmpi, numerics.cmpi),
    arith.CmpfOp: Scalar(forms.cmpf, numerics.cmpf),
    arith.SelectOp: Scalar(lambda op, x, needs: f"{x[0]} ? {x[1]} : {x[2]}", of_values(np.where)),
    arith.AddfOp: Scalar(forms.infix("+"), of_values(np.add)),
    arith.SubfOp: Scalar(forms.infix("-"), of_values(np.subtract)),
    arith.MulfOp: Scalar(forms.infix("*"), of_values(np.multiply)),
    arith.DivfOp: Scalar(forms.divf, of_values(np.divide)),
    arith.NegfOp: Scalar(
        lambda op, x, needs: f"-({x[0]})" if x[0].startswith("-") else f"-{x[0]}", of_values(np.negative)
    ),
    arith.MaximumfOp: Scalar(forms.extremum(wrappers.MAX_NAN, wrappers.MAX_NAN_F64), of_values(arithmetic.maximum)),
    arith.MinimumfOp: Scalar(forms.extremum(wrappers.MIN_NAN, wrappers.MIN_NAN_F64), of_values(arithmetic.minimum)),
    arith.MaxnumfOp: Scalar(forms.function("fmax"), of_values(np.fmax)),
    arith.MinnumfOp: Scalar(forms.function("fmin"), of_values(np.fmin)),
    arith.ExtFOp: Scalar(forms.extf, numerics.convert_to_result),
    arith.TruncFOp: Scalar(forms.truncf, numerics.convert_to_result),
    arith.ExtSIOp: Scalar(forms.extend, numerics.convert_to_result),
    arith.ExtUIOp: Scalar(forms.from_unsigned, numerics.convert_to_result),
    arith.TruncIOp: Scalar(forms.truncate, numerics.convert_to_result),
    arith.SIToFPOp: Scalar(forms.from_signed, numerics.convert_to_result),
    arith.UIToFPOp: Scalar(forms.from_unsigned, numerics.convert_to_result),
    arith.FPToSIOp: Scalar(forms.cast, numerics.convert_to_result),
    arith.FPToUIOp: Scalar(
        lambda op, x, needs: f"({c_type(op.results[0].type, needs)})(unsigned){x[0]}", numerics.convert_to_result
    ),
    arith.IndexCastOp: Scalar(forms.cast, numerics.convert_to_result),
    arith.BitcastOp: Scalar(forms.bitcast, numerics.bitcast),
    math.AcosOp: Scalar(forms.function("acos"), of_values(np.arccos)),
    math.AcoshOp: Scalar(forms.function("acosh"), of_values(np.arccosh)),
    math.AsinOp: Scalar(forms.function("asin"), of_values(np.arcsin)),
    math.AsinhOp: Scalar(forms.function("asinh"), of_values(np.arcsinh)),
    math.AtanOp: Scalar(forms.function("atan"), of_values(np.arctan)),
    math.AtanhOp: Scalar(forms.function("atanh"), of_values(np.arctanh)),
    math.AbsFOp: Scalar(forms.function("fabs"), of_values(np.abs)),
    math.AbsIOp: Scalar(lambda op, x, needs: f"{x[0]} < 0 ? -{x[0]} : {x[0]}", of_values(np.abs)),
    math.CeilOp: Scalar(forms.function("ceil"), of_values(np.ceil)),
    math.CopySignOp: Scalar(forms.function("copysign"), of_values(np.copysign)),
    math.CosOp: Scalar(forms.function("cos", "__cosf"), of_values(np.cos)),
    math.ErfOp: Scalar(forms.function("erf"), of_values(lambda a: erf(a).astype(np.asarray(a).dtype))),
    math.Exp2Op: Scalar(forms.function("exp2", wrappers.EXP2_APPROX), numerics.exp2),
    math.ExpM1Op: Scalar(forms.function("expm1"), of_values(np.expm1)),
    math.ExpOp: Scalar(forms.function("exp", "__expf"), of_values(np.exp)),
    math.FloorOp: Scalar(forms.function("floor"), of_values(np.floor)),
    math.FmaOp: Scalar(forms.function("fma"), of_values(lambda a, b, c: a * b + c)),
    ReciprocalOp: Scalar(forms.call(wrappers.RCP_APPROX), of_values(numerics.reciprocal)),
    FmodOp: Scalar(forms.function("fmod"), of_values(np.fmod)),
    math.Log10Op: Scalar(forms.function("log10"), of_values(np.log10)),
    math.Log1pOp: Scalar(forms.function("log1p"), of_values(np.log1p)),
    math.Log2Op: Scalar(forms.function("log2", "__log2f"), of_values(np.log2)),
    math.LogOp: Scalar(forms.function("log", "__logf"), of_values(np.log)),
    math.IPowIOp: Scalar(
        lambda op, x, needs: f"{needs(wrappers.IPOW[forms.bits(op)])}({forms.listed(x)})",
        of_values(arithmetic.integer_power),
    ),
    math.PowFOp: Scalar(forms.function("pow"), of_values(arithmetic.power)),
    math.RoundEvenOp: Scalar(forms.function("rint"), of_values(np.rint)),
    math.RsqrtOp: Scalar(forms.function("rsqrt"), of_values(arithmetic.reciprocal_root)),
    math.SinOp: Scalar(forms.function("sin", "__sinf"), of_values(np.sin)),
    math.SqrtOp: Scalar(forms.function("sqrt"), of_values(np.sqrt)),
    math.TanhOp: Scalar(forms.function("tanh", wrappers.TANH_APPROX), of_values(np.tanh)),
    math.TruncOp: Scalar(forms.function("trunc"), of_values(np.trunc)),
}


def evaluate(op: Operation, operands: list[Value]) -> Value:
    """The result of one scalar op or constant. Raises SimulationError for an op that kernels do not use."""
    row = SCALARS.get(type(op))
    if row is not None:
        return row.numpy(op, *operands)
    if isinstance(op, arith.ConstantOp):
        return numerics.constant(op)
    raise SimulationError(f"{describe(op)}: expected an op of arith or math that the simulator knows.")
