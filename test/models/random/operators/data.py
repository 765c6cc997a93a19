"""Operators that move data, or make it."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, numpy_helper

from ..graphs import Maker, Value
from .shared import first


def reshape(g: Maker) -> None:
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


def view(g: Maker) -> None:
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


def concat(g: Maker) -> None:
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


def split(g: Maker) -> None:
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


def slice_(g: Maker) -> None:
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


def gather(g: Maker) -> None:
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
        name = g.given([np.asarray(indices)] * len(g.sizes), lead)
    g.emit("Gather", [x, name], axis=axis - len(shape) if g.chance(0.4) else axis)


def pad(g: Maker) -> None:
    x = g.float_value(least=1)
    rank = g.values[x].rank
    mode = g.word("constant constant constant reflect edge wrap" if g.opset >= 19 else "constant constant reflect edge")
    shape = g.values[x].shape
    most = [
        min(2, extent - 1) if mode == "reflect" else min(2, extent) for extent in shape
    ]  # further, runtimes disagree
    if mode == "constant":
        pads = [g.choice((0, 0, 1, 2, -1)) for _ in range(2 * rank)]
    else:
        pads = [g.number(0, max(n, 0)) if g.chance(0.5) else 0 for n in most * 2]
    operands = [x, g.constant(pads, np.int64)]
    if g.chance(0.6):
        operands.append(g.constant(g.choice((0.0, 1.5, -2.0)), np.float32))
    g.emit("Pad", operands, **({} if mode == "constant" else {"mode": mode}))


def other(g: Maker) -> None:
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
        shape = first(g.emit("Shape", [x]))
        if shape is None:
            return
        if g.chance(0.3):
            g.emit("Cast", [shape], to=TensorProto.FLOAT)
            return
        lead = first(g.emit("Gather", [shape, g.constant([0], np.int64)], axis=0))
        joined = lead and first(g.emit("Concat", [lead, g.constant([-1], np.int64)], axis=0))
        if joined:
            g.emit("Reshape", [x, joined])
    else:
        x = g.float_value(least=1)
        shape = first(g.emit("Shape", [x]))
        if shape:
            fill = numpy_helper.from_array(np.array([g.choice((0.0, 1.5))], np.float32))
            g.emit("ConstantOfShape", [shape], value=fill)
