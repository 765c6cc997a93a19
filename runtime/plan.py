"""The host function made executable: from shapes to a flat list of launches. Needs no GPU.

`HostProgram` reads `@main` (dialect `buffer`) and the facts of its kernels once; `bind` evaluates every dim expression for one set
of input shapes. What comes out, a `BoundPlan`, names each pointer as an offset into a root (the arena, a weight, an input or an
output), so that the GPU context adds device addresses and the simulator takes NumPy views of the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, MemRefType, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from ..dialects import buffer
from ..dialects.dims import Expr, const
from ..dialects.dims.solving import is_linear, solved
from ..dialects.dtypes import numpy_dtype
from ..dialects.errors import EngineFormatError, PassError, TrtcError
from ..dialects.nn.base import symbol_ranges
from ..dialects.provenance import join_names, onnx_names
from ..dialects.strided import View
from ..dialects.text import shown
from .kernels import KernelInfo

Root = Literal["arena", "weight", "input", "output"]
Shape = tuple[int, ...]


class InputError(TrtcError, ValueError):
    """An array given to an engine does not fit: its name, dtype, rank, shape or a dynamic dim outside the profile."""


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of an engine: its ONNX name, NumPy dtype (ml_dtypes for bf16 and f8) and dims."""

    name: str
    dtype: np.dtype[Any]
    dims: tuple[Expr, ...]

    def __str__(self) -> str:
        return f"{shown(self.name)}: {self.dtype}[{', '.join(map(str, self.dims))}]"


@dataclass(frozen=True)
class MemoryRef:
    """Where a kernel's pointer points: `offset` bytes into a root, seen with `shape` and `strides` (elements)."""

    root: Root
    name: str
    offset: int
    shape: Shape
    strides: Shape
    dtype: np.dtype[Any]

    def array(self, base: np.ndarray) -> np.ndarray:
        """The view of `base`, the root's bytes (uint8, one dimension)."""
        strides = tuple(stride * self.dtype.itemsize for stride in self.strides)
        raw = np.ndarray(self.shape, _storage(self.dtype), base.data, self.offset, strides)
        return raw.view(self.dtype) if raw.dtype != self.dtype else raw

    def flat(self, base: np.ndarray) -> np.ndarray:
        """The elements of `base` from where the pointer points on, as one dimension."""
        count = (base.size - self.offset) // self.dtype.itemsize
        return base[self.offset : self.offset + count * self.dtype.itemsize].view(self.dtype)


@dataclass(frozen=True)
class Launch:
    """One kernel launch with everything evaluated: grid in blocks, pointers in parameter order, i32 parameters by position."""

    kernel: KernelInfo
    grid: tuple[int, int, int]
    arguments: tuple[MemoryRef, ...]
    scalars: tuple[int, ...]
    nodes: tuple[str, ...]
    names: tuple[str, ...]
    """ONNX names of the tensors that it writes, "" where there is none."""
    written: tuple[int, ...]
    """Positions in `arguments` of the tensors that `names` speaks of."""


@dataclass(frozen=True)
class BoundPlan:
    """The launches for one set of symbol values, in order, and the shapes of inputs and outputs."""

    symbols: dict[str, int]
    shapes: dict[str, Shape]
    launches: tuple[Launch, ...]


@dataclass(frozen=True)
class Owner:
    """What views are of: row-major elements from `base` bytes on in a root."""

    root: Root
    name: str
    base: int
    dims: tuple[Expr, ...]
    dtype: np.dtype[Any]


TensorView: TypeAlias = View[Owner]
"""A tensor of the host function."""


def _bind(tensor: TensorView, env: Mapping[str, int]) -> MemoryRef:
    """A tensor for these symbol values; EngineFormatError where it leaves its owner."""
    within, view = tensor.owner, tensor.bind(env)
    reach = view.reach
    if reach is not None:
        (low, high), elements = reach, prod(extent.evaluate(env) for extent in within.dims)
        if min(view.dims, default=1) < 0 or low < 0 or high >= elements:
            raise EngineFormatError(
                f"engine: a view of {within.name or 'the arena'} reaches elements {low} to {high} of {elements} for {dict(env)}; "
                f"rebuild the engine."
            )
    start = within.base + view.offset * within.dtype.itemsize
    return MemoryRef(within.root, within.name, start, view.dims, view.strides, within.dtype)


