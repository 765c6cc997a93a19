"""Which values are inlined into the statement that reads them.

A value with one use is inlined if it has no name of its own, C computes its expression in its own type, and nothing between its
definition and its use could change its operands.
"""

from __future__ import annotations

from bisect import bisect_left

from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import AnyFloat, IndexType, IntegerType, i1
from xdsl.ir import Attribute, Block, Operation

from ....dialects import kernel
from ....dialects.kernel.scalars.table import SCALARS

LONGEST = 100
"""Characters of an expression; a longer one becomes a statement."""

_LOGICAL = (arith.CmpiOp, arith.CmpfOp, arith.AndIOp, arith.OrIOp, arith.XOrIOp)
_UNSIGNED = (arith.DivUIOp, arith.RemUIOp, arith.ShRUIOp, arith.MinUIOp, arith.MaxUIOp)


def inlined(block: Block) -> set[Operation]:
    """The ops of a block whose results are written where they are read."""
    ops = list(block.ops)
    place = {op: number for number, op in enumerate(ops)}
    barriers = [number for number, op in enumerate(ops) if not _is_pure(op)]
    read_at: dict[Operation, int] = {}
    chosen: set[Operation] = set()
    for op in reversed(ops):
        read_at[op] = place[op]
        if not _may_move(op):
            continue
        use = next(iter(op.results[0].uses))
        user = use.operation
        if (
            user.parent is not block
            or (isinstance(user, scf.ForOp) and use.index in (1, 2))
            or _repeats(user, use.index)
        ):
            continue
        at = read_at[user]
        if isinstance(op, memref.LoadOp) and bisect_left(barriers, place[op]) != bisect_left(barriers, at):
            continue
        read_at[op] = at
        chosen.add(op)
    return chosen


def _is_pure(op: Operation) -> bool:
    return type(op) in SCALARS or isinstance(op, arith.ConstantOp | kernel.ParamOp | kernel.ThreadIdOp | memref.LoadOp)


def _may_move(op: Operation) -> bool:
    if type(op) not in SCALARS and not isinstance(op, memref.LoadOp):
        return False
    result = op.results[0]
    return result.has_one_use() and result.name_hint is None and _keeps_type(op, result.type)


def _keeps_type(op: Operation, type_: Attribute) -> bool:
    """Whether the expression has the value's own type. C widens narrow integers, which an assignment would narrow again, and an unsigned
    operand makes the whole expression unsigned."""
    if isinstance(op, _UNSIGNED):
        return False
    if isinstance(op, memref.LoadOp) or isinstance(type_, IndexType | AnyFloat):
        return True
    return isinstance(type_, IntegerType) and (type_.width.data >= 32 or (type_ == i1 and isinstance(op, _LOGICAL)))


def _repeats(user: Operation, index: int) -> bool:
    """Whether the text of `user` repeats that of its operand, or would evaluate it in each iteration of a loop."""
    row = SCALARS.get(type(user))
    if row is None:
        return isinstance(user, scf.WhileOp)
    marks = [f"operand{number}mark" for number in range(len(user.operands))]
    return row.c(user, marks, lambda wrapper: wrapper.name).count(marks[index]) != 1
