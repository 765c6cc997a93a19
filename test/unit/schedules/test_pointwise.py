"""The `pointwise` schedule against the meaning of its groups, in the simulator."""

from __future__ import annotations

import numpy as np
import pytest

HEAD = "builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 64>, S = array<i64: 1, 16, 128>}} {\n"


def module(signature: str, body: str, layouts: str = "") -> str:
    """A module with one outlined group @g."""
    extra = f", fusion.layouts = [{layouts}]" if layouts else ""
    return f'{HEAD}func.func private @g{signature} attributes {{fusion.anchor = "pointwise"{extra}}} {{\n{body}\n}}\n}}'


def binary(op: str, a: str, b: str, out: str, element: str) -> str:
    types = f"(tensor<{a}x{element}>, tensor<{b}x{element}>) -> tensor<{out}x{element}>"
    return module(
        f"(%x: tensor<{a}x{element}>, %y: tensor<{b}x{element}>) -> tensor<{out}x{element}>",
        f"%0 = {op} %x, %y : {types}\nfunc.return %0 : tensor<{out}x{element}>",
    )


@pytest.mark.parametrize("element", ["f32", "f16", "bf16", "i8", "i32", "i64", "f64"])
@pytest.mark.parametrize("op", ["nn.add", "nn.mul", "nn.max", "nn.sub"])
def test_binary_ops_of_every_type(check_group, op: str, element: str) -> None:
    check_group(binary(op, "3x5x8", "8", "3x5x8", element), "pointwise")


@pytest.mark.parametrize("b", ["1", "7", "3x1x7", "5x1", "3x5x1", "1x5x7"])
def test_broadcast(check_group, b: str) -> None:
    check_group(binary("nn.sub", "3x5x7", b, "3x5x7", "f32"), "pointwise")


@pytest.mark.parametrize("element", ["f32", "f16"])
@pytest.mark.parametrize(
    "op",
    ["neg", "abs", "exp", "erf", "tanh", "sigmoid", "relu", "floor", "ceil", "round", "sign", "sin", "cos", "reciprocal"],
)  # fmt: skip
def test_unary_ops(check_group, op: str, element: str) -> None:
    t = f"tensor<13x17x{element}>"
    check_group(
        module(f"(%x: {t}) -> {t}", f"%0 = nn.{op} %x : {t}\nfunc.return %0 : {t}"), "pointwise", threads=op == "erf"
    )


@pytest.mark.parametrize("op", ["sqrt", "rsqrt", "log"])
def test_not_a_number_where_the_meaning_has_it(check_group, op: str) -> None:
    t = "tensor<64xf32>"
    x = np.linspace(-1, 4, 64).astype(np.float32)
    x[3], x[9] = np.inf, np.nan
    text = module(f"(%x: {t}) -> {t}", f"%0 = nn.{op} %x : {t}\nfunc.return %0 : {t}")
    check_group(text, "pointwise", inputs={0: x})


@pytest.mark.parametrize("body", ["nn.relu %x", "nn.max %x, %x", "nn.clip %x {min = -1.0 : f64, max = 1.0 : f64}"])
def test_nan_is_propagated(check_group, body: str) -> None:
    t = "tensor<8xf32>"
    x = np.array([np.nan, 1, -2, 3, np.nan, -np.inf, np.inf, 0], np.float32)
    kind = f"({t}, {t}) -> {t}" if "," in body and "max %x" in body else t
    check_group(module(f"(%x: {t}) -> {t}", f"%0 = {body} : {kind}\nfunc.return %0 : {t}"), "pointwise", inputs={0: x})


def test_integer_division_and_remainder(check_group) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(1, 9, 40) * rng.choice([-1, 1], 40)
    for op in ("nn.div", "nn.mod"):
        check_group(binary(op, "40", "40", "40", "i32"), "pointwise", inputs={1: y.astype(np.int32)})


