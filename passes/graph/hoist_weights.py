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

The engine evaluates `@weights` once at build. Values that ops of `@main` read are exported under the label of the constant that they come
from, or their ONNX name, made unique; equal constants share one export. Constants inside groups are immediates and stay. Run
it after fusion and `assign-destinations`, when it is known what the groups read. Linear.
"""

from __future__ import annotations

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
from ..remarks import remark
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


def _source_label(op: Operation) -> str:
    """The label of the first named constant that an op depends on."""
    pending, seen = [op], {op}
    while pending:
        current = pending.pop()
        if isinstance(current, nn.ConstantOp) and isinstance(current.value, BlobAttr) and current.value.label.data:
            return current.value.label.data
        owners = [operand.owner for operand in current.operands if isinstance(operand.owner, Operation)]
        new = [owner for owner in owners if owner not in seen]
        seen.update(new)
        pending += reversed(new)
    return ""


@dataclass
class _Exports:
    """The values that `@weights` exports, by name."""

    weights: Block
    taken: set[str] = field(default_factory=set)

    def add(self, value: SSAValue, label: str) -> str:
        name, number = label or "weight", 1
        while name in self.taken:
            name, number = f"{label or 'weight'}.{number}", number + 1
        self.taken.add(name)
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
    """Move ops from `main` to `weights`; returns how many values are exported."""
    ops = _movable(main)
    moved = set(ops)
    exports = _Exports(weights, {o.label.data for o in weights.ops if isinstance(o, nn.ExportOp)})
    count = len(exports.taken)
    reads: list[tuple[Operation, SSAValue]] = []
    for op in ops:
        reads += [(op, r) for r in op.results if any(use.operation not in moved for use in r.uses)]
    for op, value in reads:
        label = _source_label(op) or next(filter(None, get_names(op)), "")
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
        block = main.body.block
        if not _movable(block):
            return
        count = hoist(block, _weights_function(op).body.block)
        remark(main, "applied", NAME, f"{count} weights exported")
