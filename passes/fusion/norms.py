"""Normalisations of rows that `fold-norms` may take apart: what they are, what reads them, and the product that computes the rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import f32
from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...dialects.nn import NARROW, element_of, multiplied_in, rank_of, shape_of, stored_of
from ..graph.editing import per_channel
from ..kernels.building.moments import COLUMNS, MOST_PARTS
from .regions import Growth, Region

_STEPS = 16
"""Ops that are looked at between a value and the product that it is computed from."""


@dataclass(frozen=True)
class Norm:
    """A normalisation of the last dim, with the scale and the bias after it. `value` is what is read."""

    op: nn.LayerNormOp | nn.NormalizeOp
    value: SSAValue
    epsilon: float
    centred: bool
    scale: SSAValue | None
    bias: SSAValue | None
    ops: tuple[Operation, ...]

    @property
    def x(self) -> SSAValue:
        return self.op.x


@dataclass(frozen=True)
class Readers:
    """What reads a normalised value: products, and at most one other op, in the group of a product."""

    products: tuple[nn.MatmulOp, ...]
    other: Operation | None = None


def norm_of(op: Operation, constants: Collection[SSAValue]) -> Norm | None:
    """The normalisation that an op is, or None."""
    if isinstance(op, nn.LayerNormOp) and op.axis.value.data == rank_of(op.x) - 1:
        known = op.scale in constants and op.bias in constants
        epsilon = op.epsilon.value.data
        return Norm(op, op.result, epsilon, True, op.scale, op.bias, (op,)) if known else None
    if not isinstance(op, nn.NormalizeOp) or list(nn.values_of(op.axes)) != [rank_of(op.x) - 1]:
        return None
    ops: list[Operation] = [op]
    found: list[SSAValue | None] = []
    for kind in (nn.MulOp, nn.AddOp):
        after = _parameter(ops[-1].results[0], kind, constants)
        found.append(None if after is None else after[1])
        if after is not None:
            ops.append(after[0])
    return Norm(op, ops[-1].results[0], op.epsilon.value.data, bool(op.centred), found[0], found[1], tuple(ops))


def _parameter(
    value: SSAValue, kind: type[nn.BinaryOp], constants: Collection[SSAValue]
) -> tuple[Operation, SSAValue] | None:
    """The only user of a value, of a kind, and its other operand, if that is one number per column or for all."""
    user = value.get_user_of_unique_use()
    if not isinstance(user, kind) or user.result.type != value.type:
        return None
    other = user.rhs if user.lhs is value else user.lhs
    return (user, other) if other in constants and per_channel(other, shape_of(value)[-1]) else None


def refuse_rows(norm: Norm) -> str | None:
    """Why no kernel stores moments of the rows, or None."""
    columns = shape_of(norm.x)[-1].as_int()
    if stored_of(norm.x) not in NARROW:
        return f"its rows are stored as {stored_of(norm.x)}, whose last digits a product without the mean taken off would lose"
    if columns is None or columns % min(COLUMNS):
        return f"its rows have {shape_of(norm.x)[-1]} columns, no multiple of {min(COLUMNS)}"
    if not parts_of(norm):
        return f"its rows have {columns} columns, of which there are more than {MOST_PARTS} parts"
    return None


def parts_of(norm: Norm) -> list[int]:
    """The columns that may share a pair of moments, the preferred first."""
    columns = shape_of(norm.x)[-1].as_int() or 0
    return [part for part in COLUMNS if columns % part == 0 and columns // part <= MOST_PARTS]


def region_with(value: SSAValue, growth: Growth) -> Region | None:
    """The region of a product that a value is a result of, as it may be computed in its group; None where there is none."""
    for anchor in _products_before(value, growth):
        region = Region("matmul", anchor)
        growth.grow(region)
        growth.taken.clear()
        if any(result is value for _, result in region.cuts):
            return region
    return None


def _products_before(value: SSAValue, growth: Growth) -> Sequence[nn.MatmulOp]:
    """The matmuls of a value's shape that it is computed from element by element, in the order in which `fuse-groups` meets them."""
    found: dict[nn.MatmulOp, None] = {}
    pending, seen = deque([value]), {value}
    while pending and len(seen) <= _STEPS:
        op = pending.popleft().owner
        if isinstance(op, nn.MatmulOp) and op in growth.position:
            found[op] = None
        elif isinstance(op, Operation) and op in growth.position and nn.is_pointwise(op):
            more = [v for v in op.operands if shape_of(v) == shape_of(value) and v not in seen]
            pending += more
            seen.update(more)
    return sorted(found, key=lambda op: growth.position[op])


def readers_of(norm: Norm, growth: Growth) -> Readers | str:
    """What reads the normalised value, or why it must be computed for it."""
    products: list[nn.MatmulOp] = []
    others: list[Operation] = []
    for use in norm.value.uses:
        reader = use.operation
        if isinstance(reader, nn.MatmulOp) and use.index == 0:
            if (why := _refuse_product(reader, growth.constants)) is not None:
                return f"{reader.name} reads it, {why}"
            products.append(reader)
        elif nn.is_pointwise(reader) and shape_of(reader.results[0]) == shape_of(norm.value):
            others.append(reader)
        else:
            return f"{reader.name} reads it"
    if not products:
        return "no product reads it"
    if len(others) > 1 or any(region_with(op.results[0], growth) is None for op in others):
        names = ", ".join(sorted({op.name for op in others}))
        return f"{names} would normalise it again, in the group of no product or of several"
    return Readers(tuple(products), *others)


def _refuse_product(op: nn.MatmulOp, constants: Collection[SSAValue]) -> str | None:
    """Why a product cannot read the rows in place of their normalisation."""
    if op.b not in constants or rank_of(op.b) != 2:
        return "whose second operand is no matrix of weights"
    if multiplied_in(op) not in NARROW or element_of(op.result) not in (f32, multiplied_in(op)):
        return "which multiplies in another type than f16 or bf16"
    return None
