"""
`insert-pdl`: lets launches begin while the previous one still runs (programmatic dependent launch).

    buffer.launch @norm ins(%x) outs(%a)
    buffer.launch @fc ins(%a, %w) outs(%b)  ->  buffer.launch @fc ins(%a, %w) outs(%b) {dependent}

A launch is dependent on the one right before it on its stream, whose end its kernel waits for. What must hold beside that, and why a wait
for the previous launch alone is one for all earlier ones, stands in `passes/kernels/building/waits.py`, which places the waits. Not
dependent are a launch that has no launch right before it (the first of the host function, of a branch or loop, after a read or an event),
one of a kernel that does not wait, and one that gives its kernel something else than a weight where that reads weights before it waits.
The first launch of a segment follows what the caller had queued, which may hold no such rule.

Assumes `bufferize`; runs once streams and the arena are fixed. Does nothing for a target without dependent launches. Linear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.passes import ModulePass

from ...dialects import kernel
from ...dialects.buffer import LaunchOp
from ...dialects.host.control import If, Loop, Step
from ...dialects.host.structure import LaunchNode, Node, functions_of, read_structure
from ...dialects.kernel.marks import early_of
from ...dialects.kernel.types import Target
from ..remarks import remark

NAME = "insert-pdl"
TARGET = "kernel.target"


def check(node: LaunchNode, previous: LaunchNode | None, kernels: Mapping[str, kernel.FuncOp]) -> str | None:
    """Why a launch may not begin before `previous`, which is right before it on its stream, has ended, or None."""
    if previous is None:
        return "no launch comes right before it on its stream"
    made = kernels.get(node.op.callee.string_value())
    early = None if made is None else early_of(made)
    if early is None:
        return "its kernel does not wait for the previous launch"
    if unfit := sorted(early - node.weights):
        return f"its kernel reads operand {unfit[0]} before it waits, which is no weight here"
    return None


def rewrite(launch: LaunchOp) -> None:
    launch.dependent = UnitAttr()


@dataclass(frozen=True)
class InsertPdlPass(ModulePass):
    """Marks launches that need not wait for the end of the previous one."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions, target = functions_of(op), op.attributes.get(TARGET)
        if "main" not in functions or not isinstance(target, Target) or not target.dependent_launches:
            return
        walk = _Walk({made.sym_name.data: made for made in op.body.block.ops if isinstance(made, kernel.FuncOp)})
        walk.visit(read_structure(functions["main"], functions))
        for launch, reason in walk.reasons.items():
            if reason is None:
                rewrite(launch)
                remark(
                    launch, "applied", NAME, f"launch of {launch.callee} may begin before the previous one has ended"
                )
            else:
                remark(
                    launch, "missed", NAME, f"launch of {launch.callee} waits for the end of the previous one: {reason}"
                )


@dataclass
class _Walk:
    """One walk over the steps of a host function."""

    kernels: Mapping[str, kernel.FuncOp]
    reasons: dict[LaunchOp, str | None] = field(default_factory=dict[LaunchOp, "str | None"])
    """For each launch why it is not dependent, at any of the places where its function is called."""

    def visit(self, steps: Sequence[Step[Node]]) -> None:
        previous: dict[int, LaunchNode] = {}
        """The launch that comes right before, by stream."""
        for step in steps:
            match step:
                case LaunchNode():
                    stream = step.op.stream_number
                    found = check(step, previous.get(stream), self.kernels)
                    self.reasons[step.op] = self.reasons.get(step.op) or found
                    previous[stream] = step
                    continue
                case If():
                    self.visit(step.then)
                    self.visit(step.otherwise)
                case Loop():
                    self.visit(step.before)
                    self.visit(step.body)
                case _:
                    pass
            previous.clear()