@dataclass(frozen=True)
class _Launch:
    kernel: KernelInfo
    arguments: tuple[TensorView, ...]
    nodes: tuple[str, ...]
    names: tuple[str, ...]
    written: tuple[int, ...]


@dataclass(frozen=True)
class HostProgram:
    """The host function of an engine, read once. `symbols` gives (min, opt, max) of each dynamic dim."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    symbols: dict[str, tuple[int, int, int]]
    arena_bytes: int
    weights: dict[str, tuple[Shape, np.dtype[Any]]]
    sources: dict[str, tuple[str, int]]
    """For each symbol the input and the axis that it is read from."""
    launches: tuple[_Launch, ...] = field(repr=False)

    @classmethod
    def read(cls, module: ModuleOp, kernels: Mapping[str, KernelInfo]) -> HostProgram:
        """Reads `@main` of a module after `plan-arena`. Raises PassError when it is not at that level."""
        return _Reader(module, kernels).read()

    def bind(self, shapes: Mapping[str, Sequence[int]]) -> BoundPlan:
        """The launches for these input shapes. Raises InputError for missing, unknown or unfitting shapes."""
        return self.bind_values(self.bind_symbols(shapes))

    def bind_values(self, env: dict[str, int]) -> BoundPlan:
        """The launches for these values of the symbols. EngineFormatError where the plan does not hold for them."""
        try:
            return self._bind(env)
        except (ArithmeticError, LookupError) as error:
            raise EngineFormatError(
                f"engine: its plan has no meaning for {env}: {error!r}; rebuild the engine."
            ) from error

    def _bind(self, env: dict[str, int]) -> BoundPlan:
        specs = (*self.inputs, *self.outputs)
        bound = {spec.name: tuple(extent.evaluate(env) for extent in spec.dims) for spec in specs}
        grids = [launch.kernel.blocks(env) for launch in self.launches]
        arguments = [tuple(_bind(tensor, env) for tensor in launch.arguments) for launch in self.launches]
        for launch, refs in zip(self.launches, arguments, strict=True):
            for position, ref in enumerate(refs):
                launch.kernel.check_address(position, ref.offset, f"{ref.root} {ref.name}".rstrip())
        # A launch without a block has nothing to write: its result is empty. CUDA refuses such a grid.
        launches = tuple(
            Launch(
                launch.kernel,
                grid,
                refs,
                tuple(env[name] for name in launch.kernel.params),
                launch.nodes,
                launch.names,
                launch.written,
            )
            for launch, grid, refs in zip(self.launches, grids, arguments, strict=True)
            if all(grid)
        )
        return BoundPlan(env, bound, launches)

    def bind_symbols(self, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
        """The value of every symbol for these input shapes, checked against the dims and the profile."""
        self._check_names(shapes)
        for spec in self.inputs:
            if len(shape := shapes[spec.name]) != len(spec.dims):
                raise InputError(
                    f"input '{spec.name}': expected {len(spec.dims)} dims as in {spec}, got shape {tuple(shape)}."
                )
        env = self._solved(shapes)
        for spec in self.inputs:
            shape = tuple(int(extent) for extent in shapes[spec.name])
            for axis, (extent, size) in enumerate(zip(spec.dims, shape, strict=True)):
                self._check_dim(spec, axis, extent, size, env)
        for symbol, (low, _, high) in self.symbols.items():
            if symbol in env and not low <= env[symbol] <= high:
                name, axis = self.sources[symbol]
                raise InputError(
                    f"input '{name}', dim {axis}: expected {symbol} within the profile [{low}, {high}], got {env[symbol]}; "
                    f"rebuild with a wider profile for {symbol}."
                )
        return env

    def _solved(self, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
        """Every symbol from the dim that it is read from; those before it are known."""
        dims = {spec.name: spec.dims for spec in self.inputs}
        env: dict[str, int] = {}
        for symbol, (name, axis) in self.sources.items():
            extent, size = dims[name][axis], int(shapes[name][axis])
            value = solved(extent, symbol, size, env)
            if value is None:
                raise InputError(f"input '{name}', dim {axis}: expected a size that is {extent}, got {size}.")
            env[symbol] = value
        return env

    def _check_names(self, given: Mapping[str, Any]) -> None:
        expected = [spec.name for spec in self.inputs]
        if set(given) != set(expected):
            raise InputError(f"inputs: expected {join_names(expected)}, got {join_names(sorted(given)) or 'none'}.")

    def _check_dim(self, spec: TensorSpec, axis: int, extent: Expr, size: int, env: Mapping[str, int]) -> None:
        expected = extent.evaluate(env)
        if size != expected:
            meaning = "" if extent.as_int() is not None else f" (= {extent})"
            raise InputError(f"input '{spec.name}', dim {axis}: expected {expected}{meaning} as in {spec}, got {size}.")


def execute(
    plan: BoundPlan,
    roots: Mapping[tuple[Root, str], np.ndarray],
    run: Callable[[Launch, list[np.ndarray]], None],
    observe: Callable[[Launch, list[np.ndarray]], None] | None = None,
) -> None:
    """Runs a plan on the CPU: `run(launch, bytes)` once for each launch, in order, with the root of each argument (uint8), of
    which `launch.arguments[i].array` or `.flat` makes an array. `roots` holds each input, output and weight by name, and
    ("arena", ""). `observe` gets the same after each launch."""
    for launch in plan.launches:
        bases = [roots[ref.root, ref.name] for ref in launch.arguments]
        run(launch, bases)
        if observe is not None:
            observe(launch, bases)


class _Reader:
    """One walk over the host function."""

    def __init__(self, module: ModuleOp, kernels: Mapping[str, KernelInfo]):
        self.kernels = kernels
        self.ranges = symbol_ranges(module)
        mains = [op for op in module.body.block.ops if isinstance(op, FuncOp) and op.sym_name.data == "main"]
        if len(mains) != 1:
            raise PassError(f"host program: expected one function @main, got {len(mains)}.")
        self.function = mains[0]
        self.tensors: dict[SSAValue, TensorView] = {}
        self.weights: dict[str, tuple[Shape, np.dtype[Any]]] = {}
        self.sources: dict[str, tuple[str, int]] = {}
        self.launches: list[_Launch] = []
        self.launched = {op.callee.string_value() for op in self.function.walk() if isinstance(op, buffer.LaunchOp)}
        self.arena_bytes = 0

    def read(self) -> HostProgram:
        inputs, outputs = self._arguments()
        for op in self.function.body.block.ops:
            match op:
                case buffer.SymbolOp():
                    self._symbol(op, inputs)
                case buffer.ArenaOp():
                    self.arena_bytes = op.size
                case buffer.WeightOp():
                    self._weight(op)
                case buffer.SlotOp():
                    self.tensors[op.result] = self._owner("arena", "", op.offset.value.data, op.result, op.dims.exprs)
                case buffer.ViewOp():
                    self._view(op)
                case buffer.LaunchOp():
                    self._launch(op)
                case _ if op.name != "func.return":
                    raise PassError(f"host program: op {op.name} is not expected in @main after plan-arena.")
                case _:
                    pass
        if unused := sorted(self.kernels.keys() - self.launched):
            raise PassError(f"host program: kernel @{unused[0]} is never launched; run lower-groups before bufferize.")
        unbound = sorted(self._used_symbols(outputs) - self.sources.keys())
        if unbound:
            raise PassError(f"host program: no buffer.symbol gives '{unbound[0]}'.")
        return HostProgram(
            tuple(inputs),
            tuple(outputs),
            self.ranges,
            self.arena_bytes,
            self.weights,
            self.sources,
            tuple(self.launches),
        )

    def _symbol(self, op: buffer.SymbolOp, inputs: Sequence[TensorSpec]) -> None:
        name, number, axis = op.symbol.data, cast(BlockArgument, op.source).index, op.axis.value.data
        if number >= len(inputs) or name in self.sources or not is_linear(inputs[number].dims[axis], name):
            raise PassError(f"host program: expected {name} once, from a dim of an input that gives it.")
        spec = inputs[number]
        if unknown := sorted(spec.dims[axis].symbols() - self.sources.keys() - {name}):
            raise PassError(f"host program: {name} is read from {spec.dims[axis]}, where '{unknown[0]}' is not known.")
        self.sources[name] = (spec.name, axis)

    def _arguments(self) -> tuple[list[TensorSpec], list[TensorSpec]]:
        arguments = self.function.body.block.args
        names: list[tuple[Root, str]] = []
        names.extend(("input", name) for name in _strings(self.function, "nn.inputs"))
        names.extend(("output", name) for name in _strings(self.function, "nn.outputs"))
        dims = buffer.argument_dims(self.function)
        if not len(arguments) == len(names) == len(dims):
            raise PassError(
                f"host program: expected one name and one {buffer.ARG_DIMS} for each of {len(arguments)} arguments, "
                f"got {len(names)} and {len(dims)}."
            )
        specs: dict[str, list[TensorSpec]] = {"input": [], "output": []}
        for argument, (root, name), exprs in zip(arguments, names, dims, strict=True):
            self.tensors[argument] = tensor = self._owner(root, name, 0, argument, exprs)
            specs[root].append(TensorSpec(name, tensor.owner.dtype, exprs))
        return specs["input"], specs["output"]

    def _owner(self, root: Root, name: str, base: int, value: SSAValue, dims: tuple[Expr, ...]) -> TensorView:
        dtype = numpy_dtype(cast(MemRefType, value.type).element_type)
        return View.whole(Owner(root, name, base, dims, dtype), dims)

    def _weight(self, op: buffer.WeightOp) -> None:
        shape = op.result.type.get_shape()
        self.tensors[op.result] = weight = self._owner("weight", op.label.data, 0, op.result, tuple(map(const, shape)))
        self.weights[op.label.data] = (tuple(shape), weight.owner.dtype)

    def _view(self, op: buffer.ViewOp) -> None:
        self.tensors[op.result] = op.view.of(self.tensors[op.source].owner)

    def _launch(self, op: buffer.LaunchOp) -> None:
        name = op.callee.string_value()
        kernel = self.kernels.get(name)
        if kernel is None:
            raise PassError(f"host program: launch of @{name}, which no kernel.func defines; run lower-groups first.")
        arguments = tuple(self.tensors[value] for value in op.memrefs)
        if len(arguments) != kernel.arguments:
            raise PassError(
                f"host program: kernel @{name} takes {kernel.arguments} tensors, its launch passes {len(arguments)}."
            )
        for position, tensor in enumerate(arguments):
            if (offset := tensor.offset.as_int()) is not None:
                within = tensor.owner
                kernel.check_address(position, within.base + offset * within.dtype.itemsize, within.root)
        missing = sorted(set(kernel.params) - set(op.symbol_names))
        if missing:
            raise PassError(f"host program: kernel @{name} asks for '{missing[0]}', which its launch does not bind.")
        nodes = tuple(onnx_names(op.location)) or kernel.nodes
        names = tuple(_strings(op, buffer.OUT_NAMES)) or ("",) * len(op.outs)
        written = tuple(range(len(op.ins), len(op.ins) + len(op.outs)))
        self.launches.append(_Launch(kernel, arguments, nodes, names, written))

    def _used_symbols(self, outputs: Sequence[TensorSpec]) -> set[str]:
        used = {name for spec in outputs for extent in spec.dims for name in extent.symbols()}
        for launch in self.launches:
            used |= set(launch.kernel.params)
            used |= {name for extent in launch.kernel.grid for name in extent.symbols()}
            for tensor in launch.arguments:
                used |= {name for e in (tensor.offset, *tensor.dims, *tensor.strides) for name in e.symbols()}
        return used


def _storage(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A dtype of the same size that the buffer protocol of NumPy knows, for those of ml_dtypes."""
    return dtype if dtype.kind in "biuf" else np.dtype(f"u{dtype.itemsize}")


def _strings(op: Operation, attribute: str) -> list[str]:
    listed = op.attributes.get(attribute)
    return [entry.data for entry in listed if isinstance(entry, StringAttr)] if isinstance(listed, ArrayAttr) else []
