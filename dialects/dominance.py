"""A linear check that every value is defined before it is used.

xDSL's verifier checks types and traits but not dominance: a use before its definition parses, verifies and prints. trtc runs
this check after parsing and between passes.

A value is visible in the rest of its block, in the blocks that its block dominates, and in the regions nested there, unless
an operation on the way is isolated from above. Cost: one visit of each operation (about 2 us), plus a fixed-point iteration
over blocks in regions that have more than one.
"""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.traits import IsolatedFromAbove
from xdsl.utils.exceptions import VerifyException


class DominanceError(VerifyException):
    """A value is used where it is not defined; `op` is the use."""

    def __init__(self, message: str, op: Operation) -> None:
        super().__init__(message)
        self.op = op


def verify_dominance(op: Operation) -> None:
    """Check every use inside `op`; raise `DominanceError` naming the first bad use."""
    for region in op.regions:
        _check_region(region, set())


def _check_region(region: Region, visible: set[SSAValue]) -> None:
    """Check one region given the values visible at its entry; leaves `visible` as it was."""
    if region.first_block is None:
        return
    if region.first_block is region.last_block:
        for value in _check_block(region.first_block, visible):
            visible.discard(value)
        return
    defined: dict[Block, list[SSAValue]] = {block: list(_definitions(block)) for block in region.blocks}
    for block, dominators in _dominators(region).items():
        inherited = set(visible)
        for dominator in dominators - {block}:
            inherited.update(defined[dominator])
        _check_block(block, inherited)


def _definitions(block: Block) -> Iterable[SSAValue]:
    yield from block.args
    for op in block.ops:
        yield from op.results


def _check_block(block: Block, visible: set[SSAValue]) -> list[SSAValue]:
    """Check a block, adding what it defines to `visible`; returns what was added."""
    added: list[SSAValue] = list(block.args)
    visible.update(added)
    for op in block.ops:
        for index, operand in enumerate(op.operands):
            if operand not in visible:
                raise DominanceError(_message(op, index, operand), op)
        if op.regions:
            inner = set[SSAValue]() if op.has_trait(IsolatedFromAbove) else visible
            for region in op.regions:
                _check_region(region, inner)
        if op.results:
            visible.update(op.results)
            added.extend(op.results)
    return added


def _message(op: Operation, index: int, operand: SSAValue) -> str:
    name = f"%{operand.name_hint}" if operand.name_hint else "a value"
    owner = operand.owner
    where = f"the result of '{owner.name}'" if isinstance(owner, Operation) else "a block argument"
    return (
        f"operand #{index} of '{op.name}' uses {name} ({where}), which does not dominate the use: expected a value defined "
        "earlier in the same block or in an enclosing region that is not isolated"
    )


def _dominators(region: Region) -> dict[Block, set[Block]]:
    """For each block, the blocks that every path from the entry passes through; unreachable blocks get all blocks."""
    blocks = list(region.blocks)
    predecessors: dict[Block, list[Block]] = {block: [] for block in blocks}
    for block in blocks:
        if block.last_op is not None:
            for successor in block.last_op.successors:
                predecessors[successor].append(block)
    everything = set(blocks)
    dominators = {block: set(everything) for block in blocks}
    dominators[blocks[0]] = {blocks[0]}
    changed = True
    while changed:
        changed = False
        for block in blocks[1:]:
            before = [dominators[predecessor] for predecessor in predecessors[block]]
            now = (set[Block].intersection(*before) if before else set(everything)) | {block}
            if now != dominators[block]:
                dominators[block], changed = now, True
    return dominators
