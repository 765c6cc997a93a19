"""Executes a host function (`buffer` level) on a CPU, launch by launch, with the branches and loops that it decides by what it reads.

Works on every module between `bufferize` and CUDA C: buffers may be `buffer.alloc`s or slots of the planned arena, and a launch may
be of a kernel, run on the simulator, or of a function of tensors, run by the reference semantics of its ops; on demand the reference of a
group runs in place of its kernels. All memory is poisoned before use, and the results of a launch before the launch, so that reading
undefined values shows. Launches of several streams run in the order of the text, which their order allows.

A built engine runs on the simulator by `runtime/contexts/simulator.py` instead: by its plan, which needs slots and kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, MemRefType, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from ...dialects import buffer, kernel
from ...dialects.dims import Expr, const
from ...dialects.dims.solving import solved
from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import InvalidModelError
from ...dialects.host.control import Ranges, Step, check_value, run_steps
from ...dialects.host.structure import LaunchNode, Node, Place, ReadNode, read_structure
from ...dialects.kernel.marks import launches_of
from ...dialects.meaning import Perturb, run_function, run_weights
from ...dialects.nn.base import symbol_ranges
from ...dialects.provenance import describe
from ...dialects.strided import row_major_strides
from ...runtime.arrays import bytes_of
from ...runtime.program.memory import MemoryRef
from .kernels import kernel_mode

Array = np.ndarray[Any, np.dtype[Any]]
OnLaunch = Callable[[Operation, Sequence[str], Sequence[Array]], None]
"""Called after a launch with the op, the ONNX names of what it wrote ("" where there is none), and the arrays."""

_POISON = 255


def run_host(
    module: ModuleOp,
    inputs: Mapping[str, Array],
    on_launch: OnLaunch | None = None,
    perturb: Perturb | None = None,
    *,
    references: bool = False,
) -> dict[str, Array]:
    """The outputs of `@main` by ONNX name. `perturb` may change the results of each op or kernel. With `references` the functions of groups
    run in place of their kernels."""
    functions = {name: op for op in module.body.block.ops if (name := _symbol_name(op))}
    main = functions.get("main")
    if not isinstance(main, FuncOp):
        raise InvalidModelError("the module has no function @main to execute: expected func.func @main")
    bodies = {name: op for name, op in functions.items() if isinstance(op, FuncOp)}
    host = _Host(functions, run_weights(module, perturb=perturb), symbol_ranges(module), on_launch, perturb)
    if references:
        host.references = {name: function for function in bodies.values() for name in launches_of(function)}
    return host.run(main, read_structure(main, bodies), inputs)


def _symbol_name(op: Operation) -> str:
    name = op.properties.get("sym_name")
    return name.data if isinstance(name, StringAttr) else ""


def _strings(op: Operation, attribute: str) -> list[str]:
    listed = op.attributes.get(attribute)
    return [item.data for item in listed if isinstance(item, StringAttr)] if isinstance(listed, ArrayAttr) else []


class _Owner(NamedTuple):
    """The bytes of an owner, row-major in these dims."""

    base: Array
    dims: tuple[Expr, ...]
    begin: int
    """The offset of the owner's first byte in its allocation."""


class _Memref(NamedTuple):
    """A memref: the bytes of its owner, and its place in them."""

    ref: MemoryRef
    base: Array
    begin: int

    @property
    def array(self) -> Array:
        return self.ref.array(self.base)


