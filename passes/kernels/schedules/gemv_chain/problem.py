"""
The steps in a group that one vector per image runs through: a reduction over the pixels, then one or two products with weights.

    %0 = nn.reduce mean %x            [n, h, w, c] -> [n, 1, 1, c], any kind of reduction; without it the vector comes from memory
    %1 = nn.conv %0, %w               1x1 on one pixel, or a matmul: [n, 1, 1, c] -> [n, 1, 1, k]
    %2 = nn.silu %1
    %3 = nn.conv %2, %v               [n, 1, 1, k] -> [n, 1, 1, m]
    %4 = nn.sigmoid %3

Pointwise ops and reshapes that move ones stand between the steps. The channels of a step are the last dim of its result, all other dims
count images.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from xdsl.dialects.builtin import bf16, f16, f32
from xdsl.ir import Attribute, SSAValue

from .....dialects import nn
from .....dialects.dims import Expr, product
from .....dialects.strided import space_axes
from ...building.group import Access, GroupView
from ...building.maps import leaves_of
from ...building.pointwise import refuse_pointwise, refuse_tensors
from ...building.schedule import OtherAnchor, Refusal
from ...building.space import refuse_values
from ...building.tiling import vector_width

Product = nn.ConvOp | nn.MatmulOp
PRODUCTS = (nn.ConvOp, nn.MatmulOp)
GROUPS = (
    *((nn.ReduceOp, one) for one in PRODUCTS),
    *((one, two) for one in PRODUCTS for two in PRODUCTS),
    *((nn.ReduceOp, one, two) for one in PRODUCTS for two in PRODUCTS),
)
"""The anchors of the groups that the schedule takes."""
ELEMENTS = (f16, bf16, f32)


@dataclass(frozen=True)
class Part:
    """Pointwise ops between two steps: the values that they make of the one that is known, or of what is in memory alone."""

    values: tuple[SSAValue, ...]
    known: tuple[SSAValue, ...]


@dataclass(frozen=True)
class Layer:
    """A product with weights [rows, columns] in memory, K running along the columns."""

    group: GroupView
    anchor: Product
    before: tuple[Part, ...]
    """What makes the vector that it multiplies, from the step before on."""

    @property
    def weights(self) -> SSAValue:
        return self.anchor.operands[1]

    @property
    def element(self) -> Attribute:
        return nn.element_of(self.weights)

    @cached_property
    def rows(self) -> int:
        return _size(nn.shape_of(self.anchor.result)[-1])

    @cached_property
    def columns(self) -> int:
        return _size(nn.shape_of(self.anchor.operands[0])[-1])

    @cached_property
    def access(self) -> Access:
        """The weights in memory, over their own dims."""
        dims = nn.shape_of(self.weights)
        found = self.group.access(self.weights, space_axes(dims, dims), dims)
        assert found is not None
        return found

    @cached_property
    def groups(self) -> tuple[list[int], list[int]]:
        """The dims of the weights that are rows, and those of K."""
        rank = len(nn.shape_of(self.weights))
        if isinstance(self.anchor, nn.ConvOp):
            return [0], list(range(1, rank))
        return list(range(rank - 1)), [rank - 1]

    @property
    def vector(self) -> int:
        """Neighbouring columns of a thread."""
        return vector_width(self.group, [self.access], self.groups)


@dataclass(frozen=True)
class ChainProblem:
    """The steps of a group."""

    group: GroupView
    reduction: nn.ReduceOp | None
    layers: tuple[Layer, ...]

    @property
    def last(self) -> Product:
        return self.layers[-1].anchor

    @property
    def images(self) -> Expr:
        return product(nn.shape_of(self.last.result)[:-1])

    @cached_property
    def map_groups(self) -> tuple[list[int], list[int], list[int]]:
        """The dims of what is reduced: of the images, of the pixels, of the channels."""
        assert self.reduction is not None
        rank, reduced = len(nn.shape_of(self.reduction.x)), sorted(nn.values_of(self.reduction.axes))
        return [d for d in range(rank - 1) if d not in reduced], reduced, [rank - 1]

    @property
    def pixels(self) -> Expr:
        assert self.reduction is not None
        return product([nn.shape_of(self.reduction.x)[d] for d in self.map_groups[1]])

    @property
    def channels(self) -> int:
        assert self.reduction is not None
        return _size(nn.shape_of(self.reduction.x)[-1])

    @cached_property
    def map_vector(self) -> int:
        """Neighbouring channels of a thread."""
        assert self.reduction is not None
        group, dims = self.group, nn.shape_of(self.reduction.x)
        leaves = leaves_of([(self.reduction.x, space_axes(dims, dims))], {}, group.maker)
        accesses = [group.access(value, axes, dims) for value, axes in leaves]
        return vector_width(group, [a for a in accesses if a is not None], self.map_groups)


def _size(dim: Expr) -> int:
    size = dim.as_int()
    assert size is not None, f"expected a static dim, got {dim}"
    return size


def problem_of(group: GroupView) -> ChainProblem | Refusal:
    """The steps in a group, or why it has none."""
    anchors = [op for op in group.anchors if not isinstance(op, nn.ReshapeOp)]
    first = anchors[0] if anchors else None
    reduction = first if isinstance(first, nn.ReduceOp) else None
    products = [op for op in anchors if isinstance(op, PRODUCTS)]
    if len(products) + (reduction is not None) != len(anchors) or not 2 <= len(anchors) <= 3:
        return OtherAnchor("expected a reduction and one or two products, or two products one after the other")
    if not all(group.comes_from(after.operands[0], op.results[0]) for op, after in pairwise(anchors)):
        return OtherAnchor("expected steps one after the other, got some beside each other")
    if refusal := refuse_pointwise(group.ops) or refuse_tensors(group):
        return refusal
    for op in group.ops:
        if isinstance(op, nn.MOMENTS):
            return Refusal("expected vectors, got rows that are normalised", op)
    if reduction is not None and (refusal := _refuse_reduction(group, reduction)):
        return refusal
    layers: list[Layer] = []
    source = None if reduction is None else reduction.result
    for op in products:
        if refusal := _refuse_product(group, op):
            return refusal
        before = _parts(group, op.operands[0], source)
        if isinstance(before, Refusal):
            return before
        layers.append(Layer(group, op, before))
        source = op.result
    problem = ChainProblem(group, reduction, tuple(layers))
    images = [product(nn.shape_of(op.results[0])[:-1]) for op in anchors]
    if any(number != problem.images for number in images):
        return Refusal(f"expected steps of one number of images, got {', '.join(map(str, images))}", problem.last)
    known = [problem.last.result]
    return refuse_values(group, group.results, nn.shape_of(problem.last.result), known) or problem


def _refuse_reduction(group: GroupView, op: nn.ReduceOp) -> Refusal | None:
    dims, axes = nn.shape_of(op.x), nn.values_of(op.axes)
    if nn.element_of(op.x) not in ELEMENTS:
        return Refusal(f"expected a reduction of f16, bf16 or f32, got {nn.element_of(op.x)}", op)
    if not axes or len(dims) - 1 in axes or dims[-1].as_int() is None:
        return Refusal("expected a reduction that keeps the last dim, of static size", op)
    if (keepdims := nn.shape_of(op.result))[-1] != dims[-1] or len(keepdims) < 2:
        return Refusal("expected a reduction of several images", op)
    return refuse_values(group, [op.x], dims)


def _refuse_product(group: GroupView, op: Product) -> Refusal | None:
    vector, weights = op.operands
    elements = [nn.element_of(v) for v in (vector, weights)]
    if elements[0] != elements[1] or elements[0] not in ELEMENTS or nn.element_of(op.result) not in (f32, elements[0]):
        got = ", ".join(map(str, elements))
        return Refusal(f"expected operands of one type among f16, bf16 and f32, got {got}", op, final=True)
    dims = nn.shape_of(weights)
    if isinstance(op, nn.ConvOp):
        ones = [*nn.shape_of(vector)[1:-1], *dims[1:-1]]
        if op.groups.value.data != 1 or any(d.as_int() != 1 for d in ones) or any(nn.values_of(op.pads)):
            return Refusal("expected a 1x1 conv of images of one pixel", op)
    elif op.transpose_b is None or any(d.as_int() != 1 for d in dims[:-2]):
        return Refusal("expected a matmul with one matrix stored [N, K]", op)
    if any(d.as_int() is None for d in dims):
        return Refusal("expected weights of static shape", op)
    if group.access(weights, space_axes(dims, dims), dims) is None:
        return Refusal("expected weights that are an operand of the group or a view of one", op)
    return None


def _parts(group: GroupView, value: SSAValue, source: SSAValue | None) -> tuple[Part, ...] | Refusal:
    """What makes a value of the result of the step before, or of what is in memory where there is none."""
    dims = nn.shape_of(value)
    leaves = leaves_of([(value, space_axes(dims, dims))], {} if source is None else {source: value}, group.maker)
    reshapes = [op for leaf, _ in leaves if isinstance(op := group.maker(leaf), nn.ReshapeOp)]
    if source is not None and len(reshapes) == 1:
        (op,) = reshapes
        if nn.shape_of(op.x)[-1] != nn.shape_of(op.result)[-1]:
            return Refusal("expected a reshape that keeps the channels", op)
        before = _parts(group, op.x, source)
        if isinstance(before, Refusal):
            return before
        refusal = refuse_values(group, [value], dims, [op.result])
        return refusal or (*before, Part((value,), (op.result,)))
    known = () if source is None else (source,)
    return refuse_values(group, [value], dims, known) or (Part((value,), known),)
