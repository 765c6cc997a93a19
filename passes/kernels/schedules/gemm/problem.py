"""
What the GEMM schedules share: the product inside a group, the sum of two (sums.py) or two side by side (pairs.py), its views and its
epilogue.

A conv or matmul is C[b, m, n] = sum over k of A[b, m, k] * B[b, n, k]. For a conv, m runs over the output pixels (n, p, q), k over the
window and a group's channels (r, s, c), b over its groups: A is an im2col view, so no matrix is ever built. For a matmul with one
weight matrix the leading dims of A count as rows. A conv's image may be an f32 argument that the group casts (`narrows`); other pointwise
ops before A are its `prologue`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    bf16,
    f16,
    f32,
    f64,
    i8,
    i32,
)
from xdsl.ir import Attribute, Block, BlockArgument, SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr, const, product
from .....dialects.strided import space_axes, split_runs
from ...building.group import Access, GroupView
from ...building.schedule import OtherAnchor, Refusal
from ...building.tiling import vector_width
from ...building.work import usual_bytes
from .moments import RowMoments
from .pairs import is_pair, refuse_pair
from .prologue import Prologue, prologue_of
from .sums import products_of, refuse_sum
from .tiles import Pieces, Sizes

ANCHORS = (nn.ConvOp, nn.MatmulOp)
GROUPS = (*((anchor,) for anchor in ANCHORS), *((anchor, anchor) for anchor in ANCHORS))
"""The anchors of the groups that the schedules take: one product, or two that are added or read one operand A."""


@dataclass(frozen=True)
class GemmProblem:
    """The product in a group."""

    group: GroupView
    anchor: nn.ConvOp | nn.MatmulOp
    kind: str
    """f16, bf16, tf32, s8 (tensor cores), fma (strict f32) or fma64 (f64)."""
    prologue: Prologue | None = None
    """What is computed before operand A."""
    second: GemmProblem | None = None
    """Another product that is added to this one, over the same space."""
    beside: GemmProblem | None = None
    """Another product of the same A, with an accumulator of its own, over the same space."""

    @cached_property
    def dims(self) -> tuple[Expr, ...]:
        """The dims of the result, the space that the epilogue works in."""
        return nn.shape_of(self.anchor.result)

    @property
    def element(self) -> Attribute:
        """The operands' element type."""
        return nn.element_of(self.anchor.operands[0])

    @property
    def narrows(self) -> bool:
        """Whether A is cast from f32 on its way to shared memory."""
        return self.prologue is None and self.image is not self.anchor.operands[0]

    @property
    def image(self) -> SSAValue:
        """What is copied to shared memory for A."""
        return self.prologue.image if self.prologue is not None else image_of(self.group, self.anchor)

    @property
    def accumulator(self) -> Attribute:
        return {"s8": i32, "fma64": f64}.get(self.kind, f32)

    @cached_property
    def groups(self) -> int:
        return self.anchor.groups.value.data if isinstance(self.anchor, nn.ConvOp) else 1

    @cached_property
    def batched(self) -> bool:
        """Whether B differs from one leading index to another."""
        return isinstance(self.anchor, nn.MatmulOp) and any(d.as_int() != 1 for d in nn.shape_of(self.anchor.b)[:-2])

    @property
    def batch(self) -> Expr:
        if isinstance(self.anchor, nn.ConvOp):
            return const(self.groups)
        return product(self.dims[:-2]) if self.batched else const(1)

    @property
    def m(self) -> Expr:
        if isinstance(self.anchor, nn.ConvOp):
            return product(self.dims[:-1])
        return self.dims[-2] if self.batched else product(self.dims[:-1])

    @property
    def n(self) -> Expr:
        return self.dims[-1] // self.groups

    @property
    def k(self) -> Expr:
        if isinstance(self.anchor, nn.ConvOp):
            return product(nn.shape_of(self.anchor.w)[1:])
        return nn.shape_of(self.anchor.a)[-1]

    @property
    def products(self) -> list[GemmProblem]:
        """This product and the one that is added to it."""
        return [self] if self.second is None else [self, self.second]

    @property
    def side_by_side(self) -> list[GemmProblem]:
        """This product and the one that has the same A; each has its columns of a block's tile."""
        return [self] if self.beside is None else [self, self.beside]

    @property
    def b_is_kn(self) -> bool:
        """Whether B is stored [K, N]."""
        return isinstance(self.anchor, nn.MatmulOp) and self.anchor.transpose_b is None

    @cached_property
    def moments(self) -> RowMoments:
        """What the epilogue does with moments of rows."""
        return RowMoments.of(self.group)

    @cached_property
    def sizes(self) -> Sizes:
        """What the cost of a tile depends on, at the usual sizes of the dims."""
        m, n, batch = (self.group.usual(e) for e in (self.m, self.n, self.batch))
        k = sum(self.group.usual(product.k) for product in self.products)
        prologue = self.prologue.effort if self.prologue is not None else None
        count = len(self.side_by_side)
        dram = sum(usual_bytes(self.group))
        pieces, moments = _pieces(self), self.moments
        return Sizes(self.kind, m, count * n, k, batch, pieces, self.narrows, dram, prologue, count, moments)

    # Coordinate groups of the result: (batch, rows, columns).

    @cached_property
    def space_groups(self) -> list[list[int]]:
        rank = len(self.dims)
        if self.groups > 1:
            return [[rank - 1], list(range(rank - 1)), [rank]]
        if self.batched:
            return [list(range(rank - 2)), [rank - 2], [rank - 1]]
        return [[], list(range(rank - 1)), [rank - 1]]

    @property
    def space_dims(self) -> tuple[Expr, ...]:
        """The dims of the result, channels being split into (group, channel) for a grouped conv: `space_groups` counts these."""
        return (*self.dims[:-1], const(self.groups), self.n) if self.groups > 1 else self.dims

    def over_space(self, access: Access) -> tuple[Access, list[list[int]]]:
        """A tensor seen over the result's dims, and those of each coordinate: the channels are split into (group, channel) for a grouped
        conv, and where the result is stored with several dims in the place of one, all of these are its."""
        runs = split_runs(self.space_dims, access.dims) if access.dims != self.dims else None
        if runs is None:
            apart = access.split(len(self.dims) - 1, const(self.groups), self.n) if self.groups > 1 else access
            return apart, self.space_groups
        return access, [[number for axis in group for number in runs[axis]] for group in self.space_groups]

    def computed(self, result: SSAValue) -> SSAValue:
        """The value of the product's shape that a result is, or that it is a reshape of."""
        op = self.group.maker(result)
        return op.x if isinstance(op, nn.ReshapeOp) else result


