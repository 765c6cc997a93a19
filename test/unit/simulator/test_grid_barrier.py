"""Blocks that meet at a counter in global memory: what the simulators let them see, and what they refuse."""

from __future__ import annotations

import re

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from trtc.compiler.pipeline import run_phase
from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.dialects.errors import SimulationError
from trtc.runtime.kernels import KernelInfo, interface
from trtc.runtime.simulator import run_kernel
from trtc.runtime.simulator.clocks import Clocks, RuleBroken
from trtc.runtime.simulator.memory import ShadowedTensor

COUNTERS, DATA, RESULT = (
    f"!kernel.global<dims <{n}> x {element}, strides <1>, align 16>"
    for n, element in ((32, "i32"), (128, "f32"), (128, "f32"))
)
FRAG = "!kernel.frag<1x32xf32, #kernel.blocked<1, 32, 1, 1>>"
BARRIER = f"kernel.grid_barrier %c[%zero] turn %t blocks 4 : {COUNTERS}"
TEXT = f"""
kernel.func @rotate(%d: {DATA}, %y: {RESULT}, %c: {COUNTERS}) grid <4, 1, 1> warps 1 coords(%i, %j, %k) {{
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %steps = arith.constant 3 : index
  %four = arith.constant 4 : index
  %width = arith.constant 32 : index
  %mine = arith.muli %i, %width : index
  %next = arith.addi %i, %one : index
  %wrapped = arith.remsi %next, %four : index
  %theirs = arith.muli %wrapped, %width : index
  %dv = kernel.view %d dims <128> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : {DATA} -> !kernel.view<2 x f32>
  %yv = kernel.view %y dims <128> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : {RESULT} -> !kernel.view<2 x f32>
  %start = kernel.load %dv[%zero, %mine] fill 0.0 : !kernel.view<2 x f32> -> {FRAG}
  kernel.store %start, %yv[%zero, %mine] : {FRAG}, !kernel.view<2 x f32>
  scf.for %t = %zero to %steps step %one {{
    BEFORE
    %a = kernel.load %yv[%zero, %theirs] fill 0.0 : !kernel.view<2 x f32> -> {FRAG}
    AFTER
    kernel.store %a, %yv[%zero, %mine] : {FRAG}, !kernel.view<2 x f32>
  }}
  kernel.return
}}"""


def rotate(before: str = BARRIER.replace("%t", "%u"), after: str = BARRIER.replace("%t", "%v")) -> kernel.FuncOp:
    """Each block takes the next one's numbers, three times, with a meeting before it reads and one before it writes."""
    turns = "%u = arith.muli %t, %two : index\n %v = arith.addi %u, %one : index\n"
    text = TEXT.replace("BEFORE", turns + before).replace("AFTER", after)
    text = text.replace("%four = ", "%two = arith.constant 2 : index\n  %four = ")
    module = Parser(make_context(), f"builtin.module {{{text}}}").parse_module()
    module.verify()
    (func,) = module.body.block.ops
    assert isinstance(func, kernel.FuncOp)
    return func


def run(func: kernel.FuncOp, mode: str, seed: int = 0, counter: int = 0) -> None:
    arrays = [np.arange(128, dtype=np.float32), np.full(128, np.nan, np.float32), np.full(32, counter, np.int32)]
    if mode == "thread":
        module = ModuleOp([func.clone()])
        run_phase(module, "threads")
        (func,) = module.body.block.ops  # type: ignore[assignment]
    run_kernel(func, arrays, {}, mode="thread" if mode == "thread" else "tile", seed=seed)
    np.testing.assert_array_equal(arrays[1], np.roll(arrays[0], -96))


@pytest.mark.parametrize("seed", range(4))
def test_blocks_see_what_others_wrote_before_they_met(seed: int) -> None:
    run(rotate(), "thread", seed)


def test_the_fast_simulator_runs_all_blocks_together() -> None:
    run(rotate(), "tile")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("missing", ["before", "after"])
def test_a_missing_meeting_is_caught(missing: str, seed: int) -> None:
    """Before others read what a block wrote, and before it writes what they may still read."""
    with pytest.raises(SimulationError, match="a barrier is missing"):
        run(rotate(**{"before": BARRIER, "after": BARRIER, missing: ""}), "thread", seed)


@pytest.mark.parametrize("seed", range(4))
def test_a_counter_that_does_not_start_at_zero_is_caught(seed: int) -> None:
    with pytest.raises(SimulationError, match="a barrier is missing"):
        run(rotate(), "thread", seed, counter=100)


def test_a_write_waits_for_a_read_of_another_block() -> None:
    """Of a tensor that the kernel reads and writes; a meeting orders them."""
    one, first = np.ones((1, 1), np.float32), np.array([0])
    clocks, warps = Clocks(2), (np.array([0]), np.array([1]))
    tensor = ShadowedTensor(np.zeros(4, np.float32), 16, "t", updated=True)
    tensor.load(first, 1, 0, warps[0], clocks)
    with pytest.raises(RuleBroken, match="not ordered after a read of it"):
        tensor.store(first, one, 1, warps[1], clocks)
    clocks.acquire(warps[1], clocks.released(warps[0]))
    tensor.store(first, one, 1, warps[1], clocks)


def test_too_few_blocks_wait_forever() -> None:
    with pytest.raises(SimulationError, match=r"deadlock: .* waits for counter 0 to reach 5"):
        run(rotate(BARRIER.replace("%t", "%u").replace("blocks 4", "blocks 5")), "thread")


def test_clusters_beside_a_grid_barrier_are_refused() -> None:
    func = rotate()
    func.cluster = kernel.FuncOp("x", [], [1, 1, 1], 1, cluster=2).cluster
    with pytest.raises(SimulationError, match="expected a grid barrier or clusters, got both"):
        run(func, "thread")


def test_the_host_knows_that_the_launch_is_cooperative() -> None:
    func = rotate()
    info = KernelInfo.read(func)
    assert info.cooperative and KernelInfo.from_json(info.to_json()) == info
    assert KernelInfo.read(interface(func)) == info
    for op in [op for op in func.walk() if isinstance(op, kernel.GridBarrierOp)]:
        op.detach()
    assert not KernelInfo.read(func).cooperative


def test_the_printed_kernel_writes_the_counter() -> None:
    module = ModuleOp([rotate().clone()])
    run_phase(module, "threads")
    from trtc.compiler.codegen.cuda.printer import print_module

    text = print_module(module)
    assert re.search(r"int\* __restrict__ c_", text) and "grid_sync(&c_[0]" in text
