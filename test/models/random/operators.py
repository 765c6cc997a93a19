"""The operators of random graphs: each function here adds one kind of node, or a few that belong together, to a `Maker`.

A function draws operands, attributes and shapes; whether the node is any good is the maker's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from .graphs import Maker, Value


def _unary(g: Maker) -> None:
    op = g.word(SMOOTH_UNARY if g.precision != "fp32" else f"{SMOOTH_UNARY} {ROUGH_UNARY}")
    x = g.float_value()
    if op in ("Sqrt", "Log"):
        x = _first(g.emit("Add", [_first(g.emit("Abs", [x])) or x, g.constant(0.5, np.float32)])) or x
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
ROUGH_UNARY = "Floor Ceil Round Sign Tan Sinh Cosh ThresholdedRelu Shrink"


def _first(names: list[str] | None) -> str | None:
    return names[0] if names else None


def _broadcastable(g: Maker, shape: Sequence[int], dtype: type = np.float32) -> str:
    """A value or new constant that broadcasts with a value of this shape, of any rank."""
    if g.chance(0.5):
        found = g.pick(lambda v: v.dtype == np.dtype(dtype) and _broadcasts(v.shape, shape))
        if found is not None:
            return found
    rank = g.number(0, len(shape))
    other = [1 if g.chance(0.3) else extent for extent in shape[len(shape) - rank :]]
    if g.chance(0.1):
        other = (
            [g.number(1, 3) for _ in range(g.number(1, 2))] + [1] * (len(shape) - rank) + other
            if rank == len(shape)
            else other
        )
    if g.chance(0.3):
        return g.input(len(other), dtype, other)
    return g.constant(g.data(other, dtype))


def _broadcasts(a: Sequence[int], b: Sequence[int]) -> bool:
    return all(x == y or x == 1 or y == 1 for x, y in zip(a[::-1], b[::-1], strict=False))


def _binary(g: Maker) -> None:
    op = g.word("Add Sub Mul Div Add Mul Max Min Pow Sum Mean PRelu")
    a = g.float_value()
    if op == "Pow":
        g.emit("Pow", [_first(g.emit("Abs", [a])) or a, g.constant(g.choice((0.5, 2.0, 3.0, 1.5)), np.float32)])
        return
    if op == "PRelu":
        shape = g.values[a].shape
        g.emit(op, [a, g.weight([shape[1], *[1] * (len(shape) - 2)] if len(shape) > 1 and g.chance(0.5) else [])])
        return
    b = _broadcastable(g, g.values[a].shape)
    operands = [a, b] if g.chance(0.6) else [b, a]
    if op in ("Max", "Min", "Sum", "Mean") and g.chance(0.5):
        operands += [_broadcastable(g, g.values[a].shape)]
    g.emit(op, operands)


def _integers(g: Maker) -> None:
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
        _reduce_of(g, op, a)
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
        g.emit(op, [a, _broadcastable(g, shape, dtype)])


def _logic(g: Maker) -> None:
    """Comparisons, logic and Where."""
    kind = g.choice(("compare", "compare", "logic", "where", "where", "isnan", "cast", "any"))
    flag = g.pick(lambda v: v.dtype.kind == "b")
    if kind == "where" and flag is not None:
        a = _broadcastable(g, g.values[flag].shape)
        b = _broadcastable(g, g.values[flag].shape)
        g.emit("Where", [flag, a, b])
    elif kind == "logic" and flag is not None:
        op = g.choice(("And", "Or", "Xor", "Not"))
        g.emit(op, [flag] if op == "Not" else [flag, _broadcastable(g, g.values[flag].shape, np.bool_)])
    elif kind == "cast" and flag is not None:
        g.emit("Cast", [flag], to=g.choice((TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32)))
    elif kind == "isnan":
        g.emit(g.choice(("IsNaN", "IsInf")), [g.float_value()])
    else:
        a = g.float_value() if g.chance(0.7) else g.pick(lambda v: v.dtype == np.int64) or g.input(2, np.int64)
        b = _broadcastable(g, g.values[a].shape, g.values[a].dtype.type)
        ops = ["Equal", "Less", "Greater"] + (["LessOrEqual", "GreaterOrEqual"] if g.opset >= 12 else [])
        g.emit(g.choice(ops), [a, b] if g.chance(0.5) else [b, a])


def _cast(g: Maker) -> None:
    name = g.pick(lambda v: not v.constant) or g.input(2)
    kinds = [TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL]
    if g.precision == "fp32":
        kinds += [TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.INT8, TensorProto.UINT8]
    if g.values[name].dtype.kind == "f" and g.precision != "fp32":
        return
    done = g.emit("Cast", [name], to=int(g.choice(kinds)))
    if done and g.values[done[0]].dtype.kind == "f" and g.values[done[0]].dtype != np.float32 and g.chance(0.7):
        g.emit("Cast", done, to=TensorProto.FLOAT)


def _clip(g: Maker) -> None:
    x = g.float_value()
    if g.opset < 11:
        g.emit("Clip", [x], min=-0.5, max=0.7)
        return
    low = g.constant(-0.5, np.float32) if g.chance(0.6) else ""
    high = g.constant(0.7, np.float32) if g.chance(0.6) else ""
    if g.chance(0.1):
        low = g.input(0)
    g.emit("Clip", [x, low, high] if high else [x, low] if low else [x])


def _matmul(g: Maker) -> None:
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
        other = _first(g.emit("Transpose", [g.float_value(len(shape))], perm=order))
        if other:
            g.emit("MatMul", [a, other] if g.chance(0.5) else [other, a])
    else:
        other = g.pick(lambda v: v.dtype == np.float32 and v.rank > 0 and v.shape[-2 if v.rank > 1 else -1] == k)
        if other:
            g.emit("MatMul", [a, other])


def _gemm(g: Maker) -> None:
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


def _window_attributes(g: Maker, kernel: list[int], *, pool: bool) -> dict[str, Any]:
    spatial = len(kernel)
    attributes: dict[str, Any] = {}
    if g.chance(0.6):
        attributes["strides"] = [g.number(1, 3) for _ in range(spatial)]
    if g.chance(0.3) and (not pool or g.opset >= 10):
        attributes["dilations"] = [g.number(1, 2) for _ in range(spatial)]
    style = g.choice(("none", "pads", "pads", "auto"))
    if style == "pads":
        most = [size - 1 if pool else 3 for size in kernel] * 2
        attributes["pads"] = [g.number(0, m) for m in most]
    elif style == "auto":
        attributes["auto_pad"] = g.choice(("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"))
        if attributes["auto_pad"].startswith("SAME"):
            attributes.pop("dilations", None)
            # What SAME means for windows shorter than their stride, versions and operators of ONNX Runtime disagree about.
            attributes["strides"] = [
                min(stride, size)
                for stride, size in zip(attributes.get("strides", [1] * len(kernel)), kernel, strict=True)
            ]
    return attributes


def _image(g: Maker) -> str:
    rank = 4 if g.chance(0.75) else 3
    found = g.pick(lambda v: v.dtype == np.float32 and v.rank == rank and min(v.shape) > 0)
    if found is not None and g.chance(0.8):
        return found
    channels = g.choice((1, 2, 3, 4, 6, 8, 16))
    return g.input(rank, shape=[g.number(1, 2), channels, *[g.number(3, 9) for _ in range(rank - 2)]])


def _conv(g: Maker) -> None:
    x = _image(g)
    shape = g.values[x].shape
    channels = shape[1]
    groups = g.choice([n for n in range(1, channels + 1) if channels % n == 0]) if g.chance(0.4) else 1
    out = groups * g.choice((1, 1, 2, 3, 4, 8))
    kernel = [g.choice((1, 1, 2, 3, 3, 5)) for _ in shape[2:]]
    attributes = _window_attributes(g, kernel, pool=False)
    if g.chance(0.5):
        attributes["kernel_shape"] = kernel
    if groups > 1:
        attributes["group"] = groups
    weights = [out, channels // groups, *kernel]
    w = g.weight(weights) if g.chance(0.95) else g.input(len(weights), shape=weights)
    g.emit("Conv", [x, w, g.weight([out])] if g.chance(0.6) else [x, w], **attributes)


def _pool(g: Maker) -> None:
    x, op = (
        _image(g),
        g.choice(("MaxPool", "AveragePool", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")),
    )
    if op.startswith("Global"):
        g.emit(op, [x])
        return
    kernel = [g.number(1, 3) for _ in g.values[x].shape[2:]]
    attributes = _window_attributes(g, kernel, pool=True)
    if op == "AveragePool":
        if g.opset < 19:
            attributes.pop("dilations", None)
        if g.chance(0.5):
            attributes["count_include_pad"] = 1
    if g.chance(0.4):
        attributes["ceil_mode"] = 1
    g.emit(op, [x], kernel_shape=kernel, **attributes)


def _axes_of(g: Maker, rank: int) -> list[int]:
    count = g.number(1, rank)
    axes = [int(axis) for axis in g.rng.permutation(rank)[:count]]
    return [axis - rank if g.chance(0.4) else axis for axis in axes]


def _reduce(g: Maker) -> None:
    op = "Reduce" + g.word("Sum Mean Max Min SumSquare L1 L2 LogSumExp Prod Sum Mean LogSum")
    x = g.float_value()
    if op == "ReduceLogSum":
        x = _first(g.emit("Exp", [x])) or x
    _reduce_of(g, op, x)


def _cumulate(g: Maker) -> None:
    x = g.float_value(least=1)
    axis = g.number(0, g.values[x].rank - 1)
    attributes = {name: 1 for name in ("exclusive", "reverse") if g.chance(0.4)}
    g.emit("CumSum", [x, g.constant(axis, np.int64)], **attributes)


def _reduce_of(g: Maker, op: str, x: str) -> None:
    rank = g.values[x].rank
    attributes: dict[str, Any] = {"keepdims": g.number(0, 1)} if g.chance(0.7) else {}
    operands = [x]
    if rank and g.chance(0.85):
        axes = _axes_of(g, rank)
        if g.opset >= (13 if op == "ReduceSum" else 18):
            operands.append(g.constant(axes, np.int64))
        else:
            attributes["axes"] = axes
    elif g.opset >= (13 if op == "ReduceSum" else 18) and g.chance(0.3):
        attributes["noop_with_empty_axes"] = 1
    g.emit(op, operands, **attributes)


def _normalise(g: Maker) -> None:
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
        g.emit(op, [x, g.weight([c]), g.weight([c]), g.weight([c]), variance])
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
            return _first(g.emit("ReduceMean", [of, g.constant([-1], np.int64)], keepdims=1))
        return _first(g.emit("ReduceMean", [of], axes=[-1], keepdims=1))

    centre = mean(x)
    centred = centre and _first(g.emit("Sub", [x, centre]))
    squared = centred and _first(g.emit("Pow", [centred, g.constant(2.0, np.float32)]))
    variance = squared and mean(squared)
    wide = variance and _first(g.emit("Add", [variance, g.constant(1e-2, np.float32)]))
    deviation = wide and _first(g.emit("Sqrt", [wide]))
    normal = centred and deviation and _first(g.emit("Div", [centred, deviation]))
    if normal:
        scaled = _first(g.emit("Mul", [normal, g.weight([g.values[x].shape[-1]])]))
        if scaled:
            g.emit("Add", [scaled, g.weight([g.values[x].shape[-1]])])


def _reshape(g: Maker) -> None:
    x = g.pick(lambda v: not v.constant) or g.input(3)
    shape = list(g.values[x].shape)
    target: list[int] = list(shape)
    for _ in range(g.number(1, 3)):
        kind = g.choice(("merge", "split", "one", "drop"))
        if kind == "merge" and len(target) > 1:
            i = g.number(0, len(target) - 2)
            target[i : i + 2] = [target[i] * target[i + 1]]
        elif kind == "split" and target:
            i = g.number(0, len(target) - 1)
            factors = [n for n in range(1, target[i] + 1) if target[i] % n == 0]
            if factors:
                f = g.choice(factors)
                target[i : i + 1] = [f, target[i] // f]
        elif kind == "one":
            target.insert(g.number(0, len(target)), 1)
        elif kind == "drop" and 1 in target:
            target.remove(1)
    if g.chance(0.5) and target and 0 not in target:
        target[g.number(0, len(target) - 1)] = -1
    for i in range(min(len(target), len(shape))):
        if target[i] == shape[i] and g.chance(0.4):
            target[i] = 0
    if not g.values[x].static and target and -1 not in target and target[0] != 0:
        target[0] = -1
    g.emit("Reshape", [x, g.constant(target, np.int64)])


def _view(g: Maker) -> None:
    x = g.pick(lambda v: not v.constant) or g.input(3)
    shape = g.values[x].shape
    rank = len(shape)
    op = g.word(
        "Transpose Transpose Transpose Squeeze Unsqueeze Flatten Expand Tile DepthToSpace SpaceToDepth Identity"
    )
    if op == "Transpose":
        g.emit(op, [x], **({"perm": [int(i) for i in g.rng.permutation(rank)]} if rank and g.chance(0.9) else {}))
    elif op in ("Squeeze", "Unsqueeze"):
        ones = [i for i, extent in enumerate(shape) if extent == 1]
        wide = rank + 2
        axes = [i - rank if g.chance(0.4) else i for i in ones[: g.number(1, 2)]]
        if op == "Unsqueeze":
            axes = [int(i) for i in g.rng.permutation(wide)[:2]]
            axes = [i - wide if g.chance(0.4) else i for i in axes]
        if op == "Squeeze" and g.chance(0.2):
            g.emit(op, [x])
        elif axes and g.opset >= 13:
            g.emit(op, [x, g.constant(axes, np.int64)])
        elif axes:
            g.emit(op, [x], axes=axes)
    elif op == "Flatten":
        g.emit(op, [x], axis=g.number(-rank, rank))
    elif op == "Expand":
        target = [g.number(2, 3) if extent == 1 else (1 if g.chance(0.3) else extent) for extent in shape]
        g.emit(op, [x, g.constant([*([g.number(1, 2)] if g.chance(0.3) else []), *target], np.int64)])
    elif op == "Tile":
        g.emit(op, [x, g.constant([g.number(1, 3) for _ in shape], np.int64)])
    elif op in ("DepthToSpace", "SpaceToDepth"):
        block = 2
        image = g.input(4, shape=[1, block * block * g.number(1, 2), 2 * g.number(1, 2), 2 * g.number(1, 2)])
        g.emit(op, [image], blocksize=block, **({"mode": "CRD"} if op == "DepthToSpace" and g.chance(0.5) else {}))
    else:
        g.emit(op, [x])


def _concat(g: Maker) -> None:
    x = g.pick(lambda v: v.rank > 0 and not v.constant) or g.input(3)
    value = g.values[x]
    axis = g.number(0, value.rank - 1)

    def fits(v: Value) -> bool:
        same = v.rank == value.rank and v.dtype == value.dtype
        return same and all(i == axis or v.shape[i] == value.shape[i] for i in range(v.rank))

    parts = [x]
    for _ in range(g.number(1, 3)):
        parts.append(x if g.chance(0.2) else g.pick(fits) or x)
    if g.chance(0.3):
        shape = list(value.shape)
        shape[axis] = g.number(1, 3)
        parts.append(g.constant(g.data(shape, value.dtype.type)))
    parts = [parts[i] for i in g.rng.permutation(len(parts))]
    g.emit("Concat", parts, axis=axis - value.rank if g.chance(0.4) else axis)


def _split(g: Maker) -> None:
    x = g.pick(lambda v: v.rank > 0 and not v.constant) or g.input(3)
    shape = g.values[x].shape
    axis = g.number(0, len(shape) - 1)
    if shape[axis] < 2:
        return
    first = g.number(1, shape[axis] - 1)
    sizes = [first, shape[axis] - first]
    given = axis - len(shape) if g.chance(0.4) else axis
    if g.opset >= 18 and g.chance(0.3):
        g.emit("Split", [x], 2, axis=given, num_outputs=2)
    elif g.opset >= 13:
        g.emit("Split", [x, g.constant(sizes, np.int64)], 2, axis=given)
    else:
        g.emit("Split", [x], 2, axis=given, split=sizes)


def _slice(g: Maker) -> None:
    x = g.pick(lambda v: v.rank > 0 and not v.constant) or g.input(3)
    shape = g.values[x].shape
    axes = [int(i) for i in g.rng.permutation(len(shape))[: g.number(1, len(shape))]]
    starts: list[int] = []
    ends: list[int] = []
    steps: list[int] = []
    for axis in axes:
        n = shape[axis]
        step = g.choice((1, 1, 2, 3, -1, -2))
        start, end = g.number(-n - 1, n), g.choice((g.number(-n - 1, n + 2), 2**31 - 1, 2**63 - 1))
        if step < 0:
            start, end = g.choice((n - 1, -1, n + 3, g.number(-n, n))), g.choice((-n - 1, 0, -(2**31), g.number(-n, n)))
        if len(range(*slice(start, end, step).indices(n))) == 0 and g.chance(0.95):
            start, end, step = (0, n, 1)
        starts.append(start)
        ends.append(end)
        steps.append(step)
    axes = [axis - len(shape) if g.chance(0.4) else axis for axis in axes]
    kind = g.choice((np.int64, np.int32)) if max(map(abs, ends)) < 2**31 else np.int64
    parts = [g.constant(part, kind) for part in (starts, ends, axes, steps)]
    g.emit("Slice", [x, *parts])


def _gather(g: Maker) -> None:
    x = g.pick(lambda v: v.rank > 0 and not v.constant and min(v.shape) > 0) or g.input(3)
    shape = g.values[x].shape
    axis = g.number(0, len(shape) - 1)
    lead = [g.number(1, 3) for _ in range(g.number(0, 2))]
    indices = g.rng.integers(-shape[axis], shape[axis], tuple(lead)).astype(g.choice((np.int64, np.int32)))
    if g.chance(0.3):
        depth = g.number(1, len(shape))
        indices = np.stack([g.rng.integers(-n, n, tuple(lead)) for n in shape[:depth]], axis=-1).astype(np.int64)
        g.emit("GatherND", [x, g.constant(indices)])
        return
    if g.chance(0.2) and g.values[x].static:
        taken = tuple(g.number(1, n) for n in shape)
        indices = g.rng.integers(-shape[axis], shape[axis], taken).astype(g.choice((np.int64, np.int32)))
        g.emit("GatherElements", [x, g.constant(indices)], axis=axis)
        return
    name = g.constant(indices)
    if g.chance(0.3):
        name = g.fresh("x")
        g.inputs[name] = (helper.np_dtype_to_tensor_dtype(indices.dtype), list(lead))
        arrays = [np.asarray(indices)] * len(g.sizes)
        g.values[name] = Value(arrays, arrays)
    g.emit("Gather", [x, name], axis=axis - len(shape) if g.chance(0.4) else axis)


def _pad(g: Maker) -> None:
    x = g.float_value(least=1)
    rank = g.values[x].rank
    pads = [g.choice((0, 0, 1, 2)) for _ in range(2 * rank)]
    operands = [x, g.constant(pads, np.int64)]
    if g.chance(0.6):
        operands.append(g.constant(g.choice((0.0, 1.5, -2.0)), np.float32))
    g.emit("Pad", operands)


def _other(g: Maker) -> None:
    kind = g.choice(("trilu", "resize", "range", "shape", "constant_of_shape"))
    if kind == "trilu" and g.opset >= 14:
        x = g.float_value(least=2)
        diagonal = [g.constant(g.number(-2, 2), np.int64)] if g.chance(0.6) else []
        g.emit("Trilu", [x, *diagonal], upper=g.number(0, 1))
    elif kind == "resize":
        x = g.float_value(4)
        scales = g.constant([1.0, 1.0, g.choice((1.0, 2.0, 3.0)), 2.0], np.float32)
        g.emit(
            "Resize", [x, "", scales], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )
    elif kind == "range":
        span = [g.number(0, 2), g.number(3, 7), g.number(1, 2)]
        g.emit("Range", [g.constant(v, np.int64) for v in span])
    elif kind == "shape":
        x = g.float_value(least=2)
        shape = _first(g.emit("Shape", [x]))
        if shape is None:
            return
        if g.chance(0.3):
            g.emit("Cast", [shape], to=TensorProto.FLOAT)
            return
        lead = _first(g.emit("Gather", [shape, g.constant([0], np.int64)], axis=0))
        joined = lead and _first(g.emit("Concat", [lead, g.constant([-1], np.int64)], axis=0))
        if joined:
            g.emit("Reshape", [x, joined])
    else:
        x = g.float_value(least=1)
        shape = _first(g.emit("Shape", [x]))
        if shape:
            fill = numpy_helper.from_array(np.array([g.choice((0.0, 1.5))], np.float32))
            g.emit("ConstantOfShape", [shape], value=fill)


def _residual(g: Maker) -> None:
    x = g.float_value(least=1)
    y = _first(g.emit(g.choice(("Relu", "Tanh", "Sigmoid")), [x]))
    if y:
        g.emit("Add", [x, y] if g.chance(0.5) else [y, x])


def _twice(g: Maker) -> None:
    """A node made again: two equal values under two names."""
    if g.nodes:
        old = g.choice(g.nodes)
        if old.op_type != "Constant":
            copy = NodeProto()
            copy.CopyFrom(old)
            names = [f"v{len(g.values) + i}" for i in range(len(old.output))]
            copy.output[:] = names
            copies = [Value(g.values[name].arrays, g.values[name].moved) for name in old.output]
            g.nodes.append(copy)
            g.values.update(zip(names, copies, strict=True))


GENERATORS: tuple[tuple[Callable[[Maker], None], float], ...] = (
    (_unary, 3), (_binary, 4), (_integers, 1), (_logic, 1.5), (_cast, 0.7), (_clip, 1), (_matmul, 3), (_gemm, 1.5), (_conv, 3),
    (_pool, 2), (_reduce, 2), (_normalise, 3), (_reshape, 2), (_view, 3), (_concat, 3), (_split, 1), (_slice, 2), (_gather, 1.5),
    (_pad, 1), (_cumulate, 0.5), (_other, 1), (_residual, 1), (_twice, 0.5),
)  # fmt: skip
ROUGH = (_integers, _logic)
