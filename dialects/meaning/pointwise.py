"""What pointwise `nn` ops compute: NumPy's function, in f32 for narrower floats, rounded once to the result type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from .. import nn
from .erf import erf
from .registry import Env, defines, result_dtype, widen

Function: TypeAlias = Callable[..., np.ndarray]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # exp of a negative number only, so that nothing overflows.
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype)


def _erf(x: np.ndarray) -> np.ndarray:
    return erf(x).astype(x.dtype)


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind == "f":
        return a / b
    quotient = a // b
    inexact = (quotient * b != a) & ((a < 0) != (b < 0)) & (b != 0)
    return quotient + inexact.astype(a.dtype)


def _remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.fmod(a, b) if a.dtype.kind == "f" else np.mod(a, b)


UNARY: dict[type[nn.UnaryOp], Function] = {
    nn.NegOp: np.negative,
    nn.AbsOp: np.abs,
    nn.ExpOp: np.exp,
    nn.LogOp: np.log,
    nn.SqrtOp: np.sqrt,
    nn.RsqrtOp: lambda x: 1 / np.sqrt(x),
    nn.ReciprocalOp: lambda x: 1 / x,
    nn.ErfOp: _erf,
    nn.TanhOp: np.tanh,
    nn.SigmoidOp: _sigmoid,
    nn.ReluOp: lambda x: np.maximum(x, x.dtype.type(0)),
    nn.FloorOp: np.floor,
    nn.CeilOp: np.ceil,
    nn.RoundOp: np.rint,
    nn.SignOp: np.sign,
    nn.SinOp: np.sin,
    nn.CosOp: np.cos,
    nn.LogicalNotOp: np.logical_not,
}
BINARY: dict[type[nn.BinaryOp], Function] = {
    nn.AddOp: np.add,
    nn.SubOp: np.subtract,
    nn.MulOp: np.multiply,
    nn.DivOp: _divide,
    nn.PowOp: np.power,
    nn.MinOp: np.minimum,
    nn.MaxOp: np.maximum,
    nn.ModOp: _remainder,
    nn.LogicalAndOp: np.logical_and,
    nn.LogicalOrOp: np.logical_or,
    nn.LogicalXorOp: np.logical_xor,
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
    x, dtype = widen(operands[0]), result_dtype(op)
    bounds = (op.min.value.data, op.max.value.data)
    if x.dtype.kind in "iu":
        info = np.iinfo(x.dtype)
        low, high = (int(min(max(b, info.min), info.max)) for b in bounds)
    else:
        low, high = (x.dtype.type(b) for b in bounds)
    return [np.minimum(np.maximum(x, low), high).astype(dtype, copy=False)]


@defines(nn.LeakyReluOp)
def leaky_relu(op: nn.LeakyReluOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x = widen(operands[0])
    return [np.where(x >= 0, x, x.dtype.type(op.alpha.value.data) * x).astype(result_dtype(op), copy=False)]


@defines(nn.CastOp)
def cast(op: nn.CastOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, dtype = operands[0], result_dtype(op)
    if dtype.kind == "b":
        return [np.asarray(widen(x) != 0)]
    if dtype.kind in "iu":
        return [widen(x).astype(dtype)]
    # bf16 and f8 convert from and to f32 and f64 only.
    return [x.astype(dtype) if x.dtype.kind == "f" and dtype.kind == "f" else widen(x).astype(dtype)]
