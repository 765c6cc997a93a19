"""What pointwise `nn` ops compute: NumPy's function, in f32 for narrower floats, rounded once to the result type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from .. import nn
from .activations import sigmoid
from .arithmetic import (
    convert,
    divide_integers,
    maximum,
    minimum,
    power,
    reciprocal_root,
    relu,
    remainder_of_integers,
    shift_left,
    shift_right,
)
from .erf import erf
from .registry import Env, defines, is_narrow, result_dtype, widen

Function: TypeAlias = Callable[..., np.ndarray]


def _erf(x: np.ndarray) -> np.ndarray:
    return erf(x).astype(x.dtype)


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a / b if a.dtype.kind == "f" else divide_integers(a, b)


def _remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind == "f":
        return np.fmod(a, b)
    rest = remainder_of_integers(a, b)
    return np.where((rest != 0) & ((rest < 0) != (b < 0)), rest + b, rest)


UNARY: dict[type[nn.UnaryOp], Function] = {
    nn.NegOp: np.negative,
    nn.AbsOp: np.abs,
    nn.ExpOp: np.exp,
    nn.LogOp: np.log,
    nn.SqrtOp: np.sqrt,
    nn.RsqrtOp: reciprocal_root,
    nn.ReciprocalOp: lambda x: 1 / x,
    nn.ErfOp: _erf,
    nn.TanhOp: np.tanh,
    nn.SigmoidOp: sigmoid,
    nn.ReluOp: relu,
    nn.FloorOp: np.floor,
    nn.CeilOp: np.ceil,
    nn.RoundOp: np.rint,
    nn.SignOp: np.sign,
    nn.SinOp: np.sin,
    nn.CosOp: np.cos,
    nn.AsinOp: np.arcsin,
    nn.AcosOp: np.arccos,
    nn.AtanOp: np.arctan,
    nn.AsinhOp: np.arcsinh,
    nn.AcoshOp: np.arccosh,
    nn.AtanhOp: np.arctanh,
    nn.LogicalNotOp: np.logical_not,
    nn.BitNotOp: np.invert,
}
BINARY: dict[type[nn.BinaryOp], Function] = {
    nn.AddOp: np.add,
    nn.SubOp: np.subtract,
    nn.MulOp: np.multiply,
    nn.DivOp: _divide,
    nn.PowOp: power,
    nn.MinOp: minimum,
    nn.MaxOp: maximum,
    nn.ModOp: _remainder,
    nn.LogicalAndOp: np.logical_and,
    nn.LogicalOrOp: np.logical_or,
    nn.LogicalXorOp: np.logical_xor,
    nn.BitAndOp: np.bitwise_and,
    nn.BitOrOp: np.bitwise_or,
    nn.BitXorOp: np.bitwise_xor,
    nn.ShiftLeftOp: shift_left,
    nn.ShiftRightOp: shift_right,
}
PREDICATES: dict[nn.Predicate, Function] = {
    nn.Predicate.EQ: np.equal,
    nn.Predicate.NE: np.not_equal,
    nn.Predicate.LT: np.less,
    nn.Predicate.LE: np.less_equal,
    nn.Predicate.GT: np.greater,
    nn.Predicate.GE: np.greater_equal,
}


@defines(*UNARY, *BINARY)
def elementwise(op: nn.NnOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    function = UNARY.get(type(op)) or BINARY[type(op)]  # pyright: ignore[reportArgumentType]
    return [np.asarray(function(*map(widen, operands))).astype(result_dtype(op), copy=False)]


@defines(nn.IsNanOp)
def isnan(op: nn.IsNanOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [np.asarray(np.isnan(widen(operands[0])))]


@defines(nn.CompareOp)
def compare(op: nn.CompareOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [np.asarray(PREDICATES[op.predicate.data](*map(widen, operands)))]


@defines(nn.WhereOp)
def where(op: nn.WhereOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [np.where(*operands)]


@defines(nn.ClipOp)
def clip(op: nn.ClipOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x = widen(operands[0])
    low, high = (x.dtype.type(bound) for bound in nn.clip_bounds(op))
    return [minimum(maximum(x, low), high).astype(result_dtype(op), copy=False)]


@defines(nn.LeakyReluOp)
def leaky_relu(op: nn.LeakyReluOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x = widen(operands[0])
    return [np.where(x >= 0, x, x.dtype.type(op.alpha.value.data) * x).astype(result_dtype(op), copy=False)]


@defines(nn.CastOp)
def cast(op: nn.CastOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [convert(operands[0], result_dtype(op))]


@defines(nn.BitcastOp)
def bitcast(op: nn.BitcastOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    if result_dtype(op) == np.bool_:  # a byte that is neither 0 nor 1 is true too
        return [np.ascontiguousarray(operands[0]).reshape(operands[0].shape).view(np.uint8) != 0]
    if is_narrow(operands[0].dtype):
        x = operands[0]
        quiet = np.asarray(np.nan, x.dtype)
        return [np.where(np.isnan(x), quiet, x).astype(x.dtype).view(result_dtype(op))]
    return [np.ascontiguousarray(operands[0]).reshape(operands[0].shape).view(result_dtype(op))]
