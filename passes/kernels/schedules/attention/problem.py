"""
What the attention schedules share: the `nn.attention` of a group, how its operands and results lie in memory, and which keys a block of
queries sees.

q, k and v are read where they lie, through a transpose or a slice of the group or through the strides of its layouts, so that heads may be
side by side in a row ([b, s, h, d], one packed buffer of q, k and v) or apart ([b, h, s, d]). The epilogue is pointwise, in the dims of the
attention or, after a transpose of it, in those; what it gives may be transposed last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from xdsl.dialects.builtin import bf16, f16, i1
from xdsl.ir import Attribute, SSAValue

from .....dialects import nn
from .....dialects.dims import Expr, ceildiv, const, product
from .....dialects.kernel.types import bitwidth
from .....dialects.strided import Axes, space_axes
from ...building.builder import Index, KernelBuilder, named
from ...building.group import COPIES, Access, Anchors, GroupView
from ...building.maps import leaves_of
from ...building.pointwise import refuse_pointwise
from ...building.schedule import OtherAnchor, Refusal

ANCHORS: tuple[Anchors, ...] = ((nn.AttentionOp,),)
MAX_HEAD = 256
"""Head size that registers hold: an output row of one thread quad."""
SPACE = ([0], [1], [2], [3])
"""The coordinates of q, k, v, masks and results: batch, head, row, column."""
IDENTITY: Axes = (0, 1, 2, 3)
_PRODUCTS: dict[nn.Math | None, Attribute] = {nn.Math.F16: f16, nn.Math.BF16: bf16}


@dataclass(frozen=True)
class AttentionProblem:
    """The attention in a group."""

    group: GroupView
    anchor: nn.AttentionOp
    element: Attribute
    """What is multiplied, f16 or bf16; q, k and v may be stored as f32."""

    @property
    def narrows(self) -> bool:
        """Whether operands are rounded on their way to shared memory."""
        return nn.element_of(self.anchor.q) != self.element

    @cached_property
    def dims(self) -> tuple[Expr, ...]:
        """Batch, heads, queries, keys: the space of the scores."""
        return self.anchor.score_dims

    @cached_property
    def out_dims(self) -> tuple[Expr, ...]:
        return nn.shape_of(self.anchor.result)

    @cached_property
    def mask_dims(self) -> tuple[Expr, ...]:
        """The space of the mask: that of the scores, with as many batches as it has before it repeats."""
        mask = self.anchor.mask
        return (nn.shape_of(mask)[0], *self.dims[1:]) if mask is not None and self.anchor.mask_repeats else self.dims

    @property
    def queries(self) -> Expr:
        return self.dims[2]

    @property
    def keys(self) -> Expr:
        return self.dims[3]

    @cached_property
    def head(self) -> int:
        """Head size of q and k, filled up to whole steps of the tensor cores."""
        return _padded(nn.shape_of(self.anchor.q)[3])

    @cached_property
    def value_head(self) -> int:
        """Head size of v and the result, likewise."""
        return _padded(nn.shape_of(self.anchor.v)[3])

    @property
    def most_keys(self) -> int | None:
        return self.group.upper(self.keys)

    @property
    def bounded(self) -> bool:
        """Whether a query's keys depend on its place."""
        return self.anchor.causal is not None or self.anchor.window is not None

    @cached_property
    def fills(self) -> bool:
        """Whether the mask itself hides keys past the end: it has a column for each key, and what lies outside loads as minus infinity."""
        mask = self.anchor.mask
        return mask is not None and nn.shape_of(mask)[3].as_int() != 1

    def mask_registers(self, scores: int) -> int:
        """32-bit registers of a thread for the mask of so many scores, two rows of which share one where it has one row."""
        mask = self.anchor.mask
        if mask is None:
            return 0
        return scores * max(16, bitwidth(nn.element_of(mask))) // 32 // (2 if nn.shape_of(mask)[2] == 1 else 1)

    @cached_property
    def axes(self) -> dict[SSAValue, Axes]:
        """The dims of the result that those of each value computed from it run over."""
        return _axes_of(self.group, self.anchor)

    def access(self, value: SSAValue) -> Access | None:
        """Where q, k or v lies, over its own dims."""
        dims = nn.shape_of(value)
        return self.group.access(value, space_axes(dims, dims), dims)

    def known(self, value: SSAValue) -> dict[SSAValue, SSAValue]:
        """What a fragment of the result stands for: the result, and its transposes."""
        transposed = [
            op.result for op in self.group.ops if isinstance(op, nn.TransposeOp) and op.x is self.anchor.result
        ]
        return dict.fromkeys([self.anchor.result, *transposed], value)

    def written(self, result: SSAValue) -> SSAValue:
        """What a result of the group is a transpose of, or itself."""
        known = self.known(result)
        while result not in known and isinstance(op := self.group.maker(result), nn.TransposeOp):
            result = op.x
        return result


