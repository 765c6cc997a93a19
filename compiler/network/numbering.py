"""Value numbering: values that are computed alike have one number. The host reads what it has read already no second time."""

from __future__ import annotations

from typing import Any

from xdsl.ir import BlockArgument, Operation, SSAValue

from ...dialects import nn


class Numbering:
    """The numbers of the values of one block, given when they are asked for: linear in the ops that lead to a value."""

    def __init__(self) -> None:
        self._known: dict[SSAValue, int] = {}
        self._alike: dict[tuple[Any, ...], int] = {}

    def of(self, value: SSAValue) -> int:
        """The number of a value."""
        pending = [value]
        while pending:
            top = pending[-1]
            missing = (
                [] if top in self._known else [operand for operand in _operands(top) if operand not in self._known]
            )
            if missing:
                pending += missing
            else:
                self._number(pending.pop())
        return self._known[value]

    def _number(self, value: SSAValue) -> None:
        if value not in self._known:
            self._known[value] = self._alike.setdefault(self._key(value), len(self._alike))

    def _key(self, value: SSAValue) -> tuple[Any, ...]:
        op = value.owner
        if not isinstance(op, nn.NnOp) or op.regions or isinstance(op, nn.IfOp | nn.LoopOp):
            return (value,)
        operands = tuple(self._known[operand] for operand in op.operands)
        properties = tuple(sorted(op.properties.items()))
        return (op.name, op.results.index(value), value.type, properties, operands)


def _operands(value: SSAValue) -> tuple[SSAValue, ...]:
    owner = None if isinstance(value, BlockArgument) else value.owner
    return tuple(owner.operands) if isinstance(owner, Operation) else ()
