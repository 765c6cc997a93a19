"""Attention as exporters write it, with what surrounds it: projections, heads, masks, rotations, a cache, and feed-forward layers."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from .chain import Chain

LOWEST = float(np.finfo(np.float32).min)


def attention(n: Chain) -> None:
    """Heads of one value or two, with a mask or more, back in place, and mostly with a product, a sum and a norm."""
    g = n.g
    shared, group, size = g.choice((1, 2)), g.choice((1, 1, 2)), g.choice((4, 8, 8, 16))
    heads = shared * group
    x = n.tokens(8)
    batch, length, width = n.shape(x)
    source = x
    if g.chance(0.2):
        source = n.tokens(8, batch) if not _varies(n, x, 0) else x
    given = n.norm(x) if g.chance(0.3) else x
    other = given if source is x else source
    if source is x and g.chance(0.35):
        q, k, v = _joined(n, given, heads, shared, size)
    else:
        parts = ((given, heads), (other, shared), (other, shared))
        q, k, v = (_split_heads(n, _project(n, each, count * size), count, size) for each, count in parts)
    if size % 4 == 0 and source is x and g.chance(0.25):
        q, k = (_rotated(n, each, length, size) if not _varies(n, x, 1) else each for each in (q, k))
    if g.chance(0.12) and not _varies(n, x, 0):
        k, v = (
            n("Concat", g.input(4, shape=[batch, shared, 3, size]) if not _varies(n, each, 0) else each, each, axis=2)
            for each in (k, v)
        )
    if group > 1:
        k, v = (_repeated(n, each, heads, shared, size) for each in (k, v))
    mixed = _heads(n, q, k, v, size, heads)
    merged = n.reshape(n.turn(mixed, 0, 2, 1, 3), 0, 0, heads * size)
    if g.chance(0.8):
        merged = n.dense(merged, width)
        if g.chance(0.8):
            merged = n("Add", merged, x)
            if g.chance(0.5):
                n.norm(merged)


def _varies(n: Chain, x: str, axis: int) -> bool:
    return len({array.shape[axis] for array in n.g.values[x].arrays}) > 1


def _project(n: Chain, x: str, outputs: int) -> str:
    return n.dense(x, outputs) if n.g.chance(0.7) else n.product(x, outputs)


def _split_heads(n: Chain, x: str, heads: int, size: int) -> str:
    return n.turn(n.reshape(x, 0, n.g.choice((0, -1)), heads, size), 0, 2, 1, 3)


def _joined(n: Chain, x: str, heads: int, shared: int, size: int) -> list[str]:
    """Queries, keys and values of one product."""
    if heads == shared and n.g.chance(0.4):
        together = n.turn(n.reshape(_project(n, x, 3 * heads * size), 0, 0, 3, heads, size), 2, 0, 3, 1, 4)
        parts = [n.g.constant(part, np.int64) for part in range(3)]
        return [n("Gather", together, part, axis=0) for part in parts]
    counts = [heads, shared, shared]
    sizes = [count * size for count in counts]
    parts = n.split(_project(n, x, sum(sizes)), sizes, 2)
    return [_split_heads(n, part, count, size) for part, count in zip(parts, counts, strict=True)]


def _rotated(n: Chain, x: str, length: int, size: int) -> str:
    """Rotary positions: halves turned, or pairs."""
    angles = np.arange(length)[:, None] * 100.0 ** (-np.arange(0, size, 2) / size)
    if n.g.chance(0.6):
        angles = np.concatenate([angles, angles], -1)
        first, second = n.split(x, [size // 2, size // 2], 3)
        turned = n("Concat", n("Neg", second), first, axis=-1)
    else:
        angles = np.repeat(angles, 2, -1)
        even, odd = (n.unsqueeze(n.slice(x, 3, start, size, 2), 4) for start in (0, 1))
        turned = n.reshape(n("Concat", n("Neg", odd), even, axis=4), 0, 0, 0, size)
    cos, sin = (n.g.constant(table, np.float32) for table in (np.cos(angles), np.sin(angles)))
    return n("Add", n("Mul", x, cos), n("Mul", turned, sin))


def _repeated(n: Chain, x: str, heads: int, shared: int, size: int) -> str:
    """Each head of keys or values for all that share it."""
    group = heads // shared
    dims = [n.extent(x, 0), n.whole(shared), n.whole(group), n.extent(x, 2), n.whole(size)]
    wide = n("Expand", n.unsqueeze(x, 2), n("Concat", *dims, axis=0))
    if n.g.chance(0.5) and not _varies(n, x, 2):
        return n.reshape(wide, 0, heads, n.shape(x)[2], size)
    return n("Reshape", wide, n("Concat", dims[0], n.whole(heads), dims[3], dims[4], axis=0))


def _heads(n: Chain, q: str, k: str, v: str, size: int, heads: int) -> str:
    """Of [batch, heads, positions, size], which some exporters merge to three dims for the products."""
    g, scale = n.g, float(size**-0.5)
    batch, _, length, _ = n.shape(q)
    keys = n.shape(k)[2]
    folded = g.chance(0.2) and not any(_varies(n, q, axis) or _varies(n, k, axis) for axis in (0, 2))
    at = g.word("scores scores query both divided")
    if at == "query":
        q = n("Mul", q, scale)
    elif at == "both":
        q, k = (n("Mul", each, float(np.sqrt(scale))) for each in (q, k))
    if folded:
        q, k, v = (n.reshape(each, batch * heads, -1, size) for each in (q, k, v))
    order = (0, 2, 1) if folded else (0, 1, 3, 2)
    scores = n("MatMul", q, n.turn(k, *order))
    if at in ("scores", "divided"):
        scores = n("Mul", scores, scale) if at == "scores" else n("Div", scores, 1 / scale)
    if g.chance(0.1):
        scores = n("Mul", n("Tanh", n("Div", scores, 2.0)), 2.0)
    if folded and g.chance(0.7):
        scores, folded = n.reshape(scores, batch, heads, length, keys), False
        v = n.reshape(v, batch, heads, keys, size)
    if not folded:
        for _ in range(g.choice((0, 1, 1, 2))):
            scores = _masked(n, scores, v)
    probs = n("Softmax", scores, axis=-1)
    if g.chance(0.15):
        probs = n("Where", n("IsNaN", probs), 0.0, probs)
    mixed = n("MatMul", probs, v)
    return n.reshape(mixed, batch, heads, length, size) if folded else mixed


def _masked(n: Chain, scores: str, v: str) -> str:
    """One more mask of scores [batch, heads, queries, keys], or a bias. Some hide all keys of a query."""
    g = n.g
    arrays = g.values[scores].arrays
    _, heads, length, keys = n.shape(scores)
    hidden = g.choice(
        (LOWEST, LOWEST, -1e3)
    )  # of scores less 1e4 f32 keeps three digits, too few for a query without any key
    kind = g.word("bias padding padding triangle triangle places places filled chosen")
    if kind == "bias":
        fixed = not (_varies(n, scores, 2) or _varies(n, scores, 3))
        shape = [g.choice((1, heads)), length, keys] if fixed else [heads, 1, 1]
        return n("Add", scores, g.weight(shape))
    if kind == "triangle" and not (_varies(n, scores, 2) or _varies(n, scores, 3)):
        rows = np.tri(length, keys, keys - length if g.chance(0.5) else 0, dtype=bool)
        return n("Add", scores, g.constant(np.where(rows, 0, hidden), np.float32), masked=True)
    if kind in ("triangle", "places"):
        return n("Add", scores, n("Where", _places(n, scores), 0.0, hidden, masked=True), masked=True)
    # Which keys are there, of each sentence: [batch, keys], given with the dims of the scores.
    declared = [_symbol(n, scores, 0), _symbol(n, scores, 3)]
    if None in declared:
        return scores
    whole = kind == "padding" or g.chance(0.5)
    shown = [g.rng.random((a.shape[0], a.shape[3])) < 0.7 for a in arrays]
    for each in shown:
        if g.chance(0.7):
            each[:, 0] = True
        elif g.chance(0.5):
            each[-1] = False
    names = [d for d in declared if d is not None]
    if whole:
        given = n.cast(g.given([each.astype(np.int64) for each in shown], names))
        left = n("Sub", 1.0, n.unsqueeze(given, 1, 2), masked=True)
        return n("Add", scores, n("Mul", left, hidden, masked=True), masked=True)
    allowed = n.unsqueeze(g.given(shown, names), 1, 2)
    branches = (scores, hidden) if kind == "chosen" else (hidden, scores)
    allowed = allowed if kind == "chosen" else n("Not", allowed)
    return n("Where", allowed, *branches, masked=True)


def _symbol(n: Chain, x: str, axis: int) -> int | str | None:
    """How an input declares a dim of x: its number, N, or None where it is neither."""
    extents = [array.shape[axis] for array in n.g.values[x].arrays]
    if len(set(extents)) == 1:
        return extents[0]
    return "N" if extents == n.g.sizes else None


def _places(n: Chain, scores: str) -> str:
    """Positions compared, as a causal mask of any size is written: keys up to the query's own, in a window or not."""
    zero, one = (n.g.constant(number, np.int64) for number in (0, 1))
    shape = n("Shape", scores)
    rows, columns = (n("Range", zero, n("Gather", shape, n.g.constant(axis, np.int64), axis=0), one) for axis in (2, 3))
    rows, columns = n.unsqueeze(rows, 1), n.unsqueeze(columns, 0)
    beyond = "LessOrEqual" if n.g.opset >= 12 else "Less"
    allowed = (
        n(beyond, columns, rows) if beyond == "LessOrEqual" or n.g.chance(0.5) else n("Not", n("Less", rows, columns))
    )
    if n.g.chance(0.3):
        near = n("Less", n("Sub", rows, columns), n.g.constant(2, np.int64))
        allowed = n("And", allowed, near)
    return allowed


