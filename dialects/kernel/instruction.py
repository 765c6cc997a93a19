"""
An instruction, stated once: one row with its op, its C form, the roles of its operands and what it computes in NumPy.

    instruction(
        ShuffleXorOp,
        "__shfl_xor_sync(0xffffffffu, {value}, {mask})",
        {"value": Value("value"), "mask": Constant("mask")},
        scope=Scope.WARP,
        numpy=lambda op, value: value.reshape(-1, 32)[:, np.arange(32) ^ op.mask.value.data].reshape(-1),
    )

The CUDA C printer writes a row's C form, each operand as its role says. The simulator reads operands by their roles, checks what the
roles require (bounds, races, alignment, the executing threads), calls `numpy` and writes its result. An instruction whose effect comes
later or that makes threads wait is more than a row: it names in `runs` the module of `runtime/simulator/steps` that executes it.

A package outside the tree adds an instruction by one call of `instruction` beside its op class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from itertools import count
from typing import Any, TypeAlias

import numpy as np
from xdsl.ir import Operation, SSAValue

from ..buffer import Access as Access

# Wrappers: CUDA C functions of one PTX instruction.


class PreludeSection(IntEnum):
    """The parts of a prelude, in order."""

    TYPES = 0
    SCALARS = 1
    COPIES = 2
    BARRIERS = 3
    BULK_GROUPS = 4
    WARPGROUPS = 5
    MMA_SYNC = 6
    TMA = 7
    WGMMA = 8
    OTHER = 9


_NUMBERS = count()


@dataclass(frozen=True)
class Wrapper:
    """
    An entry of a prelude: its name, its C text and the entries that must come before it. `place` orders the entries of a section; those
    made without one are in the order of their definition.
    """

    name: str
    text: str
    requires: tuple[Wrapper, ...] = ()
    section: PreludeSection = field(default=PreludeSection.OTHER, repr=False)
    place: tuple[int, ...] = field(default_factory=lambda: (next(_NUMBERS),), repr=False)


FUNCTION = "__device__ __forceinline__ "


def asm(
    section: PreludeSection,
    name: str,
    parameters: str,
    instruction: str,
    operands: str = ": : ",
    *,
    template: str = "",
    memory: bool = True,
    requires: tuple[Wrapper, ...] = (),
    place: tuple[int, ...] | None = None,
) -> Wrapper:
    """
    A function of one volatile instruction without a result; `template` has its template parameters, `memory` adds the memory clobber of an
    instruction that reads, writes or orders memory that C++ code accesses too.
    """
    clobber = ' : "memory"' if memory else ""
    head = f"template <{template}>\n" if template else ""
    text = f'{head}{FUNCTION}void {name}({parameters}) {{\n  asm volatile("{instruction}" {operands}{clobber});\n}}'
    return Wrapper(name, text, requires, section, **({} if place is None else {"place": place}))


# Roles: what an operand is to its instruction. Each names the operands or properties of the op that it is made of.


@dataclass(frozen=True)
class Value:
    """A scalar operand."""

    operand: str


@dataclass(frozen=True)
class Values:
    """Any number of scalar operands."""

    operand: str


@dataclass(frozen=True)
class Constant:
    """An integer property."""

    name: str


@dataclass(frozen=True)
class Guard:
    """An optional predicate of the statement: where it is false, the instruction does nothing."""

    operand: str


@dataclass(frozen=True)
class Predicate:
    """An optional predicate operand of the instruction itself: true where the op has none."""

    operand: str


@dataclass(frozen=True)
class Elements:
    """`count` (a property of the op) neighbouring elements of an array, one access: `array` a local, shared or global one."""

    array: str
    at: str
    access: Access


@dataclass(frozen=True)
class Registers:
    """
    `count` 32-bit registers of a local array from an element on, passed by pointer to `c_type`. In NumPy: words [threads, count] of 32
    bits, whatever the array's elements.
    """

    array: str
    at: str
    count: int | Callable[[Any], int]
    access: Access
    c_type: str | Callable[[Any], str] = "unsigned"


@dataclass(frozen=True)
class MatrixRows:
    """
    The address of 16 bytes of a shared array from each of the first 8 * `count` (a property) lanes of a warp: a row of an 8x8 matrix. In
    NumPy: halves [warps, 8 * count, 8] of 16 bits.
    """

    array: str
    at: str


@dataclass(frozen=True)
class SharedAddress:
    """The 32-bit address of an element of a shared array."""

    array: str
    at: str


@dataclass(frozen=True)
class GlobalAddress:
    """The address of an element of a global tensor."""

    array: str
    at: str


@dataclass(frozen=True)
class SharedByte:
    """The 32-bit address of a byte offset in the block's shared memory."""

    operand: str


