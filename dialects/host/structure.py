"""The structure of a host function: its launches and reads, in branches and loops, with the bodies that it calls inlined.

A `Place` is where a memref of any of these functions lies: an owner of `@main`, and the views of it, outermost first. Everything that
follows from the text alone is checked here, for the arena planner, the interpreter and the runtime alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias, cast, get_args

from xdsl.dialects import arith, func, scf
from xdsl.dialects.builtin import IndexType, MemRefType, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, Region, SSAValue

from .. import buffer
from ..dims import Expr
from ..errors import PassError
from ..limits import MAX_HOST_DEPTH, MAX_HOST_OPS
from ..provenance import describe
from .control import Condition, If, Loop, Predicate, Step

CONTROL_FLOW = (
    "arith.cmpi",
    "arith.constant",
    "func.call",
    "scf.condition",
    "scf.for",
    "scf.if",
    "scf.while",
    "scf.yield",
)
"""The ops of host functions beside those of `buffer` and `func.return`."""

_PREDICATES: tuple[Predicate, ...] = get_args(Predicate)
"""In the order of `arith.cmpi`'s numbers."""
_PURE = (buffer.SymbolOp, buffer.ValueOp, arith.ConstantOp, arith.CmpiOp)
_ENDS = (func.ReturnOp, scf.YieldOp, scf.ConditionOp)


@dataclass(frozen=True)
class Place:
    """Where a memref lies: in an owner of `@main`, through these views; the offset of each counts from the previous one."""

    owner: SSAValue
    views: tuple[buffer.ViewOp, ...] = ()


@dataclass(frozen=True)
class Touched:
    """A place that a launch reads, writes or both."""

    place: Place
    reads: bool
    writes: bool


@dataclass(frozen=True)
class LaunchNode:
    """A launch, and where what it touches lies."""

    op: buffer.LaunchOp
    ins: tuple[Place, ...]
    outs: tuple[Place, ...]
    workspace: tuple[Place, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """In the order of the kernel's parameters."""
        return (*self.ins, *self.outs, *self.workspace)

    @property
    def touched(self) -> tuple[Touched, ...]:
        """The places that the kernel reads or writes."""
        accesses = zip(self.places, self.op.access_list, strict=True)
        return tuple(
            Touched(place, access.reads, access.writes) for place, access in accesses if access.reads or access.writes
        )

    @property
    def early(self) -> frozenset[int] | None:
        """The parameters, by number, that a dependent launch may touch before it waits: weights, which no launch writes. None for any
        other launch."""
        return None if self.op.dependent is None else self.weights

    @property
    def weights(self) -> frozenset[int]:
        """The parameters, by number, that lie in weights."""
        return frozenset(i for i, place in enumerate(self.places) if isinstance(place.owner.owner, buffer.WeightOp))


@dataclass(frozen=True)
class ReadNode:
    """A read, and where its integer lies."""

    op: buffer.ReadOp
    source: Place


@dataclass(frozen=True)
class EventNode:
    """The record of an event, or a wait for one, which order launches and do nothing else."""

    op: buffer.RecordOp | buffer.WaitOp


Node: TypeAlias = LaunchNode | ReadNode | EventNode
Places: TypeAlias = dict[SSAValue, Place]


def functions_of(module: ModuleOp) -> dict[str, FuncOp]:
    """The functions of a module by name."""
    return {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, FuncOp)}


def called_by(main: FuncOp, functions: Mapping[str, FuncOp]) -> list[FuncOp]:
    """The functions that a host function calls, and those that they call, each once."""
    found: dict[str, FuncOp] = {}
    open_ = [main]
    while open_:
        for op in open_.pop().walk():
            name = op.callee.string_value() if isinstance(op, func.CallOp) else ""
            if name in functions and name not in found:
                found[name] = functions[name]
                open_.append(functions[name])
    return list(found.values())


def read_structure(main: FuncOp, functions: Mapping[str, FuncOp]) -> tuple[Step[Node], ...]:
    """The steps of a host function. Raises PassError for what no host function may hold."""
    places: Places = {argument: Place(argument) for argument in main.body.block.args}
    return _Structure(functions).block(main.body.block, places, (main,))