def feed_forward(n: Chain) -> None:
    """Gate and up projections, or one, with an activation, back to the width and mostly added."""
    g, x = n.g, n.tokens(8)
    width = n.shape(x)[-1]
    given = n.norm(x) if g.chance(0.5) else x
    inner = g.choice((8, 16, 24))
    if g.chance(0.6):
        if g.chance(0.3):
            gate, up = n.split(_project(n, given, 2 * inner), [inner, inner], 2)
        else:
            gate, up = (_project(n, given, inner) for _ in range(2))
        grown = n("Mul", n.act(gate), up)
    else:
        grown = n.act(_project(n, given, inner))
    x = n("Add", _project(n, grown, width), x)
    if g.chance(0.4):
        n.norm(x)


def products(n: Chain) -> None:
    """Products over one value and their sums: parts of one by slices, sums of several, a row statistic at the end."""
    g, x = n.g, n.tokens(8)
    count, outputs = g.number(2, 3), g.choice((4, 8, 12))
    made = [_project(n, x, outputs) for _ in range(count)]
    if g.chance(0.4):
        parts = n.split(_project(n, x, 2 * outputs), [outputs, outputs], 2)
        made += [n.act(part) for part in parts]
    match g.word("sum other join reduce turn"):
        case "sum":
            total = n("Add", made[0], made[1])
            n.norm(n.act(total)) if g.chance(0.5) else n.act(total)
        case "other":
            batch, length, _ = n.shape(x)
            if not (_varies(n, x, 0) or _varies(n, x, 1)):
                n("Add", made[0], n.product(g.input(3, shape=[batch, length, 6]) if len(g.sizes) == 1 else x, outputs))
        case "join":
            n.act(n("Concat", *made, g.choice(made), axis=-1))
        case "reduce":
            n("Mul", made[0], n("Sigmoid", n.mean(made[1])))
            n("Sub", made[-1], n.mean(made[-1], 1))
        case _:
            n("MatMul", made[0], n.turn(made[1], 0, 2, 1))


def cast_mask(n: Chain) -> None:
    """A mask of positions that two values read, as integers and as numbers."""
    x = n.tokens(8)
    shown = n("Greater", n.mean(x), 0.0)
    numbers = n.cast(shown)
    total = n("ReduceMax", numbers, axes=[1], keepdims=1) if n.g.opset < 18 else n("ReduceMax", numbers, n.whole(1))
    n("Mul", n("Mul", x, numbers), total)
    n("Where", shown, x, n("Neg", x))
    n.cast(n.cast(shown, TensorProto.INT32))