def test_a_chain_with_compare_where_cast_and_a_constant(check_group) -> None:
    text = module(
        "(%x: tensor<4x33xf16>, %y: tensor<33xf16>) -> tensor<4x33xf32>",
        """
        %c = nn.constant dense<5.0e-01> : tensor<f16>
        %0 = nn.mul %x, %c : (tensor<4x33xf16>, tensor<f16>) -> tensor<4x33xf16>
        %1 = nn.compare gt %0, %y : (tensor<4x33xf16>, tensor<33xf16>) -> tensor<4x33xi1>
        %2 = nn.where %1, %x, %y : (tensor<4x33xi1>, tensor<4x33xf16>, tensor<33xf16>) -> tensor<4x33xf16>
        %3 = nn.cast %2 : (tensor<4x33xf16>) -> tensor<4x33xf32>
        func.return %3 : tensor<4x33xf32>""",
    )
    check_group(text, "pointwise")


def test_quantize_per_axis_and_dequantize(check_group) -> None:
    scale = np.array([0.1, 0.02, 0.3], np.float32)
    text = module(
        "(%x: tensor<5x3x4xf32>, %s: tensor<3xf32>) -> tensor<5x3x4xi8>",
        """
        %0 = quant.quantize %x, %s {axis = 1 : i64} : (tensor<5x3x4xf32>, tensor<3xf32>) -> tensor<5x3x4xi8>
        func.return %0 : tensor<5x3x4xi8>""",
    )
    check_group(text, "pointwise", inputs={1: scale})
    text = module(
        "(%x: tensor<5x3x4xi8>, %s: tensor<3xf32>) -> tensor<5x3x4xf32>",
        """
        %0 = quant.dequantize %x, %s {axis = 1 : i64} : (tensor<5x3x4xi8>, tensor<3xf32>) -> tensor<5x3x4xf32>
        func.return %0 : tensor<5x3x4xf32>""",
    )
    check_group(text, "pointwise", inputs={1: scale})


@pytest.mark.parametrize("n,s", [(1, 1), (3, 17), (5, 128)])
def test_dynamic_dims(check_group, n: int, s: int) -> None:
    t = "tensor<?x?x8xf32, #nn.dims<N, S, 8>>"
    text = module(
        f"(%x: {t}, %y: tensor<?x1x8xf32, #nn.dims<N, 1, 8>>) -> {t}",
        f"%0 = nn.add %x, %y : ({t}, tensor<?x1x8xf32, #nn.dims<N, 1, 8>>) -> {t}\nfunc.return %0 : {t}",
    )
    check_group(text, "pointwise", N=n, S=s)


@pytest.mark.parametrize("element", ["f32", "f16", "i8", "i1"])
def test_copies_of_views(check_group, element: str) -> None:
    body = f"""
        %0 = nn.slice %x {{starts = #nn.dims<1, 0, 6>, steps = array<i64: 2, 1, -3>}} : (tensor<6x4x7x{element}>) -> tensor<2x4x3x{element}>
        %1 = nn.transpose %0 {{permutation = array<i64: 2, 0, 1>}} : (tensor<2x4x3x{element}>) -> tensor<3x2x4x{element}>
        func.return %1 : tensor<3x2x4x{element}>"""
    check_group(module(f"(%x: tensor<6x4x7x{element}>) -> tensor<3x2x4x{element}>", body), "pointwise")


def test_a_plain_copy_between_strided_tensors(check_group) -> None:
    text = module(
        "(%x: tensor<4x6x8xf32>) -> tensor<4x6x8xf32>",
        "func.return %x : tensor<4x6x8xf32>",
        "#fusion.layout<[1, 40, 4]>, #fusion.layout<[100, 16, 1], align = 4>",
    )
    choices = check_group(text, "pointwise")
    assert all(choice.values["vector"] == 4 for choice in choices)


