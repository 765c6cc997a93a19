"""
The adversarial simulator: each rule of docs/reference/kernel-semantics.md fires where the line that keeps it is removed, whatever the
seed, and the same kernels give the right numbers where all lines stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.universe import XDSL_UNIVERSE

from trtc.compiler.universe import UNIVERSE
from trtc.dialects import kernel
from trtc.dialects.errors import SimulationError
from trtc.runtime.simulator.thread import run_kernel_threads

SAMPLES = Path(__file__).parent / "samples"
SEEDS = (0, 1, 2, 3)


def parse_kernel(text: str) -> kernel.FuncOp:
    context = Context()
    for name, load in {**XDSL_UNIVERSE.all_dialects, **UNIVERSE.all_dialects}.items():
        if name in ("builtin", "arith", "math", "scf", "memref", "kernel"):
            context.register_dialect(name, load)
    module = Parser(context, text).parse_module()
    assert isinstance(module, ModuleOp)
    module.verify()
    (func,) = module.body.block.ops
    assert isinstance(func, kernel.FuncOp)
    return func


def sample(name: str, without: str | None = None) -> str:
    """A sample's text, without the lines of one tag."""
    lines = (SAMPLES / f"{name}.mlir").read_text().splitlines()
    kept = [line for line in lines if without is None or not line.endswith(f"// @{without}")]
    assert without is None or len(kept) == len(lines) - 1
    return "\n".join(kept)


def run_pipeline(text: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.standard_normal((64, 256)).astype(np.float16) for _ in range(2))
    y = np.full(64 * 64, np.nan, np.float16)
    run_kernel_threads(parse_kernel(text), [a.reshape(-1), b.reshape(-1), y], {}, seed=seed)
    expected = a.astype(np.float64) @ b.astype(np.float64).T
    assert np.linalg.norm(y.reshape(64, 64) - expected) < 1e-3 * np.linalg.norm(expected)


