"""
The simulator: kernels on a CPU, in NumPy.

`run_kernel` runs one launch, `mode="tile"` in tile ops, batched over blocks (fast), `mode="thread"` in thread ops after phase `threads`,
checking synchronisation (slow). Whole networks run on it by
`compiler/interpret/module.py` (modules) and `runtime/contexts/simulator.py` (engines).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from ...dialects import kernel
from ...dialects.errors import OptionError, SimulationError
from ...dialects.kernel.types import GlobalType
from .tile.machine import run_kernel_tiles

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Mode: TypeAlias = Literal["tile", "thread"]

__all__ = ["run_kernel"]


def run_kernel(
    func: kernel.FuncOp,
    arrays: Sequence[Array],
    symbols: Mapping[str, int],
    *,
    mode: Mode = "tile",
    blocks: Sequence[int] | None = None,
    seed: int = 0,
    offsets: Sequence[int] = (),
    early: Collection[int] | None = None,
) -> None:
    """
    Run one launch. `arrays` are the tensors as flat arrays in argument order, each from its first element on, written in place; `symbols`
    binds the dim symbols; `blocks` selects blocks (linear, x fastest). `seed` orders roles and completions in thread mode. `offsets` are
    the bytes from an aligned address to the start of each tensor (default 0). `early` are the tensors, by number, that a dependent launch
    may touch before it waits for the previous launch, whose writes it sees from then on; None: it is not dependent.

    Raises SimulationError, naming the rule that was broken, op and ONNX node.
    """
    for position, (tensor, offset) in enumerate(zip(func.tensors, offsets, strict=False)):
        need = cast(GlobalType, tensor.type).needs
        if offset % need:
            raise SimulationError(
                f"kernel @{func.sym_name.data}, tensor {position}: misaligned: expected a multiple of {need} bytes, got byte {offset}"
            )
    if mode == "tile":
        run_kernel_tiles(func, arrays, symbols, blocks=blocks, early=early)
    elif mode == "thread":
        from .thread import run_kernel_threads

        x, y, _ = (extent.evaluate(symbols) for extent in func.grid.exprs)
        coords = None if blocks is None else [(i % x, i // x % y, i // (x * y)) for i in blocks]
        run_kernel_threads(func, arrays, symbols, blocks=coords, seed=seed, early=early)
    else:
        raise OptionError(f"simulator mode: expected 'tile' or 'thread', got {mode!r}")