def test_a_reshape_of_a_strided_operand(check_group) -> None:
    text = module(
        "(%x: tensor<4x6x8xf32>) -> tensor<24x2x4xf32>",
        """
        %0 = nn.reshape %x : (tensor<4x6x8xf32>) -> tensor<24x2x4xf32>
        func.return %0 : tensor<24x2x4xf32>""",
        "#fusion.layout<[100, 16, 1]>, #fusion.layout<contiguous>",
    )
    check_group(text, "pointwise")


def test_a_reshape_of_what_was_computed(check_group) -> None:
    text = module(
        "(%x: tensor<4x6xf32>, %y: tensor<6xf32>) -> tensor<3x8xf32>",
        """
        %0 = nn.add %x, %y : (tensor<4x6xf32>, tensor<6xf32>) -> tensor<4x6xf32>
        %1 = nn.reshape %0 : (tensor<4x6xf32>) -> tensor<3x8xf32>
        func.return %1 : tensor<3x8xf32>""",
    )
    check_group(text, "pointwise")


def test_concat(check_group) -> None:
    text = module(
        "(%x: tensor<3x4x5xf16>, %y: tensor<3x1x5xf16>, %z: tensor<3x7x5xf16>) -> tensor<3x12x5xf16>",
        """
        %0 = nn.concat %x, %y, %z {axis = 1 : i64} : (tensor<3x4x5xf16>, tensor<3x1x5xf16>, tensor<3x7x5xf16>) -> tensor<3x12x5xf16>
        func.return %0 : tensor<3x12x5xf16>""",
    )
    check_group(text, "pointwise")


def test_broadcast_to(check_group) -> None:
    text = module(
        "(%x: tensor<4x1xf32>) -> tensor<3x4x5xf32>",
        "%0 = nn.broadcast_to %x : (tensor<4x1xf32>) -> tensor<3x4x5xf32>\nfunc.return %0 : tensor<3x4x5xf32>",
    )
    check_group(text, "pointwise")


@pytest.mark.parametrize("element", ["f32", "f16", "i64"])
@pytest.mark.parametrize(
    "low,high",
    [
        ((0, 1, 2, 0), (0, 3, 1, 0)),
        ((1, 0, 0, 2), (0, 0, 0, 1)),
        ((0, 0, 0, 0), (2, 0, 0, 0)),
        ((0, 0, 0, 0), (0, 0, 0, 3)),
        ((0, 1, 0, 0), (0, 0, 2, 8)),
    ],
)
def test_pad_with_an_epilogue(check_group, low: tuple[int, ...], high: tuple[int, ...], element: str) -> None:
    shape = (2, 5, 4, 8)
    out = "x".join(str(s + a + b) for s, a, b in zip(shape, low, high, strict=True))
    source = "x".join(map(str, shape))
    text = module(
        f"(%x: tensor<{source}x{element}>) -> tensor<{out}x{element}>",
        f"""
        %0 = nn.pad %x {{low = array<i64: {", ".join(map(str, low))}>, high = array<i64: {", ".join(map(str, high))}>, value = 3.0 : f64}} :
          (tensor<{source}x{element}>) -> tensor<{out}x{element}>
        %1 = nn.neg %0 : tensor<{out}x{element}>
        func.return %1 : tensor<{out}x{element}>""",
    )
    check_group(text, "pointwise")


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
@pytest.mark.parametrize(
    ("low", "high"),
    [
        ((0, 1, 2, 0), (0, 3, 1, 0)),
        ((1, 0, 0, 2), (0, 0, 0, 9)),
        ((0, 0, 0, 0), (0, 0, 0, 3)),
        ((5, 0, 0, 0), (4, 0, 0, 0)),
    ],
)
def test_padding_by_elements(check_group, low: tuple[int, ...], high: tuple[int, ...], mode: str) -> None:
    shape = (1, 5, 4, 8) if low[0] == 5 else (2, 5, 4, 8)  # nothing but itself to reflect
    out = "x".join(str(s + a + b) for s, a, b in zip(shape, low, high, strict=True))
    source = "x".join(map(str, shape))
    counts = f"low = array<i64: {', '.join(map(str, low))}>, high = array<i64: {', '.join(map(str, high))}>"
    text = module(
        f"(%x: tensor<{source}xf16>) -> tensor<{out}xf32>",
        f"""
        %0 = nn.pad %x {{{counts}, value = 0.0 : f64, mode = #nn.pad_mode<{mode}>}} : (tensor<{source}xf16>) -> tensor<{out}xf16>
        %1 = nn.cast %0 : (tensor<{out}xf16>) -> tensor<{out}xf32>
        func.return %1 : tensor<{out}xf32>""",
    )
    check_group(text, "pointwise")