def run_mma(text: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = 30
    a, b = rng.standard_normal((m, 64)).astype(np.float16), rng.standard_normal((8, 64)).astype(np.float16)
    y = np.full(m * 8, np.nan, np.float32)
    run_kernel_threads(parse_kernel(text), [a.reshape(-1), b.reshape(-1), y], {"M": m}, seed=seed)
    expected = a.astype(np.float64) @ b.astype(np.float64).T
    assert np.linalg.norm(y.reshape(m, 8) - expected) < 1e-5 * np.linalg.norm(expected)


def run_multicast(text: str, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((2, 4096)).astype(np.float16)
    y = np.full(2 * 4096, np.nan, np.float16)
    run_kernel_threads(parse_kernel(text), [x.reshape(-1), y], {}, seed=seed)
    expected = x.astype(np.float64).sum(axis=0)
    assert np.linalg.norm(y.reshape(2, 4096) - expected) < 1e-3 * np.linalg.norm(expected)


RUNS = {"wgmma_pipeline": run_pipeline, "mma_cp_async": run_mma, "multicast": run_multicast}

RULES = [
    ("wgmma_pipeline", "init_fence", "without mbar_init_fence"),
    ("wgmma_pipeline", "init_barrier", "before its initialisation is ordered"),
    ("wgmma_pipeline", "full_wait", "TMA load is landing|undefined shared memory|not ordered after the write"),
    ("wgmma_pipeline", "empty_wait", "arrivals gets more|not ordered after the last read|being read|may still read"),
    ("wgmma_pipeline", "wgmma_fence", "wgmma_fence is missing"),
    ("wgmma_pipeline", "wgmma_wait", "may still read|before the wgmma_wait|not ordered after the last read"),
    ("wgmma_pipeline", "role_barrier", "not ordered after the last read"),
    ("wgmma_pipeline", "store_fence", "without fence_proxy_async"),
    ("wgmma_pipeline", "store_barrier", "not ordered after the write"),
    ("wgmma_pipeline", "bulk_wait", "bulk_wait is missing"),
    ("mma_cp_async", "commit", "cp.async to these bytes has not been waited for"),
    ("mma_cp_async", "wait", "cp.async to these bytes has not been waited for"),
    ("mma_cp_async", "landed", "not ordered after the write"),
    ("mma_cp_async", "reuse", "not ordered after the last read"),
    ("multicast", "init_fence", "without mbar_init_fence"),
    ("multicast", "cluster_sync", "before its initialisation is ordered|there is no mbarrier"),
    ("multicast", "empty_wait", "not ordered after|TMA load is landing|arrivals gets more"),
    ("multicast", "full_wait", "TMA load is landing|undefined shared memory|not ordered after the write"),
    ("multicast", "arrive_0", "deadlock"),
    ("multicast", "arrive_1", "deadlock"),
    ("multicast", "last_sync", "a last cluster_sync is missing"),
]


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("seed", SEEDS)
def test_correct_kernels_pass(name: str, seed: int):
    RUNS[name](sample(name), seed)


@pytest.mark.parametrize("name, tag, message", RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_removing_a_line_is_caught(name: str, tag: str, message: str, seed: int):
    with pytest.raises(SimulationError, match=message):
        RUNS[name](sample(name, tag), seed)


def test_every_tagged_line_has_a_rule():
    tags = {(name, tag) for name in RUNS for tag in re.findall(r"// @(\w+)$", sample(name), re.MULTILINE)}
    assert tags == {(name, tag) for name, tag, _ in RULES}


# Small kernels, a body each. x and y have N elements; t is the thread, c0 .. constants, s 256 f32 of shared memory, r 8 registers.


def body_kernel(body: str, *, element: str = "f32", warps: int = 2, grid: str = "1", smem: int = 1024) -> kernel.FuncOp:
    tensor = f"!kernel.global<dims <N> x {element}, strides <1>, align 16>"
    constants = "\n".join(f"%c{i} = arith.constant {i} : index" for i in (0, 1, 2, 3, 4, 8, 16, 32, 64, 128, 255))
    return parse_kernel(
        f"""!g = {tensor}
        !l = memref<8x{element}, "local">
        !s = memref<256x{element}, "shared">
        kernel.func @body(%x: !g, %y: !g) grid <{grid}, 1, 1> warps {warps} smem {smem} params(N) coords(%i, %j, %k) {{
          {constants}
          %t = kernel.thread_id
          %s = kernel.smem 0 : !s
          %r = kernel.local : !l
          {body}
          kernel.return
        }}"""
    )


def run_body(body: str, x: np.ndarray, **options) -> np.ndarray:
    blocks, seed = options.pop("blocks", None), options.pop("seed", 0)
    y = np.zeros_like(x)
    run_kernel_threads(body_kernel(body, **options), [x, y], {"N": x.size}, blocks=blocks, seed=seed)
    return y


REVERSE = """
kernel.ld_global %x[%t] to %r[%c0] count 1 : !g, !l
kernel.st_shared %r[%c0] to %s[%t] count 1 : !l, !s
BARRIER
%last = arith.constant 63 : index
%other = arith.subi %last, %t : index
kernel.ld_shared %s[%other] to %r[%c0] count 1 : !s, !l
kernel.st_global %r[%c0] to %y[%t] count 1 : !l, !g
"""
BARRIER = "kernel.bar_sync 0 threads 64"


def test_reversal_through_shared_memory():
    x = np.arange(64, dtype=np.float32)
    np.testing.assert_array_equal(run_body(REVERSE.replace("BARRIER", BARRIER), x), x[::-1])


def test_missing_barrier_is_a_race():
    with pytest.raises(SimulationError, match=r"race: read of byte .* is not ordered after the write by warp"):
        run_body(REVERSE.replace("BARRIER", ""), np.zeros(64, np.float32))


def test_error_names_op_and_location():
    text = REVERSE.replace("BARRIER", "").replace("count 1 : !s, !l", 'count 1 : !s, !l loc("conv1"("Conv#12"))')
    with pytest.raises(
        SimulationError, match=r"kernel.ld_shared %s\[%other\].*from conv1; block \(0, 0, 0\), threads 0 to 63"
    ):
        run_body(text, np.zeros(64, np.float32))


def test_write_after_read_needs_a_barrier():
    again = REVERSE.replace("BARRIER", BARRIER) + "WAR\nkernel.st_shared %r[%c0] to %s[%t] count 1 : !l, !s"
    run_body(again.replace("WAR", BARRIER), np.zeros(64, np.float32))
    with pytest.raises(SimulationError, match="write is not ordered after the last read"):
        run_body(again.replace("WAR", ""), np.zeros(64, np.float32))


def test_one_warp_needs_no_barrier_with_itself():
    body = """kernel.st_shared %r[%c0] to %s[%t] count 1 : !l, !s
      %o = arith.xori %t, %c1 : index
      kernel.ld_shared %s[%o] to %r[%c0] count 1 : !s, !l"""
    run_body(body, np.zeros(64, np.float32))


def test_two_warps_writing_one_place_is_a_race():
    body = """kernel.ld_global %x[%t] to %r[%c0] count 1 : !g, !l
      kernel.st_shared %r[%c0] to %s[%c0] count 1 : !l, !s"""
    run_body(body, np.zeros(64, np.float32))  # one value: harmless
    with pytest.raises(SimulationError, match="two warps write the same bytes"):
        run_body(body, np.arange(64, dtype=np.float32))


def test_undefined_shared_memory():
    with pytest.raises(SimulationError, match="read of undefined shared memory at byte 128"):
        run_body(
            """%low = arith.cmpi slt, %t, %c32 : index
            kernel.st_shared %r[%c0] to %s[%t] count 1 if %low : !l, !s
            kernel.bar_sync 0 threads 64
            kernel.ld_shared %s[%t] to %r[%c0] count 1 : !s, !l""",
            np.zeros(64, np.float32),
        )


@pytest.mark.parametrize(
    "body, message",
    [
        (
            "kernel.ld_global %x[%c64] to %r[%c0] count 1 : !g, !l",
            "global access out of bounds: elements 64 to 65 of tensor x",
        ),
        (
            "kernel.st_global %r[%c0] to %y[%c64] count 4 : !l, !g",
            "global access out of bounds: elements 64 to 68 of tensor y",
        ),
        ("kernel.ld_global %x[%c1] to %r[%c0] count 4 : !g, !l", "misaligned global access: 16 bytes"),
        (
            "kernel.st_shared %r[%c0] to %s[%c255] count 2 : !l, !s",
            "shared array access out of bounds: elements 255 to 257 of 256",
        ),
        ("kernel.st_shared %r[%c0] to %s[%c1] count 4 : !l, !s", "misaligned shared memory access: 16 bytes at byte 4"),
        (
            "kernel.st_global %r[%c8] to %y[%c0] count 1 : !l, !g",
            "register array access out of bounds: elements 8 to 9 of 8",
        ),
    ],
)
def test_accesses_out_of_bounds(body: str, message: str):
    with pytest.raises(SimulationError, match=message):
        run_body(body, np.zeros(64, np.float32))


def test_predicate_keeps_accesses_in_bounds():
    body = """%in = arith.cmpi slt, %t, %c32 : index
      %v = arith.constant 7.0 : f32
      memref.store %v, %r[%c0] : !l
      kernel.ld_global %x[%t] to %r[%c0] count 1 if %in : !g, !l
      kernel.st_global %r[%c0] to %y[%t] count 1 if %in : !l, !g"""
    x = np.arange(32, dtype=np.float32)
    np.testing.assert_array_equal(run_body(body, x), x)


def test_two_blocks_writing_one_element_is_a_race():
    body = "kernel.st_global %r[%c0] to %y[%t] count 1 : !l, !g"
    with pytest.raises(SimulationError, match="two blocks write one element of tensor y"):
        run_body(body, np.zeros(64, np.float32), grid="2")
    run_body(body, np.zeros(64, np.float32), grid="2", blocks=[(1, 0, 0)])


def test_reading_what_another_block_writes_is_an_error():
    body = """%at = arith.muli %i, %c64 : index
      %mine = arith.addi %at, %t : index
      kernel.st_global %r[%c0] to %y[%mine] count 1 : !l, !g
      kernel.ld_global %y[%t] to %r[%c0] count 1 : !g, !l
      kernel.st_global %r[%c0] to %y[%mine] count 1 : !l, !g
      %n = arith.addi %t, %c64 : index
      kernel.ld_global %y[%n] to %r[%c0] count 1 : !g, !l"""
    with pytest.raises(SimulationError, match="another block of the launch writes"):
        run_body(body, np.zeros(128, np.float32), grid="2")


def test_atomics_of_all_blocks_combine():
    body = """kernel.ld_global %x[%t] to %r[%c0] count 1 : !g, !l
      kernel.atomic "add" %r[%c0] to %y[%c0] count 1 : !l, !g"""
    made = run_body(body, np.arange(64, dtype=np.float32), grid="2")
    assert made[0] == 2 * np.arange(64).sum()


@pytest.mark.parametrize(
    "access,message",
    [
        ("kernel.ld_global %y[%t] to %r[%c0] count 1 : !g, !l", "read of an element of tensor y that atomics"),
        ("kernel.st_global %r[%c0] to %y[%t] count 1 : !l, !g", "write of an element of tensor y that atomics"),
    ],
)
def test_an_access_beside_atomics_is_a_race(access: str, message: str):
    atomic = 'kernel.atomic "max" %r[%c0] to %y[%t] count 1 : !l, !g'
    with pytest.raises(SimulationError, match=message):
        run_body(f"{atomic}\n{access}", np.zeros(64, np.float32))


def test_an_atomic_on_what_a_block_writes_is_a_race():
    body = """kernel.st_global %r[%c0] to %y[%t] count 1 : !l, !g
      kernel.atomic "max" %r[%c0] to %y[%t] count 1 : !l, !g"""
    with pytest.raises(SimulationError, match="an atomic on an element of tensor y that a block of the launch writes"):
        run_body(body, np.zeros(64, np.float32))


def test_divergent_barrier_deadlocks():
    body = f"""%low = arith.cmpi slt, %t, %c32 : index
      scf.if %low {{ {BARRIER} }}"""
    with pytest.raises(SimulationError, match=r"deadlock: .*barrier 0"):
        run_body(body, np.zeros(64, np.float32))


def test_too_many_threads_at_a_barrier():
    with pytest.raises(SimulationError, match="64 threads arrived at a barrier of 32"):
        run_body("kernel.bar_sync 1 threads 32", np.zeros(64, np.float32))


def test_roles_meet_at_a_named_barrier():
    body = """%low = arith.cmpi slt, %t, %c32 : index
      %o = arith.xori %t, %c32 : index
      scf.if %low {
        kernel.ld_global %x[%t] to %r[%c0] count 1 : !g, !l
        kernel.st_shared %r[%c0] to %s[%t] count 1 : !l, !s
        kernel.bar_sync 3 threads 64
      } else {
        kernel.bar_sync 3 threads 64
        kernel.ld_shared %s[%o] to %r[%c0] count 1 : !s, !l
        kernel.st_global %r[%c0] to %y[%t] count 1 : !l, !g
      }"""
    x = np.arange(64, dtype=np.float32)
    for seed in SEEDS:
        y = run_body(body, x, seed=seed)
        np.testing.assert_array_equal(y[32:], x[:32])


def test_shuffle_by_part_of_a_warp_is_an_error():
    body = """%low = arith.cmpi slt, %t, %c16 : index
      %v = memref.load %r[%c0] : !l
      scf.if %low { %w = kernel.shuffle_xor %v mask 1 : f32 -> f32 }"""
    with pytest.raises(SimulationError, match="part of a warp"):
        run_body(body, np.zeros(64, np.float32))


def test_shuffles_sum_a_warp():
    steps = "\n".join(
        f"""%o{m} = kernel.shuffle_xor %v{m} mask {m} : f32 -> f32
        %v{2 * m} = arith.addf %v{m}, %o{m} : f32"""
        for m in (1, 2, 4, 8, 16)
    )
    body = f"""kernel.ld_global %x[%t] to %r[%c0] count 1 : !g, !l
      %v1 = memref.load %r[%c0] : !l
      {steps}
      memref.store %v32, %r[%c0] : !l
      kernel.st_global %r[%c0] to %y[%t] count 1 : !l, !g"""
    x = np.arange(64, dtype=np.float32)
    np.testing.assert_array_equal(run_body(body, x), np.repeat(x.reshape(2, 32).sum(axis=1), 32))


def test_divergent_values_and_loops():
    """y = sum of i for i < t, doubled for odd t: an if with a result and a loop with bounds of its own for each thread."""
    body = """%zero = arith.constant 0 : i32
      %sum = scf.for %q = %c0 to %t step %c1 iter_args(%old = %zero) -> (i32) {
        %add = arith.index_cast %q : index to i32
        %new = arith.addi %old, %add : i32
        scf.yield %new : i32
      }
      %bit = arith.remui %t, %c2 : index
      %odd = arith.cmpi eq, %bit, %c1 : index
      %result = scf.if %odd -> (i32) {
        %double = arith.addi %sum, %sum : i32
        scf.yield %double : i32
      } else {
        scf.yield %sum : i32
      }
      memref.store %result, %r[%c0] : !l
      kernel.st_global %r[%c0] to %y[%t] count 1 : !l, !g"""
    y = run_body(body, np.zeros(64, np.int32), element="i32")
    assert [int(v) for v in y] == [t * (t - 1) // 2 * (1 + t % 2) for t in range(64)]


@pytest.mark.parametrize("kind, element, dtype", [
    ("f16", "f16", np.float16), ("bf16", "bf16", ml_dtypes.bfloat16), ("tf32", "f32", np.float32), ("s8", "i8", np.int8),
])  # fmt: skip
def test_mma_sync_kinds(kind: str, element: str, dtype: type):
    """A 16x8 product with operands placed by the layouts; reversing an operand changes the result."""
    from trtc.dialects.kernel.layouts import MmaA, MmaAcc, MmaB

    e = 4 // np.dtype(dtype).itemsize
    k = 8 * e
    acc, wide = ("i32", np.int32) if kind == "s8" else ("f32", np.float32)
    func = parse_kernel(
        f"""!a = !kernel.global<dims <{16 * k}> x {element}, strides <1>, align 16>
        !c = !kernel.global<dims <128> x {acc}, strides <1>, align 16>
        !fa = memref<{4 * e}x{element}, "local">
        !fb = memref<{2 * e}x{element}, "local">
        !fc = memref<4x{acc}, "local">
        kernel.func @mma(%x: !a, %z: !a, %y: !c) grid <1, 1, 1> warps 1 coords(%i, %j, %k) {{
          %c0 = arith.constant 0 : index
          %na = arith.constant {4 * e} : index
          %nb = arith.constant {2 * e} : index
          %nc = arith.constant 4 : index
          %t = kernel.thread_id
          %at_a = arith.muli %t, %na : index
          %at_b = arith.muli %t, %nb : index
          %at_c = arith.muli %t, %nc : index
          %a = kernel.local : !fa
          %b = kernel.local : !fb
          %acc = kernel.local : !fc
          %zero = arith.constant {"0" if acc == "i32" else "0.0"} : {acc}
          %c1 = arith.constant 1 : index
          scf.for %r = %c0 to %nc step %c1 {{ memref.store %zero, %acc[%r] : !fc }} {{unroll}}
          kernel.ld_global %x[%at_a] to %a[%c0] count {4 * e} : !a, !fa
          kernel.ld_global %z[%at_b] to %b[%c0] count {2 * e} : !a, !fb
          kernel.mma_sync "{kind}" %acc[%c0], %a[%c0], %b[%c0] : !fc, !fa, !fb
          kernel.st_global %acc[%c0] to %y[%at_c] count 4 : !fc, !c
          kernel.return
        }}"""
    )

    rng = np.random.default_rng(1)
    a, b = (_random(rng, shape, dtype) for shape in ((16, k), (8, k)))
    y = np.zeros(128, wide)
    left = a[MmaA.of(1, 1, e).table((16, k))].reshape(-1)
    right = np.zeros(16 * k, dtype)
    right[: 8 * k] = b[MmaB.of(1, 1, e).table((8, k))].reshape(-1)
    run_kernel_threads(func, [left, right, y], {})
    got = np.zeros((16, 8), wide)
    got[MmaAcc.of(1, 1).table((16, 8))] = y.reshape(32, 4)
    expected = a.astype(np.float64) @ b.astype(np.float64).T
    tolerance = {"tf32": 1e-3, "s8": 0}.get(kind, 1e-6)
    assert np.linalg.norm(got - expected) <= tolerance * np.linalg.norm(expected)
    assert kind != "tf32" or np.linalg.norm(got - expected) > 1e-6 * np.linalg.norm(expected)  # operands are rounded


def _random(rng: np.random.Generator, shape: Sequence[int], dtype: type) -> np.ndarray:
    if dtype is np.int8:
        return rng.integers(-128, 128, shape, dtype=np.int8)
    return rng.standard_normal(shape).astype(dtype)


def test_arrays_must_fit_the_kernel():
    func = body_kernel(BARRIER)
    with pytest.raises(SimulationError, match="expected 2 arrays"):
        run_kernel_threads(func, [np.zeros(4, np.float32)], {"N": 4})
    with pytest.raises(SimulationError, match="expected a flat array of float32, got float64"):
        run_kernel_threads(func, [np.zeros(4), np.zeros(4)], {"N": 4})
    with pytest.raises(SimulationError, match="is not in the grid"):
        run_kernel_threads(func, [np.zeros(4, np.float32)] * 2, {"N": 4}, blocks=[(1, 0, 0)])


def test_tile_ops_are_refused():
    with pytest.raises(SimulationError, match="run the passes of phase threads first"):
        run_body("kernel.barrier", np.zeros(4, np.float32))
