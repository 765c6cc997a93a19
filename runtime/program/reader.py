"""Reads the host function (`@main` in dialect `buffer`) of a module after `plan-arena`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, MemRefType, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from ...dialects import buffer
from ...dialects.dims import Expr, const
from ...dialects.dims.solving import is_linear
from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import PassError
from ...dialects.host.control import If, Loop, Step
from ...dialects.host.order import parallel
from ...dialects.host.structure import EventNode, LaunchNode, Node, Place, ReadNode, functions_of, read_structure
from ...dialects.nn.base import symbol_ranges
from ...dialects.nn.equal import EQUAL, equal_dims
from ...dialects.provenance import describe, origins
from ...dialects.strided import View
from ..kernels import KernelInfo
from .host import HostProgram
from .memory import Owner, Root, Shape, TensorSpec, TensorView
from .steps import PlannedLaunch, Read, Segment, Work


def read_program(module: ModuleOp, kernels: Mapping[str, KernelInfo]) -> HostProgram:
    """The host program of a module after `plan-arena`. Raises PassError when it is not at that level."""
    return _Reader(module, kernels).read()


def owner_numbers(main: FuncOp) -> dict[SSAValue, int]:
    """The number of each owner of a host function: arguments, then weights and slots in order."""
    ops = (op for op in main.body.block.ops if isinstance(op, buffer.WeightOp | buffer.SlotOp))
    return {value: number for number, value in enumerate((*main.body.block.args, *(op.result for op in ops)))}


class _Reader:
    """One walk over the host function."""

    def __init__(self, module: ModuleOp, kernels: Mapping[str, KernelInfo]):
        self.kernels = kernels
        self.ranges = symbol_ranges(module)
        self.equal = tuple(equal_dims(module))
        self.functions = functions_of(module)
        if "main" not in self.functions:
            raise PassError("host program: expected one function @main, got 0.")
        self.main = self.functions["main"]
        self.numbers = owner_numbers(self.main)
        self.owners: dict[SSAValue, TensorView] = {}
        self.views: dict[Place, TensorView] = {}
        self.weights: dict[str, tuple[Shape, np.dtype[Any]]] = {}
        self.sources: dict[str, tuple[str, int]] = {}
        self.launched: set[str] = set()
        self.arena_bytes = 0
        self.segments = 0

    def read(self) -> HostProgram:
        inputs, outputs = self._arguments()
        structure = read_structure(self.main, self.functions)
        for op in self.main.body.block.ops:
            match op:
                case buffer.SymbolOp():
                    self._symbol(op, inputs)
                case buffer.ArenaOp():
                    self.arena_bytes = op.size
                case buffer.WeightOp():
                    self._weight(op)
                case buffer.SlotOp():
                    self.owners[op.result] = self._owner("arena", "", op.offset.value.data, op.result, op.dims.exprs)
                case buffer.AllocOp():
                    raise PassError(f"host program: op {op.name} is not expected in @main after plan-arena.")
                case _:
                    pass
        steps = self._steps(structure, late_symbols(structure))
        if unused := sorted(self.kernels.keys() - self.launched):
            raise PassError(f"host program: kernel @{unused[0]} is never launched: expected a launch of it in @main.")
        known = _check_known(steps, set(self.sources))
        for spec in outputs:
            if unknown := sorted({name for extent in spec.dims for name in extent.symbols()} - known):
                raise PassError(
                    f"host program: no buffer.symbol, buffer.read or loop gives '{unknown[0]}', which the shape of output '{spec.name}' "
                    "depends on."
                )
        for pair in self.equal:
            if unknown := sorted({name for extent in pair for name in extent.symbols()} - self.sources.keys()):
                raise PassError(f"host program: no input gives '{unknown[0]}', which {EQUAL} names.")
        return HostProgram(
            tuple(inputs), tuple(outputs), self.ranges, self.arena_bytes, self.weights, self.sources, self.equal, steps
        )

    def _steps(self, nodes: Sequence[Step[Node]], late: AbstractSet[str]) -> tuple[Step[Work], ...]:
        """The nodes as steps: launches that follow each other are one segment. Raises PassError where streams lack an order that is
        required."""
        steps: list[Step[Work]] = []
        segment: list[LaunchNode | EventNode] = []

        def close() -> None:
            order = parallel(segment)
            launches = [self._launch(node) for node in segment if isinstance(node, LaunchNode)]
            segment.clear()
            if launches:
                exprs = dict.fromkeys(e for launch in launches for e in launch.exprs()) if late else ()
                varying = tuple(extent for extent in exprs if extent.symbols() & late)
                steps.append(Segment(self.segments, tuple(launches), varying, order))
                self.segments += 1

        for node in nodes:
            if isinstance(node, LaunchNode | EventNode):
                segment.append(node)
                continue
            close()
            match node:
                case ReadNode():
                    steps.append(Read(node.op.symbol.data, self._view(node.source)))
                case If():
                    then, otherwise = (self._steps(branch, late) for branch in (node.then, node.otherwise))
                    steps.append(If(node.condition, then, otherwise))
                case Loop():
                    before, body = (self._steps(part, late) for part in (node.before, node.body))
                    steps.append(Loop(node.index, node.total, node.count, node.condition, before, body))
        close()
        return tuple(steps)

    def _symbol(self, op: buffer.SymbolOp, inputs: Sequence[TensorSpec]) -> None:
        name, number, axis = op.symbol.data, cast(BlockArgument, op.source).index, op.axis.value.data
        if number >= len(inputs) or name in self.sources or not is_linear(inputs[number].dims[axis], name):
            raise PassError(
                f"host program: {describe(op)}: expected '{name}' to have one definition, from a dim of an input that is linear in it."
            )
        spec = inputs[number]
        if unknown := sorted(spec.dims[axis].symbols() - self.sources.keys() - {name}):
            raise PassError(f"host program: {name} is read from {spec.dims[axis]}, where '{unknown[0]}' is not known.")
        self.sources[name] = (spec.name, axis)

    def _arguments(self) -> tuple[list[TensorSpec], list[TensorSpec]]:
        arguments = self.main.body.block.args
        names: list[tuple[Root, str]] = []
        names.extend(("input", name) for name in _strings(self.main, "nn.inputs"))
        names.extend(("output", name) for name in _strings(self.main, "nn.outputs"))
        dims = buffer.argument_dims(self.main)
        if not len(arguments) == len(names) == len(dims):
            raise PassError(
                f"host program: expected one name and one {buffer.ARG_DIMS} for each of {len(arguments)} arguments, "
                f"got {len(names)} and {len(dims)}."
            )
        specs: dict[str, list[TensorSpec]] = {"input": [], "output": []}
        for argument, (root, name), exprs in zip(arguments, names, dims, strict=True):
            view = self._owner(root, name, 0, argument, exprs)
            self.owners[argument] = view
            specs[root].append(TensorSpec(name, view.owner.dtype, exprs))
        return specs["input"], specs["output"]

    def _owner(self, root: Root, name: str, base: int, value: SSAValue, dims: tuple[Expr, ...]) -> TensorView:
        dtype = numpy_dtype(cast(MemRefType, value.type).element_type)
        return View.whole(Owner(root, name, base, dims, dtype, self.numbers[value]), dims)

    def _weight(self, op: buffer.WeightOp) -> None:
        shape = op.result.type.get_shape()
        self.owners[op.result] = view = self._owner("weight", op.label.data, 0, op.result, tuple(map(const, shape)))
        self.weights[op.label.data] = (tuple(shape), view.owner.dtype)

    def _view(self, place: Place) -> TensorView:
        """A place as a view of its owner: the offset of each view counts from the start of the previous one."""
        if place not in self.views:
            view = self.owners[place.owner]
            for op in place.views:
                offset = view.offset + op.offset.exprs[0]
                view = replace(view, offset=offset, dims=op.dims.exprs, strides=op.strides.exprs)
            self.views[place] = view
        return self.views[place]

    def _launch(self, node: LaunchNode) -> PlannedLaunch:
        op = node.op
        name = op.callee.string_value()
        self.launched.add(name)
        kernel = self.kernels.get(name)
        if kernel is None:
            raise PassError(
                f"host program: launch of @{name}: expected a kernel.func of that name, got none; run lower-groups first."
            )
        arguments = tuple(map(self._view, node.places))
        if len(arguments) != kernel.arguments:
            raise PassError(
                f"host program: kernel @{name} takes {kernel.arguments} tensors, its launch passes {len(arguments)}."
            )
        for position, view in enumerate(arguments):
            if (offset := view.offset.as_int()) is not None:
                within = view.owner
                kernel.check_address(position, within.base + offset * within.dtype.itemsize, within.root)
        missing = sorted(set(kernel.params) - set(op.symbol_names))
        if missing:
            raise PassError(f"host program: kernel @{name} reads '{missing[0]}', which its launch does not bind.")
        nodes = tuple(origins(op.location)) or kernel.nodes
        names = tuple(_strings(op, buffer.OUT_NAMES)) or ("",) * len(op.outs)
        written = tuple(range(len(op.ins), len(op.ins) + len(op.outs)))
        return PlannedLaunch(kernel, arguments, nodes, names, written, op.access_list, op.dependent is not None)


def late_symbols(nodes: Sequence[Step[Node]]) -> frozenset[str]:
    """The symbols that are known only while a program runs: what it reads, and what its loops count."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ReadNode():
                found.add(node.op.symbol.data)
            case If():
                found |= late_symbols(node.then) | late_symbols(node.otherwise)
            case Loop():
                found |= {node.index, node.total} | late_symbols(node.before) | late_symbols(node.body)
            case LaunchNode() | EventNode():
                pass
    return frozenset(found - {""})


