"""
Builds kernel IR: constants and dim expressions once at the kernel's entry, index arithmetic with folding, loops, views, tiles.

    b = KernelBuilder.for_group(group, grid=[(total + 1023) // 1024, 1, 1], warps=4)
    first = b.mul(b.coords[0], 1024)
    tile = b.load(view, [b.index(0), first], frag)
    b.store(tile, other, [b.index(0), first])
    return [b.finish()]

Index operands are SSA values or Python ints everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self, TypeAlias

from xdsl.dialects.builtin import i1, i32
from xdsl.ir import SSAValue

from ....dialects import kernel
from ....dialects.dims import Expr, ExprLike, as_expr
from ....dialects.kernel.types import FragType, GlobalType
from ....dialects.strided import collapse
from .control import Entry
from .emitter import Emitter, Index, constant_value, named
from .group import Access, GroupView
from .pipelines import PipelineBuilder

__all__ = ["Emitter", "Groups", "Index", "KernelBuilder", "constant_value", "named"]

Groups: TypeAlias = Sequence[Sequence[int]]

MOST_BLOCKS = 65535
"""Blocks of a grid along y and along z, at most (CUDA C Programming Guide, compute capabilities)."""


class KernelBuilder(PipelineBuilder):
    """Builds the body of one `kernel.func`, or of a loop or role inside it."""

    @classmethod
    def for_group(
        cls,
        group: GroupView,
        grid: Sequence[ExprLike],
        warps: int,
        *,
        name: str | None = None,
        workspace: Sequence[GlobalType] = (),
        cluster: int = 1,
        min_blocks: int = 0,
    ) -> Self:
        """A kernel with the group's tensors (operands, results, then workspace) as arguments. Blocks are numbered along x alone where there
        may be more along y or z than a grid can have."""
        arguments = [*group.global_types(), *workspace]
        x, y, z = map(as_expr, grid)
        in_line = any((group.upper(extent) or 0) > MOST_BLOCKS for extent in (y, z))
        extents = [x * y * z, 1, 1] if in_line else grid
        func = kernel.FuncOp(name or group.name, arguments, extents, warps, cluster=cluster, min_blocks=min_blocks)
        func.location = group.location
        block = func.body.block
        for i, argument in enumerate(block.args[:-3]):
            if i < len(group.operands):
                argument.name_hint = group.tensors[i].name_hint
            else:
                argument.name_hint = "y" if i < len(group.tensors) else "workspace"
        b = cls(func, block, Entry(block), group.location)
        if in_line:
            number, columns, rows = b.coords[0], b.expr(x), b.expr(y)
            outer = b.div(number, columns)
            b.entry.coords = b.rem(number, columns), b.rem(outer, rows), b.div(outer, rows)
        return b

    @property
    def coords(self) -> Sequence[SSAValue]:
        """The coordinates of the block's tile: three indices."""
        return self.entry.coords or self.func.coords

    @property
    def tensors(self) -> Sequence[SSAValue]:
        """The global tensors in launch order."""
        return self.func.tensors

    def finish(self) -> kernel.FuncOp:
        """End the kernel."""
        self.insert(kernel.ReturnOp())
        return self.func

    # Tiles.

    def view(
        self,
        tensor: int,
        groups: Groups,
        dims: Sequence[Expr] | None = None,
        strides: Sequence[Expr] | None = None,
        offset: ExprLike = 0,
    ) -> SSAValue:
        """A view of a tensor argument, at the kernel's entry; without dims and strides its own. Contiguous dims are merged."""
        source = self.tensors[tensor]
        type_ = source.type
        assert isinstance(type_, GlobalType)
        own_dims, own_strides = type_.dims.exprs, type_.strides.exprs
        d, s, g = collapse(own_dims if dims is None else dims, own_strides if strides is None else strides, groups)
        key = (tensor, *d, ":", *s, ":", str(g), as_expr(offset))
        view = self.entry.get(key, lambda: self._located(kernel.ViewOp(source, g, d, s, offset)))
        return named(view, f"{source.name_hint}_view") if source.name_hint is not None else view

    def view_of(self, access: Access, groups: Groups) -> SSAValue:
        """A view of an access, with one coordinate for each group of its dims."""
        return self.view(access.owner, groups, access.dims, access.strides, access.offset)

    def load(self, view: SSAValue, coords: Sequence[Index], frag: FragType, fill: float = 0.0) -> SSAValue:
        """The tile at the coordinates; `frag`'s element type is replaced by the view's."""
        source = view.owner.source.name_hint if isinstance(view.owner, kernel.ViewOp) else None
        name = f"{source}_tile" if source is not None else None
        return self.emit(kernel.LoadOp(view, self._indices(coords), _like(frag, view), fill), name)

    def valid(self, view: SSAValue, coords: Sequence[Index], frag: FragType) -> SSAValue:
        """Which elements of the tile lie inside the view."""
        return self.emit(kernel.ValidOp(view, self._indices(coords), frag.with_element(i1)))

    def gather(
        self, view: SSAValue, rows: SSAValue, coords: Sequence[Index], frag: FragType, fill: float = 0.0
    ) -> SSAValue:
        """Rows of the view named by a rows fragment."""
        return self.emit(kernel.GatherOp(view, rows, self._indices(coords), _like(frag, view), fill))

    def store(self, value: SSAValue, view: SSAValue, coords: Sequence[Index]) -> None:
        self.insert(kernel.StoreOp(value, view, self._indices(coords)))

    def _indices(self, coords: Sequence[Index]) -> list[SSAValue]:
        return [self.index(c) for c in coords]

    def fill(self, value: float, frag: FragType, name: str | None = None) -> SSAValue:
        return self.emit(kernel.FillOp(value, frag), name)

    def coord(self, base: Index, axis: int, frag: FragType) -> SSAValue:
        """`base` plus each element's row (0) or column (1), i32 in the fragment's layout."""
        return self.emit(kernel.CoordOp(self.index(base), axis, frag.with_element(i32)))

    def map(
        self, operands: Sequence[SSAValue], results: Sequence[FragType], body: Callable[..., Sequence[SSAValue]]
    ) -> list[SSAValue]:
        """`kernel.map`; `body(emitter, *scalars)` gives the yielded scalars."""
        op = kernel.MapOp(list(operands), list(results))
        block = op.body.block
        inner = Emitter(block, self.location)
        inner.insert(kernel.YieldOp(*body(inner, *block.args)))
        return list(self.insert(op).results)

    def reduce(self, kind: str, value: SSAValue, scratch: SSAValue | None = None) -> SSAValue:
        """One value per row, of the fragment's element type; `scratch`: shared memory for warps that share a row."""
        return self.emit(kernel.ReduceOp(kind, value, scratch))


def _like(frag: FragType, view: SSAValue) -> FragType:
    type_ = view.type
    assert isinstance(type_, kernel.ViewType)
    return frag.with_element(type_.element_type)
