"""Rotary embeddings on halves give the bits that the joined halves gave, in one group of a pointwise kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.parser import Parser

from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import nn
from trtc.dialects.fusion import GroupOp
from trtc.dialects.meaning import run_module

SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 3e38)


def rotary(factors: str, *, swapped: bool = False) -> Any:
    x, h, c = "tensor<2x3x5x8xf32>", "tensor<2x3x5x4xf32>", f"tensor<{factors}xf32>"
    first, second = ("%5, %4", "%s, %3") if swapped else ("%4, %5", "%3, %s")
    types = f"{c}, {x}" if swapped else f"{x}, {c}"
    text = f"""func.func @main(%x: {x}, %c: {c}, %s: {c}) -> {x} {{
      %0 = nn.slice %x {{starts = #nn.dims<0, 0, 0, 4>, steps = array<i64: 1, 1, 1, 1>}} : ({x}) -> {h}
      %1 = nn.neg %0 : {h}
      %2 = nn.slice %x {{starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>}} : ({x}) -> {h}
      %3 = nn.concat %1, %2 {{axis = 3 : i64}} : ({h}, {h}) -> {x}
      %4 = nn.mul %x, %c : ({x}, {c}) -> {x}
      %5 = nn.mul {second} : ({types}) -> {x}
      %6 = nn.add {first} : ({x}, {x}) -> {x}
      func.return %6 : {x}
    }}"""
    return Parser(make_context(), text).parse_module()


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("factors", ["5x8", "2x3x5x8", "1x1x5x8", "5x1", "2x1x5x8"])
def test_same_bits_in_one_group(factors: str, swapped: bool) -> None:
    module = rotary(factors, swapped=swapped)
    rng = np.random.default_rng(0)
    shapes = [(2, 3, 5, 8), *[tuple(int(d) for d in factors.split("x"))] * 2]
    inputs = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    inputs[0].flat[: len(SPECIAL)] = SPECIAL
    with np.errstate(all="ignore"):
        (wanted,) = run_module(module, inputs)
        for name in ("recognise-rotary", "cse", "dce"):
            load_pass(name)().apply(make_context(), module)
        module.verify()
        assert not any(isinstance(op, nn.ConcatOp) for op in module.walk())
        (got,) = run_module(module, inputs)
    numbers = ~np.isnan(wanted)
    assert np.array_equal(np.isnan(got), ~numbers)
    assert np.array_equal(got[numbers].view(np.int32), wanted[numbers].view(np.int32))
    load_pass("fuse-groups")().apply(make_context(), module)
    assert sum(isinstance(op, GroupOp) for op in module.walk()) == 1
