"""Pad in all modes against NumPy: any axis, negative pads, pads that follow from shapes, padding values that are data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.dialects.errors import InvalidModelError
from trtc.dialects.meaning import run_module

MODES = ["constant", "reflect", "edge", "wrap"]
H, W = (4, 9, 64), (4, 10, 64)


def parsed(body: str, opset: int = 19) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : {opset}]> {body}')


def run(body: str, *arrays: np.ndarray, opset: int = 19, simulate: bool = False, **profiles: Any) -> np.ndarray:
    """The first result of a model, by meaning or by its kernels."""
    model = parsed(body, opset)
    if not simulate:
        return run_module(import_onnx(model, profiles=profiles), list(arrays))[0]
    engine = trtc.build(model, trtc.BuildOptions(target="sm_90a", profiles=profiles))
    outputs = engine.run({info.name: array for info, array in zip(model.graph.input, arrays, strict=True)})
    return np.asarray(outputs[model.graph.output[0].name])


def cropped(x: np.ndarray, pads: Sequence[int]) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """x without what negative pads remove, and the others."""
    pairs = list(zip(pads[: x.ndim], pads[x.ndim :], strict=True))
    index = tuple(slice(max(-a, 0), extent - max(-z, 0)) for extent, (a, z) in zip(x.shape, pairs, strict=True))
    return x[index], [(max(a, 0), max(z, 0)) for a, z in pairs]


@pytest.mark.parametrize("simulate", [False, True])
@pytest.mark.parametrize(
    "pads",
    [
        (0, 0, 1, 2, 0, 0, 3, 1),
        (1, 2, 0, 0, 2, 0, 0, 0),
        (0, 0, 0, 7, 0, 0, 11, 0),  # further than the tensor reaches
        (0, -1, -2, 3, 0, 0, 1, -1),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_all_modes_as_numpy(mode: str, pads: tuple[int, ...], simulate: bool) -> None:
    x = np.random.default_rng(5).standard_normal((2, 3, 4, 5)).astype(np.float32)
    inner, pairs = cropped(x, pads)
    want = np.pad(inner, pairs, mode)  # pyright: ignore
    shape = ", ".join(map(str, want.shape))
    given = ", ".join(map(str, pads))
    text = (
        f'g (float[2, 3, 4, 5] x) => (float[{shape}] y) <int64[8] p = {{{given}}}> {{ y = Pad<mode = "{mode}">(x, p) }}'
    )
    np.testing.assert_array_equal(run(text, x, simulate=simulate), want)


@pytest.mark.parametrize("simulate", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_pads_that_follow_from_shapes(mode: str, simulate: bool) -> None:
    """Padded to the next multiple of 8 on both axes, which crops nothing and sometimes adds nothing."""
    body = f"""
        g (float[1, 2, H, W] x) => (float[1, 2, A, B] y) <int64[2] zeros = {{0, 0}}, int64[2] axes = {{2, -1}}, int64 eight = {{8}}> {{
            s = Shape<start = 2>(x)
            n = Neg(s)
            after = Mod(n, eight)
            p = Concat<axis = 0>(zeros, after)
            y = Pad<mode = "{mode}">(x, p, , axes)
        }}"""
    for h, w in ((9, 10), (8, 16), (64, 7)):
        x = np.random.default_rng(h).standard_normal((1, 2, h, w)).astype(np.float32)
        want = np.pad(x, [(0, 0), (0, 0), (0, -h % 8), (0, -w % 8)], mode)  # pyright: ignore
        np.testing.assert_array_equal(run(body, x, simulate=simulate, H=H, W=W), want)


def test_a_crop_or_a_pad_as_the_size_has_it() -> None:
    """What makes any height 16."""
    body = """
        g (float[2, H] x) => (float[2, 16] y) <int64[3] zeros = {0, 0, 0}, int64[1] size = {16}> {
            h = Shape<start = 1>(x)
            after = Sub(size, h)
            p = Concat<axis = 0>(zeros, after)
            y = Pad(x, p)
        }"""
    for h in (4, 16, 40):
        x = np.random.default_rng(h).standard_normal((2, h)).astype(np.float32)
        want = np.zeros((2, 16), np.float32)
        want[:, : min(h, 16)] = x[:, :16]
        for simulate in (False, True):
            np.testing.assert_array_equal(run(body, x, simulate=simulate, H=H), want)


def test_the_padding_value_may_be_data() -> None:
    body = "g (float[2, 3] x, float[1] v) => (float[3, 5] y) <int64[4] p = {1, 0, 0, 2}> { y = Pad(x, p, v) }"
    x, v = np.arange(6, dtype=np.float32).reshape(2, 3), np.array([np.inf], np.float32)
    want = np.pad(x, [(1, 0), (0, 2)], constant_values=np.inf)
    for simulate in (False, True):
        np.testing.assert_array_equal(run(body, x, v, simulate=simulate), want)


TORCH = """
    g (float[1, 2, H, W] x) => (float[1, 2, A, B] y)
      <int64 four = {4}, int64 two = {2}, int64[1] minus = {-1}, int64[1] zero = {0}, int64[1] least = {-9223372036854775807},
       int64[2] pairs = {-1, 2}, int64[1] flat = {-1}, int64[1] front = {0}> {
        s = Shape(x)
        i = Constant<value_int = 3>()
        w = Gather<axis = 0>(s, i)
        m = Mod(w, four)
        after = Sub(four, m)
        a = Unsqueeze(after, front)
        one = Constant<value_ints = [1]>()
        given = Concat<axis = 0>(one, a, one, a)
        length = Shape(given)
        total = Mul(four, two)
        missing = Sub(total, length)
        rest = ConstantOfShape(missing)
        whole = Cast<to = 7>(rest)
        all = Concat<axis = 0>(given, whole)
        rows = Reshape(all, pairs)
        back = Slice(rows, minus, least, zero, minus)
        turned = Transpose<perm = [1, 0]>(back)
        line = Reshape(turned, flat)
        p = Cast<to = 7>(line)
        y = Pad<mode = "reflect">(x, p)
    }"""
"""What torch.jit.script makes of F.pad(x, (1, n, 1, n)) with n from the width of x."""


def test_the_pads_of_scripted_torch() -> None:
    for w in (5, 8):
        x = np.random.default_rng(w).standard_normal((1, 2, 9, w)).astype(np.float32)
        want = np.pad(x, [(0, 0), (0, 0), (1, 4 - w % 4), (1, 4 - w % 4)], "reflect")
        np.testing.assert_array_equal(run(TORCH, x, opset=13, H=H, W=W), want)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('g (float[3] x) => (float[M] y) <int64[2] p = {1, 1}> { y = Pad<mode = "mirror">(x, p) }', "'mode' should be one of"),
        ('g (float[0] x) => (float[M] y) <int64[2] p = {1, 1}> { y = Pad<mode = "edge">(x, p) }', "no element to repeat"),
        ("g (float[3] x) => (float[M] y) <int64[2] p = {-2, -2}> { y = Pad(x, p) }", "crop dim 0, of 3 elements, to -1"),
        ("g (float[3] x) => (float[M] y) <int64[4] p = {1, 1, 1, 1}, int64[2] a = {0, 0}> { y = Pad(x, p, , a) }", "name a dim twice"),
    ],
)  # fmt: skip
def test_what_is_not_valid(text: str, why: str) -> None:
    with pytest.raises(InvalidModelError, match=why):
        import_onnx(parsed(text))


def test_folds_of_shape_vectors() -> None:
    """Split, Tile, Expand, CumSum, ScatterND and Pad of a list of dims leave no op but the reshape."""
    body = """
        g (float[H, W, 4] x) => (float[A, B, C] y)
          <int64[3] sizes = {1, 1, 1}, int64[1] twice = {2}, int64 axis = {0}, int64[2] first = {1, 0}, int64[1] one = {1},
           int64[1, 1] last_place = {2}, int64[1] four = {4}> {
            whole = Shape(x)
            s = ScatterND(whole, last_place, four)
            h, w, c = Split<axis = 0>(s, sizes)
            t = Tile(h, twice)
            e = Expand(w, one)
            sums = CumSum(t, axis)
            last = Slice(sums, one, twice)
            two = Div(last, h)
            lead = Pad(e, first, two)
            target = Concat<axis = 0>(lead, h, two)
            y = Reshape(x, target)
        }"""
    module = import_onnx(parsed(body), profiles={"H": H, "W": W})
    names = [op.name for op in module.walk() if op.name.startswith("nn.")]
    assert names == ["nn.reshape"]
    assert "#nn.dims<2, W, H, 2>" in str(module)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("axes", ["constant", "data"])
def test_pads_that_are_data(mode: str, axes: str) -> None:
    """One engine for paddings and crops of any size within the bound."""
    given = "float[2, 3, 4] x, int64[4] p, float v"
    body = f'{{ y = Pad<mode = "{mode}">(x, p, v, axes) }}'
    if axes == "data":
        body = f"g ({given}, int64[2] axes) => (float[C, A, B] y) {body}"
    else:
        body = f"g ({given}) => (float[2, A, B] y) <int64[2] axes = {{-1, 1}}> {body}"
    named = {"axes": np.array([-1, 1])} if axes == "data" else {}
    x, v = np.random.default_rng(3).standard_normal((2, 3, 4)).astype(np.float32), np.array(-2.5, np.float32)
    engine = trtc.build(parsed(body), trtc.BuildOptions(target="sm_90a"))
    for last, middle in (((1, 2), (0, 2)), ((-1, 5), (2, -1)), ((0, 0), (0, 0)), ((-2, -2), (1, 0)), ((7, 9), (5, 4))):
        if mode != "constant" and sum(last) == -4:
            continue  # nothing is left to repeat, and NumPy raises
        given = [0, middle[0], last[0], 0, middle[1], last[1]]
        inner, pairs = cropped(x, given)
        want = np.pad(inner, pairs, mode, **({"constant_values": -2.5} if mode == "constant" else {}))  # pyright: ignore
        p = np.array([last[0], middle[0], last[1], middle[1]])
        np.testing.assert_array_equal(np.asarray(engine.run({"x": x, "p": p, "v": v} | named)["y"]), want)
    if named:  # the same engine along others
        got = np.asarray(engine.run({"x": x, "p": np.array([1, 0, 0, 2]), "v": v, "axes": np.array([0, -2])})["y"])
        pairs = ((1, 0), (0, 2), (0, 0))
        want = np.pad(x, pairs, mode, **({"constant_values": -2.5} if mode == "constant" else {}))  # pyright: ignore
        np.testing.assert_array_equal(got, want)
