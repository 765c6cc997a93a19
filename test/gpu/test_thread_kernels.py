"""
Thread-level kernels on the GPU against the simulator: the wrappers of the prelude, wgmma's descriptors and TMA's swizzles do what the
simulator says they do. The same arrays go through both; results may differ by the rounding of a different order of sums only.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from xdsl.context import Context
from xdsl.parser import Parser
from xdsl.universe import XDSL_UNIVERSE

from trtc.compiler.universe import UNIVERSE
from trtc.dialects import kernel
from trtc.runtime.simulator.thread import run_kernel_threads

sys.path.insert(0, str(Path(__file__).parents[1]))
from gpu_kernel import run_on_gpu

pytestmark = pytest.mark.gpu
SAMPLES = Path(__file__).parents[1] / "unit" / "simulator" / "samples"


@dataclass(frozen=True)
class Case:
    """A kernel with its inputs; the last array is the output. `arch`: the compute capability that it needs."""

    name: str
    text: str
    inputs: tuple[np.ndarray, ...]
    output: np.ndarray
    symbols: Mapping[str, int] = field(default_factory=dict)
    arch: int = 90


def parse_kernel(text: str) -> kernel.FuncOp:
    context = Context()
    for name, load in {**XDSL_UNIVERSE.all_dialects, **UNIVERSE.all_dialects}.items():
        if name in ("builtin", "arith", "math", "scf", "memref", "kernel"):
            context.register_dialect(name, load)
    module = Parser(context, text).parse_module()
    module.verify()
    (func,) = module.body.block.ops
    assert isinstance(func, kernel.FuncOp)
    return func


def simulate(case: Case) -> np.ndarray:
    output = case.output.copy()
    run_kernel_threads(parse_kernel(case.text), [*(a.copy() for a in case.inputs), output], case.symbols)
    return output


ELEMENTS = {
    "f16": ("f16", np.dtype(np.float16)),
    "bf16": ("bf16", np.dtype(ml_dtypes.bfloat16)),
    "tf32": ("f32", np.dtype(np.float32)),
    "s8": ("i8", np.dtype(np.int8)),
}


def random(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    rng = np.random.default_rng(7)
    if dtype == np.int8:
        return rng.integers(-128, 128, shape, dtype=np.int8)
    return rng.standard_normal(shape).astype(dtype)


HEAD = "\n".join(f"%c{i} = arith.constant {i} : index" for i in (0, 1, 2, 3, 4, 8, 16, 32, 64, 128, 1024))


def wgmma_case(kind: str, n: int, swizzle: int, *, registers: bool = False, transposed: bool = False) -> Case:
    """One warpgroup, one TMA load of each operand, all reduction steps of a swizzled row; accumulators as they lie."""
    element, dtype = ELEMENTS[kind]
    columns, step = swizzle // dtype.itemsize, 32 // dtype.itemsize
    acc, wide = ("i32", np.int32) if kind == "s8" else ("f32", np.float32)
    k = step if registers else columns
    if transposed:
        k = columns
    b_rows, b_columns = (k, columns) if transposed else (n, columns)
    a_bytes, b_bytes = 64 * swizzle, b_rows * swizzle
    barrier = 1024 * -(-(a_bytes + b_bytes) // 1024)
    steps = 1 if registers else k // step
    b_step = step * swizzle if transposed else 32
    loads_a = 4 // dtype.itemsize * 4
    tensor = f"groups [array<i64: 0>, array<i64: 1>] : !{{}} -> !kernel.view<2 x {element}>"
    a_operand = "registers %fa : !fa at %c0" if registers else "%a_from"
    flag = "b_transposed " if transposed else ""
    text = f"""
    !a = !kernel.global<dims <64, {columns}> x {element}, strides <{columns}, 1>, align 16>
    !b = !kernel.global<dims <{b_rows}, {b_columns}> x {element}, strides <{b_columns}, 1>, align 16>
    !y = !kernel.global<dims <128, {n // 2}> x {acc}, strides <{n // 2}, 1>, align 16>
    !am = !kernel.tensor_map<64x{columns}x{element}, swizzle {swizzle}>
    !bm = !kernel.tensor_map<{b_rows}x{b_columns}x{element}, swizzle {swizzle}>
    !acc = memref<{n // 2}x{acc}, "local">
    !fa = memref<{loads_a}x{element}, "local">
    kernel.func @wgmma(%a: !a, %b: !b, %f: !a, %y: !y) grid <1, 1, 1> warps 4 smem {barrier + 8} coords(%i, %j, %k) {{
      {HEAD}
      %av = kernel.view %a dims <64, {columns}> strides <{columns}, 1> offset <0> {tensor.format("a")}
      %bv = kernel.view %b dims <{b_rows}, {b_columns}> strides <{b_columns}, 1> offset <0> {tensor.format("b")}
      %am = kernel.tensor_map %av : !kernel.view<2 x {element}> -> !am
      %bm = kernel.tensor_map %bv : !kernel.view<2 x {element}> -> !bm
      %bar = arith.constant {barrier} : index
      %b_at = arith.constant {a_bytes} : index
      %t = kernel.thread_id
      %first = arith.cmpi eq, %t, %c0 : index
      scf.if %first {{
        kernel.mbar_init %bar count 1
        kernel.mbar_init_fence
      }}
      kernel.bar_sync 0 threads 128
      scf.if %first {{
        kernel.mbar_expect %bar bytes {a_bytes + b_bytes}
        kernel.tma_load %am[%c0, %c0] to %c0 barrier %bar : !am
        kernel.tma_load %bm[%c0, %c0] to %b_at barrier %bar : !bm
      }}
      %acc = kernel.local : !acc
      %fa = kernel.local : !fa
      %nf = arith.constant {loads_a} : index
      %f_at = arith.muli %t, %nf : index
      kernel.ld_global %f[%f_at] to %fa[%c0] count {loads_a} : !a, !fa
      %zero = arith.constant {"0" if acc == "i32" else "0.0"} : {acc}
      %half = arith.constant {n // 2} : index
      scf.for %r = %c0 to %half step %c1 {{
        memref.store %zero, %acc[%r] : !acc
      }} {{unroll}}
      kernel.mbar_wait %bar parity %c0
      kernel.wgmma_fence
      %steps = arith.constant {steps} : index
      %b_step = arith.constant {b_step} : index
      scf.for %s = %c0 to %steps step %c1 {{
        %a_from = arith.muli %s, %c32 : index
        %b_off = arith.muli %s, %b_step : index
        %b_from = arith.addi %b_at, %b_off : index
        kernel.wgmma "{kind}" n {n} swizzle {swizzle} {flag}%acc[%c0], {a_operand}, %b_from : !acc
      }} {{unroll}}
      kernel.wgmma_commit
      kernel.wgmma_wait 0, %acc : !acc
      %at = arith.muli %t, %half : index
      scf.for %r = %c0 to %half step %c2 {{
        %to = arith.addi %at, %r : index
        kernel.st_global %acc[%r] to %y[%to] count 2 : !acc, !y
      }} {{unroll}}
      kernel.return
    }}"""
    a, b = random((64 * columns,), dtype), random((b_rows * b_columns,), dtype)[::-1].copy()
    fragments = random((max(64 * columns, 128 * loads_a),), dtype)
    name = f"wgmma_{kind}_n{n}_sw{swizzle}{'_ra' if registers else ''}{'_tb' if transposed else ''}"
    return Case(name, text, (a, b, fragments), np.zeros(128 * (n // 2), wide))


def im2col_case() -> Case:
    """A 3x3 window's pixels (stride 2, pad 1) of two images, from the fourth output pixel on, at one window offset."""
    n, h, w, c = 2, 7, 9, 64
    p, q = 4, 5
    window = "kernel [3, 3] strides [2, 2] pads [1, 1] dilations [1, 1] groups 1"
    text = f"""
    !x = !kernel.global<dims <{n}, {h}, {w}, {c}> x f16, strides <{h * w * c}, {w * c}, {c}, 1>, align 16>
    !y = !kernel.global<dims <2048> x f16, strides <1>, align 16>
    !m = !kernel.tensor_map<32x64xf16, swizzle 128>
    !s = memref<2048xf16, "shared">
    !l = memref<8xf16, "local">
    kernel.func @im2col(%x: !x, %y: !y) grid <1, 1, 1> warps 1 smem 5120 coords(%i, %j, %k) {{
      {HEAD}
      %v = kernel.im2col %x out <{p}, {q}> {window} : !x -> !kernel.view<3 x f16>
      %m = kernel.tensor_map %v : !kernel.view<3 x f16> -> !m
      %bar = arith.constant 4096 : index
      %minus = arith.constant -1 : index
      %five = arith.constant 5 : index
      %t = kernel.thread_id
      %first = arith.cmpi eq, %t, %c0 : index
      scf.if %first {{
        kernel.mbar_init %bar count 1
        kernel.mbar_init_fence
      }}
      kernel.bar_sync 0 threads 32
      scf.if %first {{
        kernel.mbar_expect %bar bytes 4096
        kernel.tma_load %m[%c0, %five, %minus, %c0] window [%c2, %c1] to %c0 barrier %bar : !m
      }}
      kernel.mbar_wait %bar parity %c0
      %s = kernel.smem 0 : !s
      %l = kernel.local : !l
      %n = arith.constant 2048 : index
      %by = arith.constant 256 : index
      %mine = arith.muli %t, %c8 : index
      scf.for %o = %c0 to %n step %by {{
        %at = arith.addi %o, %mine : index
        kernel.ld_shared %s[%at] to %l[%c0] count 8 : !s, !l
        kernel.st_global %l[%c0] to %y[%at] count 8 : !l, !y
      }}
      kernel.return
    }}"""
    x = random((n * h * w * c,), np.dtype(np.float16))
    return Case("im2col", text, (x,), np.full(2048, 9, np.float16))


def functions_case() -> Case:
    """Scalar functions and conversions on a row of values, one output row each."""
    names = "exp log erf tanh sqrt rsqrt sin floor roundeven"
    unary = [*(f"math.{name}" for name in names.split(" ")), "arith.negf"]
    rows: list[str] = [f"%u{i} = {name} %x0 : f32" for i, name in enumerate(unary)]
    results = [f"%u{i}" for i in range(len(unary))]
    rows += [
        "%max = arith.maximumf %x0, %half : f32", "%pow = math.powf %x0, %half : f32", "%div = arith.divf %half, %x0 : f32",
        "%big = arith.constant 100.0 : f32", "%clean = arith.minnumf %x0, %big : f32",
        "%ti = arith.fptosi %clean : f32 to i32", "%tf = arith.sitofp %ti : i32 to f32",
        "%h = arith.truncf %x0 : f32 to f16", "%hf = arith.extf %h : f16 to f32",
        "%b = arith.truncf %x0 : f32 to bf16", "%bf = arith.extf %b : bf16 to f32",
        "%fd = arith.floordivsi %ti, %three : i32", "%fdf = arith.sitofp %fd : i32 to f32",
        "%lt = arith.cmpf ult, %x0, %half : f32", "%sel = arith.select %lt, %x0, %half : f32",
    ]  # fmt: skip
    results += ["%max", "%pow", "%div", "%tf", "%hf", "%bf", "%fdf", "%sel"]
    stores = "\n".join(
        f"""memref.store {value}, %l[%c0] : !l
        %o{i} = arith.constant {32 * i} : index
        %at{i} = arith.addi %o{i}, %t : index
        kernel.st_global %l[%c0] to %y[%at{i}] count 1 : !l, !g"""
        for i, value in enumerate(results)
    )
    text = f"""
    !g = !kernel.global<dims <N> x f32, strides <1>, align 16>
    !l = memref<1xf32, "local">
    kernel.func @functions(%x: !g, %y: !g) grid <1, 1, 1> warps 1 params(N) coords(%i, %j, %k) {{
      {HEAD}
      %half = arith.constant 0.5 : f32
      %three = arith.constant 3 : i32
      %t = kernel.thread_id
      %l = kernel.local : !l
      kernel.ld_global %x[%t] to %l[%c0] count 1 : !g, !l
      %x0 = memref.load %l[%c0] : !l
      {chr(10).join(rows)}
      {stores}
      kernel.return
    }}"""
    x = np.linspace(-3.7, 8.1, 32, dtype=np.float32)
    x[5] = np.nan
    return Case("functions", text, (x,), np.zeros(32 * len(results), np.float32), {"N": 32}, arch=80)


def sample_cases() -> list[Case]:
    half = np.dtype(np.float16)
    read = {path.stem: path.read_text() for path in SAMPLES.glob("*.mlir")}
    operands = random((16384,), half), random((16384,), half)[::-1].copy()
    small = random((30 * 64,), half), random((512,), half)[::-1].copy()
    return [
        Case("pipeline", read["wgmma_pipeline"], operands, np.zeros(4096, half)),
        Case("multicast", read["multicast"], (random((8192,), half),), np.zeros(8192, half)),
        Case("mma", read["mma_cp_async"], small, np.zeros(240, np.float32), {"M": 30}, 80),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [
        *sample_cases(),
        *(wgmma_case(kind, n, swizzle) for kind in ELEMENTS for n, swizzle in ((64, 128), (128, 64), (16, 32))),
        wgmma_case("f16", 256, 128),
        wgmma_case("f16", 64, 128, transposed=True),
        wgmma_case("bf16", 32, 64, transposed=True),
        wgmma_case("f16", 16, 128, transposed=True),
        wgmma_case("f16", 64, 128, registers=True),
        wgmma_case("bf16", 64, 128, registers=True, transposed=True),
        wgmma_case("s8", 64, 128, registers=True),
        wgmma_case("tf32", 64, 128, registers=True),
        im2col_case(),
        functions_case(),
    ]


CASES = {case.name: case for case in cases()}


def launch(case: Case) -> np.ndarray:
    """Prints, compiles and launches on the GPU."""
    from trtc.compiler.targets import detect_arch

    arch = detect_arch()
    if case.arch == 90 and arch != "sm_90a":
        pytest.skip(f"needs sm_90a, this GPU is {arch}")
    output = case.output.copy()
    run_on_gpu(parse_kernel(case.text), [*(a.copy() for a in case.inputs), output], case.symbols)
    return output


def close(got: np.ndarray, expected: np.ndarray) -> bool:
    """Equal but for the order of f32 sums (and one rounding of f16 results); NaN where NaN is expected."""
    if got.dtype.kind in "iu":
        return bool((got == expected).all())
    tolerance = 1e-3 if got.dtype.itemsize == 2 else 1e-5
    a, b = got.astype(np.float64), expected.astype(np.float64)
    same = np.isnan(a) == np.isnan(b)
    finite = np.isfinite(b)
    return bool(same.all()) and np.linalg.norm((a - b)[finite]) <= tolerance * np.linalg.norm(b[finite]) > 0


@pytest.mark.parametrize("name", CASES)
def test_gpu_agrees_with_the_simulator(name: str) -> None:
    case = CASES[name]
    got, expected = launch(case), simulate(case)
    assert close(got, expected), f"expected {expected[:8]}, got {got[:8]}"
