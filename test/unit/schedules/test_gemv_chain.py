"""Schedule `gemv_chain`: a reduction over pixels and one or two products of its vector, against their meaning."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from trtc.compiler.codegen.cuda.nvrtc import Job, compile_cubin
from trtc.compiler.codegen.cuda.printer import print_kernel
from trtc.compiler.pipeline import run_phase
from trtc.compiler.targets import describe_target, set_target
from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.lower_groups import lower
from trtc.passes.kernels.schedules.competition import Competition, compete
from trtc.passes.kernels.select_schedule import CHOICE, outlined

sys.path.insert(0, str(Path(__file__).parents[2]))
from group_texts import chain, module
from sass import mnemonics

HOPPER = 132
FLAGS = "strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64"


@pytest.mark.parametrize("sms", [None, HOPPER])
@pytest.mark.parametrize(
    ("pixels", "channels", "hidden", "outputs"),
    [
        ("7x7", 72, 18, 72),
        ("1x1", 8, 1, 8),
        ("2x3", 33, 5, 34),  # no vectors: odd rows
        ("13x17", 12, 3, 20),
        ("3x3", 530, 23, 61),  # several tiles of channels, of weights, of rows
        ("4x4", 20, 40, None),
        ("", 24, 6, 24),
        ("", 700, 300, 10),
    ],
)
def test_sizes(check_group, pixels: str, channels: int, hidden: int, outputs: int | None, sms: int | None) -> None:
    check_group(chain(2, pixels, channels, hidden, outputs, sms=sms), "gemv_chain", threads=False)


@pytest.mark.parametrize(("element", "tolerance"), [("f32", 2e-6), ("bf16", 1e-2), ("f16", 2e-3)])
def test_elements(check_group, element: str, tolerance: float) -> None:
    check_group(chain(1, "5x5", 24, 10, 24, element=element, sms=HOPPER), "gemv_chain", tolerance=tolerance)


@pytest.mark.parametrize("kind", ["mean", "sum", "max", "min", "sumsq"])
def test_reductions(check_group, kind: str) -> None:
    check_group(chain(2, "3x5", 24, 10, sms=HOPPER, kind=kind), "gemv_chain", threads=False)


@pytest.mark.parametrize(("n", "h"), [(1, 7), (3, 7), (5, 1), (2, 33)])
@pytest.mark.parametrize("sms", [None, HOPPER])
def test_dynamic(check_group, n: int, h: int, sms: int | None) -> None:
    """One kernel for all batches and maps; a prologue, keepdims = false with a reshape, and matmuls, as TensorFlow writes them."""
    x, v = "tensor<?x?x5x40xf32, #nn.dims<N, H, 5, 40>>", lambda size: f"tensor<?x{size}xf32, #nn.dims<N, {size}>>"
    body = f"""@f(%x: {x}, %w: tensor<12x40xf32>, %b: tensor<12xf32>, %v: tensor<40x12xf32>) -> {v(40)} ANCHOR {{
    %0 = nn.exp %x : {x}
    %1 = nn.reduce mean %0 {{axes = array<i64: 1, 2>, keepdims = true}} : ({x}) -> tensor<?x1x1x40xf32, #nn.dims<N, 1, 1, 40>>
    %2 = nn.reshape %1 : (tensor<?x1x1x40xf32, #nn.dims<N, 1, 1, 40>>) -> {v(40)}
    %3 = nn.matmul %2, %w {{transpose_b}} : ({v(40)}, tensor<12x40xf32>) -> {v(12)}
    %4 = nn.add %3, %b : ({v(12)}, tensor<12xf32>) -> {v(12)}
    %5 = nn.hard_swish %4 : {v(12)}
    %6 = nn.matmul %5, %v {{transpose_b}} : ({v(12)}, tensor<40x12xf32>) -> {v(40)}
    %7 = nn.hard_sigmoid %6 {{alpha = 2.0e-01 : f64, beta = 5.0e-01 : f64}} : {v(40)}
    func.return %7 : {v(40)}
  }}"""
    check_group(module(body, "matmul", sms), "gemv_chain", N=n, H=h, threads=False)


def test_what_no_channel_holds_counts_nothing(check_group) -> None:
    """Rows beyond the last channel would be infinite, and the maximum of no pixel."""
    v = lambda size: f"tensor<1x{size}xf32>"  # noqa: E731
    body = f"""@f(%x: tensor<1x9x5xf32>, %w: tensor<3x5xf32>, %v: tensor<7x3xf32>) -> {v(7)} ANCHOR {{
    %0 = nn.reduce max %x {{axes = array<i64: 1>, keepdims = false}} : (tensor<1x9x5xf32>) -> {v(5)}
    %1 = nn.matmul %0, %w {{transpose_b}} : ({v(5)}, tensor<3x5xf32>) -> {v(3)}
    %2 = nn.reciprocal %1 : {v(3)}
    %3 = nn.matmul %2, %v {{transpose_b}} : ({v(3)}, tensor<7x3xf32>) -> {v(7)}
    func.return %3 : {v(7)}
  }}"""
    x = -np.random.default_rng(0).uniform(1, 2, (1, 9, 5)).astype(np.float32)
    for sms in (None, HOPPER):
        check_group(module(body, "matmul", sms), "gemv_chain", inputs={0: x})


def test_an_infinite_pixel_stays(check_group) -> None:
    x = np.ones((2, 3, 3, 16), np.float32)
    x[1, 2, 2, 3] = np.inf
    check_group(chain(2, "3x3", 16, 8, element="f32", sms=HOPPER), "gemv_chain", inputs={0: x}, threads=False)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("array<i64: 1, 2>, keepdims", "array<i64: 1, 2, 3>, keepdims", "keeps the last dim"),
        ("pads = array<i64: 0, 0, 0, 0>", "pads = array<i64: 1, 1, 1, 1>", "1x1 conv of images of one pixel"),
    ],
)
def test_refuses(refusal, old: str, new: str, why: str) -> None:
    text = chain(1, "3x3", 1, 1, 1, element="f32").replace(old, new)
    if "pads" in old:
        text = chain(1, "", 8, 8, 8, element="f32").replace(old, new)
        text = text.replace("tensor<8x1x1x8xf32>", "tensor<8x3x3x8xf32>")
    assert why in refusal(text, "gemv_chain")


def test_refuses_two_products_of_one_vector(refusal) -> None:
    v = "tensor<1x8xf32>"
    body = f"""@f(%x: {v}, %w: tensor<8x8xf32>, %v: tensor<8x8xf32>) -> {v} ANCHOR {{
    %0 = nn.matmul %x, %w {{transpose_b}} : ({v}, tensor<8x8xf32>) -> {v}
    %1 = nn.matmul %x, %v {{transpose_b}} : ({v}, tensor<8x8xf32>) -> {v}
    %2 = nn.add %0, %1 : ({v}, {v}) -> {v}
    func.return %2 : {v}
  }}"""
    assert "got some beside each other" in refusal(module(body, "matmul"), "gemv_chain")


@pytest.mark.parametrize(
    ("batch", "channels", "hidden", "outputs", "cluster"),
    [(1, 1152, 48, 1152, 8), (1, 1280, 1000, None, 8), (256, 1152, 48, 1152, 1)],
)
def test_blocks_share_an_image_where_there_are_few(
    batch: int, channels: int, hidden: int, outputs: int | None, cluster: int
) -> None:
    parsed = Parser(make_context(), chain(batch, "7x7", channels, hidden, outputs)).parse_module()
    (func,) = outlined(parsed)
    found = compete(GroupView.of(func), describe_target("sm_90a"))
    assert isinstance(found, Competition) and found.winner.schedule == "gemv_chain"
    assert found.winner.values["cluster"] == cluster


@pytest.mark.parametrize(
    ("pixels", "channels", "hidden", "outputs"),
    [("7x7", 1152, 48, 1152), ("14x14", 480, 20, 480), ("112x112", 32, 8, 32), ("7x7", 1280, 1000, None)],
)
@pytest.mark.parametrize("arch", ["sm_80", "sm_90a"])
def test_no_spills(pixels: str, channels: int, hidden: int, outputs: int | None, arch: str) -> None:
    """What is chosen for EfficientNet's blocks and its classifier keeps all in registers."""
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
    target = describe_target(arch)
    (func,) = outlined(Parser(make_context(), chain(1, pixels, channels, hidden, outputs)).parse_module())
    found = compete(GroupView.of(func), target)
    assert isinstance(found, Competition)
    func.attributes[CHOICE] = found.winner.choice
    holder = ModuleOp(lower(func, target))
    set_target(holder, arch)
    run_phase(holder, "threads")
    (made,) = [op for op in holder.walk() if isinstance(op, kernel.FuncOp)]
    compiled = compile_cubin(Job(print_kernel(made), arch))
    assert compiled.problems() == []
    assert not {"LDL", "STL"} & mnemonics(compiled.cubin)
