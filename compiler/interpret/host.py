"""Executes a host function (`buffer` level) on a CPU, launch by launch.

Works at every state between `bufferize` and CUDA C: buffers may be `buffer.alloc`s or slots of the planned arena, and what is
launched may still be a function of tensors, run through the meaning of its ops, or already a kernel, run on the simulator. All
memory is poisoned before use, and what a launch is to write before the launch, so that reading what nobody wrote shows.

A built engine runs on the simulator by `runtime/contexts/simulator.py` instead: by its plan, which needs slots and kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, MemRefType, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from ...dialects import buffer, kernel
from ...dialects.dims import Expr, const
from ...dialects.dims.solving import solved
from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import InvalidModelError, PassError
from ...dialects.meaning import Perturb, run_function, run_weights
from ...dialects.provenance import describe
from ...dialects.strided import View
from ...runtime.arrays import bytes_of
from ...runtime.plan import MemoryRef

Array = np.ndarray[Any, np.dtype[Any]]
OnLaunch = Callable[[Operation, Sequence[str], Sequence[Array]], None]
"""Called after a launch with the op, the ONNX names of what it wrote ("" where there is none), and the arrays."""

_POISON = 255


def run_host(
    module: ModuleOp, inputs: Mapping[str, Array], on_launch: OnLaunch | None = None, perturb: Perturb | None = None
) -> dict[str, Array]:
    """The outputs of `@main` by ONNX name. `perturb` may change what an op computes, or a kernel writes."""
    functions = {name: op for op in module.body.block.ops if (name := _symbol_name(op))}
    main = functions.get("main")
    if not isinstance(main, FuncOp):
        raise InvalidModelError("the module has no function @main to execute: expected func.func @main")
    return _Host(functions, run_weights(module, perturb=perturb), on_launch, perturb).run(main, inputs)


def _symbol_name(op: Operation) -> str:
    name = op.properties.get("sym_name")
    return name.data if isinstance(name, StringAttr) else ""


def _strings(op: Operation, attribute: str) -> list[str]:
    listed = op.attributes.get(attribute)
    return [item.data for item in listed if isinstance(item, StringAttr)] if isinstance(listed, ArrayAttr) else []


class _Memref(NamedTuple):
    """The bytes of an owner, and what of them a memref is."""

    ref: MemoryRef
    base: Array
    begin: int = 0
    """Bytes from the begin of an allocation to the owner's first."""

    @property
    def array(self) -> Array:
        return self.ref.array(self.base)


