"""Special values through every schedule, bit for bit: prologue, anchor and epilogue, at the ends of rows, tiles and images and beyond.

Sums are of small integers, so that their order does not matter. A NaN, an infinity or an extreme stands where a mask that is missing or
off by one would take it into a neighbour's result: first and last in a row, in the row after, at an image's border.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trtc.compiler.network.graph import element_type
from trtc.dialects.dtypes import is_float, numpy_dtype

sys.path.insert(0, str(Path(__file__).parents[2] / "numerics"))
from special_values import pairs

HOPPER = 'kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>'
Array = np.ndarray[Any, Any]


def module(anchor: str, signature: str, body: str, attributes: str = "") -> str:
    """A module with one outlined group @g."""
    return (
        f"builtin.module attributes {{{attributes}}} {{\n"
        f'func.func private @g{signature} attributes {{fusion.anchor = "{anchor}"}} {{\n{body}\n}}\n}}'
    )


def rows(element: str, *shape: int, width: int | None = None) -> Array:
    """Small integers; in every third row a special value first, in the next one last; -0 and two clashing infinities in whole rows."""
    dtype = numpy_dtype(element_type(element))
    values = (np.arange(np.prod(shape)) * 7 % 5).astype(dtype).reshape(-1, width or shape[-1])
    if is_float(element_type(element)):
        specials = [np.nan, np.inf, -np.inf, np.nan, -np.inf, np.inf]
    elif element in ("i1", "i4", "ui4"):
        return values.reshape(shape)
    else:
        specials = [np.iinfo(dtype).max, np.iinfo(dtype).min, np.iinfo(dtype).max - 1, np.iinfo(dtype).min + 1]
    for row in range(0, len(values) - 1, 3):
        special = specials[row // 3 % len(specials)]
        values[row, 0] = values[row + 1, -1] = special
    if is_float(element_type(element)) and len(values) > 12:
        values[-1], values[-2] = -np.inf, -0.0
        values[-3, 0], values[-3, -1] = np.inf, -np.inf
    return values.reshape(shape)


@pytest.mark.parametrize("element", ["f64", "f32", "bf16", "i8", "ui8", "i16", "ui16", "i32", "ui32", "i64", "ui64"])
@pytest.mark.parametrize("op", ["div", "mod", "pow", "max", "min"])
def test_arithmetic_thread_by_thread(check_group, op: str, element: str) -> None:
    """Division by 0, -1 and infinities, remainders of great quotients, powers that wrap around, zeros of both signs."""
    t = f"tensor<256x{element}>"
    x, y = pairs(numpy_dtype(element_type(element)))
    text = module(
        "pointwise", f"(%x: {t}, %y: {t}) -> {t}", f"%0 = nn.{op} %x, %y : ({t}, {t}) -> {t}\nfunc.return %0 : {t}"
    )
    if op == "pow" and is_float(element_type(element)) and os.environ.get("TRTC_TEST_GPU"):
        pytest.skip("a GPU's pow differs in the last places, as test_fold_and_run.py allows")
    check_group(text, "pointwise", inputs={0: x, 1: y}, exact=True)


@pytest.mark.parametrize("element", ["i8", "ui8", "i16", "ui16", "i32", "ui32", "i64", "ui64"])
@pytest.mark.parametrize("op", ["bit_and", "bit_or", "bit_xor", "shift_left", "shift_right"])
def test_bits_thread_by_thread(check_group, op: str, element: str) -> None:
    """Counts of a shift below 0 and beyond the number of bits are among the pairs."""
    t = f"tensor<256x{element}>"
    x, y = pairs(numpy_dtype(element_type(element)))
    text = module(
        "pointwise", f"(%x: {t}, %y: {t}) -> {t}", f"%0 = nn.{op} %x, %y : ({t}, {t}) -> {t}\nfunc.return %0 : {t}"
    )
    check_group(text, "pointwise", inputs={0: x, 1: y}, exact=True)


@pytest.mark.parametrize(
    "element", ["f64", "f32", "f16", "bf16", "i1", "i8", "ui8", "i16", "ui16", "i32", "ui32", "i64", "ui64"]
)
def test_pointwise_with_every_way_to_read(check_group, element: str) -> None:
    """Padding, a backward slice, a transpose, a broadcast and a concat in one kernel's prologue; the padding is no value of the tensor."""
    t, turned, out = (f"tensor<{dims}x{element}>" for dims in ("15x7", "7x15", "9x24"))
    body = f"""
      %0 = nn.transpose %x {{permutation = array<i64: 1, 0>}} : ({t}) -> {turned}
      %1 = nn.pad %0 {{low = array<i64: 2, 1>, high = array<i64: 0, 1>, value = 1.0 : f64}} : ({turned}) -> tensor<9x17x{element}>
      %2 = nn.slice %x {{starts = #nn.dims<14, 6>, steps = array<i64: -1, -1>}} : ({t}) -> tensor<9x7x{element}>
      %3 = nn.concat %1, %2 {{axis = 1 : i64}} : (tensor<9x17x{element}>, tensor<9x7x{element}>) -> {out}
      func.return %3 : {out}"""
    check_group(
        module("pointwise", f"(%x: {t}) -> {out}", body), "pointwise", inputs={0: rows(element, 15, 7)}, exact=True
    )