@dataclass(frozen=True)
class Map:
    """A tensor map, a parameter of the kernel, by address."""

    operand: str


Role: TypeAlias = (
    Value | Values | Constant | Guard | Predicate | Elements | Registers | MatrixRows | SharedAddress | GlobalAddress
    | SharedByte | Map
)  # fmt: skip


# Rows.


class Scope(Enum):
    """The threads that execute an instruction together."""

    THREAD = "each thread alone"
    WARP = "whole warps"
    WARPGROUP = "whole warpgroups"
    ONE_THREAD = "one thread, as each execution counts"


Semantics: TypeAlias = Callable[..., Any]
"""`(op, *operands read) -> result`: the new value of the op's result or of the array that a role writes; a tuple for several."""


@dataclass(frozen=True)
class Instruction:
    """A row of the table; see the module's docstring."""

    op: type[Operation]
    c: str | Callable[[Any], str]
    """The C text, of an expression where the op has a result; `{name}` is the operand of that role."""
    roles: Mapping[str, Role]
    scope: Scope
    numpy: Semantics | None
    runs: str | None
    suspends: bool
    """Whether a thread may wait here for other threads."""
    wrapper: Wrapper | Callable[[Any], Wrapper] | None
    """The entry of the prelude that the C text calls; a function of the op where it depends on the op."""
    forms: Callable[[], Iterable[Wrapper]]
    """All entries that it may call."""
    pins_before: Callable[[Any], Sequence[SSAValue]]
    """Register arrays whose accesses before the instruction must not move after it."""
    pins_after: Callable[[Any], Sequence[SSAValue]]
    """Register arrays whose accesses after the instruction must not move before it."""

    def c_of(self, op: Operation) -> str:
        """The C form for an op."""
        return self.c if isinstance(self.c, str) else self.c(op)

    def wrapper_of(self, op: Operation) -> Wrapper | None:
        """The entry of the prelude that this op calls, or None. Raises TrtcError for a form that the instruction does not have."""
        return self.wrapper(op) if callable(self.wrapper) else self.wrapper


INSTRUCTIONS: dict[type[Operation], Instruction] = {}
"""The table: every thread op that is one instruction."""


def _nothing(op: Any) -> Sequence[SSAValue]:
    return ()


def instruction(
    op: type[Operation],
    c: str | Callable[[Any], str],
    roles: Mapping[str, Role] | None = None,
    *,
    scope: Scope = Scope.THREAD,
    numpy: Semantics | None = None,
    runs: str | None = None,
    suspends: bool = False,
    wrapper: Wrapper | Callable[[Any], Wrapper] | None = None,
    forms: Callable[[], Iterable[Wrapper]] | None = None,
    pins_before: Callable[[Any], Sequence[SSAValue]] = _nothing,
    pins_after: Callable[[Any], Sequence[SSAValue]] = _nothing,
) -> Instruction:
    """
    Adds a row to the table. Raises ValueError for a second row of an op, and for one with neither `numpy` nor `runs`.
    """
    if op in INSTRUCTIONS:
        raise ValueError(f"instruction {op.name}: expected one row, got a second")
    if numpy is None and runs is None:
        raise ValueError(f"instruction {op.name}: expected semantics in NumPy or the module that runs it, got neither")
    if forms is None:
        made = () if wrapper is None or callable(wrapper) else (wrapper,)
        forms = lambda: made  # noqa: E731
    row = Instruction(
        op, c, dict(roles or {}), scope, numpy, runs, suspends, wrapper, forms, pins_before, pins_after
    )  # fmt: skip
    INSTRUCTIONS[op] = row
    return row


def words(values: np.ndarray) -> np.ndarray:
    """An array [threads, n] as words [threads, m] of 32 bits, which a role `Registers` takes."""
    return np.ascontiguousarray(values).view(np.uint32)
