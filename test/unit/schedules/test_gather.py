"""The `gather` schedule against the meaning of its groups, in the simulator."""

from __future__ import annotations

import numpy as np
import pytest

HEAD = "builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>, S = array<i64: 1, 16, 64>}} {\n"


def module(signature: str, body: str, layouts: str = "") -> str:
    """A module with one outlined group @g."""
    extra = f", fusion.layouts = [{layouts}]" if layouts else ""
    return f'{HEAD}func.func private @g{signature} attributes {{fusion.anchor = "gather"{extra}}} {{\n{body}\n}}\n}}'


@pytest.mark.parametrize("index", ["i64", "i32"])
@pytest.mark.parametrize("element", ["f32", "f16", "i64", "i1"])
@pytest.mark.parametrize("axis,out", [(0, "2x3x5x6"), (1, "4x2x3x6"), (2, "4x5x2x3")])
def test_gather_along_every_axis(check_group, axis: int, out: str, element: str, index: str) -> None:
    x, i, y = f"tensor<4x5x6x{element}>", f"tensor<2x3x{index}>", f"tensor<{out}x{element}>"
    text = module(
        f"(%x: {x}, %i: {i}) -> {y}",
        f"%0 = nn.gather %x, %i {{axis = {axis} : i64}} : ({x}, {i}) -> {y}\nfunc.return %0 : {y}",
    )
    indices = np.array([[0, 3, -1], [-4, 2, 1]], np.int64 if index == "i64" else np.int32)
    check_group(text, "gather", inputs={1: indices})


@pytest.mark.parametrize("kind", ["gather", "gather_nd"])
@pytest.mark.parametrize("index", ["i64", "i32"])
def test_an_index_out_of_range_takes_zero(check_group, kind: str, index: str) -> None:
    """Also one whose low 32 bits lie in the range."""
    edges = [-6, -5, -1, 0, 4, 5, -(2**31), 2**31 - 1]
    wide = [2**32, 2**32 + 1, -(2**32), 2**63 - 1, -(2**63), -(2**63) + 3, 2**31, -(2**31) - 1]
    indices = np.array([*edges, *(wide if index == "i64" else edges)], np.int64 if index == "i64" else np.int32)
    shape, attribute = ("16", "axis") if kind == "gather" else ("16x1", "batch_dims")
    x, i, y = "tensor<5x6xf32>", f"tensor<{shape}x{index}>", "tensor<16x6xf32>"
    text = module(
        f"(%x: {x}, %i: {i}) -> {y}",
        f"%0 = nn.{kind} %x, %i {{{attribute} = 0 : i64}} : ({x}, {i}) -> {y}\nfunc.return %0 : {y}",
    )
    check_group(text, "gather", inputs={1: indices.reshape([int(d) for d in shape.split("x")])})


def test_embedding_with_an_epilogue_and_dynamic_dims(check_group) -> None:
    y = "tensor<?x?x64xf16, #nn.dims<N, S, 64>>"
    text = module(
        f"(%x: tensor<100x64xf16>, %i: tensor<?x?xi64, #nn.dims<N, S>>, %p: tensor<64xf16>) -> {y}",
        f"""
        %0 = nn.gather %x, %i {{axis = 0 : i64}} : (tensor<100x64xf16>, tensor<?x?xi64, #nn.dims<N, S>>) -> {y}
        %1 = nn.add %0, %p : ({y}, tensor<64xf16>) -> {y}
        func.return %1 : {y}""",
    )
    for n, s in ((1, 1), (3, 17)):
        indices = np.random.default_rng(n).integers(-100, 100, (n, s))
        choices = check_group(text, "gather", inputs={1: indices}, N=n, S=s)
        assert choices[0].values["vector"] == 8


def test_gather_of_a_scalar_index(check_group) -> None:
    x, y = "tensor<4x5x6xf32>", "tensor<4x6xf32>"
    text = module(
        f"(%x: {x}, %i: tensor<i64>) -> {y}",
        f"%0 = nn.gather %x, %i {{axis = 1 : i64}} : ({x}, tensor<i64>) -> {y}\nfunc.return %0 : {y}",
    )
    check_group(text, "gather", inputs={1: np.array(-2)})


def test_gather_from_a_strided_tensor(check_group) -> None:
    x, y = "tensor<4x5x6xf32>", "tensor<4x3x6xf32>"
    text = module(
        f"(%x: {x}, %i: tensor<3xi64>) -> {y}",
        f"%0 = nn.gather %x, %i {{axis = 1 : i64}} : ({x}, tensor<3xi64>) -> {y}\nfunc.return %0 : {y}",
        "#fusion.layout<[1, 24, 4]>, #fusion.layout<[3]>, #fusion.layout<[50, 8, 1]>",
    )
    check_group(text, "gather", inputs={1: np.array([4, 0, -1])})


@pytest.mark.parametrize(
    "batch,indices,out", [(0, "3x2", "3x6"), (0, "2x2x3", "2x2"), (1, "4x3x1", "4x3x6"), (1, "4x2", "4")]
)
def test_gather_nd(check_group, batch: int, indices: str, out: str) -> None:
    shape = [int(d) for d in indices.split("x")]
    x, i, y = "tensor<4x5x6xf32>", f"tensor<{indices}xi64>", f"tensor<{out}xf32>"
    text = module(
        f"(%x: {x}, %i: {i}) -> {y}",
        f"%0 = nn.gather_nd %x, %i {{batch_dims = {batch} : i64}} : ({x}, {i}) -> {y}\nfunc.return %0 : {y}",
    )
    check_group(text, "gather", inputs={1: np.random.default_rng(0).integers(-4, 4, shape)})


def test_refusals_say_why(refusal) -> None:
    t = "tensor<4x8xf32>"
    text = module(f"(%x: {t}) -> {t}", f"%0 = nn.neg %x : {t}\nfunc.return %0 : {t}")
    assert "expected one gather or gather_nd" in refusal(text, "gather")


def test_rows_and_what_follows_them(check_group) -> None:
    x, i, y = "tensor<5x8xf16>", "tensor<6xi64>", "tensor<6x8xf16>"
    body = f"""%0 = nn.gather %x, %i {{axis = 0 : i64}} : ({x}, {i}) -> {y}
    %1 = nn.sigmoid %0 : {y}
    func.return %1, %0 : {y}, {y}"""
    check_group(module(f"(%x: {x}, %i: {i}) -> ({y}, {y})", body), "gather", inputs={1: np.array([0, 4, -1, 2, 2, -5])})