WIDTHS = [("f32", n) for n in (1, 31, 33, 700)] + [
    (e, 33) for e in ("f64", "f16", "bf16", "i8", "ui8", "i16", "ui16", "i32", "ui32", "i64")
]


@pytest.mark.parametrize(("element", "columns"), WIDTHS)
@pytest.mark.parametrize("kind", ["max", "min", "sum"])
def test_reductions_of_rows(check_group, element: str, kind: str, columns: int) -> None:
    """What is done before a reduction is not done to what lies beyond a row: there, `1 - 0` would count."""
    t, r = f"tensor<16x{columns}x{element}>", f"tensor<16x{element}>"
    body = f"""
      %one = nn.constant dense<{"1.0" if is_float(element_type(element)) else "1"}> : tensor<{element}>
      %0 = nn.sub %one, %x : (tensor<{element}>, {t}) -> {t}
      %1 = nn.reduce {kind} %0 {{axes = array<i64: 1>, keepdims = false}} : ({t}) -> {r}
      %2 = nn.sub %one, %1 : (tensor<{element}>, {r}) -> {r}
      func.return %2 : {r}"""
    x = rows(element, 16, columns)
    check_group(module("row", f"(%x: {t}) -> {r}", body), "row", inputs={0: x}, exact=True)


@pytest.mark.parametrize("kind", ["max", "min", "sum"])
@pytest.mark.parametrize("element", ["f32", "i32"])
def test_reductions_in_two_launches(check_group, element: str, kind: str) -> None:
    t, r = f"tensor<2x70001x{element}>", f"tensor<2x{element}>"
    body = f"%0 = nn.reduce {kind} %x {{axes = array<i64: 1>, keepdims = false}} : ({t}) -> {r}\nfunc.return %0 : {r}"
    text = module("row", f"(%x: {t}) -> {r}", body, HOPPER)
    x = rows(element, 2, 70001)
    check_group(text, "reduce_split", inputs={0: x}, exact=True, threads=False)
    check_group(text, "reduce_split", inputs={0: x[::-1, ::-1].copy()}, exact=True, threads=False)


@pytest.mark.parametrize("element", ["f32", "f16", "i8"])
def test_max_pool_at_the_border(check_group, element: str) -> None:
    """Padding never wins, against the least values either; NaN does."""
    x, y = f"tensor<2x9x11x8x{element}>", f"tensor<2x9x11x8x{element}>"
    body = f"""
      %0 = nn.max_pool %x {{kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
          dilations = array<i64: 1, 1>}} : ({x}) -> {y}
      func.return %0 : {y}"""
    image = rows(element, 2, 9, 11, 8, width=88)
    image[1, :3] = -np.inf if element != "i8" else -128
    check_group(module("window", f"(%x: {x}) -> {y}", body), "window", inputs={0: image}, exact=True)


@pytest.mark.parametrize("include", ["true", "false"])
def test_avg_pool_at_the_border(check_group, include: str) -> None:
    x = "tensor<2x9x11x8xf32>"
    body = f"""
      %0 = nn.avg_pool %x {{kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
          dilations = array<i64: 1, 1>, count_include_pad = {include}}} : ({x}) -> {x}
      func.return %0 : {x}"""
    image = rows("f32", 2, 9, 11, 8, width=88)
    check_group(module("window", f"(%x: {x}) -> {x}", body), "window", inputs={0: image}, exact=True)


