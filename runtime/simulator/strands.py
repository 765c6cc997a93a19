"""
Strands: sets of threads of one block that execute together, and the scheduler that interleaves them.

A value is a NumPy scalar when it is the same for the strand, else an array [threads]. A divergent `scf.if` splits a strand in two; where
a region blocks (a barrier, an mbarrier wait), both halves run as coroutines until they reconverge. The scheduler picks what runs next, and
when asynchronous copies complete, from a seeded generator.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects.errors import SimulationError
from ...dialects.kernel.accesses import touched_by
from ...dialects.provenance import origins
from .clocks import Barrier, Clocks, Mbarrier, RuleBroken
from .memory import ShadowedTensor, SharedMemory

Value = Any
"""A NumPy scalar, an array [threads] or a `LocalRef`."""


@dataclass(frozen=True)
class Wait:
    """A condition that a strand waits for, with the reason in words."""

    ready: Callable[[], bool]
    reason: str


Steps = Generator[Wait, None, None]
Step: TypeAlias = "Callable[[Strand], Any]"
"""The effect of an op on a strand; a generator function for an op that blocks."""


@dataclass
class Code:
    """A block of ops, each decoded once into a function over strands; blocking ones are generator functions."""

    steps: list[tuple[Operation, Callable[[Strand], Any], bool]]
    blocking: bool
    yields: list[SSAValue]


class Local:
    """An array in registers [threads of the strand that made it, length]."""

    def __init__(self, threads: int, length: int, dtype: np.dtype):
        self.data = _poison(threads, length, dtype)
        self.changed = -1  # number of the last ordinary write
        self.pending: np.ndarray | None = None  # wgmma groups under way that write each register
        self.reading: np.ndarray | None = None  # wgmma groups under way that read each register

    def counts(self, name: str) -> np.ndarray:
        """`pending` or `reading`, made at first use."""
        if getattr(self, name) is None:
            setattr(self, name, np.zeros(self.data.shape, np.int16))
        return getattr(self, name)


def _poison(threads: int, length: int, dtype: np.dtype) -> np.ndarray:
    if dtype.kind in "iu":
        return np.full((threads, length), 0x5A, dtype)
    return np.full((threads, length), np.nan).astype(dtype) if dtype.kind != "b" else np.ones((threads, length), dtype)


@dataclass(frozen=True)
class LocalRef:
    """A strand's rows of a register array."""

    local: Local
    rows: Any  # a slice, or an array of rows

    def child(self, selector: Any) -> LocalRef:
        return LocalRef(self.local, compact(np.arange(len(self.local.data))[self.rows][selector]))

    def place(self, position: Value, count: int) -> tuple[Any, Any]:
        """The index of `count` registers from `position` on, for each thread."""
        length = self.local.data.shape[1]
        low, high = (position.min(), position.max()) if varying(position) else (position, position)
        if low < 0 or high + count > length:
            raise RuleBroken(f"register array access out of bounds: elements {low} to {high + count} of {length}")
        if varying(position):
            rows = np.arange(len(self.local.data))[self.rows]
            return rows[:, None], np.asarray(position)[:, None] + np.arange(count)
        return self.rows, slice(int(position), int(position) + count)

    def read(self, position: Value, count: int) -> np.ndarray:
        """Registers [threads, count]. They must not be results that wgmma has not finished."""
        place = self.place(position, count)
        if self.local.pending is not None and self.local.pending[place].any():
            raise RuleBroken("read of accumulators before the wgmma_wait that completes them")
        return self.local.data[place]

    def write(self, position: Value, values: np.ndarray, mask: np.ndarray | None, number: int) -> None:
        """Ordinary write of [threads, count], where `mask` holds; `number` is that of the op."""
        place = self.place(position, values.shape[1])
        if self.local.pending is not None and self.local.pending[place].any():
            raise RuleBroken("write to accumulators before the wgmma_wait that completes them")
        if self.local.reading is not None and self.local.reading[place].any():
            raise RuleBroken("write to registers that wgmma may still read; its wgmma_wait is missing")
        if mask is not None:
            values = np.where(mask[:, None], values, self.local.data[place])
        self.local.data[place] = values
        self.local.changed = number


def varying(value: Value) -> bool:
    """Whether a value has an entry per thread."""
    return getattr(value, "ndim", 0) == 1