def image_of(group: GroupView, anchor: nn.ConvOp | nn.MatmulOp) -> SSAValue:
    """What the product reads as A: its first operand, or the f32 argument that the image of a conv is cast from in the group."""
    value = anchor.operands[0]
    op = group.maker(value)
    if (
        isinstance(anchor, nn.ConvOp)
        and isinstance(op, nn.CastOp)
        and nn.element_of(op.x) == f32
        and nn.element_of(op.result) in (f16, bf16)
        and group.operand_index(op.x) is not None
    ):
        return op.x
    return value


def _origin(group: GroupView, value: SSAValue) -> str:
    """What gives a value, for messages."""
    op = group.maker(value)
    return "an argument" if op is None else f"the result of {op.name}"


def problem_of(group: GroupView) -> GemmProblem | Refusal:
    """The product in a group, or why it has none."""
    products = products_of(group)
    if not products:
        got = ", ".join(a.name for a in group.anchors) or "none"
        return OtherAnchor(f"expected one conv or matmul as anchor, got {got}")
    if len(products) == 2 and group.comes_from(products[1].operands[0], products[0].result):
        return OtherAnchor("expected two products that are added, got one after the other")
    found = _problem_of(group, products[0])
    if isinstance(found, Refusal) or len(products) == 1:
        return found
    second = _problem_of(group, products[1])
    if isinstance(second, Refusal):
        return second
    if is_pair(group, *products):
        return refuse_pair(group, *products) or replace(found, beside=second)
    refusal = refuse_sum(group, *products)
    if refusal is None and (found.narrows or second.narrows or found.batched or second.batched or found.kind == "s8"):
        refusal = Refusal("expected the sum of two float products of matrices in memory", products[1])
    return refusal or replace(found, second=second)


