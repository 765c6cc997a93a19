"""
Makes a kernel fit for a dependent launch, which may begin before the previous launch has ended (programmatic dependent launch).

    %v = kernel.view %x                 kernel.grid_signal
    %a = kernel.load %xv[..]            %v = kernel.view %x
    %b = kernel.load %wv[..]       ->   %b = kernel.load %wv[..]      // %w is a weight
                                        kernel.grid_wait
                                        %a = kernel.load %xv[..]

**Waiting.** A launch N may begin when every block of N-1 has signalled or ended. `grid_wait` returns when N-1 has ended and its writes
are visible; it says nothing of N-2. So all kernels follow one rule: in every block some warp waits before the block ends, and no warp
touches anything but weights before it has waited itself. Then N-1, which ended, had seen the end of N-2, and so on: behind its wait a
launch finds all earlier ones ended, and memory that the arena gives to several tensors is neither read nor written too early. Each role
that touches such memory waits once, before its first op that does; of ops in a loop or branch, before that.

**Signalling.** A kernel signals at its entry or not at all. The GPU begins the next launch only when every block of this one has done so,
hence when all of them have begun, however many waves they take: blocks of the next launch take no place that a block of this one still
needs, and only wait there. Where no block signals, the next launch begins when all have ended, which still hides part of the gap; so it is
before kernels that live on L1 (`ReadsAgain`), as `mark-early-operands` decides.

**Before the wait** come index arithmetic, barriers of rings, fetches of tensor maps, and copies of weights: the loads of a block's
straight code, and the first fills of a ring of cp.async. They move up to the wait, not past loops or branches, since what a loop is to
find in registers would lie there all the time, and copies into shared memory not past barriers. Schedules with roles place their own
waits where they load weights first.

Blocks that meet across the grid must all be resident at once: their kernels neither wait nor signal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from xdsl.dialects import scf
from xdsl.ir import Block, Operation
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.traits import Pure

from ....dialects import kernel
from ....dialects.kernel.accesses import touched_by
from ....dialects.kernel.marks import EARLY
from ....dialects.kernel.types import RingType
from ....dialects.nn.base import ints
from .emitter import constant_value


def refuse_waits(func: kernel.FuncOp) -> str | None:
    """Why a kernel is no dependent launch, or None."""
    if any(isinstance(op, kernel.GridBarrierOp) for op in func.walk()):
        return "its blocks wait for each other, so all must be resident at once"
    return None


def add_waits(func: kernel.FuncOp, early: Collection[int], *, signals: bool) -> None:
    """Waits where a kernel must, unless a schedule has placed waits itself, and where it `signals` does so at its entry; `early` are the
    operands that may be touched before the wait. The kernel is in tile ops, and `refuse_waits` has no objection."""
    func.attributes[EARLY] = ints(sorted(early))
    block = func.body.block
    assert block.first_op is not None
    if signals:
        _insert(kernel.GridSignalOp(), block.first_op)
    _Waits(early).place(block, must=True)


def _insert(op: Operation, before: Operation) -> None:
    op.location = before.location
    Rewriter.insert_op(op, InsertPoint.before(before))


class _Waits:
    """One walk over a kernel."""

    def __init__(self, early: Collection[int]):
        self.early = early

    def place(self, block: Block, *, must: bool) -> None:
        """Has all threads that run a block wait before the first op that touches what the previous launch may still use; at its end, where
        there is none and they `must`."""
        for op in block.ops:
            if isinstance(op, kernel.GridWaitOp):
                return
            if isinstance(op, kernel.RolesOp) and any(
                isinstance(inner, kernel.GridWaitOp) or self._waits_for(inner) for inner in op.walk()
            ):
                _prefetch_maps(op)
                following = any(self._waits_for(inner) for later in _after(op) for inner in later.walk())
                for region in op.roles:
                    self.place(region.block, must=following)
                return
            if any(self._waits_for(inner) for inner in op.walk()) or isinstance(op, kernel.ReturnOp):
                self._wait(op)
                return
        if must:
            last = block.last_op
            assert last is not None
            wait = kernel.GridWaitOp()
            wait.location = last.location
            Rewriter.insert_op(wait, InsertPoint.after(last))

    def _waits_for(self, op: Operation) -> bool:
        """Whether an op touches what the previous launch may still use."""
        return any(tensor not in self.early for tensor in touched_by(op))

    def _wait(self, before: Operation) -> None:
        wait = kernel.GridWaitOp()
        _insert(wait, before)
        for op in self._early_copies(wait):
            op.detach()
            Rewriter.insert_op(op, InsertPoint.before(wait))

    def _early_copies(self, wait: Operation) -> list[Operation]:
        """The copies of weights after a wait that may come before it, with what they need, in order."""
        below = dict.fromkeys(_after(wait))
        picked: set[Operation] = set()
        acquires: list[Operation] = []
        shared = True
        """Whether copies into shared memory may still move: nothing has been read of it, and no slot is used again."""
        for op in below:
            if isinstance(op, scf.ForOp | scf.IfOp | kernel.RolesOp | kernel.ReturnOp):
                break
            if isinstance(op, kernel.AcquireOp):
                acquires.append(op)
                shared &= _is_first_fill(op)
            elif not isinstance(op, _COPIES):
                shared &= _leaves_shared_memory(op)
            elif any(True for _ in touched_by(op)) and not self._waits_for(op):
                needs = [op, *(acquires if isinstance(op, kernel.LoadAsyncOp) else ())]
                if (found := _with_operands(needs, below)) is not None and (shared or isinstance(op, kernel.LoadOp)):
                    picked |= found
        return [op for op in below if op in picked]


def _prefetch_maps(roles: kernel.RolesOp) -> None:
    """Has the tensor maps that roles use fetched before these begin."""
    block = roles.parent
    assert block is not None
    for op in [op for op in block.ops if isinstance(op, kernel.TensorMapOp)]:
        _insert(kernel.PrefetchMapOp(op.result), roles)


_COPIES = (kernel.LoadOp, kernel.LoadAsyncOp)


def _after(op: Operation) -> Iterator[Operation]:
    """The ops that follow in its block."""
    following = op.next_op
    while following is not None:
        yield following
        following = following.next_op


def _is_first_fill(op: kernel.AcquireOp) -> bool:
    """Whether the slot has not been used before, so that the op waits for nothing."""
    number, ring = constant_value(op.position), op.ring.type
    assert isinstance(ring, RingType)
    return number is not None and number < ring.stages.data


def _leaves_shared_memory(op: Operation) -> bool:
    """Whether an op neither reads shared memory, nor frees any, nor orders those that do."""
    if isinstance(op, kernel.AllocOp):
        return op.over is None
    return op.has_trait(Pure) or isinstance(
        op, kernel.CommitOp | kernel.FillOp | kernel.MapOp | kernel.ValidOp | kernel.CoordOp
    )


def _with_operands(ops: Sequence[Operation], below: Collection[Operation]) -> set[Operation] | None:
    """Ops with those of `below` that make their operands; None where one of these is more than arithmetic."""
    found, open_ = set[Operation](), list(ops)
    while open_:
        op = open_.pop()
        if op in found or op not in below:
            continue
        if op not in ops and not op.has_trait(Pure):
            return None
        found.add(op)
        open_ += [operand.owner for operand in op.operands if isinstance(operand.owner, Operation)]
    return found
