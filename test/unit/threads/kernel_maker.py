"""Tile kernels built op by op, lowered to threads, and run in both simulators; a layout of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import IndexType, IntegerAttr, ModuleOp, f32
from xdsl.ir import Attribute, Block, Operation, SSAValue

from trtc.compiler.pipeline import run_phase
from trtc.dialects import kernel
from trtc.dialects.dtypes import numpy_dtype
from trtc.dialects.kernel.grouped import Grouped
from trtc.dialects.kernel.layouts import Blocked, Layout, MmaA, MmaAcc, MmaB, OuterA, OuterB, WgmmaA, WgmmaAcc
from trtc.dialects.kernel.types import FragType, GlobalType
from trtc.runtime.simulator import run_kernel

index = IndexType()

LAYOUTS = [
    (Blocked.of(1, 128, 1, 4), (2, 512)),
    (Blocked.of(4, 32, 1, 2), (8, 128)),
    (Blocked.of(16, 8, 2, 2), (64, 32)),
    (MmaA.of(2, 2, 2), (64, 32)),
    (MmaA.of(1, 1, 1), (32, 16)),
    (MmaB.of(2, 2, 4), (32, 64)),
    (MmaB.of(1, 2, 2), (48, 48)),
    (MmaAcc.of(2, 2), (64, 48)),
    (WgmmaAcc.of(1), (64, 24)),
    (WgmmaA.of(1), (128, 32)),
    (OuterA.of(8, 4, 2), (32, 4)),
    (OuterB.of(8, 4, 2), (16, 4)),
    (Grouped.by(2, 1, MmaA.of(1, 1, 2)), (32, 64)),
    (Grouped.by(4, 0, MmaAcc.of(1, 1)), (64, 16)),
    (Grouped.by(2, 1, OuterB.of(8, 4, 1)), (16, 8)),
]  # fmt: skip
IDS = [f"{layout.name.removeprefix('kernel.')}-{shape[0]}x{shape[1]}" for layout, shape in LAYOUTS]


class Maker:
    """Builds a kernel op by op."""

    def __init__(
        self, tensors: Sequence[GlobalType], warps: int, grid: Sequence[int | str] = (1, 1, 1), cluster: int = 1
    ):
        self.func = kernel.FuncOp("k", tensors, grid, warps, cluster=cluster)
        self.block = self.func.body.block

    def inside(self, block: Block) -> Maker:
        """A maker of the same kernel that adds to another block."""
        inner = Maker.__new__(Maker)
        inner.func, inner.block = self.func, block
        return inner

    def __call__(self, op: Operation) -> Any:
        self.block.add_op(op)
        return op.results[0] if op.results else None

    def index(self, value: int) -> SSAValue:
        return self(arith.ConstantOp(IntegerAttr(value, index)))

    def view(self, number: int, groups: Sequence[Sequence[int]], **how: Any) -> SSAValue:
        return self(kernel.ViewOp(self.func.tensors[number], groups, **how))

    def finish(self) -> kernel.FuncOp:
        self(kernel.ReturnOp())
        self.func.verify()
        return self.func


def tensor(dims: Sequence[int | str], element: Attribute = f32, **how: Any) -> GlobalType:
    return GlobalType.of(dims, element, **how)


def lowered(func: kernel.FuncOp) -> kernel.FuncOp:
    module = ModuleOp([func.clone()])
    run_phase(module, "threads")
    module.verify()
    (made,) = module.body.block.ops
    assert isinstance(made, kernel.FuncOp)
    assert not [op for op in made.walk() if isinstance(op, kernel.LoadOp | kernel.StoreOp | kernel.MapOp)]
    return made


def check(func: kernel.FuncOp, seed: int = 0, **symbols: int) -> list[np.ndarray]:
    """Run both simulators on the same random data; all tensors must agree bit by bit and the last one must have changed."""
    rng = np.random.default_rng(seed)
    arrays: list[np.ndarray] = []
    for argument in func.tensors:
        type_ = argument.type
        assert isinstance(type_, GlobalType)
        size, dtype = int(np.prod([d.evaluate(symbols) for d in type_.dims.exprs])), numpy_dtype(type_.element_type)
        arrays.append(rng.integers(-8, 8, size).astype(dtype))
    arrays[-1][:] = 77 if arrays[-1].dtype != np.bool_ else True
    tile, thread = [a.copy() for a in arrays], [a.copy() for a in arrays]
    run_kernel(func, tile, symbols)
    run_kernel(lowered(func), thread, symbols, mode="thread", seed=seed)
    for a, b in zip(tile, thread, strict=True):
        np.testing.assert_array_equal(a.astype(np.float64), b.astype(np.float64))
    assert (thread[-1] != arrays[-1]).any()
    return thread


def copy_kernel(
    layout: Layout, shape: tuple[int, int], dims: tuple[int | str, int | str], element: Attribute, column: int
) -> kernel.FuncOp:
    m = Maker([tensor(dims, element), tensor(dims, element)], layout.threads() // 32)
    frag = FragType.of(shape, element, layout)
    at = [m.index(0), m.index(column)]
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), at, frag, fill=3.0))
    m(kernel.StoreOp(x, m.view(1, [[0], [1]]), at))
    return m.finish()
