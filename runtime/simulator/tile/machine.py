"""
The fast simulator: tile ops in program order, batched over blocks.

A fragment is an array [blocks, rows, columns], a rows fragment [blocks, rows], a shared tile [blocks, (stages,) rows, columns] that
starts as poison; an index is an int, or one int per block. Asynchronous copies and tensor-core products complete at once: the thread
simulator checks their waits. Roles are coroutines that yield where a ring would make them wait; if no role can continue, that is a
deadlock. Where control flow differs between the blocks of a batch, the batch is split and run again.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects import arith, math, scf
from xdsl.ir import Block, Operation, SSAValue

from ....dialects import kernel
from ....dialects.dtypes import numpy_dtype
from ....dialects.errors import SimulationError
from ....dialects.kernel.accesses import touched_by
from ....dialects.kernel.scalars.table import evaluate
from ....dialects.provenance import describe
from ..views import Array, GlobalTensor
from .ops import HANDLERS
from .state import Diverged, Ring, Slot, State

BATCH_ELEMENTS = 1 << 21
"""Elements of the largest tile that a batch of blocks may hold together."""
Steps: TypeAlias = Generator[None, None, Any]


def run_kernel_tiles(
    func: kernel.FuncOp,
    arrays: Sequence[Array],
    symbols: Mapping[str, int],
    *,
    blocks: Sequence[int] | None = None,
    early: Collection[int] | None = None,
) -> None:
    """
    Run one launch: `arrays` are the tensors as flat arrays in argument order, each from its first element on, written in place; `blocks`
    names the blocks to run (linear, x fastest), all if not given; `early` as in `run_kernel`. Raises SimulationError.
    """
    if len(arrays) != len(func.tensors):
        raise SimulationError(f"kernel @{func.sym_name.data}: expected {len(func.tensors)} arrays, got {len(arrays)}.")
    tensors: dict[SSAValue, GlobalTensor] = {}
    for argument, array in zip(func.tensors, arrays, strict=True):
        type_ = argument.type
        assert isinstance(type_, kernel.GlobalType)
        dtype = numpy_dtype(type_.element_type)
        if array.ndim != 1 or array.dtype != dtype:
            raise SimulationError(
                f"kernel @{func.sym_name.data}: expected a flat array of {dtype}, got {array.dtype} of rank {array.ndim}."
            )
        tensors[argument] = GlobalTensor.bind(type_, array, symbols)
    grid = [e.evaluate(symbols) for e in func.grid.exprs]
    chosen = np.arange(prod(grid)) if blocks is None else np.asarray(list(blocks))
    cluster = func.cluster.value.data
    size = max(1, BATCH_ELEMENTS // _largest_tile(func)) * cluster
    if _meets(func):
        size = max(1, len(chosen))
    with np.errstate(all="ignore"):
        for start in range(0, len(chosen), size):
            _run_batch(func, tensors, dict(symbols), grid, chosen[start : start + size], early)


def _meets(func: kernel.FuncOp) -> bool:
    """Whether blocks of the whole grid wait for each other: they run as one batch."""
    return any(isinstance(op, kernel.GridBarrierOp) for op in func.walk())


def _largest_tile(func: kernel.FuncOp) -> int:
    largest = 1
    for op in func.walk():
        for result in op.results:
            if isinstance(result.type, kernel.FragType | kernel.SharedType):
                largest = max(largest, prod(result.type.extents))
    return largest


def _run_batch(
    func: kernel.FuncOp,
    tensors: dict[SSAValue, GlobalTensor],
    symbols: dict[str, int],
    grid: list[int],
    blocks: Array,
    early: Collection[int] | None,
) -> None:
    """Run some blocks together; again in parts where they diverge."""
    pending = [blocks]
    while pending:
        batch = pending.pop()
        machine = Machine(func, tensors, symbols, grid, batch, early)
        try:
            machine.run()
        except Diverged as diverged:
            cluster = func.cluster.value.data
            if _meets(func):
                raise SimulationError(
                    f"kernel @{func.sym_name.data}: blocks that meet at a grid barrier take different branches."
                ) from None
            if cluster == len(batch) > 1:
                raise SimulationError(
                    f"kernel @{func.sym_name.data}: blocks of one cluster take different branches."
                ) from None
            if cluster > 1:
                pending += np.split(batch, len(batch) // cluster)
                continue
            pending += [batch[diverged.labels == label] for label in np.unique(diverged.labels)]


class Machine(State):
    """Runs one batch of blocks: control flow, roles and rings; `ops.py` has the other ops."""

    def run(self) -> None:
        for _ in self._block(self.func.body.block):
            raise SimulationError(
                f"kernel @{self.func.sym_name.data}: a ring op outside roles waits for a role that does not run."
            )
        if self.early is not None and not self.waited:
            raise SimulationError(
                f"kernel @{self.func.sym_name.data}: blocks end without waiting for the previous launch: kernel.grid_wait is missing."
            )

    # Control flow.

    def _block(self, block: Block) -> Steps:
        """Run a block; the values of its terminator."""
        for op in block.ops:
            if isinstance(op, scf.YieldOp | kernel.YieldOp):
                return [self.values[v] for v in op.operands]
            if isinstance(op, scf.ConditionOp):
                return [self.values[op.condition], *(self.values[v] for v in op.args)]
            if isinstance(op, kernel.ReturnOp):
                return []
            yield from self._op(op)
        return []

    def _op(self, op: Operation) -> Steps:
        kind = type(op)
        if self.early is not None:
            self._begin_early(op, self.early)
        match op:
            case scf.ForOp():
                yield from self._for(op)
            case scf.IfOp():
                yield from self._if(op)
            case scf.WhileOp():
                yield from self._while(op)
            case kernel.RolesOp():
                self._roles(op)
            case kernel.AcquireOp() | kernel.WaitOp() | kernel.CommitOp() | kernel.ReleaseOp():
                yield from self._ring_step(op)
            case kernel.ElectOp():
                yield from self._block(op.body.block)
            case kernel.MbarWaitOp() | kernel.MbarExpectOp() | kernel.MbarArriveOp():
                yield from self._slot_step(op)
            case _ if kind in HANDLERS:
                result = HANDLERS[kind](self, op)
                if result is not None:
                    self.values[op.results[0]] = result
            case _ if kind.__module__ in (arith.__name__, math.__name__):
                self.values[op.results[0]] = evaluate(op, [self.values[v] for v in op.operands])
            case _:
                raise SimulationError(f"{describe(op)}: expected a tile op, got {op.name}.")

    def _bind(self, targets: Sequence[SSAValue], values: Sequence[Any]) -> None:
        self.values.update(zip(targets, values, strict=True))

    def _for(self, op: scf.ForOp) -> Steps:
        lower, upper, step = (self.uniform(v) for v in (op.lb, op.ub, op.step))
        carried = [self.values[v] for v in op.iter_args]
        for position in range(lower, upper, step):
            self._bind(op.body.block.args, [position, *carried])
            carried = yield from self._block(op.body.block)
        self._bind(op.results, carried)

    def _if(self, op: scf.IfOp) -> Steps:
        region = op.true_region if self.uniform(op.cond) else op.false_region
        values: list[Any] = []
        if region.blocks:
            values = yield from self._block(region.block)
        self._bind(op.results, values)

    def _while(self, op: scf.WhileOp) -> Steps:
        carried = [self.values[v] for v in op.arguments]
        while True:
            self._bind(op.before_region.block.args, carried)
            condition, *carried = yield from self._block(op.before_region.block)
            if not self.same(condition):
                break
            self._bind(op.after_region.block.args, carried)
            carried = yield from self._block(op.after_region.block)
        self._bind(op.results, carried)

    def _roles(self, op: kernel.RolesOp) -> None:
        running: dict[int, Steps] = {i: self._block(region.block) for i, region in enumerate(op.roles)}
        while running:
            before = self._progress
            for role in list(running):
                self.role = role
                try:
                    next(running[role])
                except StopIteration:
                    del running[role]
                    self._progress += 1
            if running and self._progress == before:
                names = ", ".join(op.names.data[role].data for role in running)
                raise SimulationError(f"{describe(op)}: deadlock: roles {names} wait for a ring that no role moves on.")
        self.role = None
        if self.waited >= {*range(len(op.roles))}:
            self.waited.add(None)

    _progress: int = 0

    def _begin_early(self, op: Operation, early: Collection[int]) -> None:
        """Checks an op of a dependent launch: a role sees the writes of the previous launch only after its own kernel.grid_wait."""
        if isinstance(op, kernel.GridWaitOp):
            self.waited.add(self.role)
        elif not self.waited & {self.role, None}:
            for tensor in touched_by(op):
                if tensor not in early:
                    raise SimulationError(
                        f"{describe(op)}: tensor {tensor} is touched before the kernel.grid_wait, until which the "
                        f"previous launch may still run."
                    )

    def _ring_step(self, op: kernel.AcquireOp | kernel.WaitOp | kernel.CommitOp | kernel.ReleaseOp) -> Steps:
        ring: Ring = self.values[op.ring]
        position = self.uniform(op.position)
        if isinstance(op, kernel.AcquireOp):
            self._in_order(op, position, ring.acquired)
            while self._emptied(ring) <= position - ring.stages:
                self._must_wait(op, ring)
                yield
            ring.acquired += 1
        elif isinstance(op, kernel.CommitOp):
            self._in_order(op, position, ring.committed)
            ring.committed += 1
        elif isinstance(op, kernel.WaitOp):
            while ring.committed <= position:
                self._must_wait(op, ring)
                yield
        else:
            role = -1 if self.role is None else self.role
            self._in_order(op, position, ring.released.get(role, 0))
            ring.released[role] = position + 1
        self._progress += 1

    def _slot_step(self, op: kernel.MbarWaitOp | kernel.MbarExpectOp | kernel.MbarArriveOp) -> Steps:
        """The steps of a ring after `expand-rings`; copies have completed when their bytes are expected."""
        slot: Slot = self.values[op.barrier]
        ring = slot.ring
        if isinstance(op, kernel.MbarWaitOp):
            while self._emptied(ring) <= slot.fill - ring.stages if slot.empty else ring.committed <= slot.fill:
                self._must_wait(op, ring)
                yield
        elif isinstance(op, kernel.MbarExpectOp):
            ring.committed = slot.fill + 1
        else:
            ring.released[-1 if self.role is None else self.role] = slot.fill + 1
        self._progress += 1

    def _emptied(self, ring: Ring) -> int:
        """Fills that every consumer has released."""
        counts = list(ring.released.values())
        needed = ring.consumers if ring.role_bound else 1
        return min(counts) if len(counts) >= needed else 0

    def _must_wait(self, op: Operation, ring: Ring) -> None:
        if not ring.role_bound or self.role is None:
            raise SimulationError(
                f"{describe(op)}: waits for a fill of its ring that the same threads have not made or released yet."
            )

    def _in_order(self, op: Operation, position: int, expected: int) -> None:
        if position != expected:
            raise SimulationError(f"{describe(op)}: expected fill {expected} next (fills go in order), got {position}.")

    # What handlers use.
