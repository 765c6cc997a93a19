"""`pad-channels` keeps the numbers, for windows, strides, pads and widths that leave pairs of pixels odd in every way."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, f16
from xdsl.ir import SSAValue

from trtc.compiler.network import Network
from trtc.compiler.pipeline import run_passes
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import nn
from trtc.dialects.meaning import run_module

CASES = [
    (size, stride, pads, width)
    for size, stride, pads, width in product((1, 3, 4, 7), (1, 2, 4), ((0, 0), (1, 1), (3, 3), (0, 1), (2, 0)), (16, 15, 13))
]  # fmt: skip


def network(size: int, stride: int, pads: tuple[int, int], width: int, channels: int) -> ModuleOp:
    rng, net = np.random.default_rng(0), Network()
    x: SSAValue = net.add_input("x", "f16", (1, channels, 9, width))
    weights = rng.standard_normal((5, channels, size, size)).astype(np.float16)
    y = net.add_convolution(x, weights, strides=(2, stride), pads=(3, pads[0], 3, pads[1]))
    net.mark_output(y, "y")
    return net.module()


def convs(module: ModuleOp) -> list[nn.ConvOp]:
    return [op for op in module.walk() if isinstance(op, nn.ConvOp)]


def run_passes_on(module: ModuleOp) -> None:
    steps = [load_pass("eliminate-transposes")(), load_pass("pad-channels")(always=True)]
    run_passes(module, steps, make_context())


@pytest.mark.parametrize("channels", [3, 4])
def test_numbers_stay(channels: int) -> None:
    rng, paired = np.random.default_rng(1), 0
    for size, stride, pads, width in CASES:
        module = network(size, stride, pads, width, channels)
        x = rng.standard_normal((1, channels, 9, width)).astype(np.float16)
        (wanted,) = run_module(module, [x])
        run_passes_on(module)
        (got,) = run_module(module, [x])
        assert np.linalg.norm(wanted.astype(np.float64)) > 0
        error = np.linalg.norm(got.astype(np.float64) - wanted.astype(np.float64)) / np.linalg.norm(
            wanted.astype(np.float64)
        )
        assert error <= 1e-3, (size, stride, pads, width, error)
        (conv,) = convs(module)
        assert nn.element_of(conv.x) == f16
        paired += nn.shape_of(conv.x)[3] == 8
        assert (nn.shape_of(conv.x)[3] == 4) != (nn.shape_of(conv.x)[3] == 8)
        assert stride % 2 == 0 or nn.shape_of(conv.x)[3] == 4
    # Not every even stride has pairs: the last window may end before the image does.
    assert paired > len(CASES) // 2