def _padded(size: Expr) -> int:
    known = size.as_int()
    assert known is not None
    return -(-known // 16) * 16


def _axes_of(group: GroupView, anchor: nn.AttentionOp) -> dict[SSAValue, Axes]:
    found: dict[SSAValue, Axes] = {anchor.result: IDENTITY}
    renamed = {op: value for value, op in group.instead.items()}
    for op in group.ops:
        read = [found[operand] for operand in op.operands if operand in found]
        if op is not anchor and not read:
            continue
        if isinstance(op, nn.TransposeOp):
            found[op.result] = tuple(read[0][int(p)] for p in op.permutation.iter_values())
        elif nn.is_pointwise(op) and len(set(read)) == 1 and nn.rank_of(op.results[0]) == 4:
            found[op.results[0]] = read[0]
        if op in renamed and op.results[0] in found:
            found[renamed[op]] = found[op.results[0]]
    return found


def problem_of(group: GroupView) -> AttentionProblem | Refusal:
    """The attention in a group, or why no schedule takes it."""
    anchors = [op for op in group.anchors if not isinstance(op, COPIES)]
    if len(anchors) != 1 or not isinstance(anchors[0], nn.AttentionOp):
        got = ", ".join(op.name for op in anchors) or "none"
        return OtherAnchor(f"expected one attention as anchor, got {got}")
    anchor = anchors[0]
    stored = nn.element_of(anchor.q)
    element = stored if stored in (f16, bf16) else _PRODUCTS.get(None if anchor.math is None else anchor.math.data)
    if element is None:
        math = f" multiplied as {anchor.math.data.value}" if anchor.math is not None else ""
        return Refusal(f"expected products of f16 or bf16, got {stored}{math}", anchor, final=True)
    for name, value in (("q and k", anchor.q), ("v", anchor.v)):
        size = nn.shape_of(value)[3]
        if (known := size.as_int()) is None or known > MAX_HEAD:
            return Refusal(f"expected a head size of {name} of at most {MAX_HEAD}, got {size}", anchor, final=True)
    problem = AttentionProblem(group, anchor, element)
    return _refuse_operands(problem) or _refuse_results(problem) or refuse_pointwise(group.ops) or problem


def _refuse_operands(problem: AttentionProblem) -> Refusal | None:
    group, anchor = problem.group, problem.anchor
    for name, value in zip("qkv", (anchor.q, anchor.k, anchor.v), strict=True):
        if problem.access(value) is None:
            op = group.maker(value)
            got = "another" if op is None else f"the result of {op.name}"
            return Refusal(f"expected {name} to be an argument of the group or a view of one, got {got}", op)
    if anchor.mask is not None:
        axes = space_axes(nn.shape_of(anchor.mask), problem.mask_dims)
        if group.access(anchor.mask, axes, problem.mask_dims) is None:
            return Refusal(
                "expected the mask to be an argument of the group or a view of one", group.maker(anchor.mask)
            )
    too_large = group.too_large()
    return None if too_large is None else Refusal(too_large)


def _refuse_results(problem: AttentionProblem) -> Refusal | None:
    group = problem.group
    known = problem.known(problem.anchor.result)
    for result in group.results:
        value = problem.written(result)
        if result not in problem.axes or value not in problem.axes:
            return Refusal(f"expected results of the attention's dims, got {result.type}", group.maker(result))
        for leaf, axes in leaves_of([(value, problem.axes[value])], known, group.maker):
            if leaf not in known and group.access(leaf, axes, problem.out_dims) is None:
                why = "expected operands of the epilogue to be arguments of the group or views of one"
                return Refusal(why, group.maker(leaf))
    return None


# What a block of queries works on.


@dataclass(frozen=True)
class Place:
    """The batch, the heads of q and of k and v, and the first query of a block; the tiles of keys that its queries see."""

    batch: SSAValue
    head: SSAValue
    key_head: SSAValue
    row: SSAValue
    first: SSAValue
    """The first tile of keys."""
    count: SSAValue
    """Tiles, one at least."""
    plain: SSAValue
    """How many tiles, counted from the first, have no key that some query does not see; fewer than `count`."""


def grid(problem: AttentionProblem, rows: int) -> list[Expr]:
    """Heads fastest: blocks that run together share keys, with grouped heads."""
    return [product(problem.dims[:2]), ceildiv(problem.queries, rows), const(1)]


def place_of(b: KernelBuilder, problem: AttentionProblem, rows: int, keys: int) -> Place:
    """Where the block works. Late queries see the most keys of a causal attention, so their blocks start first."""
    heads = problem.dims[1]
    batch, head = b.div(b.coords[0], b.expr(heads)), b.rem(b.coords[0], b.expr(heads))
    key_head = b.div(head, b.expr(problem.anchor.heads_per_key))
    tile: Index = b.coords[1]
    if problem.anchor.causal is not None:
        tile = b.sub(b.expr(ceildiv(problem.queries, rows) - 1), tile)
    row = b.mul(tile, rows)
    first, count, plain = _tiles(b, problem, row, rows, keys)
    return Place(
        named(batch, "batch"), named(head, "head"), named(key_head, "key_head"), named(row, "row"),
        named(first, "first"), named(count, "tiles"), named(plain, "plain"),
    )  # fmt: skip


def batch_and_head(
    b: KernelBuilder, problem: AttentionProblem, place: Place, value: SSAValue
) -> tuple[SSAValue, SSAValue]:
    """The coordinates of q, k or v: keys of one batch serve all, and several query heads may share a key head."""
    batch = b.index(0) if nn.shape_of(value)[0].as_int() == 1 else place.batch
    return batch, place.head if value is problem.anchor.q else place.key_head


def offset_of(b: KernelBuilder, problem: AttentionProblem) -> SSAValue:
    """How far the key of a query's own place lies behind its index; may be negative."""
    if problem.anchor.offset.as_int() == 0:
        return b.index(0)
    return b.sub(b.expr(problem.keys), b.expr(problem.queries))


def _tiles(
    b: KernelBuilder, problem: AttentionProblem, row: SSAValue, rows: int, keys: int
) -> tuple[SSAValue, SSAValue, SSAValue]:
    """(first tile, tiles, tiles that need no bounds)."""
    anchor = problem.anchor
    if problem.most_keys is not None and problem.most_keys <= keys:
        return b.index(0), b.index(1), b.index(0)
    end: Index = b.max(b.expr(ceildiv(problem.keys, keys)), 1)
    if not problem.bounded:
        return b.index(0), b.index(end), b.sub(end, 1)
    first: Index = 0
    own = b.add(row, offset_of(b, problem))
    if anchor.causal is not None:
        end = b.min(end, b.ceildiv(b.max(b.add(own, rows), 1), keys))
    if anchor.window is not None:
        begin = b.sub(own, anchor.window.value.data - 1)
        first = b.min(b.div(b.max(begin, 0), keys), b.sub(end, 1))
        return b.index(first), b.sub(end, first), b.index(0)
    seen_by_all = b.div(b.max(b.add(own, 1), 0), keys)
    return b.index(0), b.index(end), b.min(seen_by_all, b.sub(end, 1))


def hides(problem: AttentionProblem, keys: int) -> bool:
    """Whether the last tile may have keys past the end that no mask hides."""
    return (problem.keys % keys).as_int() != 0 and not problem.fills


def is_boolean(mask: SSAValue) -> bool:
    return nn.element_of(mask) == i1
