"""The `reduce_split` schedule against the meaning of its groups, in the simulator: two launches and the tensor between them."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.parser import Parser

from trtc.compiler.targets import describe_target
from trtc.compiler.universe import make_context
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.schedules.competition import Competition, compete
from trtc.passes.kernels.select_schedule import outlined

HEAD = """builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>,
  nn.symbols = {N = array<i64: 1, 2, 4>, S = array<i64: 1, 70000, 100000>}} {\n"""


def module(signature: str, body: str) -> str:
    """A module with one outlined group @g."""
    return f'{HEAD}func.func private @g{signature} attributes {{fusion.anchor = "row"}} {{\n{body}\n}}\n}}'


def reduce(dims: str, axes: str, out: str, kind: str, element: str = "f32") -> str:
    t, r = f"tensor<{dims}x{element}>", f"tensor<{out}{element}>"
    body = (
        f"%0 = nn.reduce {kind} %x {{axes = array<i64: {axes}>, keepdims = false}} : ({t}) -> {r}\nfunc.return %0 : {r}"
    )
    return module(f"(%x: {t}) -> {r}", body)


FLOATS, INTEGERS = ("sum", "mean", "max", "min", "sumsq", "prod"), ("sum", "max", "min", "sumsq", "prod")
KINDS = [(k, e) for e in ("f32", "f16") for k in FLOATS] + [(k, "i32") for k in INTEGERS]


@pytest.mark.parametrize(("kind", "element"), KINDS)
def test_kinds(check_group, kind: str, element: str) -> None:
    shape = (66001,)
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape)
    if kind == "prod":
        x = np.where(rng.random(shape) < 0.001, x, 1.0)
    x = rng.integers(-1, 2, shape) if element == "i32" else x
    dtype = {"f32": np.float32, "f16": np.float16, "i32": np.int32}[element]
    choices = check_group(
        reduce("66001", "0", "", kind, element), "reduce_split", inputs={0: x.astype(dtype)}, threads=kind == "sum"
    )
    assert all(len(choice.workspace) == 1 for choice in choices)


@pytest.mark.parametrize(
    "dims,axes,out",
    [
        ("3x70000", "1", "3x"),
        ("2x3x5x24000", "1, 3", "2x5x"),  # kept axes between reduced ones
        ("5000x33", "0", "33x"),  # memory runs along the rows
        ("2x60x61x16", "1, 2", "2x16x"),
        ("9x30x300", "0, 1, 2", ""),
    ],
)
def test_axes(check_group, dims: str, axes: str, out: str) -> None:
    check_group(reduce(dims, axes, out, "mean"), "reduce_split")


@pytest.mark.parametrize("element", ["f64", "i64"])
def test_wide_types(check_group, element: str) -> None:
    """A lane takes a row and walks its columns one by one, so the simulator gets many rows and few spans."""
    check_group(reduce("31x2200", "1", "31x", "sum", element), "reduce_split", tunables={"spans": 32})
    check_group(reduce("31x2200", "1", "31x", "max", element), "reduce_split", tunables={"spans": 32})


@pytest.mark.parametrize(("n", "s"), [(2, 70000), (1, 1), (4, 99999), (3, 2049)])
def test_dynamic(check_group, n: int, s: int) -> None:
    """One kernel for all lengths: of a short row most spans are empty."""
    t = "tensor<?x?xf32, #nn.dims<N, S>>"
    r = "tensor<?xf32, #nn.dims<N>>"
    body = f"""%0 = nn.mul %x, %w : ({t}, tensor<?xf32, #nn.dims<S>>) -> {t}
      %1 = nn.reduce mean %0 {{axes = array<i64: 1>, keepdims = false}} : ({t}) -> {r}
      %2 = nn.exp %1 : {r}
      %3 = nn.sub %2, %b : ({r}, {r}) -> {r}
      func.return %2, %3 : {r}, {r}"""
    text = module(f"(%x: {t}, %w: tensor<?xf32, #nn.dims<S>>, %b: {r}) -> ({r}, {r})", body)
    check_group(text, "reduce_split", N=n, S=s, threads=s < 10000)


def test_infinities(check_group) -> None:
    x = np.random.default_rng(0).standard_normal((3, 66000)).astype(np.float32)
    x[0, 5] = -np.inf
    x[1, 65999] = np.inf
    x[2, 40000] = np.nan
    check_group(reduce("3x66000", "1", "3x", "sum"), "reduce_split", inputs={0: x})
    check_group(reduce("3x66000", "1", "3x", "max"), "reduce_split", inputs={0: x})


@pytest.mark.parametrize(("dims", "axes", "out"), [("4x3000", "1", "4x"), ("49x512", "0", "512x")])
def test_refuses_rows_with_fewer_spans_than_lanes(refusal, dims: str, axes: str, out: str) -> None:
    assert "expected rows of 32 spans or more" in refusal(reduce(dims, axes, out, "sum"), "reduce_split")


@pytest.mark.parametrize(
    ("dims", "axes", "out", "wanted"),
    [
        ("1x1048576", "1", "1x", "reduce_split"),  # measured on an H100: 4.5 us, 37 in one launch
        ("65536x64", "0", "64x", "reduce_split"),
        ("200x66000", "1", "200x", "row"),  # rows for all SMs
        ("1x8192", "1", "1x", "row"),
    ],
)
def test_a_second_launch_where_its_price_is_lower(dims: str, axes: str, out: str, wanted: str) -> None:
    target = describe_target("sm_90a")
    module = Parser(make_context(), reduce(dims, axes, out, "sum")).parse_module()
    (func,) = outlined(module)
    found = compete(GroupView.of(func), target)
    assert isinstance(found, Competition) and found.winner.schedule == wanted


@pytest.mark.parametrize(("kind", "sign"), [("max", -1), ("min", 1)])
def test_what_lies_after_a_row_is_not_its_extremum(check_group, kind: str, sign: int) -> None:
    x = sign * np.random.default_rng(0).uniform(1, 2, 66001).astype(np.float32)
    check_group(reduce("66001", "0", "", kind), "reduce_split", inputs={0: x}, threads=False)
