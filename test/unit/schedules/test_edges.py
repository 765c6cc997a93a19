"""Values at the edges, through the schedules: ties and limits of int8, comparisons and selections of NaN, indices just outside, and
tensors whose strides pass what kernels can index."""

from __future__ import annotations

import numpy as np
import pytest

SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -1.5, 3e38, -3e38, 1e-40, -1e-40, 2.0], np.float32)


def module(signature: str, body: str, anchor: str = "pointwise", layouts: str = "") -> str:
    """A module with one outlined group @g."""
    extra = f", fusion.layouts = [{layouts}]" if layouts else ""
    return f'builtin.module {{\nfunc.func private @g{signature} attributes {{fusion.anchor = "{anchor}"{extra}}} {{\n{body}\n}}\n}}'


def unary(op: str, of: str, to: str) -> str:
    types = of if of == to else f"({of}) -> {to}"
    return module(f"(%x: {of}) -> {to}", f"%0 = {op} : {types}\nfunc.return %0 : {to}")


def test_quantized_values_saturate_at_both_ends_and_round_ties_to_even(check_group) -> None:
    """-128 is a value of its own: symmetric does not mean -127. NaN is the greatest."""
    x = np.array(
        [-np.inf, -128.6, -128.5, -128.4, -127.5, -2.5, -1.5, -0.5, np.nan, 0.5, 1.5, 2.5, 126.5, 127.4, 127.5, 1e30]
    )
    text = module(
        "(%x: tensor<16xf32>, %s: tensor<f32>) -> tensor<16xi8>",
        "%0 = quant.quantize %x, %s : (tensor<16xf32>, tensor<f32>) -> tensor<16xi8>\nfunc.return %0 : tensor<16xi8>",
    )
    check_group(text, "pointwise", inputs={0: x.astype(np.float32), 1: np.array(1, np.float32)})
    accumulators = np.array(
        [-(2**31), -257, -256, -255, -5, -3, -1, 0, 1, 3, 5, 253, 254, 255, 256, 2**31 - 1], np.int32
    )
    text = module(
        "(%x: tensor<16xi32>, %s: tensor<f32>) -> tensor<16xi8>",
        "%0 = quant.requantize %x, %s : (tensor<16xi32>, tensor<f32>) -> tensor<16xi8>\nfunc.return %0 : tensor<16xi8>",
    )
    check_group(text, "pointwise", inputs={0: accumulators, 1: np.array(0.5, np.float32)})


