"""Rotary embeddings on halves or neighbours give the bits that the joined ones gave, in one group of a pointwise kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import bf16, f16, f32, f64
from xdsl.parser import Parser

from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import nn
from trtc.dialects.dtypes import numpy_dtype
from trtc.dialects.fusion import GroupOp
from trtc.dialects.meaning import run_module

ELEMENTS = {"f16": f16, "bf16": bf16, "f32": f32, "f64": f64}
SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 3e38)


def rotary(factors: str, *, swapped: bool = False, element: str = "f32", neighbours: bool = False) -> Any:
    x, h, c, a, p = (f"tensor<{dims}x{element}>" for dims in ("2x3x5x8", "2x3x5x4", factors, "2x3x5x4x1", "2x3x5x4x2"))
    start, step = (1, 2) if neighbours else (4, 1)
    joined = f"%3 = nn.concat %1, %2 {{axis = 3 : i64}} : ({h}, {h}) -> {x}"
    if neighbours:
        joined = f"""%10 = nn.reshape %1 : ({h}) -> {a}
      %11 = nn.reshape %2 : ({h}) -> {a}
      %12 = nn.concat %10, %11 {{axis = 4 : i64}} : ({a}, {a}) -> {p}
      %3 = nn.reshape %12 : ({p}) -> {x}"""
    first, second = ("%5, %4", "%s, %3") if swapped else ("%4, %5", "%3, %s")
    types = f"{c}, {x}" if swapped else f"{x}, {c}"
    text = f"""func.func @main(%x: {x}, %c: {c}, %s: {c}) -> {x} {{
      %0 = nn.slice %x {{starts = #nn.dims<0, 0, 0, {start}>, steps = array<i64: 1, 1, 1, {step}>}} : ({x}) -> {h}
      %1 = nn.neg %0 : {h}
      %2 = nn.slice %x {{starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 1, {step}>}} : ({x}) -> {h}
      {joined}
      %4 = nn.mul %x, %c : ({x}, {c}) -> {x}
      %5 = nn.mul {second} : ({types}) -> {x}
      %6 = nn.add {first} : ({x}, {x}) -> {x}
      func.return %6 : {x}
    }}"""
    return Parser(make_context(), text).parse_module()


@pytest.mark.parametrize("neighbours", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("factors", ["5x8", "2x3x5x8", "1x1x5x8", "5x1", "2x1x5x8"])
@pytest.mark.parametrize("element", ["f16", "bf16", "f32", "f64"])
def test_same_bits_in_one_group(element: str, factors: str, swapped: bool, neighbours: bool) -> None:
    module = rotary(factors, swapped=swapped, element=element, neighbours=neighbours)
    dtype = numpy_dtype(ELEMENTS[element])
    rng = np.random.default_rng(0)
    shapes = [(2, 3, 5, 8), *[tuple(int(d) for d in factors.split("x"))] * 2]
    inputs = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    with np.errstate(all="ignore"):
        inputs[0].flat[: len(SPECIAL)] = np.array(SPECIAL).astype(dtype)
        (wanted,) = run_module(module, inputs)
        for name in ("recognise-rotary", "cse", "dce"):
            load_pass(name)().apply(make_context(), module)
        module.verify()
        assert not any(isinstance(op, nn.ConcatOp) for op in module.walk())
        (got,) = run_module(module, inputs)
    numbers = ~np.isnan(wanted)
    assert np.array_equal(np.isnan(got), ~numbers)
    assert got.dtype == dtype and got[numbers].tobytes() == wanted[numbers].tobytes()
    load_pass("fuse-groups")().apply(make_context(), module)
    assert sum(isinstance(op, GroupOp) for op in module.walk()) == 1