@pytest.mark.parametrize("element", ["f32", "f16"])
def test_depthwise_conv_at_the_border(check_group, element: str) -> None:
    x, w = f"tensor<2x9x11x8x{element}>", f"tensor<8x3x3x1x{element}>"
    body = f"""
      %0 = nn.conv %x, %w {{strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
          groups = 8 : i64}} : ({x}, {w}) -> {x}
      func.return %0 : {x}"""
    inputs = {0: rows(element, 2, 9, 11, 8, width=88), 1: np.ones((8, 3, 3, 1), numpy_dtype(element_type(element)))}
    check_group(module("window", f"(%x: {x}, %w: {w}) -> {x}", body), "window", inputs=inputs, exact=True)


@pytest.mark.parametrize(
    ("schedule", "element", "attributes", "m", "n", "k"),
    [("gemm_mma", "f32", "", 37, 24, 33), ("gemm_mma", "f16", "", 37, 24, 40), ("gemm_mma", "bf16", "", 130, 70, 72),
     ("gemm_sm90", "f16", HOPPER, 140, 136, 72), ("gemm_sm90", "bf16", HOPPER, 70, 72, 8)],
)  # fmt: skip
def test_matmul_of_special_values(
    check_group, schedule: str, element: str, attributes: str, m: int, n: int, k: int
) -> None:
    """K ends within a tile: there, the next row begins with a NaN or an infinity."""
    a, b, c, bias = (f"tensor<{dims}x{element}>" for dims in (f"{m}x{k}", f"{n}x{k}", f"{m}x{n}", n))
    body = f"""
      %0 = nn.matmul %a, %b {{transpose_b}} : ({a}, {b}) -> {c}
      %1 = nn.add %0, %bias : ({c}, {bias}) -> {c}
      %2 = nn.clip %1 {{min = -1.0e+00 : f64, max = 4.0e+01 : f64}} : {c}
      func.return %2 : {c}"""
    text = module("matmul", f"(%a: {a}, %b: {b}, %bias: {bias}) -> {c}", body, attributes)
    right = (np.arange(n * k) % 3).astype(numpy_dtype(element_type(element))).reshape(n, k)
    inputs = {0: rows(element, m, k), 1: right, 2: rows(element, 1, n)[0]}
    check_group(text, schedule, inputs=inputs, exact=True, threads=False)
    text = module("matmul", f"(%b: {b}, %a: {a}, %bias: tensor<{m}x{element}>) -> tensor<{n}x{m}x{element}>",
                  body.replace(f"%a, %b {{transpose_b}} : ({a}, {b})", f"%b, %a {{transpose_b}} : ({b}, {a})")
                  .replace(c, f"tensor<{n}x{m}x{element}>").replace(bias, f"tensor<{m}x{element}>"), attributes)  # fmt: skip
    check_group(text, schedule, inputs={0: right, 1: rows(element, m, k)}, exact=True, threads=False)


def test_softmax_lrn_and_layer_norm_keep_special_values_in_their_rows(check_group) -> None:
    """A row with a NaN or an infinity is its own matter: others are as they would be without."""
    t, p = "tensor<30x70xf32>", "tensor<70xf32>"
    x = rows("f32", 30, 70)
    softmax = f"%0 = nn.softmax %x {{axis = 1 : i64}} : ({t}) -> {t}\nfunc.return %0 : {t}"
    check_group(module("row", f"(%x: {t}) -> {t}", softmax), "row", inputs={0: x})
    norm = f"%0 = nn.layer_norm %x, %s, %b {{axis = 1 : i64, epsilon = 1.0e-05 : f64}} : ({t}, {p}, {p}) -> {t}\nfunc.return %0 : {t}"
    check_group(module("row", f"(%x: {t}, %s: {p}, %b: {p}) -> {t}", norm), "row", inputs={0: x})
    image = "tensor<1x5x6x70xf32>"
    lrn = f"""%0 = nn.lrn %x {{size = 5 : i64, alpha = 1.0e-02 : f64, beta = 7.5e-01 : f64, bias = 1.0 : f64}} : ({image}) -> {image}
      func.return %0 : {image}"""
    check_group(module("row", f"(%x: {image}) -> {image}", lrn), "lrn", inputs={0: x.reshape(1, 5, 6, 70)})