class _Host:
    """One execution: the bytes of each owner, and the values that the host knows."""

    def __init__(
        self,
        functions: Mapping[str, Operation],
        weights: Mapping[str, Array],
        ranges: Ranges,
        on_launch: OnLaunch | None,
        perturb: Perturb | None,
    ) -> None:
        self.perturb = perturb
        self.functions, self.weights, self.ranges, self.on_launch = functions, weights, ranges, on_launch
        self.env: dict[str, int] = {}
        self.owners: dict[SSAValue, _Owner] = {}
        self.first: Operation | None = None
        """The first launch of the group of the previous launch."""
        self.last: list[tuple[SSAValue, MemoryRef]] = []
        """The memrefs of the previous launch: all launches of a group have the same."""
        self.references: dict[str, FuncOp] = {}
        """For each kernel the function that computes in its place; empty where kernels run."""
        self.computed: list[Array] = []
        """The results of the function that ran in place of the previous group's kernels."""
        self.poisoned: set[int] = set()
        """The memrefs, by number, that the group of the previous launch has begun to write."""

    def run(self, main: FuncOp, steps: Sequence[Step[Node]], inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Bind the arguments, allocate, and run the steps in order."""
        arguments = main.body.block.args
        names = _strings(main, "nn.inputs")
        outputs = _strings(main, "nn.outputs")
        dims = buffer.argument_dims(main)
        if not len(arguments) == len(names) + len(outputs) == len(dims):
            raise InvalidModelError(
                f"@main: expected nn.inputs, nn.outputs and {buffer.ARG_DIMS} to speak of its {len(arguments)} arguments, got "
                f"{len(names)} inputs, {len(outputs)} outputs and {len(dims)} dims"
            )
        for argument, name in zip(arguments, names, strict=False):
            given = np.asarray(inputs[name])
            self.owners[argument] = _Owner(bytes_of(np.ascontiguousarray(given)), tuple(map(const, given.shape)), 0)
        for op in main.body.block.ops:
            if isinstance(op, buffer.SymbolOp):
                self._bind(op, dims[cast(BlockArgument, op.source).index])
        for argument, exprs in list(zip(arguments, dims, strict=True))[len(names) :]:
            self._allocate(argument, exprs)
        for op in main.body.block.ops:
            self._own(op)
        run_steps(steps, self.env, self.ranges, self._run)
        results = arguments[len(names) :]
        return {name: self._memref(Place(argument)).array for name, argument in zip(outputs, results, strict=True)}

    def _bind(self, op: buffer.SymbolOp, dims: Sequence[Expr]) -> None:
        name, axis = op.symbol.data, op.axis.value.data
        size = self.owners[op.source].dims[axis].evaluate({})
        value = solved(dims[axis], name, size, self.env)
        if value is None:
            raise InvalidModelError(f"{describe(op)}: expected a dim {dims[axis]}, got {size}, which no {name} gives")
        self.env[name] = value

    def _shape(self, dims: Sequence[Expr]) -> tuple[int, ...]:
        return tuple(extent.evaluate(self.env) for extent in dims)

    def _allocate(self, value: SSAValue, dims: tuple[Expr, ...]) -> None:
        """Allocate poisoned bytes: for the largest values where a dim depends on what the host has yet to read."""
        size = buffer.size_in_bytes(dims, cast(MemRefType, value.type).element_type)
        known = size.symbols() <= self.env.keys()
        count = size.evaluate(self.env) if known else size.bounds(self.ranges)[1]
        self.owners[value] = _Owner(np.full(count, _POISON, np.uint8), dims, 0)

    def _own(self, op: Operation) -> None:
        """Allocate or look up the memory of an op that owns some."""
        match op:
            case buffer.AllocOp():
                self._allocate(op.result, op.dims.exprs)
            case buffer.ArenaOp():
                self._allocate(op.result, (const(op.size),))
            case buffer.WeightOp():
                if op.label.data not in self.weights:
                    raise InvalidModelError(f"{describe(op)}: @weights exports no '{op.label.data}'")
                weight = self.weights[op.label.data]
                data = bytes_of(np.ascontiguousarray(weight))
                self.owners[op.result] = _Owner(data, tuple(map(const, weight.shape)), 0)
            case buffer.SlotOp():
                begin = op.offset.value.data
                slot = self.owners[op.arena].base[begin : begin + op.size.value.data]
                self.owners[op.result] = _Owner(slot, op.dims.exprs, begin)
            case _:
                pass

    def _memref(self, place: Place) -> _Memref:
        owner, dtype = self.owners[place.owner], _dtype(place.owner)
        dims, strides, offset = owner.dims, row_major_strides(owner.dims), 0
        for view in place.views:
            (start,) = self._shape(view.offset.exprs)
            dims, strides, offset = view.dims.exprs, view.strides.exprs, offset + start
        size = int(np.prod(self._shape(owner.dims), dtype=np.int64)) * dtype.itemsize
        ref = MemoryRef("arena", "", offset * dtype.itemsize, self._shape(dims), self._shape(strides), dtype)
        return _Memref(ref, owner.base[:size], owner.begin)

    def _run(self, node: Node, env: dict[str, int]) -> None:
        if isinstance(node, LaunchNode):
            self._launch(node)
        elif isinstance(node, ReadNode):
            name = node.op.symbol.data
            value = int(self._memref(node.source).array.reshape(-1)[0])
            env[name] = check_value(name, value, self.ranges, "value read for")

    def _launch(self, node: LaunchNode) -> None:
        op = node.op
        name = op.callee.string_value()
        callee = self.references.get(name, self.functions.get(name))
        ins, outs, workspace = (list(map(self._memref, part)) for part in (node.ins, node.outs, node.workspace))
        results = [memref.array for memref in outs]
        symbols = {name: self.env[name] for name in op.symbol_names}
        if isinstance(callee, FuncOp):
            # A group of several launches computes at the first, before operands are overwritten; each writes its kernel's results.
            if name in self.references and name != launches_of(callee)[0]:
                computed = self.computed
            else:
                arrays = [memref.array for memref in ins]
                computed = self.computed = run_function(callee, arrays, env=symbols, perturb=self.perturb)
            for target, result, access in zip(results, computed, op.access_list[len(ins) :], strict=False):
                if access.writes:
                    target[...] = result
        elif isinstance(callee, kernel.FuncOp):
            from ...runtime.simulator import run_kernel

            memrefs = [*ins, *outs, *workspace]
            self._poison(node, memrefs)
            arrays = [m.ref.flat(m.base) for m in memrefs]
            offsets = [m.begin + m.ref.offset for m in memrefs]
            run_kernel(callee, arrays, symbols, mode=kernel_mode(callee), offsets=offsets, early=node.early)
            for memref, access in zip(outs, op.access_list[len(ins) :], strict=False):
                if self.perturb is not None and access.writes:
                    memref.array[...] = self.perturb(memref.array)
        else:
            raise InvalidModelError(
                f"{describe(op)}: expected a function or kernel {op.callee}, got none in the module"
            )
        if self.on_launch is not None:
            names = _strings(op, buffer.OUT_NAMES) or [""] * len(outs)
            written = [i for i, access in enumerate(op.access_list[len(ins) : len(ins) + len(outs)]) if access.writes]
            self.on_launch(op, [names[i] for i in written], [results[i] for i in written])

    def _poison(self, node: LaunchNode, memrefs: Sequence[_Memref]) -> None:
        """Poison the results of a launch. Later launches of the same group keep what earlier ones wrote."""
        from ...runtime.simulator.views import poison

        arguments = [(place.owner, memref.ref) for place, memref in zip(node.places, memrefs, strict=True)]
        if arguments != self.last or node.op is self.first:
            self.first, self.last = node.op, arguments
            self.poisoned.clear()
        for number, access in enumerate(node.op.access_list):
            if access.writes and number not in self.poisoned:
                self.poisoned.add(number)
                memrefs[number].array[...] = poison(memrefs[number].ref.dtype)


def _dtype(value: SSAValue) -> np.dtype[Any]:
    return numpy_dtype(cast(MemRefType, value.type).element_type)
