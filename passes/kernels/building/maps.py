"""
Whole maps of pointwise ops, of the elements that they gather, and of the numbers among them.

`emit_pointwise(b, wanted, frag, load)` builds one map: from the wanted values back to leaves, which `load` gives as fragments. An
`nn.gather` of single elements is no leaf: the map computes its index and reads the element (`kernel.fetch`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from xdsl.dialects import arith
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import Attribute, Operation, SSAValue

from ....dialects import kernel, nn, quant
from ....dialects.dtypes import NARROW_FLOATS, is_float
from ....dialects.errors import PassError
from ....dialects.kernel.types import FragType
from ....dialects.provenance import describe
from ....dialects.strided import Axes, broadcast_axes, space_axes
from .builder import Emitter, KernelBuilder
from .group import GroupView, owner_op
from .pointwise import add, compute_type, convert, extend, has_scalar_form, immediate, scalar_form, select
from .schedule import Refusal

Table: TypeAlias = Callable[[SSAValue], SSAValue]
"""Gives the view of a tensor that `nn.gather` reads as a table: coordinates 0 and the index."""
Load: TypeAlias = Callable[[SSAValue, Axes], SSAValue]
"""Gives a leaf, broadcast into the iteration space by its axes, as a fragment, a rows fragment or a scalar."""
Leaf: TypeAlias = tuple[SSAValue, Axes]


def operand_axes(op: Operation, axes: Axes) -> list[Axes]:
    """The axes of each operand of a pointwise op whose result has `axes`."""
    if isinstance(op, quant.QuantizeOp | quant.DequantizeOp | quant.RequantizeOp):
        scale = () if op.axis is None else broadcast_axes(nn.shape_of(op.scale), (axes[op.axis.value.data],))
        return [axes, scale]
    return [broadcast_axes(nn.shape_of(operand), axes) for operand in op.operands]


def _read_by(op: Operation, axes: Axes) -> list[Leaf]:
    """What the result of a pointwise op or a lookup is computed from, element by element: of a lookup the index."""
    if nn.is_lookup(op):
        indices = op.operands[1]
        return [(indices, broadcast_axes(nn.shape_of(indices), axes))]
    return list(zip(op.operands, operand_axes(op, axes), strict=True))


def leaves_of(
    wanted: Sequence[Leaf], known: Mapping[SSAValue, SSAValue], maker: Callable[[SSAValue], Operation | None] = owner_op
) -> list[Leaf]:
    """
    The values, with their axes, that the pointwise ops of `wanted` are computed from, without splat constants. `maker` gives the op of the
    group that makes a value, None for an operand: `GroupView.maker` unless the group is isolated from what is around it.
    """
    found: dict[Leaf, None] = {}
    seen: set[Leaf] = set()
    pending = list(reversed(wanted))
    while pending:
        leaf = pending.pop()
        if leaf in seen:
            continue
        seen.add(leaf)
        value, axes = leaf
        op = None if value in known else maker(value)
        if op is not None and (nn.is_pointwise(op) or nn.is_lookup(op)):
            pending += reversed(_read_by(op, axes))
        elif not isinstance(op, nn.SizeOp) and (op is None or nn.splat_of(value, "an immediate") is None):
            found[leaf] = None
    return list(found)


def emit_pointwise(
    b: KernelBuilder,
    wanted: Sequence[Leaf],
    frag: FragType,
    load: Load,
    *,
    known: Mapping[SSAValue, SSAValue] | None = None,
    elements: Sequence[Attribute] | None = None,
    table: Table | None = None,
) -> list[SSAValue]:
    """
    Fragments of the wanted values, computed by one `kernel.map` from their leaves.

    - `wanted`: values of the group with their axes in the iteration space (`space_axes(shape_of(v), dims)`).
    - `frag`: shape and layout of the fragments (a rows fragment type for one value per row).
    - `known`: values that exist already as fragments (an anchor's result, in f32 as well), with any axes.
    - `load`: called once for each other leaf: gives a fragment, rows fragment or scalar.
    - `elements`: element types of the results; the values' own if not given.
    - `table`: called for each tensor that a lookup of the group reads.
    """
    known = known or {}
    leaves = leaves_of(wanted, known)
    sources = {leaf: known[leaf[0]] if leaf[0] in known else load(*leaf) for leaf in leaves}
    types = [frag.with_element(nn.element_of(v)) for v, _ in wanted]
    if elements is not None:
        types = [frag.with_element(e) for e in elements]
    if all(leaf in sources and sources[leaf].type == type_ for leaf, type_ in zip(wanted, types, strict=True)):
        return [sources[leaf] for leaf in wanted]

    outside = _outside(b, wanted, sources, table)

    def body(s: Emitter, *scalars: SSAValue) -> list[SSAValue]:
        made = {leaf: _leaf(s, x, nn.element_of(leaf[0])) for leaf, x in zip(leaves, scalars, strict=True)}
        return [_rounded(s, leaf, made, outside, t.element_type) for leaf, t in zip(wanted, types, strict=True)]

    return b.map([sources[leaf] for leaf in leaves], types, body)


@dataclass(frozen=True)
class Outside:
    """What a map reads that is the same for all elements."""

    tables: dict[SSAValue, tuple[SSAValue, SSAValue]] = field(default_factory=dict[SSAValue, tuple[SSAValue, SSAValue]])
    """The tensors that lookups read: the view and the extent, i32."""
    sizes: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """Sizes, i32."""


def _outside(
    b: KernelBuilder, wanted: Sequence[Leaf], sources: Mapping[Leaf, SSAValue], table: Table | None
) -> Outside:
    """The tables of the lookups between wanted values and their leaves, and the sizes there."""
    outside = Outside()
    pending, seen = list(wanted), set[Leaf]()
    while pending:
        leaf = pending.pop()
        op = owner_op(leaf[0])
        if leaf in seen or leaf in sources or op is None or isinstance(op, nn.ConstantOp):
            continue
        seen.add(leaf)
        if isinstance(op, nn.SizeOp):
            outside.sizes[leaf[0]] = b.cast(b.expr(op.expr), i32)
            continue
        pending += _read_by(op, leaf[1])
        if nn.is_lookup(op) and op.operands[0] not in outside.tables:
            if table is None:
                raise PassError(f"lower-groups: {describe(op)}: expected a schedule that reads tables")
            x = op.operands[0]
            outside.tables[x] = table(x), b.cast(b.expr(nn.shape_of(x)[0]), i32)
    return outside


def table_view(b: KernelBuilder, group: GroupView, x: SSAValue) -> SSAValue:
    """The view of a tensor of one dim, at coordinates 0 and the index."""
    dims = nn.shape_of(x)
    access = group.access(x, space_axes(dims, dims), dims, flat=True)
    if access is None:
        raise PassError(
            f"lower-groups: @{group.name}: table {x} is not in memory: expected `match` to refuse the group"
        )
    return b.view_of(access, [[], list(range(len(access.dims)))])


def refuse_tables(group: GroupView) -> Refusal | None:
    """Why a lookup of the group cannot read its table, or None."""
    for op in group.ops:
        if nn.is_lookup(op) and op is not group.gather_anchor:
            dims = nn.shape_of(op.operands[0])
            if group.access(op.operands[0], space_axes(dims, dims), dims, flat=True) is None:
                return Refusal("expected a gather from an operand of the group", op)
    return None


def place_of(s: Emitter, index: SSAValue, extent: SSAValue) -> SSAValue:
    """Where an index, counted from the end where it is negative, points in a table of `extent` (i32) entries: an i32, outside of the table
    where there is no such entry."""
    place = index if index.type == i64 else convert(s, index, i32)
    size, zero = convert(s, extent, place.type), s.constant(0, place.type)
    place = select(s, s.emit(arith.CmpiOp(place, zero, "slt")), add(s, place, size), place)
    if place.type == i64:  # its low bits alone might lie in range
        fits = s.emit(arith.CmpiOp(place, size, "ult"))
        place = select(s, fits, convert(s, place, i32), s.constant(-1, i32))
    return place


def _lookup(s: Emitter, op: Operation, index: SSAValue, table: tuple[SSAValue, SSAValue]) -> SSAValue:
    """The element at an index; 0 where there is none."""
    view, extent = table
    return extend(s, s.emit(kernel.FetchOp(view, [s.constant(0, i32), place_of(s, index, extent)])))


def _rounded(s: Emitter, leaf: Leaf, made: dict[Leaf, SSAValue], outside: Outside, element: Attribute) -> SSAValue:
    """A value as it is stored. The cast to that type at the end of a group is this rounding, once."""
    value, axes = leaf
    op = owner_op(value)
    if (
        isinstance(op, nn.CastOp)
        and leaf not in made
        and nn.element_of(op.result) == element
        and element in NARROW_FLOATS
    ):
        return convert(s, _scalar(s, _read_by(op, axes)[0], made, outside), element)
    return convert(s, _scalar(s, leaf, made, outside), element)


def _leaf(s: Emitter, x: SSAValue, element: Attribute) -> SSAValue:
    """A leaf in its compute type. An anchor reduces small integers in wider ones, and its result wraps around in its own."""
    return extend(s, x if is_float(element) else convert(s, x, element))


def _scalar(s: Emitter, leaf: Leaf, made: dict[Leaf, SSAValue], outside: Outside) -> SSAValue:
    """A value in its compute type, with everything that it needs; without recursion, for groups of any depth."""
    pending = [leaf]
    while pending:
        value, axes = pending[-1]
        if (value, axes) in made:
            pending.pop()
            continue
        number = nn.splat_of(value, "an immediate")
        op = owner_op(value)
        if number is not None:
            made[value, axes] = immediate(s, number, nn.element_of(value))
            continue
        if isinstance(op, nn.SizeOp):
            made[value, axes] = convert(s, outside.sizes[value], compute_type(nn.element_of(value)))
            continue
        if op is None or not (has_scalar_form(op) or nn.is_lookup(op)):
            raise PassError(
                f"lower-groups: {describe(op) if op else value}: expected a pointwise op, which has a scalar form"
            )
        needed = _read_by(op, axes)
        missing = [n for n in needed if n not in made]
        if missing:
            pending += reversed(missing)
            continue
        if nn.is_lookup(op):
            made[value, axes] = _lookup(s, op, made[needed[0]], outside.tables[op.operands[0]])
            continue
        made[value, axes] = scalar_form(s, op, [made[n] for n in needed])
    return made[leaf]
