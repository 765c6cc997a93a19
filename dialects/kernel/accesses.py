"""What a kernel does with each of its global tensors, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import BlockArgument, Operation, SSAValue

from ..buffer import Access
from .structure import FuncOp
from .thread.barriers import GridSyncOp
from .tile.compute import MapOp
from .tile.memory import FetchOp, Im2colOp, ScatterOp, StoreOp, ValidOp, ViewOp
from .tile.staging import PrefetchMapOp, StoreTmaOp, TensorMapOp
from .tile.sync import GridBarrierOp
from .types import GlobalType

_NAMES = (ViewOp, Im2colOp, TensorMapOp)
"""Ops that make another value for the same memory and access none of it."""
_UNTOUCHED = (ValidOp, PrefetchMapOp)
"""Ops that take a view or a map and access none of its memory."""
_STORES = (StoreOp, StoreTmaOp)
_UPDATES = (GridBarrierOp, GridSyncOp)

ACCESSES = "kernel.accesses"
"""On a kernel of a group of several launches: what it does with each of its tensors."""


def touched_by(op: Operation) -> Iterator[int]:
    """The tensors, by number, whose memory an op in tiles or threads reads or writes."""
    if isinstance(op, (*_NAMES, *_UNTOUCHED)):
        return
    if isinstance(op, MapOp):
        for inner in op.body.walk():
            if isinstance(inner, FetchOp):
                yield from touched_by(inner)
    for operand in op.operands:
        value: SSAValue = operand
        while isinstance(value.owner, _NAMES):
            value = value.owner.operands[0]
        if isinstance(value, BlockArgument) and isinstance(value.type, GlobalType):
            yield value.index


def accesses_of(func: FuncOp) -> list[Access]:
    """For each tensor whether the kernel's ops read it, write it, do both, or neither."""
    return [_access(tensor) for tensor in func.tensors]


def stated_accesses(func: FuncOp) -> tuple[Access, ...] | None:
    """The attribute `kernel.accesses` of a kernel; None without it."""
    listed = func.attributes.get(ACCESSES)
    if not isinstance(listed, ArrayAttr):
        return None
    return tuple(Access(kind.data) for kind in listed if isinstance(kind, StringAttr))


def state_accesses(func: FuncOp, accesses: Sequence[Access]) -> None:
    """Writes `kernel.accesses`, for kernels that do not read all operands and write all results."""
    func.attributes[ACCESSES] = ArrayAttr(StringAttr(access) for access in accesses)


def _access(tensor: SSAValue) -> Access:
    reads = writes = False
    names = [tensor]
    while names:
        for use in names.pop().uses:
            if isinstance(use.operation, _NAMES):
                names += use.operation.results
            elif isinstance(use.operation, _STORES):
                writes = True
            elif isinstance(use.operation, ScatterOp):
                writes = True
                reads = reads or use.operation.kind.data != "set"
            elif isinstance(use.operation, _UPDATES):
                reads = writes = True
            elif not isinstance(use.operation, _UNTOUCHED):
                reads = True
    return Access.of(reads, writes)
