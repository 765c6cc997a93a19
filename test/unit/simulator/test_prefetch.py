"""kernel.prefetch_map: a hint that changes nothing and may come before the wait for the previous launch."""

from __future__ import annotations

import numpy as np
from xdsl.parser import Parser

from trtc.compiler.pipeline import run_phase
from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.dialects.buffer import Access
from trtc.dialects.kernel.accesses import accesses_of
from trtc.dialects.kernel.dependent import breaks_dependence
from trtc.runtime.simulator import run_kernel


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
