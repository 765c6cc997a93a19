"""What passes say of where things come from: locations lead to the nodes of all ops that went in, names stand for the same numbers."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.parser import Parser

from trtc.compiler.debug.check_numerics import relative_error, trace
from trtc.compiler.pipeline import run_passes
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects.provenance import as_onnx_orders, get_names, onnx_names
from trtc.passes.graph.permutations import ordered_name


def after(text: str, *passes: str) -> ModuleOp:
    context = make_context()
    module = Parser(context, text).parse_module()
    run_passes(module, [load_pass(name)() for name in passes], context)
    return module


def nodes_of(module: ModuleOp, name: str) -> list[list[str]]:
    """The ONNX nodes of each op of this name, in order."""
    return [onnx_names(op.location) for op in module.walk() if op.name == name]


CONV = "strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64"


def test_equal_ops_come_from_all_their_nodes() -> None:
    module = after(
        """func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
          %0 = nn.exp %x : tensor<4xf32> loc("a")
          %1 = nn.exp %x : tensor<4xf32> loc("b")
          %2 = nn.exp %x : tensor<4xf32> loc("c")
          %3 = nn.add %0, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
          %4 = nn.add %3, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
          func.return %4 : tensor<4xf32>
        }""",
        "cse",
    )
    assert nodes_of(module, "nn.exp") == [["a", "b", "c"]]


def test_a_conv_comes_from_the_factors_that_it_takes_in() -> None:
    x, w, y = "tensor<1x4x4x8xf32>", "tensor<8x1x1x8xf32>", "tensor<1x4x4x8xf32>"
    body = f"""
        %w = nn.constant dense<1.0> : {w}
        %c = nn.constant dense<2.0> : tensor<8xf32>
        %0 = nn.mul %x, %c : ({x}, tensor<8xf32>) -> {x} loc("before")
        %1 = nn.conv %0, %w {{{CONV}}} : ({x}, {w}) -> {y} loc("conv")
        %2 = nn.mul %1, %c : ({y}, tensor<8xf32>) -> {y} loc("after")
        func.return %2 : {y}"""
    module = after(f"func.func @main(%x: {x}) -> {y} {{{body}\n}}", "fold-batch-norm")
    (conv,) = nodes_of(module, "nn.conv")
    assert sorted(conv) == ["after", "before", "conv"]


def test_what_replaces_a_transpose_comes_from_it_too() -> None:
    module = after(ROTATED, "eliminate-transposes")
    assert nodes_of(module, "nn.transpose") == []
    assert nodes_of(module, "nn.exp") == [["e", "t1"]]
    assert nodes_of(module, "nn.relu") == [["r", "t2"]]


def test_what_replaces_a_transpose_leaves_out_the_nodes_of_a_reshape_that_stays() -> None:
    """A node became a transpose and a reshape: the reshape is where it is."""
    module = after(
        """func.func @main(%x: tensor<4x2x3xf32>) -> tensor<6x4xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
          %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32> loc("first")
          %1 = nn.relu %0 : tensor<2x3x4xf32> loc("r")
          %2 = nn.transpose %1 {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32> loc("both")
          %3 = nn.reshape %2 : (tensor<4x2x3xf32>) -> tensor<6x4xf32> loc("both")
          func.return %3 : tensor<6x4xf32>
        }""",
        "eliminate-transposes",
    )
    assert nodes_of(module, "nn.transpose") == []
    assert nodes_of(module, "nn.relu") == [["r"]]
    assert nodes_of(module, "nn.reshape") == [["both"]]


def test_a_group_comes_from_all_its_ops_and_its_launches_from_the_group() -> None:
    t = "tensor<1x200000xf32>"
    text = f"""func.func @main(%x: {t}) -> tensor<1xf32> attributes {{nn.inputs = ["x"], nn.outputs = ["y"]}} {{
          %0 = nn.mul %x, %x : ({t}, {t}) -> {t} loc("square")
          %1 = nn.reduce sum %0 {{axes = array<i64: 1>, keepdims = false}} : ({t}) -> tensor<1xf32> loc("sum")
          %2 = nn.sqrt %1 : tensor<1xf32> loc("root")
          func.return %2 : tensor<1xf32>
        }}"""
    grouped = ("fuse-groups", "assign-destinations")
    assert nodes_of(after(text, *grouped), "fusion.group") == [["square", "sum", "root"]]
    module = after(text, *grouped, "outline-groups", "select-schedule", "lower-groups", "bufferize", "plan-arena")
    assert nodes_of(module, "buffer.launch") == [["square", "sum", "root"]] * 2, "the sum takes two launches"
    assert nodes_of(module, "kernel.func") == [["square", "sum", "root"]] * 2


def test_an_integer_product_comes_from_the_dequantize_ops_that_it_takes_in() -> None:
    x, w = "tensor<16x32xi8>", "tensor<8x32xi8>"
    module = after(
        f"""func.func @main(%x: {x}, %w: {w}) -> tensor<16x8xf32> {{
          %s = nn.constant dense<0.5> : tensor<f32>
          %0 = fusion.group "matmul" (%a = %x : {x}, %b = %w : {w}, %t = %s : tensor<f32>) -> (tensor<16x8xf32>) {{
            %1 = quant.dequantize %a, %t : ({x}, tensor<f32>) -> tensor<16x32xf32> loc("dx")
            %2 = quant.dequantize %b, %t : ({w}, tensor<f32>) -> tensor<8x32xf32> loc("dw")
            %3 = nn.matmul %1, %2 {{transpose_b}} : (tensor<16x32xf32>, tensor<8x32xf32>) -> tensor<16x8xf32> loc("product")
            fusion.yield %3 : tensor<16x8xf32>
          }}
          func.return %0 : tensor<16x8xf32>
        }}""",
        "realize-integer",
    )
    assert nodes_of(module, "nn.matmul") == [["product"]]
    assert nodes_of(module, "quant.dequantize") == [["product", "dx", "dw"]]


# Names and orders.

ROTATED = """func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %0 = nn.exp %x : tensor<2x3x4xf32> loc("e")
  %1 = nn.transpose %0 {permutation = array<i64: 1, 2, 0>, nn.names = ["t"]} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32> loc("t1")
  %2 = nn.relu %1 {nn.names = ["r"]} : tensor<3x4x2xf32> loc("r")
  %3 = nn.transpose %2 {permutation = array<i64: 2, 0, 1>, nn.names = ["y"]} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32> loc("t2")
  func.return %3 : tensor<2x3x4xf32>
}"""
"""Orders that are not their own inverse, of dims that all differ."""


def named(module: ModuleOp) -> dict[str, Operation]:
    return {name: op for op in module.walk() for name in get_names(op) if name}


def test_names_with_orders_stand_for_the_same_numbers() -> None:
    inputs = {"x": np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)}
    before, module = after(ROTATED), after(ROTATED, "eliminate-transposes")
    assert list(named(module)) == ["t@2,0,1", "r@2,0,1"]
    old, new = trace(before, inputs).values, trace(module, inputs).values
    assert {"t", "r", "y"} <= new.keys()
    for name in new:
        assert relative_error(new[name].array, old[name].array) == 0.0, name


CANCELLED = """func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %0 = nn.exp %x : tensor<2x3x4xf32> loc("e")
  %1 = nn.transpose %0 {permutation = array<i64: 1, 2, 0>, nn.names = ["t"]} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %2 = nn.transpose %1 {permutation = array<i64: 2, 1, 0>, nn.names = ["u"]} : (tensor<3x4x2xf32>) -> tensor<2x4x3xf32>
  %3 = nn.transpose %2 {permutation = array<i64: 0, 2, 1>, nn.names = ["y"]} : (tensor<2x4x3xf32>) -> tensor<2x3x4xf32>
  func.return %3 : tensor<2x3x4xf32>
}"""


def test_the_operand_of_a_removed_transpose_keeps_its_name_in_its_own_order() -> None:
    inputs = {"x": np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)}
    before, module = after(CANCELLED), after(CANCELLED, "canonicalize-nn")
    assert nodes_of(module, "nn.transpose") == []
    old, new = trace(before, inputs).values, trace(module, inputs).values
    assert "t" in new
    for name in new:
        assert relative_error(new[name].array, old[name].array) == 0.0, name


@pytest.mark.parametrize("first", list(permutations(range(3))))
@pytest.mark.parametrize("second", list(permutations(range(3))))
def test_orders_of_names_compose(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    array = np.arange(24).reshape(2, 3, 4)
    once = ordered_name("r", first)
    twice = ordered_name(once, second)
    for name, moved in ((once, array.transpose(first)), (twice, array.transpose(first).transpose(second))):
        plain, undone = as_onnx_orders(name, moved)
        assert plain == "r"
        np.testing.assert_array_equal(undone, array)
    assert ("@" in twice) == (not np.array_equal(array.transpose(first).transpose(second).shape, array.shape))