class _Structure:
    """One walk over a host function and the bodies that it calls."""

    def __init__(self, functions: Mapping[str, FuncOp]) -> None:
        self.functions = functions
        self.definitions: dict[str, Operation] = {}
        self.count = 0

    def block(self, block: Block, places: Places, around: tuple[Operation, ...]) -> tuple[Step[Node], ...]:
        """The steps of a block; `around` are the functions, branches and loops that it lies in, `@main` first."""
        if len(around) > MAX_HOST_DEPTH:
            _refuse(f"more than {MAX_HOST_DEPTH} branches, loops and calls lie within each other")
        steps: list[Step[Node]] = []
        for op in block.ops:
            self.count += 1
            if self.count > MAX_HOST_OPS:
                _refuse(f"it has more than {MAX_HOST_OPS} ops, those of bodies counted at each call")
            match op:
                case buffer.LaunchOp() | buffer.ReadOp():
                    steps.append(self._node(op, places))
                case buffer.RecordOp() | buffer.WaitOp():
                    steps.append(EventNode(op))
                case buffer.ViewOp():
                    source = places[op.source]
                    places[op.result] = Place(source.owner, (*source.views, op))
                case buffer.AllocOp() | buffer.ArenaOp() | buffer.SlotOp() | buffer.WeightOp() | buffer.SymbolOp():
                    if len(around) > 1:
                        _refuse(
                            f"{describe(op)}: expected it in the block of @main itself, got it in a branch, loop or called function"
                        )
                    if isinstance(op, buffer.SymbolOp):
                        self._define(op.symbol.data, op)
                    else:
                        places[op.result] = Place(op.result)
                case scf.IfOp():
                    steps.append(self._if(op, places, around))
                case scf.ForOp() | scf.WhileOp():
                    steps.append(self._loop(op, places, around))
                case func.CallOp():
                    steps += self._call(op, places, around)
                case _ if not isinstance(op, (*_PURE, *_ENDS)):
                    _refuse(f"op {op.name} is not expected in @main after bufferize, nor in a function that it calls")
                case _:
                    pass
        return tuple(steps)

    def _node(self, op: buffer.LaunchOp | buffer.ReadOp, places: Places) -> Node:
        if isinstance(op, buffer.ReadOp):
            self._define(op.symbol.data, op)
            return ReadNode(op, places[op.source])
        ins, outs, workspace = (tuple(places[v] for v in values) for values in (op.ins, op.outs, op.workspace))
        return LaunchNode(op, ins, outs, workspace)

    def _define(self, name: str, op: Operation) -> None:
        """A symbol has one definition; that of a body counts once, however often it is called."""
        if self.definitions.setdefault(name, op) is not op:
            _refuse(f"{describe(op)}: symbol '{name}' has another definition already")

    def _if(self, op: scf.IfOp, places: Places, around: tuple[Operation, ...]) -> If[Node]:
        _no_results(op)
        branches = [self._region(region, places, (*around, op)) for region in (op.true_region, op.false_region)]
        return If(_condition(op.cond), *branches)

    def _region(self, region: Region, places: Places, around: tuple[Operation, ...]) -> tuple[Step[Node], ...]:
        return self.block(region.block, places, around) if region.blocks else ()

    def _loop(self, op: scf.ForOp | scf.WhileOp, places: Places, around: tuple[Operation, ...]) -> Loop[Node]:
        _no_results(op)
        index, total = buffer.loop_symbol(op, buffer.INDEX), buffer.loop_symbol(op, buffer.TOTAL)
        if index and index == total:
            _refuse(f"{describe(op)}: expected two symbols, got '{index}' for {buffer.INDEX} and {buffer.TOTAL}")
        for name in filter(None, (index, total)):
            self._define(name, op)
        if isinstance(op, scf.ForOp):
            if [_value(op.lb, op).as_int(), _value(op.step, op).as_int()] != [0, 1]:
                _refuse(f"{describe(op)}: expected a loop from 0 in steps of 1")
            return Loop(index, total, _value(op.ub, op), None, (), self._region(op.body, places, (*around, op)))
        if not total:
            _refuse(f"{describe(op)}: expected {buffer.TOTAL}, a symbol whose range bounds the iterations")
        condition = _condition(cast(scf.ConditionOp, op.before_region.block.last_op).condition)
        before = self._region(op.before_region, places, (*around, op))
        return Loop(index, total, None, condition, before, self._region(op.after_region, places, (*around, op)))

    def _call(self, op: func.CallOp, places: Places, around: tuple[Operation, ...]) -> tuple[Step[Node], ...]:
        name = op.callee.string_value()
        callee = self.functions.get(name)
        if callee is None or not callee.body.blocks:
            _refuse(f"{describe(op)}: expected a function @{name} with a body in the module")
        if callee in around:
            _refuse(f"{describe(op)}: @{name} calls itself; expected no recursion")
        arguments = callee.body.block.args
        if [value.type for value in op.arguments] != [argument.type for argument in arguments] or op.results:
            _refuse(f"{describe(op)}: expected the arguments of @{name}, {callee.function_type}, and no results")
        inner: Places = {}
        for value, argument in zip(op.arguments, arguments, strict=True):
            match value.type:
                case MemRefType():
                    inner[argument] = places[value]
                case IndexType() if buffer.host_value(argument) is not None:
                    if _value(value, op) != (expected := buffer.host_value(argument)):
                        _refuse(f"{describe(op)}: expected {expected} as @{name} has it, got {_value(value, op)}")
                case _:
                    _refuse(f"{describe(op)}: expected memrefs, and indices that {buffer.ARG_DIMS} of @{name} gives")
        return self.block(callee.body.block, inner, (*around, callee))


def _no_results(op: scf.IfOp | scf.ForOp | scf.WhileOp) -> None:
    carried = () if isinstance(op, scf.IfOp) else op.iter_args if isinstance(op, scf.ForOp) else op.arguments
    if op.results or carried:
        _refuse(
            f"{describe(op)}: expected no results and no carried values; branches and bodies write to memrefs outside"
        )


def _value(value: SSAValue, op: Operation) -> Expr:
    found = buffer.host_value(value)
    if found is None:
        _refuse(
            f"{describe(op)}: expected an index that the host knows: of buffer.symbol, buffer.read, buffer.value, a constant or a loop"
        )
    return found


def _condition(value: SSAValue) -> Condition:
    """The condition that an i1 of a host function computes."""
    match value.owner:
        case buffer.ReadOp():
            return Condition.flag(value.owner.symbol.data)
        case arith.CmpiOp() if (number := value.owner.predicate.value.data) < len(_PREDICATES):
            op = value.owner
            return Condition(_PREDICATES[number], _value(op.lhs, op), _value(op.rhs, op))
        case owner:
            got = describe(owner) if isinstance(owner, Operation) else "a block argument"
            _refuse(
                "a condition is not known to the host: expected an i1 of buffer.read, or a signed arith.cmpi of indices, "
                f"got {got}"
            )


def _refuse(reason: str) -> NoReturn:
    raise PassError(f"host program: {reason}.")