@pytest.mark.parametrize("mode", ["", ", mode = #nn.pad_mode<reflect>"])
def test_padding_by_as_much_as_the_sizes_say(check_group, mode: str) -> None:
    x, y = "tensor<?x?x3xf32, #nn.dims<N, S, 3>>", "tensor<?x?x3xf32, #nn.dims<N, S + N + (-S) mod 8, 3>>"
    text = module(
        f"(%x: {x}) -> {y}",
        f"""%0 = nn.pad %x {{low = #nn.dims<0, N, 0>, high = #nn.dims<0, (-S) mod 8, 0>, value = 1.0 : f64{mode}}} : ({x}) -> {y}
        func.return %0 : {y}""",
    )
    check_group(text, "pointwise", N=1, S=16)
    check_group(text, "pointwise", N=3, S=5)


def _padded_twice(first: str, second: str) -> str:
    a, b, c = "tensor<4x9xf32>", "tensor<6x9xf32>", "tensor<8x9xf32>"
    by_one = "low = array<i64: 1, 0>, high = array<i64: 1, 0>, value ="
    return module(
        f"(%x: {a}) -> {c}",
        f"""
        %0 = nn.pad %x {{{by_one} {first}}} : ({a}) -> {b}
        %1 = nn.pad %0 {{{by_one} {second}}} : ({b}) -> {c}
        func.return %1 : {c}""",
    )


@pytest.mark.parametrize("mode", ["edge", "reflect"])
@pytest.mark.parametrize("elements_first", [True, False])
def test_padding_by_a_number_beside_padding_by_elements(check_group, mode: str, elements_first: bool) -> None:
    by_elements, by_number = f"0.0 : f64, mode = #nn.pad_mode<{mode}>", "3.5 : f64"
    pads = (by_elements, by_number) if elements_first else (by_number, by_elements)
    check_group(_padded_twice(*pads), "pointwise", threads=False)


def test_padding_by_two_numbers_is_refused(refusal) -> None:
    assert "expected nn.pad of an operand" in refusal(_padded_twice("3.5 : f64", "2.5 : f64"), "pointwise")


@pytest.mark.parametrize("strided", [True, False])
@pytest.mark.parametrize(("columns", "high"), [(3, 1), (6, 10)])
def test_channels_padded_on_the_way_to_channels_last(check_group, columns: int, high: int, strided: bool) -> None:
    """What a first conv's image takes: f32 channels-first in memory, f16 channels-last with channels of zeros out."""
    source, out = f"tensor<2x9x7x{columns}xf32>", f"tensor<2x9x7x{columns + high}xf16>"
    wide = f"tensor<2x9x7x{columns + high}xf32>"
    layouts = f"#fusion.layout<[{63 * columns}, 7, 1, 63]>, #fusion.layout<contiguous, align = 8>"
    text = module(
        f"(%x: {source}) -> {out}",
        f"""
        %0 = nn.pad %x {{low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 0, 0, {high}>, value = 0.0 : f64}} : ({source}) -> {wide}
        %1 = nn.cast %0 : ({wide}) -> {out}
        func.return %1 : {out}""",
        layouts if strided else "",
    )
    choices = check_group(text, "pointwise")
    assert choices[0].values["vector"] == (4 if columns == 3 else 8)


