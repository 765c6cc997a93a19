"""Steps that hold others: branches and loops, decided on the host by values that it has read, and the one walk that executes them.

A step that is neither is a leaf, of a class of the caller's: an op with its operands in the compiler, launches and reads in the runtime.
The values that the host knows are in one environment by name: dim symbols, values that were read, and counters of loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar, Union

from ..dims import Expr, const, symbol
from ..errors import TrtcError

Leaf = TypeVar("Leaf")
Predicate = Literal["eq", "ne", "slt", "sle", "sgt", "sge"]
Ranges: TypeAlias = Mapping[str, tuple[int, int, int]]
"""(min, opt, max) of each symbol."""


class HostValueError(TrtcError, ValueError):
    """A value that the network computed, and that the host read or counted, is outside the range that the engine was built for."""


@dataclass(frozen=True)
class Condition:
    """A comparison of two integers that the host knows; a flag that was read is compared with 0."""

    predicate: Predicate
    left: Expr
    right: Expr

    @classmethod
    def flag(cls, name: str) -> Condition:
        """Whether a value that was read is not 0."""
        return cls("ne", symbol(name), const(0))

    @property
    def symbols(self) -> frozenset[str]:
        return self.left.symbols() | self.right.symbols()

    def holds(self, env: Mapping[str, int]) -> bool:
        a, b = self.left.evaluate(env), self.right.evaluate(env)
        match self.predicate:
            case "eq":
                return a == b
            case "ne":
                return a != b
            case "slt":
                return a < b
            case "sle":
                return a <= b
            case "sgt":
                return a > b
            case "sge":
                return a >= b


@dataclass(frozen=True)
class If(Generic[Leaf]):
    """One of two lists of steps. Both write to the same memory outside, so what follows reads the same places."""

    condition: Condition
    then: tuple[Step[Leaf], ...]
    otherwise: tuple[Step[Leaf], ...]


@dataclass(frozen=True)
class Loop(Generic[Leaf]):
    """`body` repeated: `count` times, or, where that is None, as long as `condition` holds, which `before` computes for each iteration.

    `index` names the number of the iteration, from 0 on, known in the body; `total` the number of those that ran, known afterwards, whose
    range bounds a loop without a count. Either may be "". A carried tensor is one buffer of two slots: the body reads the slot at
    `index mod 2` and writes the other, and what follows finds the last at `total mod 2`; these are offsets of views.
    """

    index: str
    total: str
    count: Expr | None
    condition: Condition | None
    before: tuple[Step[Leaf], ...]
    body: tuple[Step[Leaf], ...]


Step: TypeAlias = Union[Leaf, If[Leaf], Loop[Leaf]]  # noqa: UP007 (an operator on a type variable is none at run time)


def leaves(steps: Sequence[Step[Leaf]]) -> Iterator[Leaf]:
    """The leaves in the order of the text: both branches of an If, a loop's `before` and body once."""
    for step in steps:
        if isinstance(step, If):
            yield from leaves(step.then)
            yield from leaves(step.otherwise)
        elif isinstance(step, Loop):
            yield from leaves(step.before)
            yield from leaves(step.body)
        else:
            yield step


def loops(steps: Sequence[Step[Leaf]]) -> Iterator[Loop[Leaf]]:
    """All loops in the order of the text, outer ones first."""
    for step in steps:
        if isinstance(step, If):
            yield from loops(step.then)
            yield from loops(step.otherwise)
        elif isinstance(step, Loop):
            yield step
            yield from loops(step.before)
            yield from loops(step.body)


def run_steps(
    steps: Sequence[Step[Leaf]], env: dict[str, int], ranges: Ranges, run: Callable[[Leaf, dict[str, int]], None]
) -> None:
    """Executes steps: `run(leaf, env)` for each leaf in turn. `run` adds the values that it reads to `env`, loops add their counters.
    Raises HostValueError where a loop runs beyond its range."""
    for step in steps:
        if isinstance(step, If):
            run_steps(step.then if step.condition.holds(env) else step.otherwise, env, ranges, run)
        elif isinstance(step, Loop):
            _run_loop(step, env, ranges, run)
        else:
            run(step, env)


def _run_loop(
    loop: Loop[Leaf], env: dict[str, int], ranges: Ranges, run: Callable[[Leaf, dict[str, int]], None]
) -> None:
    done = 0
    count = None if loop.count is None else loop.count.evaluate(env)
    while True:
        if loop.condition is not None:
            run_steps(loop.before, env, ranges, run)
            if not loop.condition.holds(env):
                break
        elif count is None or done >= count:
            break
        if loop.total:
            check_value(loop.total, done + 1, ranges, "iterations of a loop")
        if loop.index:
            check_value(loop.index, done, ranges, "number of an iteration")
            env[loop.index] = done
        run_steps(loop.body, env, ranges, run)
        done += 1
    if loop.total:
        env[loop.total] = done


def check_value(name: str, value: int, ranges: Ranges, what: str) -> int:
    """The value, within the range of its symbol where there is one; HostValueError beyond it."""
    if name in ranges and not ranges[name][0] <= value <= ranges[name][2]:
        low, _, high = ranges[name]
        if low == high:
            raise HostValueError(
                f"{what} '{name}': expected {low}, the only one that is valid for these shapes, got {value}."
            )
        raise HostValueError(
            f"{what} '{name}': expected a value within [{low}, {high}], got {value}; rebuild with a wider range for {name} (its profile, "
            "or option bounds)."
        )
    return value
