"""Operators on each element, and on integers and conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from ..graphs import Maker
from .shared import broadcastable, first, reduce_of


def unary(g: Maker) -> None:
    op = g.word(SMOOTH_UNARY if g.precision != "fp32" else f"{SMOOTH_UNARY} {ROUGH_UNARY}")
    x = g.float_value()
    if op in ("Sqrt", "Log"):
        x = first(g.emit("Add", [first(g.emit("Abs", [x])) or x, g.constant(0.5, np.float32)])) or x
    attributes: dict[str, Any] = {}
    if op in ("LeakyRelu", "Elu", "Celu", "ThresholdedRelu") and g.chance(0.7):
        attributes["alpha"] = float(g.choice((0.1, 0.5, 1.5)))
    if op == "HardSigmoid" and g.chance(0.5):
        attributes = {"alpha": 0.3, "beta": 0.4}
    if op == "Shrink":
        attributes = {"bias": 0.2, "lambd": 0.4}
    if op == "Gelu" and g.chance(0.5):
        attributes["approximate"] = "tanh"
    g.emit(op, [x], **attributes)


SMOOTH_UNARY = (
    "Abs Neg Exp Sqrt Log Reciprocal Erf Tanh Sigmoid Relu Sin Cos LeakyRelu Elu Selu Celu HardSigmoid HardSwish Softplus Softsign "
    "Mish Gelu Identity Dropout"
)
ROUGH_UNARY = "Floor Ceil Round Sign Tan Sinh Cosh Asinh Atan ThresholdedRelu Shrink"


def binary(g: Maker) -> None:
    op = g.word("Add Sub Mul Div Add Mul Max Min Pow Sum Mean PRelu")
    a = g.float_value()
    if op == "Pow":
        g.emit("Pow", [first(g.emit("Abs", [a])) or a, g.constant(g.choice((0.5, 2.0, 3.0, 1.5)), np.float32)])
        return
    if op == "PRelu":
        shape = g.values[a].shape
        g.emit(op, [a, g.weight([shape[1], *[1] * (len(shape) - 2)] if len(shape) > 1 and g.chance(0.5) else [])])
        return
    b = broadcastable(g, g.values[a].shape)
    operands = [a, b] if g.chance(0.6) else [b, a]
    if op in ("Max", "Min", "Sum", "Mean") and g.chance(0.5):
        operands += [broadcastable(g, g.values[a].shape)]
    g.emit(op, operands)


def integers(g: Maker) -> None:
    """Integer arithmetic, with signs."""
    dtype = g.choice((np.int64, np.int32, np.int64, np.int8, np.uint8, np.int16))
    a = g.pick(lambda v: v.dtype == np.dtype(dtype) and not v.constant) or g.input(g.number(0, 3), dtype)
    op = g.word("Add Sub Mul Div Mod Neg Abs Max Min Sign Relu ReduceSum ReduceMax ReduceMin ReduceProd Clip Pow Float")
    shape = g.values[a].shape
    if op == "Float":
        g.emit("Cast", [a], to=TensorProto.FLOAT)
    elif op in ("Neg", "Abs", "Sign", "Relu"):
        g.emit(op, [a])
    elif op.startswith("Reduce"):
        reduce_of(g, op, a)
    elif op == "Clip":
        g.emit(op, [a, g.constant(-2 if np.dtype(dtype).kind == "i" else 2, dtype), g.constant(3, dtype)])
    elif op == "Pow":
        g.emit(op, [a, g.constant(g.choice((2, 3)), dtype)])
    elif op in ("Div", "Mod"):
        divisor = g.data(shape[g.number(0, len(shape)) :], dtype)
        divisor[divisor == 0] = 3
        attributes = {"fmod": 1} if op == "Mod" and g.chance(0.4) else {}
        g.emit(op, [a, g.constant(divisor)], **attributes)
    else:
        g.emit(op, [a, broadcastable(g, shape, dtype)])


def logic(g: Maker) -> None:
    """Comparisons, logic and Where."""
    kind = g.choice(("compare", "compare", "logic", "where", "where", "isnan", "cast", "any"))
    flag = g.pick(lambda v: v.dtype.kind == "b")
    if kind == "where" and flag is not None:
        a = broadcastable(g, g.values[flag].shape)
        b = broadcastable(g, g.values[flag].shape)
        g.emit("Where", [flag, a, b])
    elif kind == "logic" and flag is not None:
        op = g.choice(("And", "Or", "Xor", "Not"))
        g.emit(op, [flag] if op == "Not" else [flag, broadcastable(g, g.values[flag].shape, np.bool_)])
    elif kind == "cast" and flag is not None:
        g.emit("Cast", [flag], to=g.choice((TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32)))
    elif kind == "isnan":
        g.emit(g.choice(("IsNaN", "IsInf")), [g.float_value()])
    else:
        a = g.float_value() if g.chance(0.7) else g.pick(lambda v: v.dtype == np.int64) or g.input(2, np.int64)
        b = broadcastable(g, g.values[a].shape, g.values[a].dtype.type)
        ops = ["Equal", "Less", "Greater"] + (["LessOrEqual", "GreaterOrEqual"] if g.opset >= 12 else [])
        g.emit(g.choice(ops), [a, b] if g.chance(0.5) else [b, a])


def cast(g: Maker) -> None:
    name = g.pick(lambda v: not v.constant) or g.input(2)
    kinds = [TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL]
    if g.precision == "fp32":
        kinds += [TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.INT8, TensorProto.UINT8]
    if g.values[name].dtype.kind == "f" and g.precision != "fp32":
        return
    done = g.emit("Cast", [name], to=int(g.choice(kinds)))
    if done and g.values[done[0]].dtype.kind == "f" and g.values[done[0]].dtype != np.float32 and g.chance(0.7):
        g.emit("Cast", done, to=TensorProto.FLOAT)


def clip(g: Maker) -> None:
    x = g.float_value()
    if g.opset < 11:
        g.emit("Clip", [x], min=-0.5, max=0.7)
        return
    low = g.constant(-0.5, np.float32) if g.chance(0.6) else ""
    high = g.constant(0.7, np.float32) if g.chance(0.6) else ""
    if g.chance(0.1):
        low = g.input(0)
    g.emit("Clip", [x, low, high] if high else [x, low] if low else [x])


def bits(g: Maker) -> None:
    """Logic, shifts and comparisons of unsigned and signed integers of any width."""
    dtype = g.choice((np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int16, np.int32, np.int64))
    a = g.pick(lambda v: v.dtype == np.dtype(dtype) and not v.constant) or g.input(g.number(0, 3), dtype)
    b = broadcastable(g, g.values[a].shape, dtype)
    op = g.word("BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitShift Add Mul Div Less")
    if op == "BitShift":
        g.emit(op, [a, b], direction=g.word("LEFT RIGHT"))
    elif op == "BitwiseNot":
        g.emit(op, [a])
    else:
        g.emit(op, [a, b])
