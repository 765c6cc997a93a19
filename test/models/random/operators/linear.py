"""Products, reductions and normalisations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graphs import Maker
from .shared import first, reduce_of


def matmul(g: Maker) -> None:
    a = g.float_value(least=1)
    shape = g.values[a].shape
    k, n = shape[-1], g.choice((1, 3, 4, 8, 16, 17))
    kind = g.choice(("weight", "weight", "value", "vector", "batched", "transposed", "left"))
    if kind == "weight":
        g.emit("MatMul", [a, g.weight([k, n])])
    elif kind == "vector":
        g.emit("MatMul", [a, g.weight([k])] if g.chance(0.5) else [g.weight([shape[-2] if len(shape) > 1 else k]), a])
    elif kind == "left":
        g.emit("MatMul", [g.weight([n, shape[-2] if len(shape) > 1 else k]), a])
    elif kind == "batched":
        lead = [1 if g.chance(0.3) else extent for extent in shape[:-2]]
        lead = lead[g.number(0, len(lead)) :] if lead else [g.number(1, 3)] * g.number(0, 1)
        g.emit("MatMul", [a, g.weight([*lead, k, n])])
    elif kind == "transposed" and len(shape) > 1:
        order = list(range(len(shape)))
        order[-1], order[-2] = order[-2], order[-1]
        other = first(g.emit("Transpose", [g.float_value(len(shape))], perm=order))
        if other:
            g.emit("MatMul", [a, other] if g.chance(0.5) else [other, a])
    else:
        other = g.pick(lambda v: v.dtype == np.float32 and v.rank > 0 and v.shape[-2 if v.rank > 1 else -1] == k)
        if other:
            g.emit("MatMul", [a, other])


def gemm(g: Maker) -> None:
    a = g.float_value(2)
    m, k = g.values[a].shape
    ta, tb = g.number(0, 1), g.number(0, 1)
    if ta:
        m, k = k, m
    n = g.choice((1, 3, 8, 16))
    b = g.weight([n, k] if tb else [k, n]) if g.chance(0.8) else g.input(2, shape=[n, k] if tb else [k, n])
    attributes: dict[str, Any] = {}
    if ta or g.chance(0.5):
        attributes["transA"] = ta
    if tb or g.chance(0.5):
        attributes["transB"] = tb
    if g.chance(0.5):
        attributes["alpha"] = float(g.choice((0.5, 2.0)))
    if g.chance(0.5):
        attributes["beta"] = float(g.choice((0.0, 0.5, 1.0)))
    c = g.choice(("", [n], [1, n], [m, 1], [m, n], [], [1]))
    operands = [a, b] if c == "" else [a, b, g.weight(c)]
    g.emit("Gemm", operands, **attributes)


def reduce(g: Maker) -> None:
    op = "Reduce" + g.word("Sum Mean Max Min SumSquare L1 L2 LogSumExp Prod Sum Mean LogSum")
    x = g.float_value()
    if op == "ReduceLogSum":
        x = first(g.emit("Exp", [x])) or x
    reduce_of(g, op, x)


def cumulate(g: Maker) -> None:
    x = g.float_value(least=1)
    axis = g.number(0, g.values[x].rank - 1)
    attributes = {name: 1 for name in ("exclusive", "reverse") if g.chance(0.4)}
    g.emit("CumSum", [x, g.constant(axis, np.int64)], **attributes)


def normalise(g: Maker) -> None:
    op = g.word(
        "Softmax Softmax LogSoftmax LayerNormalization Decomposed BatchNormalization InstanceNormalization LRN LpNormalization "
        "GroupNormalization MeanVarianceNormalization RMSNormalization"
    )
    x = g.float_value(4 if op in ("LRN", "MeanVarianceNormalization") else None, least=1)
    shape = g.values[x].shape
    rank = len(shape)
    axis = g.number(-rank, rank - 1)
    if op in ("Softmax", "LogSoftmax", "LpNormalization"):
        g.emit(op, [x], **({"axis": axis} if g.chance(0.8) else {}))
    elif op in ("LayerNormalization", "RMSNormalization"):
        normal = shape[axis:]
        biased = [g.weight(normal)] if g.chance(0.7) and op == "LayerNormalization" else []
        g.emit(op, [x, g.weight(normal), *biased], axis=axis)
    elif op == "Decomposed":
        _layer_norm(g, x, rank)
    elif op == "BatchNormalization" and rank >= 2:
        c = shape[1]
        variance = g.constant(np.abs(g.data([c], np.float32)) + np.float32(0.3))
        operands = [x, g.weight([c]), g.weight([c]), g.weight([c]), variance]
        if g.opset >= 17 and g.chance(0.3):
            g.emit(op, operands, 3, training_mode=1, momentum=g.choice((0.9, 0.25)), epsilon=1e-2)
        else:
            g.emit(op, operands)
    elif op == "InstanceNormalization" and rank >= 3:
        g.emit(op, [x, g.weight([shape[1]]), g.weight([shape[1]])], epsilon=1e-2)
    elif op == "GroupNormalization" and rank >= 3 and g.opset >= 21:
        c = shape[1]
        groups = g.choice([n for n in range(1, c + 1) if c % n == 0])
        g.emit(op, [x, g.weight([c]), g.weight([c])], num_groups=groups, epsilon=1e-2)
    elif op == "LRN":
        g.emit(op, [x], size=g.choice((1, 3, 5)), alpha=0.1, beta=0.75, bias=1.5)
    elif op == "MeanVarianceNormalization":
        g.emit(op, [x])


def _layer_norm(g: Maker, x: str, rank: int) -> None:
    """Layer normalization as exporters write it out."""

    def mean(of: str) -> str | None:
        if g.opset >= 18:
            return first(g.emit("ReduceMean", [of, g.constant([-1], np.int64)], keepdims=1))
        return first(g.emit("ReduceMean", [of], axes=[-1], keepdims=1))

    centre = mean(x)
    centred = centre and first(g.emit("Sub", [x, centre]))
    squared = centred and first(g.emit("Pow", [centred, g.constant(2.0, np.float32)]))
    variance = squared and mean(squared)
    wide = variance and first(g.emit("Add", [variance, g.constant(1e-2, np.float32)]))
    deviation = wide and first(g.emit("Sqrt", [wide]))
    normal = centred and deviation and first(g.emit("Div", [centred, deviation]))
    if normal:
        scaled = first(g.emit("Mul", [normal, g.weight([g.values[x].shape[-1]])]))
        if scaled:
            g.emit("Add", [scaled, g.weight([g.values[x].shape[-1]])])
