"""Values that take the place of others, one by one, without rewriting an op of thousands of operands for each of them.

xDSL makes all operands of an op anew when one of them changes. Where a pass replaces most of the operands of a wide concat, each on its
own, that takes the square of their number. Here such ops are changed once, by `apply`; all others at once, as with
`replace_all_uses_with`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue

WIDE = 64
"""Operands of an op beyond which it is changed once."""


@dataclass
class Replacements:
    """Until `apply`, wide ops read the old values: ask `of` what stands for one."""

    _new: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    _wide: dict[Operation, None] = field(default_factory=dict[Operation, None])
    _awaited: set[SSAValue] = field(default_factory=set[SSAValue])
    """What wide ops will read: it may be replaced, too, before it has a reader."""

    def of(self, value: SSAValue) -> SSAValue:
        """What takes the place of a value that a wide op reads; the value itself where nothing does."""
        while value in self._new:
            value = self._new[value]
        return value

    def replace(self, old: SSAValue, new: SSAValue) -> None:
        """Let all that reads `old` read `new`; it takes over the name, too."""
        for use in tuple(old.uses):
            user = use.operation
            if len(user.operands) > WIDE:
                self._wide[user] = None
                self._awaited.add(old)
            else:
                user.operands[use.index] = new
        if old in self._awaited:
            self._new[old] = new
            self._awaited.add(new)
        new.name_hint = new.name_hint or old.name_hint

    def replace_op(self, op: Operation, new: Sequence[SSAValue]) -> None:
        """Replace the results of an op, which goes."""
        for old, value in zip(op.results, new, strict=True):
            self.replace(old, value)
        self.erase(op)

    def erase(self, op: Operation) -> None:
        """Take out an op whose results are replaced: wide ops may read them until `apply`. Raises ValueError where others do."""
        if any(use.operation not in self._wide for result in op.results for use in result.uses):
            raise ValueError(f"{op.name} is to go, and other ops read its results")
        op.detach()
        op.drop_all_references()
        self._wide.pop(op, None)

    def apply(self) -> None:
        """Change the wide ops."""
        for op in self._wide:
            op.operands = [self.of(operand) for operand in op.operands]
        self._wide.clear()
        self._new.clear()
        self._awaited.clear()
