"""The steps of random modules: each draws operands and adds one op of `nn` or `quant`, or raises where they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from xdsl.dialects.builtin import bf16, f16, f32, i1, i8, i32, i64
from xdsl.ir import Attribute, Block, Operation, SSAValue

from trtc.dialects import nn, quant
from trtc.dialects.dims import as_expr
from trtc.dialects.dtypes import is_float, numpy_dtype
from trtc.dialects.errors import InvalidModelError

Array = np.ndarray[Any, Any]
NUMBERS = (0.0, 0.0, -0.0, 1.0, 1.0, 1.0, -1.0, 2.0, 0.5, 3.0, -4.0, 0.25, float("inf"), float("-inf"), float("nan"))
SIZES = (2, 3, 3, 4, 1)
RANGE = (1, 2, 4)
"""Sizes of the symbol N."""


@dataclass
class Draw:
    """A function under construction: `pool` holds the values that the next op may read."""

    rng: np.random.Generator
    finite: bool
    """Whether numbers must be finite and of moderate size."""
    block: Block = field(default_factory=Block)
    pool: list[SSAValue] = field(default_factory=list[SSAValue])

    def one(self, items: Sequence[Any]) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def shape(self, rank: int, dynamic: float = 0.15) -> list[Any]:
        dims = [self.one(SIZES)] * rank if self.chance(0.4) else [self.one(SIZES) for _ in range(rank)]
        return ["N" if self.chance(dynamic) else d for d in dims] if self.chance(0.3) else list(dims)

    def input(self, element: Attribute, dims: Sequence[Any]) -> SSAValue:
        value = self.block.insert_arg(nn.tensor_type([as_expr(d) for d in dims], element), len(self.block.args))
        self.pool.append(value)
        return value

    def value(self, fits: Callable[[SSAValue], bool] = lambda _: True) -> SSAValue:
        """A value of the pool, a late one more often than not."""
        found = [v for v in self.pool if fits(v)]
        if not found:
            raise InvalidModelError("nothing in the pool fits")
        return found[-1] if self.chance(0.3) else self.one(found)

    def put(self, op: Operation) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]

    def keep(self, op: Operation) -> None:
        value = self.put(op)
        op.verify()
        if any(extent.bounds({"N": RANGE})[0] < 0 for extent in nn.shape_of(value)):
            raise InvalidModelError("a profile from 1 on has negative sizes; a build refuses it")
        self.pool.append(value)

    def constant(self, array: Array) -> SSAValue:
        return self.put(nn.ConstantOp(array))

    def number(self, element: Attribute) -> Any:
        choices = (
            [n for n in NUMBERS if not self.finite or 0.1 < abs(n) < 10] if is_float(element) else [0, 0, 1, 1, -1, 2]
        )
        return self.one(choices)

    def near(self, like: SSAValue, element: Attribute | None = None) -> SSAValue:
        """A constant that broadcasts against a value, mostly one number all over."""
        dims = [d.as_int() or 1 for d in nn.shape_of(like)]
        element = element or nn.element_of(like)
        shapes = [
            [],
            [],
            [1],
            dims,
            dims,
            dims[-1:],
            [1] * len(dims),
            [1, *dims],
            [2, *dims],
            [1] * (len(dims) + 1),
            dims[1:],
        ]
        array = np.full(self.one(shapes), self.number(element)).astype(numpy_dtype(element))
        if array.size > 1 and self.chance(0.25):
            array.reshape(-1)[self.rng.integers(array.size)] = self.number(element)
        return self.constant(array)

    def permutation(self, rank: int) -> list[int]:
        return [int(i) for i in self.rng.permutation(rank)]


def _float(value: SSAValue) -> bool:
    return is_float(nn.element_of(value))


def _numeric(value: SSAValue) -> bool:
    return nn.element_of(value) != i1


def _static(value: SSAValue) -> bool:
    return all(d.as_int() is not None for d in nn.shape_of(value))


def _pair(d: Draw, fits: Callable[[SSAValue], bool]) -> tuple[SSAValue, SSAValue]:
    x = d.value(fits)
    alike = [v for v in d.pool if v.type == x.type]
    other = d.near(x) if d.chance(0.75) else d.one(alike)
    return (x, other) if d.chance(0.5) else (other, x)


# Steps: each adds one op, or raises where what was drawn does not fit.


def arithmetic(d: Draw) -> None:
    kinds = [nn.AddOp, nn.SubOp, nn.MulOp, nn.MinOp, nn.MaxOp]
    pair = _pair(d, _numeric)
    if _float(pair[0]):
        kinds += [nn.DivOp] if d.finite else [nn.DivOp, nn.PowOp]
    d.keep(d.one(kinds)(*pair))


def affine(d: Draw) -> None:
    x = d.value(_float)
    factor = d.near(x) if d.chance(0.9) else d.one([v for v in d.pool if v.type == x.type])
    kind = d.one([nn.AddOp, nn.SubOp, nn.MulOp, nn.DivOp])
    swap = kind is not nn.DivOp and d.chance(0.3)
    d.keep(kind(factor, x) if swap else kind(x, factor))


def unary(d: Draw) -> None:
    if d.chance(0.7):
        d.keep(nn.ReluOp(d.value(_numeric)))
    else:
        d.keep(d.one([nn.NegOp, nn.AbsOp])(d.value(_float)))


def clip(d: Draw) -> None:
    low, high = sorted(d.one([-np.inf, -2.0, 0.0, 0.0, 1.0, 6.0, np.inf]) for _ in range(2))
    d.keep(nn.ClipOp(d.value(_float), low, high))


def where(d: Draw) -> None:
    x, y = _pair(d, _numeric)
    condition = np.full(d.one([[], [1]]), d.chance(0.5)) if d.chance(0.5) else None
    test = nn.CompareOp(x, y, d.one(["lt", "ge", "eq"])) if condition is None else nn.ConstantOp(condition)
    d.keep(nn.WhereOp(d.put(test), d.one([x, y]), y))


def cast(d: Draw) -> None:
    x = d.value()
    wide = [f32, f16, bf16] if _float(x) else [f32, f16, i8, i32, i64]
    d.keep(nn.CastOp(x, d.one(wide)))


def transpose(d: Draw) -> None:
    """Often of a transpose, of three dims or more: two of those need not commute."""
    if d.chance(0.5):
        x = d.value(lambda v: nn.rank_of(v) > 2)
        x = x if isinstance(x.owner, nn.TransposeOp) else d.put(nn.TransposeOp(x, d.permutation(nn.rank_of(x))))
    else:
        x = d.value(lambda v: nn.rank_of(v) > 1)
    d.keep(nn.TransposeOp(x, d.permutation(nn.rank_of(x))))


def reshape(d: Draw) -> None:
    x = d.value(_static)
    dims = [d_.as_int() or 0 for d_ in nn.shape_of(x)]
    if d.chance(0.5) and len(dims) > 1:
        at = int(d.rng.integers(len(dims) - 1))
        dims[at : at + 2] = [dims[at] * dims[at + 1]]
    elif d.chance(0.5):
        dims = [*dims, 1]
    else:
        dims = [int(np.prod(dims))]
    d.keep(nn.ReshapeOp(x, dims))


def lead(d: Draw) -> None:
    """A reshape that merges the first two dims, parts the first, or adds one, also where a size is unknown."""
    x = d.value(lambda v: nn.rank_of(v) > 1)
    first, second, *rest = nn.shape_of(x)
    size = first.as_int()
    parted = [(as_expr(p), as_expr(size // p)) for p in (1, 2, 3) if size and size % p == 0]
    forms = [(first * second,), *((a, b, second) for a, b in parted), (as_expr(1), first, second)]
    if not rest:
        forms = forms[1:]
    d.keep(nn.ReshapeOp(x, [*d.one(forms), *rest]))


def slice_(d: Draw) -> None:
    x = d.value(lambda v: _static(v) and nn.rank_of(v) > 0)
    dims = [s.as_int() or 0 for s in nn.shape_of(x)]
    starts, sizes, steps = [0] * len(dims), list(dims), [1] * len(dims)
    at = int(d.rng.integers(len(dims)))
    if d.chance(0.4):
        starts[at], steps[at] = dims[at] - 1, -1
    elif d.chance(0.7):
        sizes[at] = int(d.rng.integers(1, dims[at] + 1))
        starts[at] = int(d.rng.integers(dims[at] - sizes[at] + 1))
    d.keep(nn.SliceOp(x, starts, sizes, steps))


def concat(d: Draw) -> None:
    x = d.value(lambda v: nn.rank_of(v) > 0)
    alike = [v for v in d.pool if v.type == x.type]
    d.keep(nn.ConcatOp([x, *(d.one(alike) for _ in range(d.rng.integers(0, 3)))], int(d.rng.integers(nn.rank_of(x)))))


def join(d: Draw) -> None:
    """Neighbours of one type along an axis that is often the last: other concats begin, end or go on in the same way."""
    x = d.value(lambda v: nn.rank_of(v) > 0)
    alike = [v for v in d.pool if v.type == x.type]
    first = int(d.rng.integers(len(alike))) if d.chance(0.5) else 0
    last = int(d.rng.integers(first, len(alike))) + 1
    axis = nn.rank_of(x) - 1 if d.chance(0.7) else int(d.rng.integers(nn.rank_of(x)))
    d.keep(nn.ConcatOp(alike[first:last], axis))


def cut(d: Draw) -> None:
    """A tensor as two slices side by side, in order or not, and often joined again with something else."""
    x = d.value(lambda v: _static(v) and nn.rank_of(v) > 0 and (nn.shape_of(v)[-1].as_int() or 0) > 1)
    *rest, width = [s.as_int() or 0 for s in nn.shape_of(x)]
    at = int(d.rng.integers(1, width))
    parts = [nn.SliceOp(x, [0] * len(rest) + [a], [*rest, b - a]) for a, b in ((0, at), (at, width))]
    values = [d.put(part) for part in parts]
    alike = [v for v in d.pool if nn.rank_of(v) == nn.rank_of(x) and nn.shape_of(v)[:-1] == nn.shape_of(x)[:-1]]
    alike = [v for v in alike if nn.element_of(v) == nn.element_of(x)]
    more = [d.one(alike) for _ in range(d.rng.integers(0, 3))]
    d.keep(nn.ConcatOp([*more, *(values[::-1] if d.chance(0.2) else values)], len(rest)))


def beside(d: Draw) -> None:
    """Constants beside a tensor, mostly of dims that are repeated, and a constant that is added to all, as positions are to tokens."""
    x = d.value(lambda v: _static(v) and nn.rank_of(v) > 1 and _float(v))
    dims = [s.as_int() or 0 for s in nn.shape_of(x)]
    axis = int(d.rng.integers(len(dims) - 1)) if d.chance(0.8) else len(dims) - 1
    parts = [x]
    for _ in range(int(d.rng.integers(1, 3))):
        wide = [d.one([1, 2]) if i == axis else size for i, size in enumerate(dims)]
        thin = [size if i >= axis or d.chance(0.5) else 1 for i, size in enumerate(wide)]
        part = _drawn(d, thin, x)
        parts.insert(d.one([0, len(parts)]), d.put(nn.BroadcastToOp(part, wide)) if thin != wide else part)
    joined = d.put(nn.ConcatOp(parts, axis))
    total = [size.as_int() or 0 for size in nn.shape_of(joined)]
    added = _drawn(d, [size if i >= axis or d.chance(0.3) else 1 for i, size in enumerate(total)], x)
    if d.chance(0.2):
        d.pool.append(joined)
    d.keep(nn.AddOp(joined, added) if d.chance(0.7) else nn.AddOp(added, joined))


def _drawn(d: Draw, dims: Sequence[int], like: SSAValue) -> SSAValue:
    """A constant of numbers that differ, zeros of either sign among them."""
    return d.constant(d.rng.choice([0.0, -0.0, 1.0, -2.0, 0.5], dims).astype(numpy_dtype(nn.element_of(like))))


def gather(d: Draw) -> None:
    x = d.value(lambda v: nn.rank_of(v) > 0)
    axis = int(d.rng.integers(nn.rank_of(x)))
    size = nn.shape_of(x)[axis].as_int() or 1
    shape = d.one([[], [1], [2], [size], [1, 2]])
    beyond = int(d.chance(0.2))  # which takes 0
    indices = d.rng.integers(-size - beyond, size + beyond, shape)
    if d.chance(0.4) and len(shape) == 1:
        indices = np.arange(shape[0]) % size - (size if d.chance(0.3) else 0)
    d.keep(nn.GatherOp(x, d.constant(np.asarray(indices, np.int64)), axis))


def broadcast(d: Draw) -> None:
    x = d.value(lambda v: any(s.as_int() == 1 for s in nn.shape_of(v))) if d.chance(0.7) else d.value()
    dims = list(nn.shape_of(x))
    wide = [as_expr(2) if s.as_int() == 1 and d.chance(0.6) else s for s in dims]
    d.keep(nn.BroadcastToOp(x, [as_expr(2), *wide] if d.chance(0.3) else wide))


def reduce(d: Draw) -> None:
    x = d.value(lambda v: nn.rank_of(v) > 0 and _float(v))
    axes = d.permutation(nn.rank_of(x))[: int(d.rng.integers(1, 3))]
    kind = d.one(["max", "min", "sum", "mean"]) if d.finite else d.one(["max", "min"])
    d.keep(nn.ReduceOp(x, kind, axes, keepdims=d.chance(0.5)))


def softmax(d: Draw) -> None:
    x = d.value(lambda v: nn.rank_of(v) > 0 and _float(v))
    d.keep(nn.SoftmaxOp(x, int(d.rng.integers(nn.rank_of(x)))))


def pad(d: Draw) -> None:
    x = d.value(lambda v: nn.rank_of(v) > 0 and _float(v))
    images = nn.rank_of(x) == 4 and d.chance(0.8)
    low, high = (
        [int(d.rng.integers(3)) if not images or i in (1, 2) else 0 for i in range(nn.rank_of(x))] for _ in "lh"
    )
    d.keep(nn.PadOp(x, low, high, d.one([0.0, 0.0, 1.0, -np.inf if not d.finite else 0.0])))


def roll(d: Draw) -> None:
    """As exporters write it: two slices along each dim, joined again."""
    x = d.value(lambda v: nn.rank_of(v) > 0)
    for axis in range(nn.rank_of(x)):
        size = nn.shape_of(x)[axis].as_int() or 0
        if size > 1 and d.chance(0.6):
            cut = int(d.rng.integers(1, size))
            x = d.put(nn.ConcatOp([_along(d, x, axis, cut, size - cut), _along(d, x, axis, 0, cut)], axis))
    d.keep(nn.NegOp(x) if _float(x) and d.chance(0.3) else nn.ReshapeOp(x, nn.shape_of(x)))


def _along(d: Draw, x: SSAValue, axis: int, start: int, count: int) -> SSAValue:
    starts, dims = [0] * nn.rank_of(x), list(nn.shape_of(x))
    starts[axis], dims[axis] = start, as_expr(count)
    return d.put(nn.SliceOp(x, starts, dims))


def parts(d: Draw) -> None:
    """Strided slices of a value, joined again: all of them, or all but some elements."""
    x = d.value(lambda v: nn.rank_of(v) > 0 and _static(v))
    dims = [extent.as_int() or 1 for extent in nn.shape_of(x)]
    steps = [min(size, d.one([1, 2, 2, 3])) for size in dims]
    sizes = [size // step for size, step in zip(dims, steps, strict=True)]
    if d.chance(0.3):
        axis = int(d.rng.integers(len(dims)))
        sizes[axis] = max(1, sizes[axis] - 1)
    starts = [list(at) for at in product(*map(range, steps))]
    made = [d.put(nn.SliceOp(x, at if d.chance(0.98) else starts[0], sizes, steps)) for at in starts]
    d.keep(nn.ConcatOp(made, int(d.rng.integers(len(dims)))))


def table(d: Draw) -> None:
    """A gather by a table of indices, most of them consecutive."""
    x = d.value(lambda v: nn.rank_of(v) > 0 and _static(v))
    axis = int(d.rng.integers(nn.rank_of(x)))
    size, shape = nn.shape_of(x)[axis].as_int() or 1, d.one([[1], [1, 1], [1, 2], [2, 1], [2, 2]])
    first, count = int(d.rng.integers(-size, size)), int(np.prod(shape))
    indices = np.arange(first, first + count) if d.chance(0.7) else d.rng.integers(-size, size, count)
    d.keep(nn.GatherOp(x, d.constant(indices.reshape(shape)), axis))


def mask(d: Draw) -> None:
    """Arithmetic of integers by numbers of any rank, and reshapes that add and drop dims of 1."""
    value = d.put(nn.CastOp(d.value(lambda v: not _float(v) and nn.rank_of(v) > 0), f32))
    for _ in range(int(d.rng.integers(0, 4))):
        number = d.constant(np.full([1] * int(d.rng.integers(0, 4)), d.number(f32), np.float32))
        op = d.one([nn.SubOp, nn.MulOp, nn.AddOp])
        value = d.put(op(*d.one([(number, value), (value, number)])))
    d.pool.append(value)
    for _ in range(d.one([1, 1, 2])):
        dims = [extent for extent in nn.shape_of(value) if extent != 1 or d.chance(0.5)]
        for _ in range(int(d.rng.integers(0, 3))):
            dims.insert(int(d.rng.integers(len(dims) + 1)), as_expr(1))
        d.keep(nn.ReshapeOp(value, dims))


def pool(d: Draw) -> None:
    x = d.value(lambda v: nn.rank_of(v) == 4 and _float(v))
    kernel, dilations, strides = ([int(d.rng.integers(1, 4)) for _ in range(2)] for _ in "kds")
    d.keep(nn.MaxPoolOp(x, kernel, strides, [int(d.rng.integers(min(kernel))) for _ in range(4)], dilations))


def weights(d: Draw, *shape: Any) -> SSAValue:
    return d.constant(d.rng.integers(-2, 3, [s.as_int() or 1 for s in map(as_expr, shape)]).astype(np.float32))


def conv(d: Draw) -> None:
    x = d.value(lambda v: nn.rank_of(v) == 4 and nn.element_of(v) == f32 and nn.shape_of(v)[3].as_int() is not None)
    channels = nn.shape_of(x)[3].as_int() or 1
    groups, kernel = d.one([1, channels]), [int(d.rng.integers(1, 3)) for _ in range(2)]
    w = weights(d, groups * d.one([1, 2]), *kernel, channels // groups)
    pads, strides, dilations = (d.rng.integers(low, 3, count).tolist() for low, count in ((0, 4), (1, 2), (1, 2)))
    d.keep(nn.ConvOp(x, w, strides, pads, dilations, groups))


def matmul(d: Draw) -> None:
    a = d.value(lambda v: nn.rank_of(v) >= 2 and nn.element_of(v) == f32)
    inner, turned = nn.shape_of(a)[-1], d.chance(0.4)
    at = -1 if turned else -2
    alike = [v for v in d.pool if nn.rank_of(v) == 2 and nn.element_of(v) == f32 and nn.shape_of(v)[at] == inner]
    shape = [d.one(SIZES), inner] if turned else [inner, d.one(SIZES)]
    batched = d.chance(0.2) and all(size.as_int() is not None for size in nn.shape_of(a)[:-2])
    b = weights(d, *[2] * batched, *shape) if inner.as_int() and (not alike or d.chance(0.6)) else d.one(alike)
    d.keep(nn.MatmulOp(a, b, transpose_b=turned))


def batch_norm(d: Draw) -> None:
    x = d.value(lambda v: nn.rank_of(v) > 0 and nn.element_of(v) == f32 and nn.shape_of(v)[-1].as_int() is not None)
    channels = nn.shape_of(x)[-1].as_int()
    vectors = [d.constant((d.rng.integers(1, 9, channels) / 4).astype(np.float32)) for _ in range(4)]
    d.keep(nn.BatchNormOp(x, *vectors, epsilon=0.25))


def _scale(d: Draw, x: SSAValue) -> tuple[SSAValue, int | None]:
    axis = int(d.rng.integers(nn.rank_of(x))) if nn.rank_of(x) and d.chance(0.4) else None
    size = None if axis is None else nn.shape_of(x)[axis].as_int()
    choices = [0.5, 0.5, 0.25, 1.0, 0.5 if d.finite else 0.1, -0.5]  # sums by powers of two are exact: no tie turns
    if size is None:
        return d.constant(np.asarray(d.one(choices), np.float32)), None
    return d.constant(np.asarray([d.one(choices) for _ in range(size)], np.float32)), axis


def quantize(d: Draw) -> None:
    """Often by the scale of a dequantize above, so that the two are a pair."""
    marked = d.chance(0.5)
    x = d.value(lambda v: _float(v) and (not marked or isinstance(v.owner, quant.DequantizeOp)))
    mark = x.owner if isinstance(x.owner, quant.DequantizeOp) else None
    if (
        isinstance(x.owner, Operation)
        and x.owner.operands
        and isinstance(x.owner.operands[0].owner, quant.DequantizeOp)
    ):
        mark = x.owner.operands[0].owner
    pair = None if mark is None else (mark.scale, None if mark.axis is None else mark.axis.value.data)
    d.keep(quant.QuantizeOp(x, *(pair if pair and d.chance(0.6) else _scale(d, x))))


def dequantize(d: Draw) -> None:
    x = d.value(lambda v: nn.element_of(v) in (i8, i32))
    mark = x.owner if isinstance(x.owner, quant.QuantizeOp) else None
    pair = None if mark is None else (mark.scale, None if mark.axis is None else mark.axis.value.data)
    d.keep(quant.DequantizeOp(x, *(pair if pair and d.chance(0.5) else _scale(d, x))))


def image(d: Draw) -> None:
    """A first conv of few channels in f16, behind a cast and a transpose in either order."""
    x = d.value(lambda v: nn.element_of(v) == f32 and nn.rank_of(v) == 4)
    if d.chance(0.5):
        x = d.put(nn.TransposeOp(x, [0, 2, 1, 3]))
    x = d.put(nn.CastOp(x, f16))
    channels, kernel = nn.shape_of(x)[3].as_int() or 1, d.rng.integers(1, 5, 2).tolist()
    w = d.rng.integers(-2, 3, (2, *kernel, channels)).astype(np.float16)
    strides, dilations = d.rng.integers(1, 5, 2).tolist(), d.one([[1, 1], [1, 1], [2, 1], [1, 2]])
    d.keep(nn.ConvOp(x, d.constant(w), strides, d.rng.integers(0, 4, 4).tolist(), dilations))


def siblings(d: Draw) -> None:
    """Two to four products over one value, with steps after them that are mostly alike, and a concat of some of what they give."""
    x = d.value(lambda v: nn.rank_of(v) in (2, 3, 4) and nn.element_of(v) == f32 and bool(nn.shape_of(v)[-1].as_int()))
    inner, count, turned = nn.shape_of(x)[-1].as_int() or 1, int(d.rng.integers(2, 5)), d.chance(0.7)
    is_conv = nn.rank_of(x) == 4 and d.chance(0.8)
    window, pads = d.one([([1, 1], [0] * 4), ([2, 1], [1, 0, 0, 1])])
    steps, made = (
        [d.one(("add", "mul", "relu", "gate", "tail")) for _ in range(int(d.rng.integers(0, 4)))],
        list[SSAValue](),
    )
    for _ in range(count):
        channels = d.one([4, 4, 4, 8, 8, 12, 5])
        shape = [channels, *window, inner] if is_conv else [channels, inner] if turned else [inner, channels]
        w = weights(d, *shape)
        value = d.put(nn.ConvOp(x, w, pads=pads) if is_conv else nn.MatmulOp(x, w, transpose_b=turned))
        for step in steps:
            value = _after(d, value, step, channels) if d.chance(0.85) else value
        made.append(value)
        d.pool.append(value)
    if d.chance(0.5):
        others = [v for v in d.pool if nn.shape_of(v)[:-1] == nn.shape_of(made[0])[:-1] and nn.element_of(v) == f32]
        d.keep(
            nn.ConcatOp([d.one(made) if d.chance(0.5) else d.one(others) for _ in range(3)], nn.rank_of(made[0]) - 1)
        )


def _after(d: Draw, value: SSAValue, step: str, channels: int) -> SSAValue:
    """One step after a product."""
    numbers = d.constant(
        d.rng.integers(-2, 3, d.one([[channels], [channels], [1, channels], [1], []])).astype(np.float32)
    )
    pair = (numbers, value) if d.chance(0.3) else (value, numbers)
    if step == "gate":
        return d.put(nn.MulOp(value, d.put(nn.ReluOp(value))))
    if step == "tail":
        return d.put(d.one([nn.NegOp, nn.AbsOp, nn.ReluOp])(value))
    return d.put(nn.ReluOp(value) if step == "relu" else (nn.AddOp if step == "add" else nn.MulOp)(*pair))


Step = Callable[[Draw], None]
