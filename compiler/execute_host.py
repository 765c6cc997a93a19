"""Executes a host function (`buffer` level) on a CPU, launch by launch.

Works at every state between `bufferize` and CUDA C: buffers may be `buffer.alloc`s or slots of the planned arena, and what is
launched may still be a function of tensors, run through the meaning of its ops, or already a kernel, run on the simulator. All
memory is poisoned (NaN bytes) before use, so that reading what nobody wrote shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, MemRefType, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from ..dialects import buffer, kernel
from ..dialects.dims import Expr
from ..dialects.dtypes import numpy_dtype
from ..dialects.errors import InvalidModelError, PassError
from ..dialects.meaning import run_function, run_weights
from ..dialects.provenance import describe

Array = np.ndarray[Any, np.dtype[Any]]
OnLaunch = Callable[[Operation, Sequence[str], Sequence[Array]], None]
"""Called after a launch with the op, the ONNX names of what it wrote ("" where there is none), and the arrays."""

_POISON = 255


def run_host(module: ModuleOp, inputs: Mapping[str, Array], on_launch: OnLaunch | None = None) -> dict[str, Array]:
    """The outputs of `@main` by ONNX name."""
    functions = {name: op for op in module.body.block.ops if (name := _symbol_name(op))}
    main = functions.get("main")
    if not isinstance(main, FuncOp):
        raise InvalidModelError("the module has no function @main to execute: expected func.func @main")
    return _Host(functions, run_weights(module), on_launch).run(main, inputs)


def _symbol_name(op: Operation) -> str:
    name = op.properties.get("sym_name")
    return name.data if isinstance(name, StringAttr) else ""


def _strings(op: Operation, attribute: str) -> list[str]:
    listed = op.attributes.get(attribute)
    return [item.data for item in listed if isinstance(item, StringAttr)] if isinstance(listed, ArrayAttr) else []


class _Host:
    """One execution: the bytes of every owner, and the array of every memref."""

    def __init__(
        self, functions: Mapping[str, Operation], weights: Mapping[str, Array], on_launch: OnLaunch | None
    ) -> None:
        self.functions, self.weights, self.on_launch = functions, weights, on_launch
        self.env: dict[str, int] = {}
        self.arrays: dict[SSAValue, Array] = {}
        self.starts: dict[SSAValue, Array] = {}
        """For each view the bytes of its owner from its first element on: what a kernel's pointer sees."""

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
            self.arrays[argument] = np.ascontiguousarray(inputs[name])
        for op in main.body.block.ops:
            if isinstance(op, buffer.SymbolOp):
                self.env[op.symbol.data] = self.arrays[op.source].shape[op.axis.value.data]
        for argument, exprs in list(zip(arguments, dims, strict=True))[len(names) :]:
            self.arrays[argument] = _poisoned(self._shape(exprs), _dtype(argument))
        for op in main.body.block.ops:
            self._step(op)
        return {name: self.arrays[argument] for name, argument in zip(outputs, arguments[len(names) :], strict=True)}

    def _shape(self, dims: Sequence[Expr]) -> tuple[int, ...]:
        return tuple(extent.evaluate(self.env) for extent in dims)

    def _step(self, op: Operation) -> None:
        match op:
            case buffer.AllocOp():
                self.arrays[op.result] = _poisoned(self._shape(op.dims.exprs), _dtype(op.result))
            case buffer.ArenaOp():
                self.arrays[op.result] = _poisoned((op.size,), np.dtype(np.int8))
            case buffer.WeightOp():
                if op.label.data not in self.weights:
                    raise InvalidModelError(f"{describe(op)}: @weights exports no '{op.label.data}'")
                self.arrays[op.result] = np.ascontiguousarray(self.weights[op.label.data])
            case buffer.SlotOp():
                begin = op.offset.value.data
                raw = _bytes(self.arrays[op.arena])[begin : begin + op.size.value.data]
                self.arrays[op.result] = _view(raw, _dtype(op.result), 0, self._shape(op.dims.exprs), None)
            case buffer.ViewOp():
                (offset,) = self._shape(op.offset.exprs)
                raw = _bytes(self.arrays[op.source])
                shape, strides = self._shape(op.dims.exprs), self._shape(op.strides.exprs)
                self.arrays[op.result] = _view(raw, _dtype(op.result), offset, shape, strides)
                self.starts[op.result] = raw[offset * _dtype(op.result).itemsize :]
            case buffer.LaunchOp():
                self._launch(op)
            case _ if op.name in ("func.return", "buffer.symbol"):
                pass
            case _:
                raise PassError(f"{describe(op)} is not an op of a host function: expected buffer ops and func.return")

    def _flat(self, value: SSAValue) -> Array:
        """A memref as a kernel gets it: the elements of its owner, from its own first one on."""
        raw = self.starts[value] if value in self.starts else _bytes(self.arrays[value])
        size = _dtype(value).itemsize
        return raw[: raw.size // size * size].view(_dtype(value))

    def _launch(self, op: buffer.LaunchOp) -> None:
        callee = self.functions.get(op.callee.string_value())
        ins, outs = [self.arrays[v] for v in op.ins], [self.arrays[v] for v in op.outs]
        symbols = {name: self.env[name] for name in op.symbol_names}
        if isinstance(callee, FuncOp):
            results = run_function(callee, ins, env=symbols)
            for target, result in zip(outs, results, strict=True):
                target[...] = result
        elif isinstance(callee, kernel.FuncOp):
            from ..runtime.simulator import run_kernel

            run_kernel(callee, [self._flat(value) for value in op.memrefs], symbols, mode=kernel_mode(callee))
        else:
            raise InvalidModelError(
                f"{describe(op)}: expected a function or kernel {op.callee}, got none in the module"
            )
        if self.on_launch is not None:
            self.on_launch(op, _strings(op, buffer.OUT_NAMES) or [""] * len(outs), outs)


def kernel_mode(function: kernel.FuncOp) -> Literal["tile", "thread"]:
    """`thread` for a kernel that `lower-to-threads` has lowered, else `tile`."""
    threads = {op.name for op in kernel.THREAD_OPS}
    return "thread" if any(op.name in threads for op in function.walk()) else "tile"


def _dtype(value: SSAValue) -> np.dtype[Any]:
    return numpy_dtype(cast(MemRefType, value.type).element_type)


def _poisoned(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    raw = np.full(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize, _POISON, np.uint8)
    return _view(raw, dtype, 0, shape, None)


def _bytes(array: Array) -> Array:
    """The bytes of an owner: a row-major array."""
    return array.reshape(-1).view(np.uint8)


def _view(raw: Array, dtype: np.dtype[Any], offset: int, shape: Sequence[int], strides: Sequence[int] | None) -> Array:
    """An array over bytes; `offset` and `strides` count elements. NumPy refuses one that leaves the bytes."""
    # NumPy's buffer protocol does not know the types of ml_dtypes: the view is made of integers of their size.
    plain = dtype if dtype.kind in "biuf" else np.dtype(f"u{dtype.itemsize}")
    step = None if strides is None else tuple(stride * dtype.itemsize for stride in strides)
    made = np.ndarray(tuple(shape), plain, raw.data, offset * dtype.itemsize, step)
    return made if plain == dtype else made.view(dtype)
