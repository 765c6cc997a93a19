"""The ops that an `nn.attention` stands for: two products with a softmax of the scaled and masked scores between them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
from xdsl.dialects.builtin import LocationAttr, f32, i1, i32
from xdsl.ir import Attribute, Operation, SSAValue

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.nn import element_of, shape_of, stored_of
from ...dialects.provenance import fuse, helper_location, location_parts, op_type
from ..graph.amplified import CoarseSums

_LARGEST_CONSTANT = 1 << 22
"""Elements of bounds that are kept as a constant; larger ones, and dynamic ones, are computed."""


class Locations(NamedTuple):
    """Where the parts of an attention come from."""

    scores: LocationAttr
    between: LocationAttr
    softmax: LocationAttr
    after: LocationAttr
    values: LocationAttr

    @classmethod
    def of(cls, location: LocationAttr) -> Locations:
        """An attention that was single ops lists their nodes in order: a product, a softmax in the midst, a product. Of another one all
        parts come from all nodes."""
        parts = [part for part in location_parts(location) if isinstance(part, LocationAttr)]
        kinds = [op_type(part) for part in parts]
        products = [place for place, kind in enumerate(kinds) if kind in _PRODUCTS]
        softmax = kinds.index("Softmax") if "Softmax" in kinds else 0
        if not products or not products[0] < softmax < products[-1]:
            return cls(location, location, location, location, location)
        scores, values = parts[: products[0] + 1], parts[products[-1] :]
        between, after = parts[products[0] + 1 : softmax], parts[softmax + 1 : products[-1]]
        return cls(fuse(*scores), fuse(*between or scores), parts[softmax], fuse(*after or values), fuse(*values))


_PRODUCTS = ("MatMul", "Gemm", "Einsum")


Shared: TypeAlias = dict[Hashable, SSAValue]
"""Bounds that were computed for ops before, by their sizes."""


def parts_of(op: nn.AttentionOp, shared: Shared, sums: CoarseSums) -> list[Operation]:
    """New ops in order, the last of which gives what `op` gives; between them values are stored in the type that `op` multiplies in, but
    sums of scores and masks that `sums` says hide rows."""
    parts = _Parts(op, shared, sums)
    parts.build()
    return parts.ops


@dataclass
class _Parts:
    op: nn.AttentionOp
    shared: Shared
    sums: CoarseSums
    ops: list[Operation] = field(default_factory=list[Operation])
    locations: Locations = field(init=False)
    location: LocationAttr = field(init=False)
    """That of the ops that are added now."""

    def __post_init__(self) -> None:
        self.group = self.op.heads_per_key
        self.wide = self.op.computed_in
        candidates = (nn.multiplied_in(self.op), stored_of(self.op.result))
        self.narrow = next((element for element in candidates if element in nn.NARROW), None)
        self.locations = Locations.of(self.op.location)
        self.location = self.locations.scores

    def add(self, op: Operation, *, stored: bool = False) -> SSAValue:
        """Adds an op; `stored`: as its result stays within the range of what is multiplied, it may cross memory in that type."""
        if stored and self.narrow is not None:
            nn.set_stored(op, self.narrow)
        moves = nn.rearranges(op)
        op.location = helper_location(op.name.partition(".")[2], self.location) if moves else self.location
        self.ops.append(op)
        return op.results[0]

    def number(self, value: float) -> SSAValue:
        return self.add(nn.ConstantOp(np.array(value, np.float32 if self.wide == f32 else np.float64)))

    def build(self) -> None:
        op = self.op
        math = None if op.math is None else op.math.data.value
        scores = self.add(nn.MatmulOp(self.apart(op.q), *self._keys(), math, self.wide), stored=True)
        self.location = self.locations.between
        if op.scale.value.data != 1.0:
            scores = self.add(nn.MulOp(scores, self.number(op.scale.value.data)), stored=True)
        if op.softcap is not None:
            cap = self.number(op.softcap.value.data)
            scores = self.add(nn.DivOp(scores, cap), stored=True)
            scores = self.add(nn.MulOp(self.add(nn.TanhOp(scores), stored=True), cap), stored=True)
        added, allowed = self._mask()
        fits = True
        if added is not None:
            assert op.mask is not None
            fits = stored_of(added) in nn.NARROW and not self.sums.hides_rows(op.mask)
            scores = self.add(nn.AddOp(scores, self.cast(added, self.wide)), stored=fits)
        if allowed is not None:
            scores = self.add(nn.WhereOp(allowed, scores, self.number(-np.inf)), stored=fits)
        self.location = self.locations.softmax
        probs = self._softmax(scores)
        self.location = self.locations.after
        if op.zero_masked is not None:
            probs = self.add(nn.WhereOp(self.add(nn.IsNanOp(probs)), self.number(0.0), probs), stored=True)
        probs = self.cast(probs, element_of(op.v))
        self.location = self.locations.values
        result = nn.MatmulOp(probs, self.with_group(op.v), False, math, element_of(op.result))
        nn.copy_stored(op, result)
        self.add(result)
        if self.group != const(1):
            together = nn.ReshapeOp(result.result, shape_of(op.result))
            nn.copy_stored(op, together)
            self.add(together)

    def _keys(self) -> tuple[SSAValue, bool]:
        """The second factor of the scores, and whether it is [T, D]: keys that were transposed for this op are read as they lie."""
        k = self.op.k
        made = k.owner
        if (
            self.group == const(1)
            and isinstance(made, nn.TransposeOp)
            and nn.values_of(made.permutation) == (0, 1, 3, 2)
        ):
            return made.x, False
        return self.with_group(k), True

    def _softmax(self, scores: SSAValue) -> SSAValue:
        """In f32, also of scores that are rounded before."""
        if self.op.scores is not None:
            scores = self.cast(scores, self.op.scores)
        softmax = nn.SoftmaxOp(scores, -1)
        if element_of(scores) != self.wide:
            softmax = nn.SoftmaxOp.create(
                operands=[scores],
                properties=dict(softmax.properties),
                result_types=[nn.with_element(scores, self.wide)],
            )
        return self.add(softmax, stored=True)

    def _mask(self) -> tuple[SSAValue | None, SSAValue | None]:
        """What is added to the scores, and which of them count."""
        mask = None if self.op.mask is None else self.apart(self._for_all(self.op.mask))
        sizes = (*self.op.score_dims[2:], self.op.causal, self.op.window)
        bounds = self.shared[sizes] if sizes in self.shared else self._bounds()
        if bounds is not None:
            self.shared[sizes] = bounds
        if mask is None or element_of(mask) != i1:
            return mask, bounds
        return None, mask if bounds is None else self.add(nn.LogicalAndOp(mask, bounds))

    def _for_all(self, mask: SSAValue) -> SSAValue:
        """The mask with a batch for each of the queries, or one for all."""
        if not self.op.mask_repeats:
            return mask
        (period, *rest), batch = shape_of(mask), self.op.score_dims[0]
        wide = nn.BroadcastToOp(self._reshaped(mask, (const(1), period, *rest)), (batch // period, period, *rest))
        if stored_of(mask) in nn.NARROW:
            nn.set_stored(wide, stored_of(mask))
        return self._reshaped(self.add(wide), (batch, *rest))

    def _bounds(self) -> SSAValue | None:
        """Which keys the causal bound and the window leave each query, [S, T]."""
        op = self.op
        window = None if op.window is None else op.window.value.data
        if op.causal is None and window is None:
            return None
        queries, keys = op.score_dims[2:]
        inside = _inside(queries.as_int(), keys.as_int(), op, window)
        if inside is not None:
            return self.add(nn.ConstantOp(inside))
        place = self.add(nn.IotaOp((queries, 1), i32, 0))
        if op.offset != const(0):
            place = self.add(nn.AddOp(place, self.add(nn.SizeOp(op.offset, i32))))
        columns = self.add(nn.IotaOp((1, keys), i32, 1))
        last = first = None
        if op.causal is not None:
            last = self.add(nn.CompareOp(columns, place, "le"))
        if window is not None:
            ahead = self.add(nn.AddOp(columns, self.add(nn.ConstantOp(np.array(window, np.int32)))))
            first = self.add(nn.CompareOp(ahead, place, "gt"))
        return self.add(nn.LogicalAndOp(last, first)) if last is not None and first is not None else last or first

    def cast(self, value: SSAValue, element: Attribute) -> SSAValue:
        return value if element_of(value) == element else self.add(nn.CastOp(value, element))

    def apart(self, x: SSAValue) -> SSAValue:
        """Queries, or a mask, with the heads that share a key head as a dim of their own."""
        shape = shape_of(x)
        if self.group == const(1):
            return x
        heads = (const(1), const(1)) if shape[1].as_int() == 1 else (shape[1] // self.group, self.group)
        return self._reshaped(x, (shape[0], *heads, *shape[2:]))

    def with_group(self, x: SSAValue) -> SSAValue:
        """Keys or values with a dim for the heads that share them."""
        shape = shape_of(x)
        return x if self.group == const(1) else self._reshaped(x, (*shape[:2], const(1), *shape[2:]))

    def _reshaped(self, x: SSAValue, dims: Sequence[Expr]) -> SSAValue:
        reshape = nn.ReshapeOp(x, dims)
        if stored_of(x) in nn.NARROW:
            nn.set_stored(reshape, stored_of(x))
        return self.add(reshape)


def _inside(queries: int | None, keys: int | None, op: nn.AttentionOp, window: int | None) -> np.ndarray | None:
    """Which keys are in bounds for each query, [S, T]; None where that is large, or not known before a run."""
    if queries is None or keys is None or queries * keys > _LARGEST_CONSTANT:
        return None
    place = np.arange(queries)[:, None] + (op.offset.as_int() or 0)
    columns = np.arange(keys)
    inside = np.ones((queries, keys), bool)
    if op.causal is not None:
        inside &= columns <= place
    if window is not None:
        inside &= columns > place - window
    return inside