class _Host:
    """One execution: for each memref the bytes that it stands for."""

    def __init__(
        self,
        functions: Mapping[str, Operation],
        weights: Mapping[str, Array],
        on_launch: OnLaunch | None,
        perturb: Perturb | None,
    ) -> None:
        self.perturb = perturb
        self.functions, self.weights, self.on_launch = functions, weights, on_launch
        self.env: dict[str, int] = {}
        self.memrefs: dict[SSAValue, _Memref] = {}
        self.last: tuple[SSAValue, ...] = ()
        """The memrefs of the launch before."""

    def run(self, main: FuncOp, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Bind the arguments, then the ops in order."""
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
            self._own(argument, np.shape(inputs[name]), bytes_of(np.ascontiguousarray(inputs[name])))
        for op in main.body.block.ops:
            if isinstance(op, buffer.SymbolOp):
                self._bind(op, dims[cast(BlockArgument, op.source).index])
        for argument, exprs in list(zip(arguments, dims, strict=True))[len(names) :]:
            self._own(argument, self._shape(exprs))
        for op in main.body.block.ops:
            self._step(op)
        results = arguments[len(names) :]
        return {name: self.memrefs[argument].array for name, argument in zip(outputs, results, strict=True)}

    def _bind(self, op: buffer.SymbolOp, dims: Sequence[Expr]) -> None:
        name, axis = op.symbol.data, op.axis.value.data
        size = self.memrefs[op.source].ref.shape[axis]
        value = solved(dims[axis], name, size, self.env)
        if value is None:
            raise InvalidModelError(f"{describe(op)}: expected a dim {dims[axis]}, got {size}, which no {name} gives")
        self.env[name] = value

    def _shape(self, dims: Sequence[Expr]) -> tuple[int, ...]:
        return tuple(extent.evaluate(self.env) for extent in dims)

    def _own(self, value: SSAValue, shape: Sequence[int], base: Array | None = None, begin: int = 0) -> None:
        """A memref that is row-major from the first of these bytes on (default: new ones, poisoned)."""
        dtype = _dtype(value)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        base = np.full(size, _POISON, np.uint8) if base is None else base[:size]
        _, dims, strides = View.whole(value, tuple(map(const, shape))).bind({})
        self.memrefs[value] = _Memref(MemoryRef("arena", "", 0, dims, strides, dtype), base, begin)

    def _step(self, op: Operation) -> None:
        match op:
            case buffer.AllocOp():
                self._own(op.result, self._shape(op.dims.exprs))
            case buffer.ArenaOp():
                self._own(op.result, (op.size,))
            case buffer.WeightOp():
                if op.label.data not in self.weights:
                    raise InvalidModelError(f"{describe(op)}: @weights exports no '{op.label.data}'")
                weight = self.weights[op.label.data]
                self._own(op.result, weight.shape, bytes_of(np.ascontiguousarray(weight)))
            case buffer.SlotOp():
                begin = op.offset.value.data
                slot = self.memrefs[op.arena].base[begin : begin + op.size.value.data]
                self._own(op.result, self._shape(op.dims.exprs), slot, begin)
            case buffer.ViewOp():
                offset, shape, strides = op.view.bind(self.env)
                dtype, owner = _dtype(op.result), self.memrefs[op.source]
                ref = MemoryRef("arena", "", offset * dtype.itemsize, shape, strides, dtype)
                self.memrefs[op.result] = _Memref(ref, owner.base, owner.begin)
            case buffer.LaunchOp():
                self._launch(op)
            case _ if op.name in ("func.return", "buffer.symbol"):
                pass
            case _:
                raise PassError(f"{describe(op)} is not an op of a host function: expected buffer ops and func.return")

    def _launch(self, op: buffer.LaunchOp) -> None:
        callee = self.functions.get(op.callee.string_value())
        outs = [self.memrefs[v].array for v in op.outs]
        symbols = {name: self.env[name] for name in op.symbol_names}
        if isinstance(callee, FuncOp):
            ins = [self.memrefs[v].array for v in op.ins]
            results = run_function(callee, ins, env=symbols, perturb=self.perturb)
            for target, result in zip(outs, results, strict=True):
                target[...] = result
        elif isinstance(callee, kernel.FuncOp):
            from ...runtime.simulator import run_kernel

            self._poison(op)
            memrefs = [self.memrefs[value] for value in op.memrefs]
            arrays = [m.ref.flat(m.base) for m in memrefs]
            offsets = [m.begin + m.ref.offset for m in memrefs]
            run_kernel(callee, arrays, symbols, mode=kernel_mode(callee), offsets=offsets)
            if self.perturb is not None:
                for target in outs:
                    target[...] = self.perturb(target)
        else:
            raise InvalidModelError(
                f"{describe(op)}: expected a function or kernel {op.callee}, got none in the module"
            )
        if self.on_launch is not None:
            self.on_launch(op, _strings(op, buffer.OUT_NAMES) or [""] * len(outs), outs)

    def _poison(self, op: buffer.LaunchOp) -> None:
        """Undefines what a launch is to write. A further launch of the same group goes on with what the first one wrote."""
        from ...runtime.simulator.views import poison

        if op.memrefs != self.last:
            for value in (*op.outs, *op.workspace):
                self.memrefs[value].array[...] = poison(_dtype(value))
        self.last = op.memrefs


def kernel_mode(function: kernel.FuncOp) -> Literal["tile", "thread"]:
    """`thread` for a kernel that `lower-to-threads` has lowered, else `tile`."""
    threads = {op.name for op in kernel.THREAD_OPS}
    return "thread" if any(op.name in threads for op in function.walk()) else "tile"


def _dtype(value: SSAValue) -> np.dtype[Any]:
    return numpy_dtype(cast(MemRefType, value.type).element_type)