@pytest.mark.parametrize("shifts", [(0, 1, 2, 0), (1, 0, 0, 5), (0, 0, 0, 3), (-7, 0, 0, 0), (3, -2, 1, 1)])
@pytest.mark.parametrize("element", ["f16", "i64"])
def test_roll_beside_an_operand(check_group, shifts: tuple[int, ...], element: str) -> None:
    t = f"tensor<2x5x4x8x{element}>"
    text = module(
        f"(%x: {t}, %y: {t}) -> {t}",
        f"""
        %0 = nn.roll %x {{shifts = array<i64: {", ".join(map(str, shifts))}>}} : ({t}) -> {t}
        %1 = nn.add %0, %y : ({t}, {t}) -> {t}
        func.return %1 : {t}""",
    )
    check_group(text, "pointwise")


def test_roll_of_sizes_that_a_run_knows(check_group) -> None:
    t = "tensor<?x?x3xf32, #nn.dims<N, S, 3>>"
    text = module(
        f"(%x: {t}) -> {t}",
        f"%0 = nn.roll %x {{shifts = array<i64: 2, -3, 0>}} : ({t}) -> {t}\nfunc.return %0 : {t}",
    )
    check_group(text, "pointwise", N=3, S=16)
    check_group(text, "pointwise", N=1, S=2)  # rolled round more than once


def test_pad_a_vector(check_group) -> None:
    text = module(
        "(%x: tensor<13xf32>) -> tensor<20xf32>",
        """%0 = nn.pad %x {low = array<i64: 0>, high = array<i64: 7>, value = 2.0 : f64} : (tensor<13xf32>) -> tensor<20xf32>
        func.return %0 : tensor<20xf32>""",
    )
    check_group(text, "pointwise")


@pytest.mark.parametrize("element", ["i64", "f32", "i32"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_iota(check_group, axis: int, element: str) -> None:
    t = f"tensor<?x5x3x{element}, #nn.dims<N, 5, 3>>"
    text = module(f"() -> {t}", f"%0 = nn.iota {{axis = {axis} : i64}} : {t}\nfunc.return %0 : {t}")
    check_group(text, "pointwise", N=4)


def test_shape_value(check_group) -> None:
    t = "tensor<3xi64>"
    text = module(f"() -> {t}", f"%0 = nn.shape_value #nn.dims<N, N*S, 7> : {t}\nfunc.return %0 : {t}")
    check_group(text, "pointwise", N=4, S=9)


def test_several_results(check_group) -> None:
    t = "tensor<9x11xf32>"
    text = module(
        f"(%x: {t}, %y: tensor<11xf32>) -> ({t}, {t}, tensor<11xf32>)",
        f"""
        %0 = nn.add %x, %y : ({t}, tensor<11xf32>) -> {t}
        %1 = nn.exp %0 : {t}
        %2 = nn.neg %y : tensor<11xf32>
        func.return %0, %1, %2 : {t}, {t}, tensor<11xf32>""",
    )
    check_group(text, "pointwise")


def test_a_scalar(check_group) -> None:
    text = module("(%x: tensor<f32>) -> tensor<f32>", "%0 = nn.exp %x : tensor<f32>\nfunc.return %0 : tensor<f32>")
    check_group(text, "pointwise")


def test_refusals_say_why(refusal) -> None:
    t = "tensor<4x8xf32>"
    softmax = module(f"(%x: {t}) -> {t}", f"%0 = nn.softmax %x {{axis = 1 : i64}} : ({t}) -> {t}\nfunc.return %0 : {t}")
    assert "expected pointwise ops and copies only, got nn.softmax" in refusal(softmax, "pointwise")
    big = "tensor<70000x70000xi8>"
    assert "2^31 elements" in refusal(
        module(f"(%x: {big}) -> {big}", f"%0 = nn.neg %x : {big}\nfunc.return %0 : {big}"), "pointwise"
    )
    odd = "tensor<4xi3>"
    assert "expected elements of" in refusal(module(f"(%x: {odd}) -> {odd}", f"func.return %x : {odd}"), "pointwise")
