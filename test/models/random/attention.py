"""Random attentions of single ops, from seeds, in the forms that exporters write, and what only looks like one.

`draw(seed)` gives a module with its inputs; `near` says that it must not become an `nn.attention`. Masks hide all keys of some queries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp, f16, f32, i1, i32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from trtc.dialects import nn
from trtc.dialects.dims import as_expr, const
from trtc.dialects.dtypes import numpy_dtype

Array = np.ndarray[Any, Any]
LOWEST = float(np.finfo(np.float32).min)
LENGTHS = (1, 3, 5)
"""The sizes of the symbol T at which a dynamic module is run."""


@dataclass(frozen=True)
class Case:
    seed: int
    module: ModuleOp
    inputs: list[list[Array]]
    near: bool


@dataclass
class _Draw:
    rng: np.random.Generator
    element: Attribute
    block: Block = field(default_factory=Block)
    arrays: list[Any] = field(default_factory=list[Any])
    """What makes each input for a size of T."""

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def one(self, *items: Any) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def put(self, op: Operation) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]

    def input(self, dims: list[Any], make: Any, element: Attribute | None = None) -> SSAValue:
        element = element or self.element
        self.arrays.append(lambda t: make([as_expr(d).evaluate({"T": t}) for d in dims]).astype(numpy_dtype(element)))
        return self.block.insert_arg(nn.tensor_type([as_expr(d) for d in dims], element), len(self.block.args))

    def number(self, value: float) -> SSAValue:
        return self.put(nn.ConstantOp(np.array(value, numpy_dtype(self.element))))


def draw(seed: int) -> Case:
    """The case of a seed; equal seeds give equal cases."""
    rng = np.random.default_rng(seed)
    d = _Draw(rng, f16 if rng.random() < 0.2 else f32)
    batch, shared, group = d.one(1, 2), d.one(1, 2, 3), d.one(1, 1, 2)
    queries, size, values = d.one(1, 3, 5), d.one(2, 4), d.one(3, 4)
    keys: Any = "T" if d.chance(0.4) else d.one(queries, 4)
    heads = shared * group
    q = d.input([batch, heads, queries, size], rng.standard_normal)
    k, v = (d.input([batch, shared, keys, last], rng.standard_normal) for last in (size, values))
    merged, lead = group == 1 and d.chance(0.3), (batch, heads)
    if group > 1:
        k, v = (_repeated(d, x, group) for x in (k, v))
    scale = d.number(d.one(0.5, 0.25))
    if d.chance(0.3):
        q, k = (d.put(nn.MulOp(x, scale)) for x in (q, k))
    if merged:
        q, k, v = (d.put(nn.ReshapeOp(x, (batch * heads, *nn.shape_of(x)[2:]))) for x in (q, k, v))
    scores = _product(d, q, k)
    scores = d.put(nn.MulOp(scores, scale) if d.chance(0.5) else nn.DivOp(scores, scale))
    if d.chance(0.2):
        cap = d.number(2.0)
        scores = d.put(nn.MulOp(d.put(nn.TanhOp(d.put(nn.DivOp(scores, cap)))), cap))
    if merged:
        scores = d.put(nn.ReshapeOp(scores, (*lead, *nn.shape_of(scores)[1:])))
    for _ in range(d.one(0, 1, 1, 2)):
        scores = _masked(d, scores)
    near = d.chance(0.15)
    if near and d.chance(0.5):
        scores = d.put(nn.ReluOp(scores))
    elif near:
        scores = d.put(nn.MulOp(scores, d.input([1, 1, 1, keys], rng.standard_normal)))
    if d.element == f16 and d.chance(0.5):
        scores = d.put(nn.CastOp(scores, f32))
    probs = d.put(nn.SoftmaxOp(scores, -1))
    if d.chance(0.3):
        zero = d.put(nn.ConstantOp(np.zeros((), numpy_dtype(nn.element_of(probs)))))
        probs = d.put(nn.WhereOp(d.put(nn.IsNanOp(probs)), zero, probs))
    if nn.element_of(probs) != d.element:
        probs = d.put(nn.CastOp(probs, d.element))
    if merged:
        probs = d.put(nn.ReshapeOp(probs, (batch * heads, *nn.shape_of(probs)[2:])))
    result = d.put(nn.MatmulOp(probs, v))
    d.block.add_op(ReturnOp(result))
    types = [v.type for v in d.block.args], [result.type]
    module = ModuleOp([FuncOp("main", types, Region(d.block))])
    nn.set_symbol_ranges(module, {"T": (1, 3, 8)})
    module.verify()
    return Case(seed, module, [[make(t) for make in d.arrays] for t in LENGTHS], near)


def _repeated(d: _Draw, x: SSAValue, group: int) -> SSAValue:
    """Each head of keys or values for all that share it."""
    b, g, *rest = nn.shape_of(x)
    apart = d.put(nn.ReshapeOp(x, (b, g, const(1), *rest)))
    wide = d.put(nn.BroadcastToOp(apart, (b, g, const(group), *rest)))
    return d.put(nn.ReshapeOp(wide, (b, g * group, *rest)))


def _product(d: _Draw, q: SSAValue, k: SSAValue) -> SSAValue:
    if d.chance(0.5):
        return d.put(nn.MatmulOp(q, k, True))
    rank = nn.rank_of(k)
    return d.put(nn.MatmulOp(q, d.put(nn.TransposeOp(k, [*range(rank - 2), rank - 1, rank - 2]))))


def _masked(d: _Draw, scores: SSAValue) -> SSAValue:
    """One more mask: numbers that are added, a constant triangle, positions that are compared, or a condition."""
    b, h, s, t = nn.shape_of(scores)
    kind = d.one("bias", "padding", "triangle", "places", "chosen", "filled")
    hidden = d.one(-np.inf, LOWEST if d.element == f32 else -65504.0)
    if kind == "bias":
        return d.put(nn.AddOp(scores, d.input([d.one(1, b), h, s, t], d.rng.standard_normal)))
    if kind == "padding":
        mask = d.input([b, 1, d.one(1, s), t], lambda dims: np.where(d.rng.random(dims) < 0.5, 0.0, hidden))
        return d.put(nn.SubOp(scores, d.put(nn.NegOp(mask))) if d.chance(0.2) else nn.AddOp(scores, mask))
    if kind in ("triangle", "places"):
        allowed = _places(d, s, t) if kind == "places" else None
        if allowed is None and s.as_int() and t.as_int():
            rows = np.tri(s.as_int(), t.as_int(), d.one(0, (t - s).as_int(), -1), dtype=bool)
            allowed = d.put(nn.ConstantOp(rows))
        if allowed is None:
            return scores
        mask = d.put(nn.WhereOp(allowed, d.number(0.0), d.number(hidden)))
        return d.put(nn.AddOp(scores, mask))
    allowed = d.input([b, 1, 1, t], lambda dims: d.rng.random(dims) < 0.6, i1)
    branches = (scores, d.number(hidden)) if kind == "chosen" else (d.number(hidden), scores)
    return d.put(nn.WhereOp(allowed, *branches))


def _places(d: _Draw, s: Any, t: Any) -> SSAValue:
    """Keys up to a query's own position, of the first keys or of the last, within a window or not."""
    place = d.put(nn.IotaOp((s, const(1)), i32, 0))
    if d.chance(0.5):
        place = d.put(nn.AddOp(place, d.put(nn.SizeOp(t - s, i32))))
    columns = d.put(nn.IotaOp((t,), i32, 0))
    allowed = d.put(nn.CompareOp(columns, place, "le"))
    if d.chance(0.3):
        first = d.put(nn.SubOp(place, d.put(nn.ConstantOp(np.array(2, np.int32)))))
        allowed = d.put(nn.LogicalAndOp(allowed, d.put(nn.CompareOp(first, columns, "lt"))))
    return allowed
