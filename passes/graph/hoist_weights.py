"""`hoist-weights`: moves constants and what depends on constants only from `@main` to `@weights`.

    func.func @main(%x : T) -> T {                         func.func @main(%x : T) -> T {
      %0 = nn.constant #nn.blob<"w", ...>                    %w = nn.weight "w" : T
      %w = nn.transpose %0                                   %1 = nn.matmul %x, %w
      %1 = nn.matmul %x, %w                       ->         ...
      ...                                                  }
                                                           func.func @weights() {
                                                             %0 = nn.constant #nn.blob<"w", ...>
                                                             %1 = nn.transpose %0
                                                             nn.export "w" %1 : T
                                                           }

A build evaluates `@weights`, and a refit what changed of it. Values that ops of `@main` read are exported under the label of the
constant or initializer that they come from, or their ONNX name, made unique; equal constants share one export. Constants inside groups
are immediates and stay. Run it after fusion and `assign-destinations`, when it is known what the groups read. Linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from ...dialects import fusion, nn
from ...dialects.blob import BlobAttr
from ...dialects.provenance import get_names, set_names
from ..remarks import is_collecting, remark
from . import editing

NAME = "hoist-weights"


def _weights_function(module: ModuleOp) -> FuncOp:
    """`@weights`, made if it is not there."""
    for func in editing.functions(module):
        if func.sym_name.data == editing.WEIGHTS:
            return func
    func = FuncOp(editing.WEIGHTS, ((), ()), Region(Block([ReturnOp()])))
    module.body.block.add_op(func)
    return func


def _source_labels(ops: Sequence[Operation]) -> dict[Operation, str]:
    """For each op, the ops in the order of their block, the label of the first named constant that it depends on; "" for none."""
    labels: dict[Operation, str] = {}
    for op in ops:
        own = _own_label(op)
        owners = (operand.owner for operand in op.operands if isinstance(operand.owner, Operation))
        labels[op] = own or next(filter(None, (labels.get(owner, "") for owner in owners)), "")
    return labels


def _own_label(op: Operation) -> str:
    """The name of an initializer or the label of a constant."""
    if isinstance(op, nn.InitializerOp):
        return op.label.data
    return op.value.label.data if isinstance(op, nn.ConstantOp) and isinstance(op.value, BlobAttr) else ""


@dataclass
class _Exports:
    """The values that `@weights` exports, by name."""

    weights: Block
    taken: set[str] = field(default_factory=set[str])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    """By label, the first number that may be free: names stay taken."""

    def add(self, value: SSAValue, label: str) -> str:
        label = label or "weight"
        name, number = label, self.numbers.get(label, 1)
        while name in self.taken:
            name, number = f"{label}.{number}", number + 1
        self.taken.add(name)
        self.numbers[label] = number
        export = nn.ExportOp(name, value)
        if isinstance(value.owner, Operation):
            export.location = value.owner.location
        assert self.weights.last_op is not None
        self.weights.insert_op_before(export, self.weights.last_op)
        return name


def _movable(block: Block) -> list[Operation]:
    """The ops of `@main` that depend on constants only, without weights that were hoisted before."""
    fixed = editing.fed_by_constants_only(block)
    hoisted: set[SSAValue] = set()
    ops: list[Operation] = []
    for op in block.ops:
        if not op.results or op.results[0] not in fixed:
            continue
        if isinstance(op, nn.WeightOp | fusion.GroupOp | fusion.CallOp) or any(v in hoisted for v in op.operands):
            hoisted.update(op.results)
        else:
            ops.append(op)
    return ops


def hoist(main: Block, weights: Block) -> int:
    """Move ops from `main`, the block of `@main` or of a body, to `weights`; returns how many values are exported."""
    ops = _movable(main)
    moved = set(ops)
    exports = _Exports(weights, {o.label.data for o in weights.ops if isinstance(o, nn.ExportOp)})
    count = len(exports.taken)
    reads: list[tuple[Operation, SSAValue]] = []
    for op in ops:
        reads += [(op, r) for r in op.results if any(use.operation not in moved for use in r.uses)]
    labels = _source_labels(ops)
    for op, value in reads:
        label = labels[op] or next(filter(None, get_names(op)), "")
        weight = nn.WeightOp(exports.add(value, label), value.type)
        editing.insert_before(op, weight)
        set_names(weight, [get_names(op)[op.results.index(value)]])
        value.replace_uses_with_if(
            weight.results[0], lambda use: use.operation not in moved and use.operation.parent is main
        )
    first_export = next((o for o in weights.ops if isinstance(o, nn.ExportOp | ReturnOp)), None)
    assert first_export is not None
    for op in ops:
        op.detach()
        weights.insert_op_before(op, first_export)
    editing.erase_unused(ops)
    return len(exports.taken) - count


def _explain(block: Block) -> None:
    """A remark on each op of `@main` that could be known at build time and is not."""
    known: set[SSAValue] = set()
    for op in block.ops:
        if isinstance(op, (*nn.SOURCES, nn.WeightOp)):
            known.update(op.results)
        elif op.results and op.operands and all(v in known for v in op.operands) and editing.is_static(op):
            known.update(op.results)
            why = "a group is a launch" if isinstance(op, fusion.GroupOp | fusion.CallOp) else "it reads what stays"
            remark(op, "missed", NAME, f"computed in each run, of what is known at build time: {why}")


@dataclass(frozen=True)
class HoistWeightsPass(ModulePass):
    """Move everything that is known at build time to `@weights`."""

    name = NAME
    numerics: ClassVar[str] = "exact"
    LOSES: ClassVar[str] = "computed at build time, in @weights"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        main = editing.main_function(op)
        if main is None:
            return
        for function in [main, *filter(nn.is_body, editing.functions(op))]:
            block = function.body.block
            if not _movable(block):
                continue
            count = hoist(block, _weights_function(op).body.block)
            if is_collecting():
                _explain(block)
            remark(function, "applied", NAME, f"{count} weights exported")
