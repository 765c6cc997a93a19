"""The tile of an iteration space that a kernel works on: loads of operands broadcast into it, maps of pointwise ops, stores of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from xdsl.dialects.builtin import i32
from xdsl.ir import Attribute, Operation, SSAValue

from ....dialects import nn
from ....dialects.dims import Expr
from ....dialects.errors import PassError
from ....dialects.kernel.types import FragType
from ....dialects.strided import Axes, space_axes
from .builder import Index, KernelBuilder
from .group import GroupView
from .maps import emit_pointwise, leaves_of, place_of, refuse_tables, table_view
from .pointwise import convert
from .row_loads import load_moved, reads_rows
from .schedule import Refusal
from .table_rows import table_rows


@dataclass(frozen=True)
class Space:
    """
    A tile of the iteration space `dims` at `coords`, one coordinate for each of `groups` of its dims, the last two spanning `frag` (its
    shape and layout; the element type does not count). A rows fragment stands for one column.
    """

    b: KernelBuilder
    group: GroupView
    dims: tuple[Expr, ...]
    groups: tuple[Sequence[int], ...]
    coords: tuple[Index, ...]
    frag: FragType

    def load(self, value: SSAValue, axes: Axes, fill: float = 0.0) -> SSAValue:
        """An operand (or a view-like chain on one), broadcast into the tile, or one whose rows are moved; rows of a table are 0 where there
        is no such row, and past their end."""
        if (moved := self.group.moves.get(value)) is not None:
            return load_moved(self.b, self.group, moved, len(self.groups[-1]), self.coords, self.frag, fill)
        op = self.group.maker(value)
        if op is not None and nn.gathers_rows(op):
            return self._gather(op, axes)
        access = self.group.access(value, axes, self.dims)
        if access is None:
            raise PassError(
                f"lower-groups: @{self.group.name}: operand {value} is not a strided view: expected `match` to refuse the group"
            )
        return self.b.load(self.b.view_of(access, self.groups), self.coords, self.frag, fill)

    def _gather(self, op: Operation, axes: Axes) -> SSAValue:
        found, b, rows = table_rows(self.group, op, axes, self.dims, self.groups), self.b, self.frag.rows
        if isinstance(found, str):
            raise PassError(f"lower-groups: @{self.group.name}: {found}: expected `match` to refuse the group")
        indices = b.load(b.view_of(found.indices, self.groups), [self.coords[0], 0], rows)
        extent = b.cast(b.expr(found.table.dims[0]), i32)
        (places,) = b.map([indices, extent], [rows.with_element(i32)], lambda s, x, size: [place_of(s, x, size)])
        return b.gather(b.view_of(found.table, found.groups), places, [self.coords[1]], self.frag)

    def axes(self, value: SSAValue) -> Axes:
        """A value's own axes, broadcast to the space."""
        return space_axes(nn.shape_of(value), self.dims)

    def emit(
        self,
        values: Sequence[SSAValue],
        known: Mapping[SSAValue, SSAValue] | None = None,
        elements: Sequence[Attribute] | None = None,
    ) -> list[SSAValue]:
        """Fragments of values of the group: loads and one map. `known` gives those that exist (an anchor's result)."""
        wanted = [(v, self.axes(v)) for v in values]
        table = partial(table_view, self.b, self.group)
        return emit_pointwise(self.b, wanted, self.frag, self.load, known=known, elements=elements, table=table)

    def wide(self, value: SSAValue, element: Attribute, fill: float = 0.0) -> SSAValue:
        """One value in a wider type, elements outside the tensor being `fill` where the value is loaded as it is."""
        leaf = value, self.axes(value)
        if leaves_of([leaf], {}, self.group.maker) == [leaf]:
            loaded = self.load(*leaf, fill)
            if loaded.type == self.frag.with_element(element):
                return loaded
            (made,) = self.b.map([loaded], [self.frag.with_element(element)], lambda s, x: [convert(s, x, element)])
            return made
        return self.emit([value], elements=[element])[0]

    def is_loaded(self, value: SSAValue) -> bool:
        """Whether the value is an operand, not computed or gathered in the group."""
        leaf, op = (value, self.axes(value)), self.group.maker(value)
        return leaves_of([leaf], {}, self.group.maker) == [leaf] and not (op is not None and nn.gathers_rows(op))

    def store(self, result: int, value: SSAValue) -> None:
        """Write a fragment to a result whose dims are the space's."""
        self.b.store(value, self.b.view_of(self.group.result_access(result), self.groups), self.coords)

    def store_results(self, known: Mapping[SSAValue, SSAValue]) -> None:
        """Compute and write all results of the group."""
        for number, made in enumerate(self.emit(self.group.results, known)):
            self.store(number, made)

    def column(self) -> SSAValue:
        """Each element's column coordinate, i32."""
        return self.b.coord(self.coords[-1], 1, self.frag)

    def row(self) -> SSAValue:
        """Each row's coordinate, an i32 rows fragment."""
        return self.b.coord(self.coords[-2], 0, self.frag.rows.with_element(i32))


def refuse_values(
    group: GroupView,
    values: Sequence[SSAValue],
    dims: Sequence[Expr],
    known: Sequence[SSAValue] = (),
    groups: Sequence[Sequence[int]] | None = None,
) -> Refusal | None:
    """Why values cannot be computed over the iteration space `dims`, given the known ones; or None. `groups`: the dims that are rows and
    columns, where rows of tables may be gathered, and rows be moved."""
    dims = tuple(dims)
    if refusal := refuse_tables(group):
        return refusal
    for value in values:
        if nn.shape_of(value) != dims and value not in known:
            expected = ", ".join(map(str, dims))
            return Refusal(
                f"expected values of shape [{expected}] next to the anchor, got {value.type}", group.maker(value)
            )
        if refusal := refuse_leaves(group, value, dims, known, groups):
            return refusal
    return None


def refuse_leaves(
    group: GroupView,
    value: SSAValue,
    dims: tuple[Expr, ...],
    known: Sequence[SSAValue] = (),
    groups: Sequence[Sequence[int]] | None = None,
) -> Refusal | None:
    """Why what a value is computed from, broadcast to the iteration space `dims`, cannot be loaded; or None. As for `refuse_values`."""
    wanted = [(value, space_axes(nn.shape_of(value), dims))]
    for leaf, axes in leaves_of(wanted, dict.fromkeys(known, value), group.maker):
        op = group.maker(leaf)
        if leaf in known:
            continue
        if groups is not None and (moved := group.moves.get(leaf)) is not None:
            if axes != space_axes(dims, dims) or not reads_rows(group, moved, groups):
                return Refusal(f"expected {moved.ops[-1].name} of an operand's rows, at the space's shape", op)
        elif groups is not None and op is not None and nn.gathers_rows(op):
            found = table_rows(group, op, axes, dims, groups)
            if isinstance(found, str):
                return Refusal(found, op)
        elif group.access(leaf, axes, dims) is None:
            return Refusal(
                f"{op.name if op else 'operand'} next to the anchor: expected an operand of the group or a strided view of one",
                op,
            )
    return None
