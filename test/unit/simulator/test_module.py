"""A whole module, from tensors to launches, on the simulator against its own meaning before it was lowered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.parser import Parser

from trtc.compiler.interpret.host import run_host
from trtc.compiler.interpret.module import execute
from trtc.compiler.options import BuildOptions
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.universe import make_context
from trtc.dialects import buffer, kernel

X, Y, Z = (
    f"tensor<?x{d}xf32, #nn.dims<N, {e}>>"
    for d, e in (("8x8x4", "8, 8, 4"), ("4x4x4", "4, 4, 4"), ("8x4x4", "8, 4, 4"))
)
POOL = (
    "kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>"
)
P, Q = "tensor<?x4xf32, #nn.dims<N, 4>>", "tensor<?x3xf32, #nn.dims<N, 3>>"
TEXT = f"""
builtin.module attributes {{nn.symbols = {{N = array<i64: 1, 2, 8>}}, kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>}} {{
func.func @main(%x: {X}) -> {Q} attributes {{nn.inputs = ["x"], nn.outputs = ["y"]}} {{
 %w = nn.constant dense<[[1.0, 0.0, 2.0, -1.0], [0.5, 3.0, 0.0, 1.0], [-1.0, 0.0, 1.0, 2.0]]> : tensor<3x4xf32>
 %s = nn.constant dense<[0.5, 0.25, 2.0, 1.0]> : tensor<4xf32>
 %0 = nn.max_pool %x {{{POOL}}} : ({X}) -> {Y}
 %1 = nn.mul %0, %s : ({Y}, tensor<4xf32>) -> {Y}
 %2 = nn.concat %1, %0 {{axis = 1 : i64}} : ({Y}, {Y}) -> {Z}
 %3 = nn.reduce mean %2 {{axes = array<i64: 1, 2>, keepdims = false}} : ({Z}) -> {P}
 %4 = nn.matmul %3, %w {{transpose_b}} : ({P}, tensor<3x4xf32>) -> {Q}
 %5 = nn.softmax %4 {{axis = 1 : i64}} : ({Q}) -> {Q}
 func.return %5 : {Q}
}}}}
"""


@pytest.fixture
def lowered() -> tuple[ModuleOp, ModuleOp]:
    """The module at tensor level and as a host function that launches kernels over tiles."""
    context = make_context()
    module = Parser(context, TEXT).parse_module()
    original = module.clone()
    run_pipeline(module, BuildOptions(), stop_after="memory", context=context)
    return original, module


@pytest.mark.parametrize("n", [1, 3, 8])
def test_a_module_means_the_same_before_and_after(lowered: tuple[ModuleOp, ModuleOp], n: int) -> None:
    original, module = lowered
    x = np.random.default_rng(n).standard_normal((n, 8, 8, 4)).astype(np.float32)
    (want,), (got,) = execute(original, {"x": x}).values(), execute(module, {"x": x}).values()
    np.testing.assert_allclose(got, want, rtol=1e-5)
    assert not np.allclose(execute(module, {"x": x * 2})["y"], want, rtol=1e-3)


def test_each_launch_reports_what_it_wrote(lowered: tuple[ModuleOp, ModuleOp]) -> None:
    _, module = lowered
    seen: list[tuple[str, list[tuple[int, ...]]]] = []

    def note(launch: Operation, names: Sequence[str], arrays: Sequence[np.ndarray]) -> None:
        assert isinstance(launch, buffer.LaunchOp)
        seen.append((launch.callee.string_value(), [a.shape for a in arrays]))

    run_host(module, {"x": np.ones((2, 8, 8, 4), np.float32)}, on_launch=note)
    assert [name for name, _ in seen] == ["max_pool_mul", "reduce_matmul", "softmax"]
    assert seen[0][1] == [(2, 4, 4, 4), (2, 4, 4, 4)] and seen[-1][1] == [(2, 3)]


def test_what_a_kernel_leaves_out_shows(lowered: tuple[ModuleOp, ModuleOp]) -> None:
    """Also where an earlier launch has left finite numbers in the same bytes of the arena."""
    _, module = lowered
    wrote: list[np.ndarray] = []
    kernels = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, kernel.FuncOp)}
    for op in list(kernels["reduce_matmul"].walk()):
        if op.name == "kernel.store":
            op.detach()
            op.erase()

    def note(launch: Operation, names: Sequence[str], arrays: Sequence[np.ndarray]) -> None:
        wrote.append(arrays[0].copy())

    run_host(module, {"x": np.ones((2, 8, 8, 4), np.float32)}, on_launch=note)
    assert [bool(np.isnan(array).all()) for array in wrote] == [False, True, True]
