"""
ResNet-50's larger convolutions and products on a GPU, the first run and a later one, with and without an epilogue. Their tiles run
more steps than the ring has stages, which small test shapes do not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.parser import Parser

import trtc
from trtc.compiler.universe import make_context
from trtc.dialects.meaning import run_module

pytestmark = pytest.mark.gpu
# batch, size, input channels, output channels, window
SHAPES = [
    (1, 56, 64, 64, 3), (8, 28, 128, 128, 3), (32, 14, 256, 256, 3), (32, 14, 1024, 256, 1), (32, 7, 512, 512, 3), (8, 7, 512, 2048, 1),
    (1, 14, 256, 256, 3), (1, 7, 512, 512, 3),
]  # fmt: skip


def module(n: int, h: int, c: int, o: int, k: int, bias: bool) -> Any:
    x, w, y = f"tensor<{n}x{h}x{h}x{c}xf16>", f"tensor<{o}x{k}x{k}x{c}xf16>", f"tensor<{n}x{h}x{h}x{o}xf16>"
    pad, b = k // 2, f"tensor<{o}xf16>"
    tail = f"%1 = nn.add %0, %b : ({y}, {b}) -> {y}\n %2 = nn.relu %1 : {y}\n func.return %2 : {y}"
    if not bias:
        tail = f"func.return %0 : {y}"
    return Parser(
        make_context(),
        f"""func.func @main(%x: {x}, %w: {w}, %b: {b}) -> {y} attributes {{nn.inputs = ["x", "w", "b"], nn.outputs = ["y"]}} {{
          %0 = nn.conv %x, %w {{strides = array<i64: 1, 1>, pads = array<i64: {pad}, {pad}, {pad}, {pad}>, dilations = array<i64: 1, 1>,
            groups = 1 : i64}} : ({x}, {w}) -> {y}
          {tail}
        }}""",
    ).parse_module()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
def test_convolution(shape: tuple[int, int, int, int, int], bias: bool) -> None:
    n, h, c, o, k = shape
    rng = np.random.default_rng(0)
    inputs = {
        "x": rng.standard_normal((n, h, h, c)).astype(np.float16),
        "w": (rng.standard_normal((o, k, k, c)) * (k * k * c) ** -0.5).astype(np.float16),
        "b": rng.standard_normal(o).astype(np.float16),
    }
    (want,) = run_module(module(*shape, bias), list(inputs.values()))
    context = trtc.build(module(*shape, bias)).create_context(poison=True)
    for run in range(3):
        got = context.run(inputs)["y"].astype(np.float64)
        error = np.linalg.norm(got - want) / np.linalg.norm(want.astype(np.float64))
        assert error <= 1e-3, f"run {run}: relative error {error:.2e}"
