"""`split-gates` keeps what a gated layer computes, whatever stands between the product and its halves."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import nn
from trtc.dialects.fusion import GroupOp
from trtc.dialects.meaning import run_module

RNG = np.random.default_rng(0)


def numbers(*shape: int) -> str:
    return f"dense<{RNG.standard_normal(shape).astype(np.float32).tolist()}> : tensor<{'x'.join(map(str, shape))}xf32>"


def matmul(order: tuple[int, int], transposed: bool) -> str:
    """A bias, a scale per channel, a number, and the halves in either order."""
    y, h = "tensor<5x16xf32>", "tensor<5x8xf32>"
    w = "tensor<16x12xf32>" if transposed else "tensor<12x16xf32>"
    return f"""func.func @main(%x: tensor<5x12xf32>) -> {h} {{
      %w = nn.constant {numbers(16, 12) if transposed else numbers(12, 16)}
      %b = nn.constant {numbers(16)}
      %s = nn.constant {numbers(1, 16)}
      %n = nn.constant dense<0.5> : tensor<f32>
      %0 = nn.matmul %x, %w {"{transpose_b} " if transposed else ""}: (tensor<5x12xf32>, {w}) -> {y}
      %1 = nn.add %b, %0 : (tensor<16xf32>, {y}) -> {y}
      %2 = nn.mul %1, %s : ({y}, tensor<1x16xf32>) -> {y}
      %3 = nn.sub %n, %2 : (tensor<f32>, {y}) -> {y}
      %4 = nn.slice %3 {{starts = #nn.dims<0, {order[0]}>, steps = array<i64: 1, 1>}} : ({y}) -> {h}
      %5 = nn.slice %3 {{starts = #nn.dims<0, {order[1]}>, steps = array<i64: 1, 1>}} : ({y}) -> {h}
      %6 = nn.sigmoid %4 : {h}
      %7 = nn.mul %6, %5 : ({h}, {h}) -> {h}
      func.return %7 : {h}
    }}"""


CONV = f"""func.func @main(%x: tensor<2x5x6x4xf32>) -> tensor<2x5x6x8xf32> {{
  %w = nn.constant {numbers(16, 3, 3, 4)}
  %0 = nn.conv %x, %w {{strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
    groups = 1 : i64}} : (tensor<2x5x6x4xf32>, tensor<16x3x3x4xf32>) -> tensor<2x5x6x16xf32>
  %1 = nn.slice %0 {{starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>}} : (tensor<2x5x6x16xf32>) -> tensor<2x5x6x8xf32>
  %2 = nn.slice %0 {{starts = #nn.dims<0, 0, 0, 8>, steps = array<i64: 1, 1, 1, 1>}} : (tensor<2x5x6x16xf32>) -> tensor<2x5x6x8xf32>
  %3 = nn.tanh %1 : tensor<2x5x6x8xf32>
  %4 = nn.mul %3, %2 : (tensor<2x5x6x8xf32>, tensor<2x5x6x8xf32>) -> tensor<2x5x6x8xf32>
  func.return %4 : tensor<2x5x6x8xf32>
}}"""


def products(module: ModuleOp) -> int:
    return sum(isinstance(op, nn.ConvOp | nn.MatmulOp) for op in module.walk())


@pytest.mark.parametrize(
    "text",
    [matmul((0, 8), False), matmul((8, 0), False), matmul((0, 8), True), CONV],
    ids=["matmul", "swapped", "transposed", "conv"],
)
def test_two_products_compute_what_one_did(text: str) -> None:
    module = Parser(make_context(), text).parse_module()
    (func,) = module.body.block.ops
    shape = [d.as_int() or 0 for d in nn.shape_of(func.regions[0].block.args[0])]
    inputs = [np.random.default_rng(1).standard_normal(shape).astype(np.float32)]
    (wanted,) = run_module(module, inputs)
    for name in ("split-gates", "fold-constants", "dce"):
        load_pass(name)().apply(make_context(), module)
    module.verify()
    assert products(module) == 2
    assert not any(isinstance(op, nn.SliceOp) for op in module.walk()), "slices of constants are known before the run"
    (got,) = run_module(module, inputs)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
    load_pass("fuse-groups")().apply(make_context(), module)
    assert sum(isinstance(op, GroupOp) for op in module.walk()) == 1
