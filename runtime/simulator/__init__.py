"""
The simulator: kernels and whole engines on a CPU, in NumPy.

`run_kernel` runs one launch, `mode="tile"` in tile ops, batched over blocks (fast), `mode="thread"` in thread ops after `lower-to-threads`,
checking synchronisation (slow). `run_module` runs a host function after `plan-arena`, launch after launch, on the bytes that the plan
names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from ...dialects import buffer, kernel
from ...dialects.errors import OptionError
from ..kernels import KernelInfo
from ..plan import HostProgram, MemoryRef, Shape
from .tile import run_kernel_tiles

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Mode: TypeAlias = Literal["tile", "thread"]
OnLaunch: TypeAlias = Callable[[Operation, Sequence[Array]], None]
"""Called after each launch with its op and the arrays that it wrote."""

__all__ = ["run_kernel", "run_module"]


def run_kernel(
    func: kernel.FuncOp,
    arrays: Sequence[Array],
    symbols: Mapping[str, int],
    *,
    mode: Mode = "tile",
    blocks: Sequence[int] | None = None,
    seed: int = 0,
) -> None:
    """
    Run one launch. `arrays` are the tensors as flat arrays in argument order, each from its first element on, written in place; `symbols`
    binds the dim symbols; `blocks` picks blocks (linear, x fastest). `seed` orders roles and completions in thread mode.
    Raises SimulationError, naming the rule that was broken, op and ONNX node.
    """
    if mode == "tile":
        run_kernel_tiles(func, arrays, symbols, blocks=blocks)
    elif mode == "thread":
        from .thread import run_kernel_threads

        x, y, _ = (extent.evaluate(symbols) for extent in func.grid.exprs)
        coords = None if blocks is None else [(i % x, i // x % y, i // (x * y)) for i in blocks]
        run_kernel_threads(func, arrays, symbols, blocks=coords, seed=seed)
    else:
        raise OptionError(f"simulator mode: expected 'tile' or 'thread', got {mode!r}")


def run_module(
    module: ModuleOp, inputs: Mapping[str, Array], *, on_launch: OnLaunch | None = None, mode: Mode = "tile"
) -> dict[str, Array]:
    """
    The outputs, by name, of a module after `plan-arena` whose kernels are lowered. The arena and the outputs start as poison (every byte
    0xFF: NaN in each float type). Raises InputError for inputs that do not fit, SimulationError for what a kernel does wrong.
    """
    from ...dialects.meaning import run_weights

    kernels = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, kernel.FuncOp)}
    program = HostProgram.read(module, {name: KernelInfo.read(op) for name, op in kernels.items()})
    plan = program.bind({name: np.shape(array) for name, array in inputs.items()})
    roots: dict[tuple[str, str], Array] = {("arena", ""): _poisoned(program.arena_bytes)}
    for spec in program.inputs:
        roots["input", spec.name] = _bytes(np.asarray(inputs[spec.name], dtype=spec.dtype))
    for spec in program.outputs:
        roots["output", spec.name] = _poisoned(
            int(np.prod(plan.shapes[spec.name], dtype=np.int64)) * spec.dtype.itemsize
        )
    weights = run_weights(module)
    for name, (_, dtype) in program.weights.items():
        roots["weight", name] = _bytes(np.asarray(weights[name], dtype=dtype))
    ops = _launch_ops(module)
    for op, launch in zip(ops, plan.launches, strict=True):
        func = kernels[launch.kernel.name]
        arrays = [_flat(roots[ref.root, ref.name], ref) for ref in launch.arguments]
        run_kernel(func, arrays, plan.symbols, mode=mode)
        if on_launch is not None:
            first = len(op.ins)
            written = launch.arguments[first : first + len(op.outs)]
            on_launch(op, [ref.array(roots[ref.root, ref.name]).copy() for ref in written])
    return {
        spec.name: _whole(roots["output", spec.name], spec.dtype, plan.shapes[spec.name]) for spec in program.outputs
    }


def _launch_ops(module: ModuleOp) -> list[buffer.LaunchOp]:
    main = next(op for op in module.body.block.ops if isinstance(op, FuncOp) and op.sym_name.data == "main")
    return [op for op in main.body.block.ops if isinstance(op, buffer.LaunchOp)]


def _poisoned(size: int) -> Array:
    return np.full(max(1, size), 0xFF, np.uint8)


def _bytes(array: Array) -> Array:
    """A copy of an array's bytes, so that a kernel cannot write into what the caller holds."""
    return np.frombuffer(bytearray(np.ascontiguousarray(array).tobytes()), np.uint8)


def _flat(root: Array, ref: MemoryRef) -> Array:
    """The elements of a root from where a pointer points on."""
    size = (root.size - ref.offset) // ref.dtype.itemsize
    return root[ref.offset : ref.offset + size * ref.dtype.itemsize].view(ref.dtype)


def _whole(root: Array, dtype: np.dtype[Any], shape: Shape) -> Array:
    count = int(np.prod(shape, dtype=np.int64))
    return root[: count * dtype.itemsize].view(dtype).reshape(shape)
