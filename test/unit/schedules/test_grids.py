"""Grids with more tiles along y or z than CUDA has blocks there: tiles are numbered along x."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from trtc.compiler.universe import make_context
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.building.schedule import target_of
from trtc.passes.kernels.lower_groups import lower
from trtc.passes.kernels.schedules.registry import schedule
from trtc.passes.kernels.select_schedule import CHOICE, outlined
from trtc.runtime.kernels import MAXIMUM_GRID, KernelInfo

sys.path.insert(0, str(Path(__file__).parents[2]))
from group_texts import module


def ranged(text: str, most: int) -> str:
    return text.replace(
        "builtin.module", f"builtin.module attributes {{nn.symbols = {{N = array<i64: 1, 3, {most}>}}}}"
    )


def batched(most: int) -> str:
    a, b, c = (f"tensor<?x{dims}xf32, #nn.dims<N, {dims.replace('x', ', ')}>>" for dims in ("5x3", "4x3", "5x4"))
    body = f"""@f(%a: {a}, %b: {b}) -> {c} ANCHOR {{
    %0 = nn.matmul %a, %b {{transpose_b}} : ({a}, {b}) -> {c}
    func.return %0 : {c}
  }}"""
    return ranged(module(body, "matmul"), most)


def rows(most: int) -> str:
    a, c = (f"tensor<?x{size}xf16, #nn.dims<N, {size}>>" for size in (24, 8))
    body = f"""@f(%a: {a}, %b: tensor<8x24xf16>) -> {c} ANCHOR {{
    %0 = nn.matmul %a, %b {{transpose_b}} : ({a}, tensor<8x24xf16>) -> {c}
    func.return %0 : {c}
  }}"""
    return ranged(module(body, "matmul"), most)


def columns(most: int) -> str:
    """A space of rows and columns, since a row is padded."""
    x, y = "tensor<3x?xf32, #nn.dims<3, N>>", "tensor<4x?xf32, #nn.dims<4, N>>"
    body = f"""@f(%x: {x}) -> {y} ANCHOR {{
    %0 = nn.pad %x {{low = array<i64: 1, 0>, high = array<i64: 0, 0>, value = 2.0 : f64}} : ({x}) -> {y}
    func.return %0 : {y}
  }}"""
    return ranged(module(body, "pointwise"), most)


CASES = [
    pytest.param(batched, "gemm_mma", 70_000, 3, id="batch"),
    pytest.param(rows, "gemm_mma", 50_000_000, 300, id="rows"),
    pytest.param(columns, "pointwise", 50_000_000, 700, id="columns"),
]


@pytest.mark.parametrize(("text", "name", "most", "size"), CASES)
def test_a_profile_that_reaches_beyond_the_grid_can_run(check_group, text, name: str, most: int, size: int) -> None:
    check_group(text(most), name, N=size)


@pytest.mark.parametrize(("text", "name", "most", "size"), CASES)
def test_each_launch_is_one_that_cuda_takes(text, name: str, most: int, size: int) -> None:
    for limit in (most, size):
        parsed = Parser(make_context(), text(limit)).parse_module()
        (func,), found, target = outlined(parsed), schedule(name), target_of(None)
        for choice in found.configs(found.match(GroupView.of(func), target), target):
            func.attributes[CHOICE] = choice
            (made,) = ModuleOp(lower(func, None)).body.block.ops
            blocks = KernelInfo.read(made).blocks({"N": limit})  # raises where there are too many
            assert np.prod(blocks) > 0 and all(b <= m for b, m in zip(blocks, MAXIMUM_GRID, strict=True))
            # Where all fits, the grid stays as it is.
            assert limit == most or max(blocks[1:]) > 1
