"""Sorting, scans, and writes to computed rows."""

from __future__ import annotations

from xdsl.ir import SSAValue

from ....dialects import nn
from ....dialects.dtypes import ui16, ui32, ui64
from ..arguments import check_kind, checked
from ..graph import Array
from .pointwise import PointwiseLayers


class PositionLayers(PointwiseLayers):
    """Layers over positions along an axis."""

    @checked
    def add_argsort(self, x: SSAValue, axis: int = -1, *, descending: bool = False) -> SSAValue:
        """The positions of the elements in order along `axis`, i32; equal elements stay in theirs, NaN counts as the greatest number."""
        if nn.element_of(x) == ui64:
            x = self.as_signed(x, ordered=True)
        return self.insert(nn.ArgsortOp(x, axis, descending))

    @checked
    def add_cumulative(
        self, kind: str, x: SSAValue, axis: int, *, exclusive: bool = False, reverse: bool = False
    ) -> SSAValue:
        """`sum` or `prod` of all elements up to each one along `axis`."""
        check_kind("cumulative", kind, tuple(nn.CumulativeKind))
        return self.insert(nn.CumulativeOp(x, kind, axis, exclusive, reverse))

    @checked
    def add_scatter(
        self, x: SSAValue, indices: SSAValue | Array, updates: SSAValue | Array, *, kind: str = "set"
    ) -> SSAValue:
        """`x` with rows of `updates` written to (`set`) or combined with (`add mul max min`) its rows at `indices`."""
        check_kind("scatter", kind, tuple(nn.ScatterKind))
        written = self.operand(updates)
        if kind == "set" or nn.element_of(x) not in (ui16, ui32, ui64):
            return self.insert(nn.ScatterOp(x, self.operand(indices), written, kind))
        ordered = kind in ("max", "min")
        x, written = (self.as_signed(value, ordered=ordered) for value in (x, written))
        return self.as_unsigned(self.insert(nn.ScatterOp(x, self.operand(indices), written, kind)), ordered=ordered)