def _check_known(steps: Sequence[Step[Work]], known: AbstractSet[str]) -> set[str]:
    """Raises PassError unless every symbol is known before it is used. A symbol that a branch or a body reads is known only there. Returns
    the symbols that are known after the steps."""
    now = set(known)
    for step in steps:
        match step:
            case Segment():
                _require(step.symbols, now)
            case Read():
                _require(step.symbols, now)
                now.add(step.symbol)
            case If():
                _require(step.condition.symbols, now)
                _check_known(step.then, now)
                _check_known(step.otherwise, now)
            case Loop():
                _require(step.count.symbols() if step.count is not None else (), now)
                inside = _check_known(step.before, now)
                _require(step.condition.symbols if step.condition is not None else (), inside)
                _check_known(step.body, inside | {step.index})
                now.add(step.total)
    return now - {""}


def _require(symbols: Iterable[str], known: AbstractSet[str]) -> None:
    if unknown := sorted(set(symbols) - known):
        raise PassError(
            f"host program: '{unknown[0]}' is used before it is known: expected a buffer.symbol, buffer.read or loop that gives it first."
        )


def _strings(op: Operation, attribute: str) -> list[str]:
    listed = op.attributes.get(attribute)
    return [entry.data for entry in listed if isinstance(entry, StringAttr)] if isinstance(listed, ArrayAttr) else []
