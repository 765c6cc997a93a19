"""Whether a kernel in tile ops may be launched before its predecessor has ended (programmatic dependent launch)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from xdsl.dialects import scf
from xdsl.ir import Operation, Region

from ..provenance import describe
from .accesses import touched_by
from .structure import FuncOp, RolesOp
from .tile.sync import GridWaitOp


def breaks_dependence(func: FuncOp, early: Collection[int]) -> str | None:
    """Why a kernel may not be a dependent launch, or None. In each of its blocks some warp must wait (`kernel.grid_wait`) on every path,
    and no warp may touch a tensor before it has waited itself, except those that no launch writes, whose numbers are `early`."""
    walk = _Walk(early)
    end = walk.region(func.body, _Waited(False, False))
    if walk.first is not None:
        op, tensor = walk.first
        return f"{describe(op)} touches tensor {tensor} before kernel.grid_wait: expected that of weights alone"
    return None if end.some else "a block may end without kernel.grid_wait: expected one on every path"


@dataclass(frozen=True)
class _Waited:
    """Whether all warps that get here have waited, and whether some warp of the block has."""

    all: bool
    some: bool


@dataclass
class _Walk:
    """One walk over the ops."""

    early: Collection[int]
    first: tuple[Operation, int] | None = None
    """The first op that touches a tensor too early."""

    def region(self, region: Region, waited: _Waited) -> _Waited:
        for op in region.block.ops if region.blocks else ():
            waited = self._op(op, waited)
        return waited

    def _op(self, op: Operation, waited: _Waited) -> _Waited:
        if isinstance(op, GridWaitOp):
            return _Waited(True, True)
        if not waited.all and self.first is None:
            self.first = next(((op, tensor) for tensor in touched_by(op) if tensor not in self.early), None)
        ends: Sequence[_Waited] = [self.region(region, waited) for region in op.regions]
        if isinstance(op, RolesOp):
            return _Waited(all(end.all for end in ends), any(end.some for end in ends))
        if isinstance(op, scf.IfOp):
            return _Waited(all(end.all for end in ends), all(end.some for end in ends))
        return waited  # a loop may have no iteration
