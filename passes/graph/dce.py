"""`dce`: erases ops whose results are not used, and operands of groups that their bodies do not use.

    %0 = nn.exp %x : tensor<4xf32>        // no use
    %1 = nn.abs %x : tensor<4xf32>
    func.return %1
  becomes
    %1 = nn.abs %x : tensor<4xf32>
    func.return %1

One walk backwards over each block: users are erased before what feeds them, so the pass is linear. Graph inputs, which are part of
a model's signature, stay even where unused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass
from xdsl.traits import IsTerminator
from xdsl.transforms.dead_code_elimination import would_be_trivially_dead

from ...dialects import fusion, nn
from .editing import functions


def is_dead(op: Operation) -> bool:
    """Whether erasing the op changes nothing that anyone can see."""
    if not op.results or any(result.first_use is not None for result in op.results) or op.has_trait(IsTerminator):
        return False
    return would_be_trivially_dead(op)


def _drop_unused_operands(group: fusion.GroupOp) -> None:
    block = group.block
    unused = [argument.index for argument in block.args if argument.first_use is None]
    if not unused:
        return
    for index in reversed(unused):
        block.erase_arg(block.args[index])
    dropped = set(unused)
    group.operands = [operand for index, operand in enumerate(group.operands) if index not in dropped]


def erase_dead_ops(block: Block) -> int:
    """Erase the dead ops of a block and of the regions in it; returns how many."""
    erased = 0
    op = block.last_op
    while op is not None:
        previous = op.prev_op
        if is_dead(op):
            op.detach()
            op.erase()
            erased += 1
        else:
            for region in op.regions:
                erased += sum(erase_dead_ops(inner) for inner in reversed(region.blocks))
            if isinstance(op, fusion.GroupOp) and fusion.LAYOUTS not in op.attributes:
                _drop_unused_operands(op)
        op = previous
    return erased


def _erase_dead_bodies(module: ModuleOp) -> None:
    """Erase the functions that no branch or loop calls any more, and those that only they call."""
    bodies = {f.sym_name.data: f for f in functions(module) if nn.is_body(f)}
    pending = [f for f in functions(module) if not nn.is_body(f)]
    while bodies and pending:
        for op in nn.control_ops(pending.pop()):
            pending += [bodies.pop(name) for name in op.callees if name in bodies]
    for body in bodies.values():
        body.detach()
        body.erase()


@dataclass(frozen=True)
class DcePass(ModulePass):
    """Erase ops without users."""

    name = "dce"
    numerics: ClassVar[str] = "exact"
    LOSES: ClassVar[str] = "nothing reads its results"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        erase_dead_ops(op.body.block)
        _erase_dead_bodies(op)
