"""
The prologue of a product: pointwise ops between a tensor in memory and operand A, computed on A's fragments.

    %1 = nn.mul %x, %scale        x lies in shared tiles as it is, brought by cp.async. Each fragment of it is mapped right before the
    %2 = nn.add %1, %bias         product that reads it, with the scales and biases of its channels loaded in the same layout.
    %3 = nn.relu %2
    %4 = nn.conv %3, %w

One tensor of A's shape and element type is the image. The others hold values per channel, per (batch, channel) of a conv, or whatever NumPy
broadcasts to the operand of a matmul. What lies outside of the image is zero after the prologue, not before: relu(0 + bias) pads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from xdsl.dialects.builtin import bf16, f16, f32, i1
from xdsl.ir import Operation, SSAValue

from .....dialects import nn
from .....dialects.dims import Expr, const, product
from .....dialects.kernel.types import FragType
from .....dialects.strided import Axes, space_axes
from ...building.builder import Groups, Index, KernelBuilder
from ...building.group import Access, GroupView
from ...building.maps import Leaf, emit_pointwise, leaves_of
from ...building.pointwise import select
from ...building.schedule import Refusal
from ...building.work import ACCESS_INSTRUCTIONS, arithmetic

Anchor = nn.ConvOp | nn.MatmulOp
CONVERSIONS = 2.0
"""Instructions per element, beside the ops, to widen it and to round it."""


@dataclass(frozen=True)
class Effort:
    """What a prologue adds to a product."""

    instructions: float
    """Per element of A and warp that reads it."""
    channels: int
    """Tensors of one value per column, which the rows of a thread share."""


@dataclass(frozen=True)
class Prologue:
    """What a group computes before operand A of its anchor."""

    group: GroupView
    anchor: Anchor
    image: SSAValue
    """The operand of the group that comes through shared memory."""
    others: tuple[Leaf, ...]
    """What else is read, over A's dims."""

    @property
    def value(self) -> SSAValue:
        return self.anchor.operands[0]

    @property
    def dims(self) -> tuple[Expr, ...]:
        return nn.shape_of(self.value)

    @cached_property
    def ops(self) -> list[Operation]:
        """The ops between the image and A."""
        found: dict[Operation, None] = {}
        pending = [self.group.maker(self.value)]
        while pending:
            op = pending.pop()
            if op is not None and nn.is_pointwise(op) and op not in found:
                found[op] = None
                pending += [self.group.maker(operand) for operand in op.operands]
        return list(found)

    @property
    def effort(self) -> Effort:
        alike = sum(self._is_same_for_all_rows(leaf) for leaf in self.others)
        by_row = len(self.others) - alike
        return Effort(arithmetic(self.ops) + CONVERSIONS + ACCESS_INSTRUCTIONS * by_row / 4, alike)

    def access(self, leaf: Leaf) -> Access | None:
        """A leaf over A's dims; None where strides, or a conv's windows, cannot say it."""
        access = self.group.access(*leaf, self.dims)
        if access is None or not isinstance(self.anchor, nn.ConvOp):
            return access
        return access if all(stride.as_int() == 0 for stride in access.strides[1:-1]) else None

    def _is_same_for_all_rows(self, leaf: Leaf) -> bool:
        access = self.access(leaf)
        return access is not None and all(stride.as_int() == 0 for stride in access.strides[:-1])

    def over_k(self, access: Access) -> tuple[Access, Groups]:
        """An access over (batch, rows, columns) of A, as the views of operand A have them."""
        if isinstance(self.anchor, nn.ConvOp):
            return _over_window(self.anchor, access)
        lead, rank = nn.shape_of(self.anchor.result)[:-2], len(access.dims)
        if all(d.as_int() == 1 for d in nn.shape_of(self.anchor.b)[:-2]):
            return access, [[], list(range(rank - 1)), [rank - 1]]
        access = access.broadcast([*lead, *access.dims[-2:]])
        return access, [list(range(len(lead))), [len(lead)], [len(lead) + 1]]

    def apply(
        self, b: KernelBuilder, frag: SSAValue, image: SSAValue, at: tuple[Index, Index, Index], k: int
    ) -> SSAValue:
        """The fragment of A at (batch, row, column) from that of the image, whose view is `image`; a step covers `k` columns."""
        type_ = frag.type
        assert isinstance(type_, FragType)

        def load(value: SSAValue, axes: Axes) -> SSAValue:
            access = self.access((value, axes))
            assert access is not None
            over, groups = self.over_k(access)
            if not self._is_same_for_all_rows((value, axes)):
                return b.load(b.view_of(over, groups), at, type_)
            # Rows without a bound of their own: those of a thread share a load.
            return b.load(b.view_of(*_of_any_row(over, groups, type_.tile[0])), (at[0], 0, at[2]), type_)

        wanted = [(self.value, space_axes(self.dims, self.dims))]
        (made,) = emit_pointwise(b, wanted, type_, load, known={self.image: frag})
        if not self.pads(k):
            return made
        inside = b.valid(image, at, type_.with_element(i1))
        zeroed = b.map([inside, made], [type_], lambda s, i, x: [select(s, i, x, s.constant(0.0, x.type))])
        return zeroed[0]

    def pads(self, k: int) -> bool:
        """Whether a step of `k` columns may reach what lies outside of the image: padding, or columns after the last."""
        if isinstance(self.anchor, nn.ConvOp):
            columns = product(nn.shape_of(self.anchor.w)[1:])
            return any(nn.values_of(self.anchor.pads)) or (columns % k).as_int() != 0
        return (self.dims[-1] % k).as_int() != 0