def _problem_of(group: GroupView, anchor: nn.ConvOp | nn.MatmulOp) -> GemmProblem | Refusal:
    """One product of a group, or why it cannot be computed."""
    if isinstance(anchor, nn.ConvOp) and anchor.is_depthwise:
        why = "a depthwise conv has no reduction over channels; the window schedule takes it"
        return OtherAnchor(why, anchor, final=True)
    kind = _kind(anchor)
    if kind is None:
        got = " and ".join(str(nn.element_of(operand)) for operand in anchor.operands)
        why = f"expected f16, bf16, f32, f64 or i8 operands, got {got}"
        return Refusal(why, anchor, final=True)
    prologue = None if image_of(group, anchor) is not anchor.operands[0] else prologue_of(group, anchor)
    if isinstance(prologue, Refusal):
        return prologue
    problem = GemmProblem(group, anchor, kind, prologue)
    operands = (problem.image, anchor.operands[1])
    for name, operand in zip("AB", operands, strict=True):
        got = f"got {_origin(group, operand)}"
        if isinstance(anchor, nn.ConvOp) and group.operand_index(operand) is None:
            return Refusal(
                f"expected operand {name} of the conv to be an argument of the group, {got}", group.maker(operand)
            )
        dims = nn.shape_of(operand)
        if group.access(operand, space_axes(dims, dims), dims) is None:
            why = f"expected operand {name} to be an argument of the group or a view of one, {got}"
            return Refusal(why, group.maker(operand))
    if problem.moments:
        if not isinstance(anchor, nn.MatmulOp) or problem.kind not in ("f16", "bf16"):
            why = f"expected a matmul of f16 or bf16 beside moments of rows, got {anchor.name} of {kind}"
            return Refusal(why, anchor)
        if refusal := problem.moments.refuse(problem.dims):
            return refusal
    for _, result in problem.moments.results:
        if nn.shape_of(problem.computed(result)) != problem.dims:
            return Refusal(f"expected results of the product's shape, got {result.type}", group.maker(result))
        if problem.computed(result) is result:
            continue
        if split_runs(problem.space_dims, nn.shape_of(result)) is None:
            why = f"expected a result whose dims are those of the product, or parts of them, got {result.type}"
            return Refusal(why, group.maker(result))
    if isinstance(anchor, nn.ConvOp) and nn.shape_of(anchor.w)[0].as_int() is None:
        return Refusal("expected conv weights of static shape", anchor, final=True)
    too_large = group.too_large()
    return problem if too_large is None else Refusal(too_large)


def _kind(anchor: nn.ConvOp | nn.MatmulOp) -> str | None:
    match nn.element_of(anchor.operands[0]):
        case Float16Type():
            return "f16"
        case BFloat16Type():
            return "bf16"
        case Float32Type():
            math = None if anchor.math is None else anchor.math.data
            return "fma" if math is None else "tf32" if math == nn.Math.TF32 else None
        case Float64Type():
            return "fma64"
        case t if t == i8 and nn.element_of(anchor.operands[1]) == i8:
            return "s8"
        case _:
            return None


def operand_views(
    problem: GemmProblem, tensors: Sequence[SSAValue]
) -> tuple[kernel.ViewOp | kernel.Im2colOp, kernel.ViewOp]:
    """
    Views of A [batch, M, K] and B [batch, N, K] (B [batch, K, N] where `b_is_kn`), each with three coordinates. The ops are not inserted
    yet. `tensors`: the kernel's global tensors.
    """
    group, anchor = problem.group, problem.anchor
    if isinstance(anchor, nn.ConvOp):
        x, w = (group.operand_index(v) for v in (problem.image, anchor.w))
        assert x is not None and w is not None
        window = [int(d.as_int() or 0) for d in nn.shape_of(anchor.w)[1:-1]]
        strides, pads, dilations = (nn.values_of(a) for a in (anchor.strides, anchor.pads, anchor.dilations))
        a = kernel.Im2colOp(tensors[x], problem.dims[1:-1], window, strides, pads, dilations, problem.groups)
        filters = group.whole(w).split(0, const(problem.groups), problem.n)
        return a, kernel.ViewOp(
            tensors[w], [[0], [1], list(range(2, len(filters.dims)))], filters.dims, filters.strides
        )
    return _matrix(problem, problem.image, tensors, "A"), _matrix(problem, anchor.b, tensors, "B")


def _matrix(problem: GemmProblem, value: SSAValue, tensors: Sequence[SSAValue], name: str) -> kernel.ViewOp:
    dims = nn.shape_of(value)
    access = problem.group.access(value, space_axes(dims, dims), dims)
    assert access is not None
    rank = len(dims)
    if not problem.batched:
        # All leading dims are rows (for B they are ones).
        if name == "A":
            groups = [[], list(range(rank - 1)), [rank - 1]]
        else:
            access, groups = replace(access, dims=access.dims[-2:], strides=access.strides[-2:]), [[], [0], [1]]
    else:
        # Leading dims broadcast to the result's.
        lead = problem.dims[:-2]
        access = access.broadcast([*lead, *dims[-2:]])
        groups = [list(range(len(lead))), [len(lead)], [len(lead) + 1]]
    return kernel.ViewOp(tensors[access.owner], groups, access.dims, access.strides, access.offset)


def _pieces(problem: GemmProblem) -> Pieces:
    """Elements of A and of B that lie side by side, aligned, so that one copy moves them."""
    group = problem.group
    placeholders = list(Block(arg_types=group.global_types()).args)
    widths: list[int] = []
    for view in operand_views(problem, placeholders):
        assert isinstance(view.source, BlockArgument)
        tensor = view.source.index
        if isinstance(view, kernel.ViewOp):
            access, groups = view.view.of(tensor), view.group_dims()
        else:
            *image, channels = group.dims(tensor)
            access = replace(group.whole(tensor), dims=(*image, channels // problem.groups))
            groups = [list(range(len(image))), [len(image)]]
        widths.append(vector_width(group, [access], groups, 16))
    return widths[0], widths[1]
