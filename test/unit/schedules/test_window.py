"""The `window` and `lrn` schedules against the meaning of their groups, in the simulator."""

from __future__ import annotations

import pytest

HEAD = "builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>, H = array<i64: 4, 9, 32>, W = array<i64: 4, 11, 32>}} {\n"


def module(signature: str, body: str, layouts: str = "") -> str:
    """A module with one outlined group @g."""
    extra = f", fusion.layouts = [{layouts}]" if layouts else ""
    return f'{HEAD}func.func private @g{signature} attributes {{fusion.anchor = "window"{extra}}} {{\n{body}\n}}\n}}'


def out(size: int, kernel: int, stride: int, low: int, high: int, dilation: int) -> int:
    return (size + low + high - dilation * (kernel - 1) - 1) // stride + 1


def attributes(strides: tuple[int, int], pads: tuple[int, int, int, int], dilations: tuple[int, int] = (1, 1)) -> str:
    parts = [("strides", strides), ("pads", pads), ("dilations", dilations)]
    return ", ".join(f"{name} = array<i64: {', '.join(map(str, values))}>" for name, values in parts)


CASES = [
    # kernel, strides, pads, dilations
    ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
    ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1)),
    ((3, 2), (1, 2), (1, 0, 2, 1), (1, 1)),
    ((3, 3), (1, 1), (0, 1, 0, 1), (2, 1)),
    ((1, 5), (1, 3), (0, 2, 0, 2), (1, 1)),
]


def pool(op: str, case: tuple, channels: int, element: str, extra: str = "", made: str = "") -> str:
    (r, s), strides, pads, dilations = case
    p, q = out(9, r, strides[0], pads[0], pads[2], dilations[0]), out(11, s, strides[1], pads[1], pads[3], dilations[1])
    x, y = f"tensor<2x9x11x{channels}x{element}>", f"tensor<2x{p}x{q}x{channels}x{made or element}>"
    text = f"kernel = array<i64: {r}, {s}>, {attributes(strides, pads, dilations)}{extra}"
    return module(f"(%x: {x}) -> {y}", f"%0 = nn.{op} %x {{{text}}} : ({x}) -> {y}\nfunc.return %0 : {y}")


@pytest.mark.parametrize("element", ["f32", "f16", "i8"])
@pytest.mark.parametrize("channels", [3, 16])
@pytest.mark.parametrize("case", CASES)
def test_max_pool(check_group, case: tuple, channels: int, element: str) -> None:
    check_group(pool("max_pool", case, channels, element), "window")


@pytest.mark.parametrize("element", ["f32", "bf16"])
@pytest.mark.parametrize("include", ["true", "false"])
@pytest.mark.parametrize("case", CASES)
def test_avg_pool(check_group, case: tuple, include: str, element: str) -> None:
    check_group(pool("avg_pool", case, 8, element, f", count_include_pad = {include}"), "window")


def test_max_pool_of_a_strided_part_with_an_epilogue(check_group) -> None:
    x, y = (
        "tensor<?x?x?x8xf16, #nn.dims<N, H, W, 8>>",
        "tensor<?x?x?x8xf16, #nn.dims<N, H floordiv 2, W floordiv 2, 8>>",
    )
    body = f"""
        %0 = nn.max_pool %x {{kernel = array<i64: 2, 2>, {attributes((2, 2), (0, 0, 0, 0))}}} : ({x}) -> {y}
        %1 = nn.relu %0 : {y}
        func.return %1 : {y}"""
    strides = "#fusion.layout<[H*W*24, W*24, 24, 1], align = 8>, #fusion.layout<contiguous, align = 8>"
    text = module(f"(%x: {x}) -> {y}", body, strides)
    check_group(text, "window", N=1, H=4, W=5)
    check_group(text, "window", N=3, H=9, W=8)


