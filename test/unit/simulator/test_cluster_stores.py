"""Stores into the shared memory of other blocks of a cluster: both simulators, and what the adversarial one refuses."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects import arith
from xdsl.dialects.builtin import IndexType, IntegerAttr, ModuleOp
from xdsl.parser import Parser

from trtc.compiler.pipeline import run_phase
from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.dialects.errors import SimulationError
from trtc.runtime.simulator import Mode, run_kernel

X, Y = (
    "!kernel.global<dims <64> x f32, strides <1>, align 16>",
    "!kernel.global<dims <128> x f32, strides <1>, align 16>",
)
FRAG, TILE = "!kernel.frag<1x32xf32, #kernel.blocked<1, 32, 1, 1>>", "!kernel.shared<2x32xf32, pad 4>"
MEETING = "kernel.cluster_barrier"
TEXT = f"""
kernel.func @share(%x: {X}, %y: {Y}) grid <2, 1, 1> warps 1 cluster 2 coords(%i, %j, %k) {{
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %width = arith.constant 32 : index
  %mine = arith.muli %i, %width : index
  %xv = kernel.view %x dims <64> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : {X} -> !kernel.view<2 x f32>
  %yv = kernel.view %y dims <4, 32> strides <32, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : {Y} -> !kernel.view<2 x f32>
  %t = kernel.alloc -> {TILE}
  %a = kernel.load %xv[%zero, %mine] fill 0.0 : !kernel.view<2 x f32> -> {FRAG}
  BEGUN
  kernel.store_shared %a, %t[%i, %zero] everywhere : {FRAG}, {TILE}
  MEETING
  %two = arith.constant 2 : index
  %row = arith.muli %i, %two : index
  %next = arith.addi %row, %one : index
  %b = kernel.load_shared %t[%zero, %zero] : {TILE} -> {FRAG}
  %c = kernel.load_shared %t[%one, %zero] : {TILE} -> {FRAG}
  kernel.store %b, %yv[%row, %zero] : {FRAG}, !kernel.view<2 x f32>
  kernel.store %c, %yv[%next, %zero] : {FRAG}, !kernel.view<2 x f32>
  kernel.return
}}"""


def share(meeting: str = MEETING, begun: str = MEETING) -> kernel.FuncOp:
    """Each of two blocks gives its numbers to both."""
    text = TEXT.replace("MEETING", meeting).replace("BEGUN", begun)
    module = Parser(make_context(), f"builtin.module {{{text}}}").parse_module()
    module.verify()
    (func,) = module.body.block.ops
    assert isinstance(func, kernel.FuncOp)
    return func


def lowered(func: kernel.FuncOp) -> kernel.FuncOp:
    module = func.parent_op()
    assert isinstance(module, ModuleOp)
    run_phase(module, "threads")
    (made,) = module.body.block.ops
    assert isinstance(made, kernel.FuncOp)
    return made


def run(func: kernel.FuncOp, mode: Mode = "thread") -> np.ndarray:
    """What each block reads of both blocks' numbers."""
    y = np.full(128, np.nan, np.float32)
    run_kernel(func, [np.arange(64, dtype=np.float32), y], {}, mode=mode, seed=1)
    return y.reshape(2, 64)


def test_every_block_sees_every_part() -> None:
    for got in (run(share(), "tile"), run(lowered(share()))):
        np.testing.assert_array_equal(got, [np.arange(64)] * 2)


def test_without_a_meeting_the_other_part_is_not_there() -> None:
    with pytest.raises(SimulationError, match=r"undefined shared memory|not ordered after the write"):
        run(lowered(share("kernel.barrier")))


def test_a_block_that_may_not_have_begun() -> None:
    with pytest.raises(SimulationError, match=r"block \d of the cluster may not have begun"):
        run(lowered(share(begun="kernel.barrier")))


def test_a_rank_that_is_not_in_the_cluster() -> None:
    func = lowered(share())
    store = next(op for op in func.walk() if isinstance(op, kernel.StClusterOp))
    block, rank = store.parent_block(), arith.ConstantOp(IntegerAttr(7, IndexType()))
    assert block is not None
    block.insert_op_before(rank, store)
    store.operands[4] = rank.result
    with pytest.raises(SimulationError, match="rank 7 is not in a cluster of 2"):
        run(func)
