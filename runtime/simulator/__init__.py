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

from ...dialects import kernel
from ...dialects.errors import OptionError
from ..arrays import bytes_of
from ..kernels import KernelInfo
from ..plan import HostProgram, Launch, MemoryRef, Root, execute
from .tile import run_kernel_tiles
from .views import poison

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Mode: TypeAlias = Literal["tile", "thread"]
OnLaunch: TypeAlias = Callable[[Launch, Sequence[Array]], None]
"""Called after each launch with it and the arrays that it wrote."""

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
    The outputs, by name, of a module after `plan-arena` whose kernels are lowered. What a launch is to write, and its workspace, is poison
    before (NaN, or the least integer), so that elements it leaves out show. Raises InputError for inputs that do not fit, SimulationError
    for what a kernel does wrong.
    """
    from ...dialects.meaning import run_weights

    kernels = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, kernel.FuncOp)}
    program = HostProgram.read(module, {name: KernelInfo.read(op) for name, op in kernels.items()})
    plan = program.bind({name: np.shape(array) for name, array in inputs.items()})
    outputs = {spec.name: np.zeros(plan.shapes[spec.name], spec.dtype) for spec in program.outputs}
    weights = run_weights(module)
    roots: dict[tuple[Root, str], Array] = {("arena", ""): np.zeros(max(1, program.arena_bytes), np.uint8)}
    roots.update({("output", name): bytes_of(array) for name, array in outputs.items()})
    for spec in program.inputs:
        roots["input", spec.name] = bytes_of(np.array(inputs[spec.name], dtype=spec.dtype, order="C"))
    for name, (_, dtype) in program.weights.items():
        roots["weight", name] = bytes_of(np.array(weights[name], dtype=dtype, order="C"))
    fresh = _Freshness()

    def run(launch: Launch, bases: list[Array]) -> None:
        fresh.poison(launch, bases)
        arrays = [ref.flat(base) for ref, base in zip(launch.arguments, bases, strict=True)]
        run_kernel(kernels[launch.kernel.name], arrays, plan.symbols, mode=mode)

    def observe(launch: Launch, bases: list[Array]) -> None:
        if on_launch is not None:
            on_launch(launch, [launch.arguments[i].array(bases[i]).copy() for i in launch.written])

    execute(plan, roots, run, observe)
    return outputs


class _Freshness:
    """Poisons what a launch is to write. A further launch of the same group goes on with what the first one wrote."""

    def __init__(self) -> None:
        self.before: Sequence[MemoryRef] = ()

    def poison(self, launch: Launch, bases: Sequence[Array]) -> None:
        if launch.arguments != self.before and launch.written:
            for i in range(min(launch.written), len(bases)):
                ref = launch.arguments[i]
                ref.array(bases[i])[...] = poison(ref.dtype)
        self.before = launch.arguments
