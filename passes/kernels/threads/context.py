"""What the lowering of one `kernel.func` knows: the arrays, tiles and views that tile values stand for, and the current role."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from xdsl.ir import Attribute, Operation, SSAValue

from ....dialects.dims import Atom as DimAtom
from ....dialects.dims import Expr
from ....dialects.kernel import BarSyncOp, FragType, FuncOp, LocalOp, ParamOp, SharedType, ThreadIdOp
from ....dialects.kernel.types import bitwidth
from ....dialects.text import identifier
from .emitter import Emitter, Ix

Ranges = dict[str, tuple[int, int, int]]


@dataclass(frozen=True)
class Role:
    """The threads that run the code: thread index (from the role's first thread), their number, the number of their barrier."""

    thread: Ix
    threads: int
    barrier: int
    elected: bool = False
    """Only one thread is here."""


@dataclass(eq=False)
class Tile:
    """A tile in shared memory: the array, its type (one stage of it after `slot`), the tile's first element, its first byte."""

    array: SSAValue
    type: SharedType
    base: Ix
    offset: int

    @property
    def byte(self) -> Ix:
        """Byte offset in the block's shared memory."""
        return self.base * (bitwidth(self.type.element_type) // 8) + self.offset


@dataclass(eq=False)
class Context:
    """State of the lowering of one kernel."""

    func: FuncOp
    em: Emitter
    ranges: Ranges
    role: Role = field(init=False)
    params: set[str] = field(default_factory=set[str])
    indices: dict[SSAValue, Ix] = field(default_factory=dict[SSAValue, Ix])
    scalars: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    arrays: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    tiles: dict[SSAValue, Tile] = field(default_factory=dict[SSAValue, Tile])
    exprs: dict[Expr, Ix] = field(default_factory=dict[Expr, Ix])
    cache: dict[object, object] = field(default_factory=dict[object, object])
    """What helpers keep: views, row parts."""

    def enter_block(self) -> Role:
        """The role of the code outside `kernel.roles`."""
        return Role(self.thread_id(self.func.threads), self.func.threads, 0)

    def thread_id(self, threads: int) -> Ix:
        """A new reading of the thread index, known to be below `threads`."""
        value = self.em.emit(ThreadIdOp()).results[0]
        value.name_hint = "thread"
        return self.em.atom(value, 0, threads - 1)

    # Values.

    def ix(self, value: SSAValue) -> Ix:
        """An index value."""
        return self.indices[value]

    def operand(self, value: SSAValue) -> SSAValue:
        """The thread-level value of a scalar or global operand."""
        if value in self.indices:
            return self.em.value(self.indices[value])
        return self.scalars.get(value, value)

    def array(self, value: SSAValue) -> SSAValue:
        """The register array that holds a fragment."""
        return self.arrays[value]

    def new_array(self, type_: FragType, hint: str | None = None, element: Attribute | None = None) -> SSAValue:
        """A new register array for a fragment."""
        return self.local(type_.registers, type_.element_type if element is None else element, hint)

    def local(self, length: int, element: Attribute, hint: str | None = None) -> SSAValue:
        result = self.em.emit(LocalOp(length, element)).results[0]
        result.name_hint = hint
        return result

    def owned(self, value: SSAValue, op: Operation) -> bool:
        """Whether `op` may overwrite the fragment `value`: nothing else reads it, and it is computed again whenever `op` runs."""
        owner = value.owner
        block = owner.parent_block() if isinstance(owner, Operation) else owner
        return value.has_one_use() and block is op.parent_block()

    def take(self, value: SSAValue, op: Operation) -> SSAValue:
        """The fragment's array if `op` may overwrite it, else a copy."""
        array = self.array(value)
        if self.owned(value, op):
            return array
        type_ = value.type
        assert isinstance(type_, FragType)
        copy = self.new_array(type_, array.name_hint)
        self.copy(array, copy, type_.registers)
        return copy

    def copy(self, source: SSAValue, target: SSAValue, length: int) -> None:
        with self.em.loop(length, "r") as r:
            self.em.store(self.em.load(source, r), target, r)

    def barrier(self) -> None:
        """A barrier of all threads of the role."""
        self.em.emit(BarSyncOp(self.role.barrier, self.role.threads))

    @contextmanager
    def elect(self) -> Generator[None]:
        """Run by the role's first thread only."""
        if self.role.elected:
            yield
            return
        outer = self.role
        with self.em.when(self.em.below(outer.thread, 1)):
            self.role = replace(outer, elected=True)
            try:
                yield
            finally:
                self.role = outer

    # Dim expressions.

    def expr(self, expr: Expr) -> Ix:
        """A dim expression over the kernel's parameters."""
        if expr not in self.exprs:
            total = self.em.ix(0)
            for monomial, coefficient in expr.terms:
                product = self.em.ix(coefficient)
                for atom, power in monomial:
                    for _ in range(power):
                        product = product * self._atom(atom)
                total = total + product
            self.exprs[expr] = total
        return self.exprs[expr]

    def _atom(self, atom: DimAtom) -> Ix:
        if atom.kind == "symbol":
            self.params.add(atom.name)
            value = self.em.pure((ParamOp, atom.name), (), ParamOp, atom.name)
            value.name_hint = identifier(atom.name)
            low, _, high = self.ranges.get(atom.name, (0, 0, None))
            return self.em.atom(value, low, high)
        first, *rest = (self.expr(a) for a in atom.args)
        for other in rest:
            if atom.kind in ("min", "max"):
                first = self.em.extremum(first, other, least=atom.kind == "min")
            else:
                first = first // other if atom.kind == "floordiv" else first % other
        return first


def register_of_row(representatives: Sequence[int], i: Ix) -> Ix | None:
    """The first register of row number `i`, as a formula over two-level repetition; None where none fits."""
    n = len(representatives)
    for period in (p for p in range(1, n + 1) if n % p == 0):
        inner = representatives[1] if period > 1 else 0
        outer = representatives[period] if period < n else 0
        if all(r == j // period * outer + j % period * inner for j, r in enumerate(representatives)):
            return i // period * outer + i % period * inner
    return None


def sizeof(element: Attribute) -> int:
    """Bytes of an element in memory."""
    return bitwidth(element) // 8
