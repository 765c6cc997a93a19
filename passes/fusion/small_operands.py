"""Small operands of a group: ops whose results broadcast to its values, computed where these read them.

    %0 = nn.cast %mask : [1, 1, s]             %4 = fusion.group "pointwise" {
    %1 = nn.sub %one, %0                         %1 = nn.sub %one, (nn.cast %mask)
    %2 = nn.mul %1, %low                         %3 = nn.add %bias, (nn.mul %1, %low) : [h, s, s]
    %3 = nn.add %bias, %2 : [h, s, s]          }

They are pointwise ops, and reductions that walk the elements of the group's own (the sum of a mask beside that of what it shows). They are
computed once for each element that reads them, so that a launch is saved: a price decides. Such ops anchor a group only when the larger
ones that read them have one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from xdsl.ir import Block, Operation, SSAValue

from ...dialects import nn
from ...dialects.dims import Expr
from ...dialects.nn import shape_of
from ..kernels.building.group import GroupView
from ..kernels.cost.decision import Decision, decide
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from .storage import price_of

INSIDE, APART = "where it is read", "a launch of its own"
MOST_BESIDE = 2
"""Reductions beside the one that anchors a group."""
_REACH = 8
"""Ops above a larger one among which a reduction is looked for."""


def broadcasts(op: Operation, dims: Sequence[Expr]) -> bool:
    """Whether the result of an op is smaller than `dims`, and broadcasts to them."""
    own = shape_of(op.results[0])
    fits = len(own) <= len(dims) and all(d in (1, wide) for d, wide in zip(own[::-1], dims[::-1], strict=False))
    return fits and tuple(own) != tuple(dims)


def feed_larger_ops(block: Block) -> set[Operation]:
    """The ops of which one larger pointwise op reads what only they make, perhaps after others of their shape; of reductions those that
    can stand beside one that it reads, too."""
    larger: dict[Operation, Operation] = {}
    for op in reversed(list(block.ops)):
        if not nn.is_pointwise(op) and not isinstance(op, nn.ReduceOp):
            continue
        reader = op.results[0].get_user_of_unique_use()
        if reader is None or not nn.is_pointwise(reader):
            continue
        if not broadcasts(op, shape_of(reader.results[0])):
            reader = larger.get(reader)
        if reader is not None and (nn.is_pointwise(op) or _reads_beside(reader, op)):
            larger[op] = reader
    return set(larger)


def _reads_beside(reader: Operation, op: Operation) -> bool:
    """Whether an op reads a reduction beside which another one can stand, perhaps after pointwise ops."""
    pending, seen = [reader], {reader}
    while pending and len(seen) < _REACH:
        for operand in pending.pop().operands:
            above = operand.owner
            if above is op or above in seen or not isinstance(above, Operation):
                continue
            if isinstance(above, nn.ReduceOp) and isinstance(op, nn.ReduceOp) and nn.refuse_beside(op, above) is None:
                return True
            if nn.is_pointwise(above):
                seen.add(above)
                pending.append(above)
    return False


def decide_small(
    kind: str,
    small: Collection[Operation],
    view: GroupView,
    apart: GroupView,
    constants: Collection[SSAValue],
    matcher: Matcher,
    prices: Prices,
) -> Decision:
    """The decision between a group with its small operands (`view`) and without (`apart`)."""
    alone = sum(price_of(part, constants, matcher, prices) for part in _parts(view.ops, small))
    inside, rest = (price_of(part, constants, matcher, prices) for part in (view, apart))
    return decide(f"small operand of a {kind}", {INSIDE: inside, APART: rest + alone})


def _parts(ops: Sequence[Operation], small: Collection[Operation]) -> Iterator[GroupView]:
    """The groups that small operands would be: each with what only it reads."""
    parts: list[list[Operation]] = []
    for op in (op for op in ops if op in small):
        reads = {operand.owner for operand in op.operands}
        joined = [part for part in parts if any(member in reads for member in part)]
        parts = [part for part in parts if part not in joined] + [[*(m for part in joined for m in part), op]]
    for part in parts:
        results = [r for op in part for r in op.results if any(use.operation not in part for use in r.uses)]
        yield GroupView.of_region(
            "row" if any(isinstance(op, nn.ReduceOp) for op in part) else "pointwise", part, results
        )
