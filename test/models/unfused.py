"""Every edge between two groups has a remark of `fuse-groups` that says why they are two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.dialects.builtin import ModuleOp, NameLoc, NoneAttr, StringAttr
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from trtc.compiler.pipeline import Observer
from trtc.dialects import fusion
from trtc.dialects.provenance import onnx_names
from trtc.passes.remarks import Remark, collecting


class Unexplained(Observer):
    """Gives each op a location of its own before `fuse-groups`, so that remarks tell ops apart, and reads its remarks after it.

    `edges` counts what lies between two groups; `silent` are the edges without a reason.
    """

    def __init__(self) -> None:
        self.edges = 0
        self.silent: list[str] = []
        self._remarks: list[Remark] = []

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        if step.name == "fuse-groups":
            for number, op in enumerate(module.walk()):
                op.location = NameLoc(StringAttr(f"{op.name}#{number}"), NoneAttr())
            self._collecting = collecting()
            self._remarks = self._collecting.__enter__()

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        if step.name != "fuse-groups":
            return
        self._collecting.__exit__(None, None, None)
        explained = {node for remark in self._remarks if remark.kind == "missed" for node in remark.nodes}
        for group in (op for op in module.walk() if isinstance(op, fusion.GroupOp)):
            for operand, argument in zip(group.operands, group.block.args, strict=True):
                for source, between in _sources(operand):
                    self.edges += 1
                    readers = [use.operation for use in argument.uses]
                    made = [source.yield_op.operands[i].owner for i in range(len(source.results))]
                    ends = [op for op in (*made, *between, *readers) if isinstance(op, Operation)]
                    if not any(name in explained for op in ends for name in onnx_names(op.location)):
                        self.silent.append(f"{_names(made)} -> {_names(between)} -> {_names(readers)}")


def _names(ops: Sequence[object]) -> str:
    return ", ".join(op.name for op in ops if isinstance(op, Operation))


def _sources(value: SSAValue) -> Iterator[tuple[fusion.GroupOp, list[Operation]]]:
    """The groups that a value comes from, through the ops outside groups that lie between, which come with them."""
    pending: list[tuple[SSAValue, list[Operation]]] = [(value, [])]
    while pending:
        value, between = pending.pop()
        if isinstance(value.owner, fusion.GroupOp):
            yield value.owner, between
        elif isinstance(value.owner, Operation):
            pending += [(operand, [*between, value.owner]) for operand in value.owner.operands]
