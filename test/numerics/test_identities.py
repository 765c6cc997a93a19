"""Every algebraic rewrite of `canonicalize-nn` keeps every bit: at zeros of both signs, NaN, infinities and the extremes of integers.

Each case says what the pass leaves: where a rule would change a special value, the ops stay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import bf16, f16, f32, f64, i1, i8, i32, i64
from xdsl.ir import SSAValue

from trtc.compiler.network import Network
from trtc.dialects import nn
from trtc.dialects.dtypes import numpy_dtype, ui8
from trtc.dialects.meaning import run_module
from trtc.passes.graph.canonicalize_nn import CanonicalizeNnPass
from trtc.passes.graph.fold_constants import FoldConstantsPass

sys.path.insert(0, str(Path(__file__).parent))
from special_values import Array, pairs, same

Build = Callable[[Network, SSAValue, SSAValue], SSAValue]
FLOATS, INTEGERS = (f64, f32, f16, bf16), (i8, ui8, i32, i64)


def binary(kind: str, number: float, left: bool = False) -> Build:
    """x op number, or number op x."""

    def build(net: Network, x: SSAValue, y: SSAValue) -> SSAValue:
        constant = net.operand(number, x)
        return net.add_binary(kind, constant, x) if left else net.add_binary(kind, x, constant)

    return build


def chain(*bounds: tuple[str, float] | tuple[float, float] | None) -> Build:
    """relu (None), clips (low, high), and min or max by a number, one after another."""

    def build(net: Network, x: SSAValue, y: SSAValue) -> SSAValue:
        for bound in bounds:
            if bound is None:
                x = net.add_unary("relu", x)
            elif isinstance(bound[0], str):
                x = net.add_binary(bound[0], x, net.operand(bound[1], x))
            else:
                x = net.add_clip(x, bound[0], bound[1])
        return x

    return build


def casts(*elements: Any) -> Build:
    def build(net: Network, x: SSAValue, y: SSAValue) -> SSAValue:
        for element in elements:
            x = net.insert(nn.CastOp(x, element))
        return x

    return build


def where(condition: bool | None, same_branches: bool) -> Build:
    def build(net: Network, x: SSAValue, y: SSAValue) -> SSAValue:
        c = net.add_compare("lt", x, y) if condition is None else net.add_constant(np.array(condition))
        return net.add_where(c, x, x if same_branches else y)

    return build


def mixed_zeros(kind: str) -> Build:
    """A constant of zeros of both signs is no one number."""

    def build(net: Network, x: SSAValue, y: SSAValue) -> SSAValue:
        zeros = np.where(np.arange(256) % 2 == 1, -0.0, 0.0).astype(net.dtype(x))
        return net.add_binary(kind, x, net.add_constant(zeros))

    return build


CASES: list[tuple[str, Build, tuple[Any, ...], list[str]]] = [
    ("x + 0", binary("add", 0.0), FLOATS, ["add"]),
    ("0 + x", binary("add", 0.0, left=True), FLOATS, ["add"]),
    ("x + -0", binary("add", -0.0), FLOATS, []),
    ("-0 + x", binary("add", -0.0, left=True), FLOATS, []),
    ("x + 0, integers", binary("add", 0), INTEGERS, []),
    ("x - 0", binary("sub", 0.0), FLOATS, []),
    ("x - -0", binary("sub", -0.0), FLOATS, ["sub"]),
    ("0 - x", binary("sub", 0.0, left=True), FLOATS, ["sub"]),
    ("x - 0, integers", binary("sub", 0), INTEGERS, []),
    ("x + zeros", mixed_zeros("add"), FLOATS, ["add"]),
    ("x - zeros", mixed_zeros("sub"), FLOATS, ["sub"]),
    ("x * 1", binary("mul", 1), (*FLOATS, *INTEGERS), []),
    ("1 * x", binary("mul", 1, left=True), (*FLOATS, *INTEGERS), []),
    ("x * 0", binary("mul", 0), (*FLOATS, *INTEGERS), ["mul"]),
    ("x * -1", binary("mul", -1), FLOATS, ["mul"]),
    ("x / 1", binary("div", 1), (*FLOATS, *INTEGERS), []),
    ("1 / x", binary("div", 1, left=True), (*FLOATS, *INTEGERS), ["div"]),
    ("x / -8", binary("div", -8.0), FLOATS, ["mul"]),
    ("x / 3", binary("div", 3.0), FLOATS, ["div"]),
    ("x / 0", binary("div", 0), (*FLOATS, *INTEGERS), ["div"]),
    ("x / 2, integers", binary("div", 2), INTEGERS, ["div"]),
    ("x - x", lambda net, x, y: net.add_binary("sub", x, x), FLOATS, ["sub"]),
    ("x / x", lambda net, x, y: net.add_binary("div", x, x), FLOATS, ["div"]),
    ("--x", lambda net, x, y: net.add_unary("neg", net.add_unary("neg", x)), (*FLOATS, i8), ["neg", "neg"]),
    ("x ** 1", binary("pow", 1), (*FLOATS, *INTEGERS), []),
    ("1 ** x", binary("pow", 1, left=True), FLOATS, ["pow"]),
    ("x ** 0", binary("pow", 0), (*FLOATS, *INTEGERS), ["pow"]),
    ("x ** 2", binary("pow", 2), FLOATS, ["mul"]),
    ("x ** 2, integers", binary("pow", 2), INTEGERS, ["pow"]),
    ("x ** 0.5", binary("pow", 0.5), FLOATS, ["pow"]),
    ("x ** -1", binary("pow", -1.0), FLOATS, ["reciprocal"]),
    ("min(x, -inf)", binary("min", -inf), FLOATS, ["clip"]),
    ("min(x, inf)", binary("min", inf), FLOATS, []),
    ("max(x, inf)", binary("max", inf), FLOATS, ["clip"]),
    ("max(x, -inf)", binary("max", -inf, left=True), FLOATS, []),
    ("max(x, nan)", binary("max", nan), FLOATS, ["max"]),
    ("max(x, 0)", binary("max", 0.0), FLOATS, ["relu"]),
    ("max(x, -0)", binary("max", -0.0), FLOATS, ["clip"]),
    ("min(x, y)", lambda net, x, y: net.add_binary("min", x, y), (*FLOATS, *INTEGERS), ["min"]),
    ("max(x, 3), integers", binary("max", 3), INTEGERS, ["max"]),
    ("clip -inf inf", chain((-inf, inf)), FLOATS, []),
    ("clip inf inf", chain((inf, inf)), FLOATS, ["clip"]),
    ("clip -inf -inf", chain((-inf, -inf)), (*FLOATS, *INTEGERS), ["clip"]),
    ("clip 0 inf", chain((0.0, inf)), FLOATS, ["relu"]),
    ("clip -0 inf", chain((-0.0, inf)), FLOATS, ["clip"]),
    ("relu of relu", chain(None, None), FLOATS, ["relu"]),
    ("relu of relu, integers", chain(None, None), INTEGERS, ["relu", "relu"]),
    ("min(relu, 6)", chain(None, ("min", 6.0)), FLOATS, ["clip"]),
    ("min(relu, -1)", chain(None, ("min", -1.0)), FLOATS, ["relu", "clip"]),
    ("min(relu, -0)", chain(None, ("min", -0.0)), FLOATS, ["relu", "clip"]),
    ("max(min(x, -0), 0)", chain(("min", -0.0), ("max", 0.0)), FLOATS, ["clip", "relu"]),
    ("max(relu, -0)", chain(None, ("max", -0.0)), FLOATS, ["relu"]),
    ("relu(max(x, -0))", chain(("max", -0.0), None), FLOATS, ["relu"]),
    ("clip of clip", chain((-1.0, 2.0), (0.5, 3.0)), FLOATS, ["clip"]),
    ("clip of clip apart", chain((-1.0, 0.25), (0.5, 3.0)), FLOATS, ["clip", "clip"]),
    ("clip of clip apart upwards", chain((2.0, 3.0), (-1.0, 0.5)), FLOATS, ["clip", "clip"]),
    ("relu of min(x, -inf)", chain(("min", -inf), None), FLOATS, ["clip", "relu"]),
    ("clip 300 inf", chain((300.0, inf)), INTEGERS, ["clip"]),
    ("cast to itself", lambda net, x, y: net.insert(nn.CastOp(x, net.element(x))), (*FLOATS, *INTEGERS), []),
    ("f32 f64 f32", casts(f64, f32), (f32,), []),
    ("f16 f32 bf16", casts(f32, bf16), (f16,), ["cast"]),
    ("f32 f16 f32", casts(f16, f32), (f32,), ["cast", "cast"]),
    ("f32 f64 i8", casts(f64, i8), (f32,), ["cast"]),
    ("f32 i64 i8", casts(i64, i8), (f32,), ["cast", "cast"]),
    ("f32 i32 i1", casts(i32, i1), (f32,), ["cast", "cast"]),
    ("i64 i1 i64", casts(i1, i64), (i64,), ["cast", "cast"]),
    ("i32 f64 i8", casts(f64, i8), (i32,), ["cast"]),
    ("i32 f32 i32", casts(f32, i32), (i32,), ["cast", "cast"]),
    ("i8 bf16 i1", casts(bf16, i1), (i8,), ["cast"]),
    ("i8 ui8 i32", casts(ui8, i32), (i8,), ["cast", "cast"]),
    ("where(true)", where(True, False), (*FLOATS, i64), []),
    ("where(false)", where(False, False), (*FLOATS, i64), []),
    ("where of one value", where(None, True), (*FLOATS, i64), []),
    ("where", where(None, False), (f32,), ["compare", "where"]),
]  # fmt: skip


@pytest.mark.parametrize(("build", "elements", "left"), [pytest.param(*case, id=name) for name, *case in CASES])
def test_identities_keep_every_bit(build: Build, elements: tuple[Any, ...], left: list[str]) -> None:
    for element in elements:
        net, (a, b) = Network(), pairs(numpy_dtype(element))
        x, y = (net.add_input(name, element, (a.size,)) for name in "xy")
        net.mark_output(build(net, x, y), "r")
        module = net.module()
        (before,) = run_module(module, [a, b])
        CanonicalizeNnPass().apply(Context(), module)
        (after,) = run_module(module, [a, b])
        differs = np.flatnonzero(~same(before, after))
        assert not differs.size, f"{element}: of {a[differs[0]]} {before[differs[0]]} became {after[differs[0]]}"
        FoldConstantsPass().apply(Context(), module)
        names = [op.name for op in module.walk() if op.name.startswith("nn.") and op.operands]
        assert names == [f"nn.{name}" for name in left], str(element)


def test_the_comparison_tells_zeros_apart() -> None:
    zeros: Array = np.array([0.0, -0.0, nan], np.float32)
    assert same(zeros, zeros).all() and not same(zeros, -zeros)[:2].any()
