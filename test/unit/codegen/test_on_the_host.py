"""Printed CUDA C of kernels without shared memory, compiled by the host's compiler and run thread by thread, against the simulator.

The simulator never reads CUDA C: here the text itself is executed, so that a wrong operator, index or literal of the printer shows.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from trtc.compiler.codegen.cuda.prelude import table
from trtc.compiler.codegen.cuda.printer import CudaPrinter
from trtc.dialects import kernel
from trtc.dialects.kernel.instruction import Wrapper

sys.path.insert(0, str(Path(__file__).parents[2]))
from group_texts import MAX_POOL, conv, gather, module, unary
from schedule_cases import Case, lowered

SHIM = r"""
#include <cmath>
#include <cstring>
#include <utility>
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
struct Index { int x, y, z; };
static Index threadIdx, blockIdx;
template <class To, class From> static To bits(From x) { To r; static_assert(sizeof r == sizeof x); memcpy(&r, &x, sizeof r); return r; }
static float __int_as_float(int x) { return bits<float>(x); }
static int __float_as_int(float x) { return bits<int>(x); }
static float __uint_as_float(unsigned x) { return bits<float>(x); }
static unsigned __float_as_uint(float x) { return bits<unsigned>(x); }
static long long __double_as_longlong(double x) { return bits<long long>(x); }
static double __longlong_as_double(long long x) { return bits<double>(x); }
static float rsqrtf(float x) { return 1.0f / sqrtf(x); }
template <class T> static T min(T a, T b) { return b < a ? b : a; }
template <class T> static T max(T a, T b) { return a < b ? b : a; }
template <class... T, size_t... I>
static void run(void (*f)(T...), void** a, const int* grid, int threads, std::index_sequence<I...>) {
  for (blockIdx.z = 0; blockIdx.z < grid[2]; blockIdx.z++)
    for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++)
      for (blockIdx.x = 0; blockIdx.x < grid[0]; blockIdx.x++)
        for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++) f((T)a[I]...);
}
template <class... T> static void run(void (*f)(T...), void** a, const int* grid, int threads) {
  run(f, a, grid, threads, std::index_sequence_for<T...>());
}
"""
# What the table writes in PTX, in C.
IN_C = {
    "f16_to_f32": "static float f16_to_f32(unsigned short x) { return bits<_Float16>(x); }",
    "f32_to_f16": "static unsigned short f32_to_f16(float x) { return bits<unsigned short>((_Float16)x); }",
    "f32_to_bf16": """static unsigned short f32_to_bf16(float x) {
  unsigned u = bits<unsigned>(x);
  return x != x ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}""",
    "max_nan": """static float max_nan(float a, float b) {
  return a != a ? a : b != b ? b : a < b ? b : b < a ? a : __int_as_float(__float_as_int(a) & __float_as_int(b));
}""",
    "min_nan": """static float min_nan(float a, float b) {
  return a != a ? a : b != b ? b : a < b ? a : b < a ? b : __int_as_float(__float_as_int(a) | __float_as_int(b));
}""",
    "tanh_approx": "static float tanh_approx(float x) { return tanhf(x); }",
    "exp2_approx": "static float exp2_approx(float x) { return exp2f(x); }",
    "rcp_approx": """static float rcp_approx(float x) {
  float r = 1 / (fabsf(x) < 1.17549435e-38f ? copysignf(0, x) : x);
  return fabsf(r) < 1.17549435e-38f ? copysignf(0, r) : r;
}""",
}


def binary(op: str, a: str, b: str, out: str, element: str, result: str = "") -> str:
    types = f"(tensor<{a}x{element}>, tensor<{b}x{element}>) -> tensor<{out}x{result or element}>"
    head = f"@f(%x: tensor<{a}x{element}>, %y: tensor<{b}x{element}>) -> tensor<{out}x{result or element}> ANCHOR"
    return module(
        f"{head} {{\n%0 = {op} %x, %y : {types}\nfunc.return %0 : tensor<{out}x{result or element}>\n}}", "pointwise"
    )


def same(op: str, element: str) -> str:
    t = f"tensor<13x17x{element}>"
    return module(f"@f(%x: {t}) -> {t} ANCHOR {{\n%0 = nn.{op} %x : {t}\nfunc.return %0 : {t}\n}}", "pointwise")


def copy(op: str, source: str, result: str) -> Case:
    return Case("pointwise", op.partition(" ")[0], unary(op, source, result, "pointwise"), tolerance=0.0)


CONCAT = """@f(%x: tensor<2x3xf32>, %y: tensor<2x5xf32>) -> tensor<2x8xf32> ANCHOR {
  %0 = nn.concat %x, %y {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x5xf32>) -> tensor<2x8xf32>
  func.return %0 : tensor<2x8xf32>
}"""
CHOOSE = """@f(%x: tensor<4x33xf16>, %y: tensor<33xf16>) -> tensor<4x33xf32> ANCHOR {
  %c = nn.constant dense<5.0e-01> : tensor<f16>
  %0 = nn.mul %x, %c : (tensor<4x33xf16>, tensor<f16>) -> tensor<4x33xf16>
  %1 = nn.compare gt %0, %y : (tensor<4x33xf16>, tensor<33xf16>) -> tensor<4x33xi1>
  %2 = nn.where %1, %x, %y : (tensor<4x33xi1>, tensor<4x33xf16>, tensor<33xf16>) -> tensor<4x33xf16>
  %3 = nn.cast %2 : (tensor<4x33xf16>) -> tensor<4x33xf32>
  func.return %3 : tensor<4x33xf32>
}"""
CASES = [
    *(Case("pointwise", f"{op}-{e}", binary(f"nn.{op}", "3x5x8", "8", "3x5x8", e), tolerance=0.0)
      for e in ("f32", "f16", "bf16", "f64", "i8", "i32", "i64") for op in ("add", "sub", "mul", "max", "min")),
    *(Case("pointwise", f"broadcast-{b}", binary("nn.sub", "3x5x7", b, "3x5x7", "f32"), tolerance=0.0)
      for b in ("1", "7", "3x1x7", "5x1", "3x5x1", "1x5x7")),
    *(Case("pointwise", f"{p}-{e}", binary(f"nn.compare {p}", "3x8", "8", "3x8", e, "i1"))
      for p in ("eq", "ne", "lt", "le", "gt", "ge") for e in ("f32", "i32")),
    *(Case("pointwise", f"{op}-{e}", same(op, e), tolerance=3e-3 if e == "f16" else 2e-6)
      for op in ("neg", "abs", "exp", "erf", "tanh", "sigmoid", "relu", "floor", "ceil", "round", "sign", "sin", "cos", "reciprocal")
      for e in ("f32", "f16")),
    copy("transpose X {permutation = array<i64: 2, 0, 1>}", "2x3x5xf32", "5x2x3xf32"),
    copy("transpose X {permutation = array<i64: 1, 0>}", "64x33xf16", "33x64xf16"),
    copy("broadcast_to X", "3x1xi32", "2x3x4xi32"),
    copy("reshape X", "4x6xi8", "3x8xi8"),
    Case("pointwise", "concat", module(CONCAT, "pointwise"), tolerance=0.0),
    Case("pointwise", "choose", module(CHOOSE, "pointwise"), tolerance=0.0),
    Case("gather", "gather", gather(), tolerance=0.0),
    Case("window", "max-pool", unary(MAX_POOL, "1x6x6x8xf16", "1x3x3x8xf16", "window"), tolerance=0.0),
    Case("window", "depthwise", conv(6, 6, 8, 8, groups=8, anchor="window"), tolerance=2e-3),
]  # fmt: skip


def printed(func: kernel.FuncOp, entry: str, wrappers: dict[str, Wrapper]) -> str:
    printer = CudaPrinter()
    text = printer.kernel(func, entry)
    wrappers |= printer.wrappers
    assert "smem" not in text and "sync" not in text, text
    return text


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Every kernel in one shared library: `run_<case>_<kernel>(tensors, grid, threads)`."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no host compiler: g++ is not installed")
    wrappers: dict[str, Wrapper] = {}
    texts: list[str] = []
    for i, case in enumerate(CASES):
        for j, func in enumerate(lowered(case).kernels):
            texts.append(printed(func, f"k_{i}_{j}", wrappers))
            texts.append(_exported(f"{i}_{j}"))
    wrong = printed(lowered(CASES[0]).kernels[0], "k_broken", wrappers)
    assert " + " in wrong
    texts += [" - ".join(wrong.rsplit(" + ", 1)), _exported("broken")]
    entries = [(name, wrapper) for name, wrapper in table().items() if name in wrappers]
    prelude = [IN_C.get(name, wrapper.text) for name, wrapper in entries]
    assert not any("asm" in text for text in prelude), [name for name, _ in entries]
    folder = tmp_path_factory.mktemp("host")
    (folder / "kernels.cpp").write_text("\n".join([SHIM, *prelude, *texts]))
    flags = ["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-ffp-contract=off", "-fwrapv", "-fno-strict-aliasing"]
    made = subprocess.run(
        [compiler, *flags, "kernels.cpp", "-o", "kernels.so"], cwd=folder, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr[:2000]
    return ctypes.CDLL(str(folder / "kernels.so"))


def _exported(name: str) -> str:
    return f'extern "C" void run_{name}(void** a, const int* grid, int threads) {{ run(k_{name}, a, grid, threads); }}'


def run_on_the_host(library: ctypes.CDLL, name: str, func: kernel.FuncOp, tensors: Sequence[np.ndarray]) -> None:
    aligned = [_aligned(t) for t in tensors]
    pointers = (ctypes.c_void_p * len(tensors))(*(t.ctypes.data for t in aligned))
    grid = (ctypes.c_int * 3)(*(extent.evaluate({}) for extent in func.grid.exprs))
    getattr(library, f"run_{name}")(pointers, grid, func.threads)
    for tensor, computed in zip(tensors, aligned, strict=True):
        tensor[...] = computed


def _aligned(tensor: np.ndarray) -> np.ndarray:
    """A copy at a multiple of 256 bytes."""
    memory = np.zeros(tensor.nbytes + 256, np.uint8)
    begin = -memory.ctypes.data % 256
    copied = memory[begin : begin + tensor.nbytes].view(tensor.dtype)
    copied[...] = tensor
    return copied


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case.name for case in CASES])
def test_the_text_computes_what_the_simulator_computes(library: ctypes.CDLL, index: int) -> None:
    made = lowered(CASES[index])
    numbers = {id(func): j for j, func in enumerate(made.kernels)}
    got = made.launch(lambda func, tensors: run_on_the_host(library, f"{index}_{numbers[id(func)]}", func, tensors))
    made.check(got)
    for ours, theirs in zip(got, made.run(made.kernels, 0), strict=True):
        if CASES[index].tolerance == 0.0 or ours.dtype.kind in "bi":
            assert ours.tobytes() == theirs.tobytes()


def test_a_wrong_operator_shows(library: ctypes.CDLL) -> None:
    made = lowered(CASES[0])
    got = made.launch(lambda func, tensors: run_on_the_host(library, "broken", func, tensors))
    with pytest.raises(AssertionError):
        made.check(got)
