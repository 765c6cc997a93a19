"""Wraps what one thread of a role executes into `kernel.elect`: TMA, and the producer's steps on rings of mbarriers."""

from __future__ import annotations

from xdsl.dialects import arith, scf
from xdsl.ir import Block, Operation, Region

from ....dialects.kernel import (
    AcquireOp,
    CommitOp,
    ElectOp,
    ExprOp,
    FuncOp,
    GridWaitOp,
    LoadTmaOp,
    PrefetchMapOp,
    ReturnOp,
    RingType,
    RolesOp,
    SlotOp,
    StoreTmaOp,
)
from ....dialects.kernel.base import index


def elect_threads(func: FuncOp) -> None:
    """Neighbours that one thread executes share an `elect`; a role that does nothing else is one as a whole."""
    _wrap(func.body.block)


def _wrap(block: Block) -> None:
    op = block.first_op
    while op is not None:
        following = op.next_op
        if isinstance(op, RolesOp):
            for region in op.roles:
                _wrap_role(region.block)
        elif isinstance(op, scf.ForOp | scf.IfOp):
            for region in op.regions:
                for inner in region.blocks:
                    _wrap(inner)
        elif _is_one_thread(op):
            following = _wrap_run(op)
        op = following


def _wrap_role(block: Block) -> None:
    if not _single_thread(block):
        _wrap(block)
        return
    body = Block()
    location = block.first_op.location if block.first_op is not None else None
    for op in list(block.ops):
        op.detach()
        body.add_op(op)
    elect = ElectOp(Region(body))
    if location is not None:
        elect.location = location
    block.add_op(elect)


def _wrap_run(first: Operation) -> Operation | None:
    """Wraps the ops from `first` to the last of its neighbours that one thread executes; what comes after."""
    run: list[Operation] = []
    op: Operation | None = first
    while op is not None and (_is_one_thread(op) or _is_lazy(op)):
        run.append(op)
        op = op.next_op
    while not _is_one_thread(run[-1]):
        run.pop()
    following = run[-1].next_op
    inside = set(run)
    body = Block()
    elect = ElectOp(Region(body))
    elect.location = first.location
    block = first.parent
    assert block is not None
    block.insert_op_before(elect, first)
    for op in reversed(run):
        if any(use.operation not in inside for result in op.results for use in result.uses):
            inside.discard(op)  # others read it too: it stays before them
    for op in run:
        op.detach()
        if op in inside:
            body.add_op(op)
        else:
            block.insert_op_before(op, elect)
    return following


def _is_one_thread(op: Operation) -> bool:
    """Whether one thread of the role executes the op."""
    if isinstance(op, AcquireOp | CommitOp):
        assert isinstance(op.ring.type, RingType)
        return op.ring.type.kind.data == "mbarrier"
    return isinstance(op, LoadTmaOp | StoreTmaOp | PrefetchMapOp)


def _is_lazy(op: Operation) -> bool:
    """Whether the op makes nothing where it stands, so that it may move into a branch."""
    if isinstance(op, SlotOp | ExprOp):
        return True
    return isinstance(op, arith.ConstantOp | arith.AddiOp | arith.SubiOp | arith.MuliOp) and op.results[0].type == index


def _single_thread(block: Block) -> bool:
    """Whether everything that the block does is done by one thread."""
    for op in block.ops:
        if isinstance(op, scf.ForOp | scf.IfOp):
            if any(not _single_thread(inner) for region in op.regions for inner in region.blocks):
                return False
        elif not (
            _is_one_thread(op)
            or isinstance(op, SlotOp | ExprOp | GridWaitOp | scf.YieldOp | ReturnOp)
            or op.name.startswith("arith.")
        ):
            return False
    return True
