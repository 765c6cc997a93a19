"""Names for readers of thread code and CUDA C: which lane and warp, where a tensor is read, whether that is inside it."""

from __future__ import annotations

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Block, SSAValue

from ....dialects.kernel import CpAsyncOp, LdGlobalOp, LdSharedOp, StClusterOp, StGlobalOp, StSharedOp, ThreadIdOp

WARP = 32


def name_values(block: Block) -> None:
    """Gives values without a name hint one, by what they are used for first."""
    for op in block.walk():
        match op:
            case arith.DivUIOp() if _is_thread(op.lhs) and _constant(op.rhs) == WARP:
                _hint(op.result, "warp")
            case arith.RemUIOp() if _is_thread(op.lhs) and _constant(op.rhs) == WARP:
                _hint(op.result, "lane")
            case LdGlobalOp() | LdSharedOp():
                _place(op.offset, op.source)
                _hint(op.predicate, "inside")
            case StGlobalOp() | StSharedOp() | StClusterOp():
                _place(op.offset, op.target)
                _hint(op.predicate, "inside")
            case CpAsyncOp():
                _place(op.source_offset, op.source)
                _place(op.target_offset, op.target)
                _hint(op.predicate, "inside")
            case _:
                pass


def _is_thread(value: SSAValue) -> bool:
    return isinstance(value.owner, ThreadIdOp)


def _constant(value: SSAValue) -> int | None:
    """The value of an index constant."""
    if isinstance(value.owner, arith.ConstantOp) and isinstance(value.owner.value, IntegerAttr):
        return value.owner.value.value.data
    return None


def _hint(value: SSAValue | None, name: str) -> None:
    if value is not None and value.name_hint is None and not isinstance(value.owner, arith.ConstantOp):
        value.name_hint = name


def _place(value: SSAValue, array: SSAValue) -> None:
    """An element of an array: `x_at`."""
    if array.name_hint is not None:
        _hint(value, f"{array.name_hint}_at")
