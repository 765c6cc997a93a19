"""Convolutions and pools over one, three and four spatial dims against the meaning of their groups, in the simulator."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

HEAD = "builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>, D = array<i64: 3, 5, 16>}} {\n"
CASES = [
    # image, kernel, strides, pads, dilations
    ((13,), (5,), (2,), (3, 1), (2,)),
    ((5, 6, 7), (3, 2, 3), (2, 1, 2), (1, 0, 1, 1, 1, 2), (1, 2, 1)),
    ((4, 5, 4), (1, 1, 1), (1, 1, 1), (0,) * 6, (1, 1, 1)),
    ((3, 4, 3, 3), (2, 2, 1, 3), (1, 2, 1, 1), (0, 1, 0, 1, 1, 0, 0, 1), (1, 1, 1, 1)),
]


def module(kind: str, signature: str, body: str) -> str:
    """A module with one outlined group @g."""
    return f'{HEAD}func.func private @g{signature} attributes {{fusion.anchor = "{kind}"}} {{\n{body}\n}}\n}}'


def windows(case: tuple[Sequence[int], ...]) -> tuple[str, str, str]:
    """The image's and the result's spatial dims, and the attributes of the windows."""
    image, kernel, strides, pads, dilations = case
    count = len(image)
    out = [
        (image[i] + pads[i] + pads[i + count] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1
        for i in range(count)
    ]
    named = {"strides": strides, "pads": pads, "dilations": dilations}
    text = ", ".join(f"{name} = array<i64: {', '.join(map(str, values))}>" for name, values in named.items())
    return "x".join(map(str, image)), "x".join(map(str, out)), text


@pytest.mark.parametrize("element", ["f32", "f16"])
@pytest.mark.parametrize("op", ["max_pool", "avg_pool", "counted"])
@pytest.mark.parametrize("case", CASES)
def test_pool(check_group, case: tuple[Sequence[int], ...], op: str, element: str) -> None:
    image, out, text = windows(case)
    x, y = f"tensor<2x{image}x8x{element}>", f"tensor<2x{out}x8x{element}>"
    text += f", kernel = array<i64: {', '.join(map(str, case[1]))}>"
    text += "" if op == "max_pool" else f", count_include_pad = {'true' if op == 'counted' else 'false'}"
    name = "max_pool" if op == "max_pool" else "avg_pool"
    body = f"%0 = nn.{name} %x {{{text}}} : ({x}) -> {y}\nfunc.return %0 : {y}"
    check_group(module("window", f"(%x: {x}) -> {y}", body), "window")


@pytest.mark.parametrize("element", ["f32", "f16"])
@pytest.mark.parametrize("case", CASES)
def test_depthwise(check_group, case: tuple[Sequence[int], ...], element: str) -> None:
    image, out, text = windows(case)
    taps = "x".join(map(str, case[1]))
    x, w, y = (f"tensor<{dims}x{element}>" for dims in (f"1x{image}x6", f"6x{taps}x1", f"1x{out}x6"))
    body = f"""%0 = nn.conv %x, %w {{{text}, groups = 6 : i64}} : ({x}, {w}) -> {y}
        %1 = nn.relu %0 : {y}
        func.return %1 : {y}"""
    check_group(module("window", f"(%x: {x}, %w: {w}) -> {y}", body), "window")


@pytest.mark.parametrize("element", ["f32", "f16", "f64"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_conv(check_group, case: tuple[Sequence[int], ...], groups: int, element: str) -> None:
    image, out, text = windows(case)
    taps = "x".join(map(str, case[1]))
    x, w = f"tensor<2x{image}x16x{element}>", f"tensor<12x{taps}x{16 // groups}x{element}>"
    y, c = f"tensor<2x{out}x12x{element}>", f"tensor<12x{element}>"
    body = f"""%0 = nn.conv %x, %w {{{text}, groups = {groups} : i64}} : ({x}, {w}) -> {y}
        %1 = nn.add %0, %b : ({y}, {c}) -> {y}
        func.return %1 : {y}"""
    loose = {"f32": 1e-5, "f16": 2e-3, "f64": 1e-12}
    check_group(module("conv", f"(%x: {x}, %w: {w}, %b: {c}) -> {y}", body), "gemm_mma", tolerance=loose[element])


def test_conv_of_a_dynamic_depth(check_group) -> None:
    x, w = "tensor<?x?x6x6x8xf16, #nn.dims<N, D, 6, 6, 8>>", "tensor<16x3x3x3x8xf16>"
    y = "tensor<?x?x3x6x16xf16, #nn.dims<N, D - 2, 3, 6, 16>>"
    text = "strides = array<i64: 1, 2, 1>, pads = array<i64: 0, 1, 1, 0, 1, 1>, dilations = array<i64: 1, 1, 1>"
    body = f"%0 = nn.conv %x, %w {{{text}, groups = 1 : i64}} : ({x}, {w}) -> {y}\nfunc.return %0 : {y}"
    for n, d in ((1, 3), (3, 9)):
        check_group(module("conv", f"(%x: {x}, %w: {w}) -> {y}", body), "gemm_mma", tolerance=2e-3, N=n, D=d)


HOPPER = ', kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>}'


@pytest.mark.parametrize(
    "case",
    [
        ((5, 6, 7), (3, 2, 3), (2, 1, 2), (1, 0, 1, 1, 1, 2), (1, 2, 1)),
        ((4, 5, 4), (1, 1, 1), (1, 1, 1), (0,) * 6, (1, 1, 1)),
        ((13,), (5,), (2,), (3, 1), (2,)),
        ((300,), (3,), (1,), (1, 1), (1,)),
    ],
)
def test_hopper(check_group, case: tuple[Sequence[int], ...]) -> None:
    check_group(hopper(case), "gemm_sm90", tolerance=2e-3)


def hopper(case: tuple[Sequence[int], ...]) -> str:
    image, out, text = windows(case)
    x, w, y = f"tensor<2x{image}x64xf16>", f"tensor<72x{'x'.join(map(str, case[1]))}x64xf16>", f"tensor<2x{out}x72xf16>"
    body = f"%0 = nn.conv %x, %w {{{text}, groups = 1 : i64}} : ({x}, {w}) -> {y}\nfunc.return %0 : {y}"
    return module("conv", f"(%x: {x}, %w: {w}) -> {y}", body).replace("}} {", "}" + HOPPER + " {")


def test_tma_refuses_wide_windows_and_many_dims(refusal) -> None:
    """A descriptor has 16 bits for one dim, 8 each for two, 5 for three."""
    wide = ((20, 4, 4), (18, 1, 1), (1, 1, 1), (0,) * 6, (1, 1, 1))
    assert "expected pads and windows below 16" in refusal(hopper(wide), "gemm_sm90")
    many = ((3, 4, 3, 3), (2, 2, 1, 3), (1, 1, 1, 1), (0,) * 8, (1, 1, 1, 1))
    assert "expected at most three spatial dims, got 4" in refusal(hopper(many), "gemm_sm90")