def prologue_of(group: GroupView, anchor: Anchor) -> Prologue | Refusal | None:
    """The prologue of the product; None where operand A is in memory; or why it cannot be computed on fragments."""
    value = anchor.operands[0]
    maker = group.maker(value)
    if maker is None or not nn.is_pointwise(maker) or isinstance(maker, nn.ConstantOp):
        return None
    dims, element = nn.shape_of(value), nn.element_of(value)
    if element not in (f16, bf16, f32):
        return Refusal(f"operand A: expected floats of a prologue, got {element}", maker)
    whole = space_axes(dims, dims)
    leaves = leaves_of([(value, whole)], {}, group.maker)
    images = [v for v, axes in leaves if nn.shape_of(v) == dims and axes == whole]
    if len(images) != 1:
        return Refusal(f"operand A: expected a prologue on one tensor of its shape, got {len(images)}", maker)
    (image,) = images
    if nn.element_of(image) != element:
        return Refusal(f"operand A: expected a prologue on a tensor of {element}, got {nn.element_of(image)}", maker)
    others = tuple(leaf for leaf in leaves if leaf[0] is not image)
    if len(others) + 1 != len(leaves):
        return Refusal("operand A: expected a prologue that reads its tensor element by element", maker)
    made = Prologue(group, anchor, image, others)
    for leaf in others:
        if made.access(leaf) is None:
            op = group.maker(leaf[0])
            what = "values per channel or per (batch, channel)" if isinstance(anchor, nn.ConvOp) else "operands"
            return Refusal(f"operand A: expected {what} beside the image, got {leaf[0].type}", op or maker)
    return made


def _of_any_row(access: Access, groups: Groups, rows: int) -> tuple[Access, Groups]:
    """An access that is the same for all rows over (batch, `rows` rows, columns)."""
    batch, _, columns = groups
    kept = [*batch, *columns]
    dims, strides = ([values[d] for d in kept] for values in (access.dims, access.strides))
    first = len(batch)
    dims.insert(first, const(rows))
    strides.insert(first, const(0))
    made = replace(access, dims=tuple(dims), strides=tuple(strides))
    return made, [list(range(first)), [first], list(range(first + 1, len(dims)))]


def _over_window(conv: nn.ConvOp, access: Access) -> tuple[Access, Groups]:
    """Values per (batch, channel) over (group, (n, p, q), (r, s, c))."""
    batch, channel = access.strides[0], access.strides[-1]
    out, window = nn.shape_of(conv.result)[1:-1], nn.shape_of(conv.w)[1:-1]
    groups, channels = conv.groups.value.data, nn.shape_of(conv.w)[-1]
    zeros = (const(0),) * len(window)
    lead = 1 if groups > 1 else 0
    dims = (*[const(groups)] * lead, access.dims[0], *out, *window, channels)
    strides = (*[channel * channels] * lead, batch, *zeros, *zeros, channel)
    rows = list(range(lead, lead + 1 + len(out)))
    columns = list(range(lead + 1 + len(out), len(dims)))
    return replace(access, dims=dims, strides=strides), [list(range(lead)), rows, columns]
