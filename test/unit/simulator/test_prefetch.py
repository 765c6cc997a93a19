"""kernel.prefetch and kernel.prefetch_map: hints that change nothing. Address and bytes are checked."""

from __future__ import annotations

import re

import numpy as np
import pytest
from xdsl.parser import Parser

from trtc.compiler.pipeline import run_phase
from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.dialects.buffer import Access
from trtc.dialects.errors import SimulationError
from trtc.dialects.kernel.accesses import accesses_of
from trtc.dialects.kernel.dependent import breaks_dependence
from trtc.runtime.simulator import run_kernel

G = "!kernel.global<dims <64> x f32, strides <1>, align 16>"


def made(first: int, count: int, *, before: str = "", threads: bool = True) -> kernel.FuncOp:
    text = (
        f"kernel.func @k(%x: {G}) grid <1, 1, 1> warps 1 coords(%i, %j, %k) {{\n%a = arith.constant {first} : index\n"
        f"%b = arith.constant {count} : index\n{before}\nkernel.prefetch %x[%a] count %b : {G}\nkernel.grid_wait\nkernel.return\n}}"
    )
    module = Parser(make_context(), text).parse_module()
    if threads:
        run_phase(module, "threads")
    (func,) = module.body.block.ops
    assert isinstance(func, kernel.FuncOp)
    return func


@pytest.mark.parametrize("threads", [False, True])
def test_a_prefetch_changes_nothing(threads: bool) -> None:
    x = np.arange(64, dtype=np.float32)
    run_kernel(made(4, 60, threads=threads), [x], {}, mode="thread" if threads else "tile")
    np.testing.assert_array_equal(x, np.arange(64))


def test_one_thread_executes_it() -> None:
    from trtc.compiler.codegen.cuda.printer import print_unit

    _, source = print_unit(made(4, 8))
    assert re.search(r"if \(\(unsigned\)thread_ < 1u\) \{\n +prefetch_l2\(&x_\[4\], 8 \* 4\);", source), source


@pytest.mark.parametrize(("first", "count", "why"), [
    (2, 4, "expected multiples of 16 bytes"), (4, 6, "expected multiples of 16 bytes"), (4, 0, "expected multiples of 16 bytes"),
    (32, 36, "out of bounds: elements 32 to 68"),
])  # fmt: skip
def test_what_the_gpu_would_refuse_is_an_error(first: int, count: int, why: str) -> None:
    with pytest.raises(SimulationError, match=why):
        run_kernel(made(first, count), [np.zeros(64, np.float32)], {}, mode="thread")


def test_a_tensor_map_is_fetched_by_one_thread_and_touches_no_tensor() -> None:
    text = """kernel.func @k(%x: !kernel.global<dims <64, 64> x f16, strides <64, 1>, align 16>) grid <1, 1, 1> warps 1 coords(%i, %j, %k) {
      %v = kernel.view %x dims <64, 64> strides <64, 1> offset <0> groups [array<i64>, array<i64: 0>, array<i64: 1>] :
          !kernel.global<dims <64, 64> x f16, strides <64, 1>, align 16> -> !kernel.view<3 x f16>
      %m = kernel.tensor_map %v : !kernel.view<3 x f16> -> !kernel.tensor_map<64x64xf16, swizzle 128>
      kernel.prefetch_map %m : !kernel.tensor_map<64x64xf16, swizzle 128>
      kernel.grid_wait
      kernel.return
    }"""
    module = Parser(make_context(), text).parse_module()
    (func,) = module.body.block.ops
    assert isinstance(func, kernel.FuncOp)
    assert breaks_dependence(func, ()) is None
    assert accesses_of(func) == [Access.NONE]
    run_kernel(func, [np.zeros(4096, np.float16)], {}, early=())
    run_phase(module, "threads")
    run_kernel(func, [np.zeros(4096, np.float16)], {}, mode="thread", early=())


def test_it_touches_its_tensor() -> None:
    """Which the previous launch may still write, where it is no weight."""
    assert "kernel.prefetch touches tensor 0 before" in (breaks_dependence(made(4, 8, threads=False), ()) or "")
    assert breaks_dependence(made(4, 8, threads=False), {0}) is None
    assert breaks_dependence(made(4, 8, before="kernel.grid_wait", threads=False), ()) is None