@pytest.mark.parametrize("element", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("channels", [5, 32])
@pytest.mark.parametrize("case", CASES)
def test_depthwise_with_bias_and_activation(check_group, case: tuple, channels: int, element: str) -> None:
    (r, s), strides, pads, dilations = case
    p, q = out(9, r, strides[0], pads[0], pads[2], dilations[0]), out(11, s, strides[1], pads[1], pads[3], dilations[1])
    x, y = f"tensor<2x9x11x{channels}x{element}>", f"tensor<2x{p}x{q}x{channels}x{element}>"
    w, c = f"tensor<{channels}x{r}x{s}x1x{element}>", f"tensor<{channels}x{element}>"
    text = module(
        f"(%x: {x}, %w: {w}, %b: {c}, %r: {y}) -> {y}",
        f"""
        %0 = nn.conv %x, %w {{{attributes(strides, pads, dilations)}, groups = {channels} : i64}} : ({x}, {w}) -> {y}
        %1 = nn.add %0, %b : ({y}, {c}) -> {y}
        %2 = nn.clip %1 {{min = 0.0 : f64, max = 6.0 : f64}} : {y}
        %3 = nn.add %2, %r : ({y}, {y}) -> {y}
        func.return %3 : {y}""",
    )
    check_group(text, "window")


def test_depthwise_of_integers(check_group) -> None:
    text = module(
        "(%x: tensor<1x6x6x16xi8>, %w: tensor<16x3x3x1xi8>, %m: tensor<16xf32>) -> tensor<1x4x4x16xi8>",
        f"""
        %0 = nn.conv %x, %w {{{attributes((1, 1), (0, 0, 0, 0))}, groups = 16 : i64}} :
          (tensor<1x6x6x16xi8>, tensor<16x3x3x1xi8>) -> tensor<1x4x4x16xi32>
        %1 = quant.requantize %0, %m {{axis = 3 : i64}} : (tensor<1x4x4x16xi32>, tensor<16xf32>) -> tensor<1x4x4x16xi8>
        func.return %1 : tensor<1x4x4x16xi8>""",
    )
    import numpy as np

    check_group(text, "window", inputs={2: np.linspace(0.001, 0.004, 16).astype(np.float32)})


@pytest.mark.parametrize("element", ["f32", "f16"])
@pytest.mark.parametrize("dims,size", [("2x3x4x7", 5), ("2x3x4x64", 4), ("3x130", 3), ("5", 1)])
def test_lrn(check_group, dims: str, size: int, element: str) -> None:
    t = f"tensor<{dims}x{element}>"
    text = module(
        f"(%x: {t}) -> {t}",
        f"""
        %0 = nn.lrn %x {{size = {size} : i64, alpha = 2.0e-01 : f64, beta = 7.5e-01 : f64, bias = 1.0 : f64}} : ({t}) -> {t}
        %1 = nn.relu %0 : {t}
        func.return %1 : {t}""",
    )
    check_group(text, "lrn", tolerance=2e-3 if element == "f16" else 5e-6)


def test_refusals_say_why(refusal) -> None:
    x, w, y = "tensor<1x6x6x8xf32>", "tensor<16x3x3x1xf32>", "tensor<1x4x4x16xf32>"
    body = f"%0 = nn.conv %x, %w {{{attributes((1, 1), (0, 0, 0, 0))}, groups = 8 : i64}} : ({x}, {w}) -> {y}\nfunc.return %0 : {y}"
    assert "one output per channel" in refusal(module(f"(%x: {x}, %w: {w}) -> {y}", body), "window")
    t = "tensor<4x8xf32>"
    relu = module(f"(%x: {t}) -> {t}", f"%0 = nn.relu %x : {t}\nfunc.return %0 : {t}")
    assert "expected one max_pool, avg_pool or depthwise conv" in refusal(relu, "window")
    assert "expected one lrn" in refusal(relu, "lrn")


@pytest.mark.parametrize("element", ["f32", "f16", "i8"])
@pytest.mark.parametrize("case", CASES)
def test_arg_max_pool(check_group, case: tuple, element: str) -> None:
    check_group(pool("arg_max_pool", case, 8, element, made="i64"), "window")


def test_arg_max_pool_of_nan_infinities_and_padding(check_group) -> None:
    """The first NaN is the greatest; -inf is greater than padding, which is no element at all."""
    import numpy as np

    x = np.full((2, 9, 11, 8), -np.inf, np.float32)
    x[0, 4, 4], x[0, 4, 5], x[0, 7, 7] = np.nan, np.nan, np.inf
    case = ((3, 3), (2, 2), (2, 2, 2, 2), (1, 1))
    check_group(pool("arg_max_pool", case, 8, "f32", made="i64"), "window", inputs={0: x})


def test_a_pool_and_what_follows_it(check_group) -> None:
    x, y = "tensor<2x9x11x16xf16>", "tensor<2x8x10x16xf16>"
    flags = f"kernel = array<i64: 2, 2>, {attributes((1, 1), (0, 0, 0, 0))}"
    body = f"""%0 = nn.max_pool %x {{{flags}}} : ({x}) -> {y}
    %1 = nn.sigmoid %0 : {y}
    func.return %1, %0 : {y}, {y}"""
    check_group(module(f"(%x: {x}) -> ({y}, {y})", body), "window")