@pytest.mark.parametrize("predicate", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons_of_special_values(check_group, predicate: str) -> None:
    x, y = (a.reshape(-1) for a in np.meshgrid(SPECIAL, SPECIAL))
    t, b = f"tensor<{x.size}xf32>", f"tensor<{x.size}xi1>"
    text = module(
        f"(%x: {t}, %y: {t}) -> {b}", f"%0 = nn.compare {predicate} %x, %y : ({t}, {t}) -> {b}\nfunc.return %0 : {b}"
    )
    check_group(text, "pointwise", inputs={0: x, 1: y})


@pytest.mark.parametrize("alpha", ["1.0e-02", "2.0", "-5.0e-01", "0.0"])
def test_leaky_relu_takes_its_branch_by_the_sign(check_group, alpha: str) -> None:
    t = f"tensor<{SPECIAL.size}xf32>"
    check_group(unary(f"nn.leaky_relu %x {{alpha = {alpha} : f64}}", t, t), "pointwise", inputs={0: SPECIAL})


@pytest.mark.parametrize("to", ["i8", "i32", "i64", "f32", "f16", "f64"])
def test_true_is_one(check_group, to: str) -> None:
    x = np.array([True, False, True, True])
    check_group(unary("nn.cast %x", "tensor<4xi1>", f"tensor<4x{to}>"), "pointwise", inputs={0: x})


@pytest.mark.parametrize("of", ["f32", "f16", "f64"])
def test_whatever_is_not_zero_is_true(check_group, of: str) -> None:
    dtype = {"f32": np.float32, "f16": np.float16, "f64": np.float64}[of]
    n = SPECIAL.size
    with np.errstate(over="ignore"):
        x = SPECIAL.astype(dtype)
    check_group(unary("nn.cast %x", f"tensor<{n}x{of}>", f"tensor<{n}xi1>"), "pointwise", inputs={0: x})


@pytest.mark.parametrize("axis", [0, 1])
def test_an_index_just_outside_gives_zero_and_no_other_row(computed, axis: int) -> None:
    """Such an index takes 0, and must not read a neighbour."""
    size, y = (4, "tensor<4x5xf32>") if axis == 0 else (5, "tensor<4x4xf32>")
    x = np.arange(1, 21, dtype=np.float32).reshape(4, 5)
    indices = np.array([size, -size - 1, size - 1, -size])
    text = module(
        f"(%x: tensor<4x5xf32>, %i: tensor<4xi64>) -> {y}",
        f"%0 = nn.gather %x, %i {{axis = {axis} : i64}} : (tensor<4x5xf32>, tensor<4xi64>) -> {y}\nfunc.return %0 : {y}",
        "gather",
    )
    kept = np.take(x, indices[2:], axis)
    expected = np.concatenate([np.zeros_like(kept), kept], axis)
    for (got,) in computed(text, "gather", [x, indices]):
        np.testing.assert_array_equal(got, expected)


def test_strides_count_for_what_kernels_can_index(refusal) -> None:
    """Four elements, the last of them 2^31 elements after the first."""
    t = "tensor<2x2xf32>"
    layouts = f"#fusion.layout<[{2**31}, 1]>, #fusion.layout<contiguous>"
    text = module(f"(%x: {t}) -> {t}", f"%0 = nn.relu %x : {t}\nfunc.return %0 : {t}", layouts=layouts)
    assert "expected tensors of at most 2^31 elements, got up to 2147483649 in tensor 0" in refusal(text, "pointwise")


@pytest.mark.parametrize(("kind", "sign"), [("max", -1), ("min", 1)])
@pytest.mark.parametrize("element", ["f32", "i32"])
def test_what_lies_beside_a_row_is_not_its_extremum(check_group, kind: str, sign: int, element: str) -> None:
    x = sign * np.arange(1, 16).reshape(3, 5).astype(np.float32 if element == "f32" else np.int32)
    t, r = f"tensor<3x5x{element}>", f"tensor<3x{element}>"
    body = f"%0 = nn.reduce {kind} %x {{axes = array<i64: 1>, keepdims = false}} : ({t}) -> {r}\nfunc.return %0 : {r}"
    check_group(module(f"(%x: {t}) -> {r}", body, "row"), "row", inputs={0: x})


@pytest.mark.parametrize(("align", "vector"), [(4, 4), (1, 1)])
def test_the_address_of_a_tensor_bounds_its_vectors(check_group, align: int, vector: int) -> None:
    t = "tensor<16x64xf32>"
    layouts = f"#fusion.layout<[64, 1], align = {align}>, #fusion.layout<[64, 1], align = 4>"
    text = module(f"(%x: {t}) -> {t}", f"%0 = nn.relu %x : {t}\nfunc.return %0 : {t}", layouts=layouts)
    assert {choice.values["vector"] for choice in check_group(text, "pointwise")} == {vector}


def test_a_slice_of_a_slice_begins_at_a_multiple_of_the_outer_step(check_group) -> None:
    body = """%0 = nn.slice %x {starts = #nn.dims<1, 13>, steps = array<i64: 2, -3>} : (tensor<9x14xf32>) -> tensor<4x5xf32>
      %1 = nn.slice %0 {starts = #nn.dims<3, 1>, steps = array<i64: -1, 2>} : (tensor<4x5xf32>) -> tensor<3x2xf32>
      func.return %1 : tensor<3x2xf32>"""
    check_group(module("(%x: tensor<9x14xf32>) -> tensor<3x2xf32>", body), "pointwise")


def test_a_matrix_beside_a_batch_is_the_same_for_all_of_it(check_group) -> None:
    a, b, c = "tensor<2x3x20x24xf32>", "tensor<1x3x24x16xf32>", "tensor<2x3x20x16xf32>"
    body = f"%0 = nn.matmul %a, %b : ({a}, {b}) -> {c}\nfunc.return %0 : {c}"
    check_group(module(f"(%a: {a}, %b: {b}) -> {c}", body, "gemm"), "gemm_mma", tolerance=2e-3)