def compact(rows: np.ndarray) -> Any:
    """A slice where the rows are consecutive, so that indexing makes views."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows


class Strand:
    """`threads` of a block, sorted; `warps` are their warps' numbers in the cluster, one per thread."""

    def __init__(self, block: BlockState, threads: np.ndarray, parent: Strand | None = None, selector: Any = None):
        self.block, self.threads, self.parent, self.selector = block, threads, parent, selector
        self.n = len(threads)
        self.warps = threads // 32 + block.first_warp
        self.own_warps = np.unique(self.warps)
        self.env: dict[SSAValue, Value] = {}

    def __getitem__(self, value: SSAValue) -> Value:
        try:
            return self.env[value]
        except KeyError:
            pass
        assert self.parent is not None, value
        inherited = self.parent[value]
        if isinstance(inherited, LocalRef):
            inherited = inherited.child(self.selector)
        elif varying(inherited):
            inherited = inherited[self.selector]
        self.env[value] = inherited
        return inherited

    def child(self, rows: np.ndarray) -> Strand:
        """The strand of some of this strand's threads, by row."""
        selector = compact(rows)
        return Strand(self.block, self.threads[selector], self, selector)

    def each(self, value: SSAValue) -> np.ndarray:
        """A value as an array [threads] of int64."""
        found = self[value]
        return found if varying(found) else np.full(self.n, found, np.int64)

    def uniform(self, value: SSAValue) -> int:
        """A value that must be the same for all threads."""
        found = self[value]
        if varying(found):
            if (found != found[0]).any():
                raise RuleBroken(
                    "an operand that must be the same for all threads of the instruction differs among them"
                )
            found = found[0]
        return int(found)

    def whole_warps(self) -> None:
        """Raises RuleBroken unless the strand consists of whole warps, which warp-wide instructions need."""
        if self.n % 32 or (self.threads.reshape(-1, 32) != self.threads[::32, None] // 32 * 32 + np.arange(32)).any():
            raise RuleBroken(f"a warp-wide instruction is executed by part of a warp ({self.n} threads)")

    def single(self) -> None:
        """Raises RuleBroken unless the strand is one thread, for instructions of which each execution counts."""
        if self.n != 1:
            raise RuleBroken(f"expected one thread to execute this instruction, got {self.n}")

    def execute(self, code: Code) -> Steps:
        """Runs a block of ops; errors name the op."""
        early = self.block.cluster.early
        for op, function, blocking in code.steps:
            self.block.cluster.count += 1
            try:
                if early is not None:
                    self._begin_early(op, early)
                if blocking:
                    yield from function(self)
                else:
                    function(self)
            except RuleBroken as error:
                raise SimulationError(describe_failure(str(error), op, self)) from error

    def _begin_early(self, op: Operation, early: Collection[int]) -> None:
        """Checks an op of a dependent launch: a thread sees the writes of the previous launch only after its grid_wait."""
        if self.block.waited[self.threads].all():
            return
        for tensor in touched_by(op):
            if tensor not in early:
                raise RuleBroken(
                    f"tensor {tensor} is touched before the grid_wait, until which the previous launch may still run"
                )


def describe_failure(rule: str, op: Operation, strand: Strand) -> str:
    """The rule, the op in one line, where it comes from, and who executed it."""
    names = origins(op.location)
    text = str(op).partition("\n")[0]
    first, last = int(strand.threads[0]), int(strand.threads[-1])
    where = f"block {strand.block.coords}, thread{f's {first} to' if first != last else ''} {last}"
    source = f"from {', '.join(names)}; " if names else ""
    return f"{rule}: {text} ({source}{where})"


class BlockState:
    """One block: its coordinates, shared memory, barriers and asynchronous operations in progress."""

    def __init__(
        self,
        cluster: Cluster,
        rank: int,
        coords: tuple[int, int, int],
        number: int,
        threads: int,
        size: int,
        granule: int,
    ):
        self.cluster, self.rank, self.coords, self.number, self.threads = cluster, rank, coords, number, threads
        self.first_warp = rank * (threads // 32)
        self.shared = SharedMemory(size, granule, threads // 32, self.first_warp, cluster.clocks, cluster.poison)
        self.barriers: dict[int, Barrier] = {}
        self.mbarriers: dict[int, Mbarrier] = {}
        # cp.async: the number of committed groups of each thread, and copies that have not landed.
        self.cp_groups = np.zeros(threads, np.int64)
        self.cp_copies: list[Any] = []
        # TMA stores of each thread: the open group and those committed.
        self.bulk_open: dict[int, list[Any]] = {}
        self.bulk_groups: dict[int, list[list[Any]]] = {}
        # wgmma of each warpgroup (by its first thread), likewise; the number of its last fence.
        self.wgmma_open: dict[int, list[Any]] = {}
        self.wgmma_groups: dict[int, list[list[Any]]] = {}
        self.wgmma_fence: dict[int, int] = {}
        # What other blocks' warps did in this block's memory: arrivals at mbarriers, stores. (warp, step).
        self.remote_accesses: list[tuple[int, int]] = []
        # The threads that have waited for the launch before.
        self.waited = np.zeros(threads, bool)


@dataclass(eq=False)
class Task:
    """A coroutine of the scheduler."""

    steps: Steps
    strand: Strand
    wait: Wait | None = None


@dataclass
class Cluster:
    """The blocks of a cluster, which run at once, with the scheduler of their strands."""

    clocks: Clocks
    tensors: dict[SSAValue, ShadowedTensor]
    symbols: dict[str, int]
    random: Any  # random.Random
    poison: np.random.Generator
    blocks: list[BlockState] = field(default_factory=list[BlockState])
    barrier: Barrier = field(default_factory=Barrier)
    tasks: list[Task] = field(default_factory=list[Task])
    landings: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    count: int = 0
    early: Collection[int] | None = None
    """The tensors that a dependent launch may touch before it waits; None for any other launch."""

    def spawn(self, steps: Steps, strand: Strand) -> Task:
        task = Task(steps, strand)
        self.tasks.append(task)
        return task

    def both(self, strand: Strand, halves: list[tuple[Strand, Code]]) -> Steps:
        """Runs the halves of a strand as coroutines and waits for both."""
        tasks = [self.spawn(half.execute(code), half) for half, code in halves]
        yield Wait(lambda: not any(task in self.tasks for task in tasks), "its divergent branches to end")

    def run(self) -> None:
        """Runs until all strands have ended, in an order that the seed decides."""
        while self.tasks:
            ready = [task for task in self.tasks if task.wait is None or task.wait.ready()]
            if not ready and not self.landings:
                raise SimulationError(f"deadlock: {'; '.join(self._waiting())}")
            pick = self.random.randrange(len(ready) + len(self.landings))
            if pick >= len(ready):
                self.landings.pop(pick - len(ready))()
                continue
            task = ready[pick]
            try:
                task.wait = next(task.steps)
            except StopIteration:
                self.tasks.remove(task)

    def _waiting(self) -> list[str]:
        return [
            f"thread {task.strand.threads[0]} of block {task.strand.block.coords} waits for {task.wait.reason}"
            for task in self.tasks
            if task.wait is not None
        ]
