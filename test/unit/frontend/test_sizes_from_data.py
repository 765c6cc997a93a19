"""Sizes that data decides and that a model takes as equal, sizes computed through floats, and lists that a loop appends to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, parser
from xdsl.dialects.builtin import ModuleOp

from trtc.compiler.frontend import import_onnx
from trtc.dialects import nn
from trtc.dialects.errors import UnsupportedOpError
from trtc.dialects.host.control import HostValueError
from trtc.dialects.meaning import run_module

RNG = np.random.default_rng()


def model(text: str) -> ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : 18]>\ng {text}')


def reads(module: ModuleOp) -> list[nn.ReadOp]:
    return [op for op in module.walk() if isinstance(op, nn.ReadOp)]


# Sizes that are taken as equal

MASKED = """(float[6] x, bool[6] m, int64 n) => (float[K] y) {
    p = NonZero(m)
    q = Reshape(p, minus)
    a = Gather(x, q)
    shape = Reshape(n, minus)
    b = Expand(x0, shape)
    y = Add(a, b)
}"""


def masked() -> ModuleOp:
    """x where the mask holds, plus 0.5 as often as n says."""
    head = MASKED.replace("{", "<int64[1] minus = {-1}, float[1] x0 = {0.5}> {", 1)
    return import_onnx(model(head))


def test_sizes_that_data_decides_are_equal_where_a_model_adds_them() -> None:
    x, mask = RNG.standard_normal(6).astype(np.float32), np.array([1, 0, 1, 1, 0, 0], bool)
    (y,) = run_module(masked(), [x, mask, np.array(3)])
    np.testing.assert_array_equal(y, x[mask] + np.float32(0.5))


@pytest.mark.parametrize("count", [0, 2, 5])
def test_sizes_that_turn_out_to_differ(count: int) -> None:
    x, mask = RNG.standard_normal(6).astype(np.float32), np.array([1, 0, 1, 1, 0, 0], bool)
    with pytest.raises(
        HostValueError, match=r"'sizes_agree_Add_.*': expected 1, the only one that is valid for these shapes, got 0"
    ):
        run_module(masked(), [x, mask, np.array(count)])


def test_a_size_that_data_decides_may_be_that_of_a_fixed_dim_only() -> None:
    text = "(float[4] x, int64[1] n) => (float[4] y) <float[1] one = {1}> { a = Expand(one, n)\n y = Add(x, a) }"
    module = import_onnx(model(text))
    x = RNG.standard_normal(4).astype(np.float32)
    np.testing.assert_array_equal(run_module(module, [x, np.array([4])])[0], x + 1)
    with pytest.raises(HostValueError, match=r"expected 4, .*got 3"):
        run_module(module, [x, np.array([3])])


BRANCHED = """(float[6] x, bool[6] m, bool c, float[4] z) => (float y) <int64[1] minus = {-1}> {
    p = NonZero(m)
    q = Reshape(p, minus)
    a = Gather(x, q)
    y = If(c) <
        then_branch = then () => (float t) { s = Add(a, z)  t = ReduceSum<keepdims = 0>(s) },
        else_branch = other () => (float e) { e = ReduceSum<keepdims = 0>(a) }>
}"""


@pytest.mark.parametrize("count", [0, 1, 4, 6])
def test_sizes_that_a_branch_takes_as_equal_bind_no_run_that_skips_it(count: int) -> None:
    """One branch adds as many numbers as the mask holds to 4; the other takes any number of them."""
    module = import_onnx(model(BRANCHED))
    x, z = (RNG.standard_normal(size).astype(np.float32) for size in (6, 4))
    mask = np.arange(6) < count
    (y,) = run_module(module, [x, mask, np.array(False), z])
    np.testing.assert_allclose(y, x[mask].sum(), rtol=1e-5)
    if count == 4:
        (y,) = run_module(module, [x, mask, np.array(True), z])
        np.testing.assert_allclose(y, (x[:4] + z).sum(), rtol=1e-5)
        return
    with pytest.raises(HostValueError, match=r"'sizes_agree_.*': expected 1"):
        run_module(module, [x, mask, np.array(True), z])


@pytest.mark.parametrize("place", [0, 5, 6])
def test_a_slice_that_a_branch_takes_as_one_element_may_be_empty_elsewhere(place: int) -> None:
    text = """(float[6] x, float[3] y, int64[1] i, bool c) => (float z) <int64[1] one = {1}> {
        end = Add(i, one)
        a = Slice(x, i, end)
        z = If(c) <
            then_branch = then () => (float t) { s = Div(y, a)  t = ReduceSum<keepdims = 0>(s) },
            else_branch = other () => (float e) { e = ReduceSum<keepdims = 0>(a) }>
    }"""
    module = import_onnx(model(text))
    x, y = (RNG.standard_normal(count).astype(np.float32) for count in (6, 3))
    (z,) = run_module(module, [x, y, np.array([place]), np.array(False)])
    np.testing.assert_allclose(z, x[place : place + 1].sum(), rtol=1e-5)
    if place < 6:
        (z,) = run_module(module, [x, y, np.array([place]), np.array(True)])
        np.testing.assert_allclose(z, (y / x[place]).sum(), rtol=1e-4)
        return
    with pytest.raises(HostValueError, match=r"expected 1, .*got 0"):
        run_module(module, [x, y, np.array([place]), np.array(True)])


def test_lengths_of_runs() -> None:
    """The starts of runs but the first, and the end: as many as there are starts, unless there is none."""
    text = """(int64[7] places, bool[7] first) => (int64[K] y) <int64[1] zero = {0}, int64[1] one = {1}, int64[1] end = {7}> {
        starts = Compress<axis = 0>(places, first)
        count = Shape(starts)
        others = Slice(starts, one, count, zero)
        ends = Concat<axis = 0>(others, end)
        y = Sub(ends, starts)
    }"""
    module = import_onnx(model(text))
    first = np.array([1, 0, 1, 0, 0, 1, 0], bool)
    np.testing.assert_array_equal(run_module(module, [np.arange(7), first])[0], [2, 3, 2])
    with pytest.raises(HostValueError, match=r"expected a value within \[1, 7\], got 0"):
        run_module(module, [np.arange(7), np.zeros(7, bool)])


def test_what_is_computed_alike_is_read_once() -> None:
    text = """(float[8] x, float[8, 2] w, int64[1] a, int64[1] b, int64[1] c) => (float[K, 2] y, float[L] z) <int64[1] one = {1}> {
        p = Slice(x, a, b)
        q = Slice(w, a, b)
        r = Unsqueeze(p, one)
        y = Mul(q, r)
        z = Slice(x, a, c)
    }"""
    module = import_onnx(model(text))
    assert len(reads(module)) == 2
    x, w = RNG.standard_normal(8).astype(np.float32), RNG.standard_normal((8, 2)).astype(np.float32)
    y, z = run_module(module, [x, w, np.array([2]), np.array([6]), np.array([7])])
    np.testing.assert_array_equal(y, w[2:6] * x[2:6, None])
    np.testing.assert_array_equal(z, x[2:7])


@pytest.mark.parametrize("place", [0, 5])
def test_a_slice_of_one_element_is_that_or_empty(place: int) -> None:
    text = """(float[6] x, float[3] y, int64[1] i) => (float[3] z) <int64[1] one = {1}> {
        end = Add(i, one)
        a = Slice(x, i, end)
        z = Div(y, a)
    }"""
    module = import_onnx(model(text))
    assert [nn.symbol_ranges(module)[op.symbol.data] for op in reads(module)] == [(1, 1, 1)]
    x, y = (RNG.standard_normal(count).astype(np.float32) for count in (6, 3))
    np.testing.assert_array_equal(run_module(module, [x, y, np.array([place])])[0], y / x[place])
    with pytest.raises(HostValueError, match=r"expected 1, .*got 0"):
        run_module(module, [x, y, np.array([6])])


# Constants


def test_positions_in_constants_are_constants() -> None:
    text = "(float[3] x) => (float[K] y) <bool[3] m = {1, 0, 1}> { p = NonZero(m)\n q = Reshape(p, minus)\n y = Gather(x, q) }"
    module = import_onnx(model(text.replace("<bool", "<int64[1] minus = {-1}, bool")))
    assert not reads(module)
    np.testing.assert_array_equal(run_module(module, [np.array([1, 2, 3], np.float32)])[0], [1, 3])


# Sizes through floats

SCALED = """(float[1, 1, H, W] x) => (float[1, 1, A, B] y) <float factor = {1.7}, int64[2] first = {1, 1}, float[0] none = {}> {
    shape = Shape<start = 2, end = 4>(x)
    wide = Cast<to = 1>(shape)
    scaled = Mul(wide, factor)
    whole = Floor(scaled)
    size = Cast<to = 7>(whole)
    sizes = Concat<axis = 0>(first, size)
    y = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(x, , , sizes)
}"""


def test_sizes_through_floats_are_bounded_by_those_that_they_come_from() -> None:
    module = import_onnx(model(SCALED), profiles={"H": (4, 8, 100), "W": (5, 10, 2000)})
    ranges = nn.symbol_ranges(module)
    found = {(ranges[op.symbol.data][0], ranges[op.symbol.data][2]) for op in reads(module)}
    assert {(6, 170), (8, 3400)} <= found
    x = RNG.standard_normal((1, 1, 7, 9)).astype(np.float32)
    (y,) = run_module(module, [x])
    assert y.shape == (1, 1, 11, 15)
    rows, columns = (np.floor(np.arange(new) * (old / new)).astype(int) for new, old in ((11, 7), (15, 9)))
    np.testing.assert_array_equal(y[0, 0], x[0, 0][rows][:, columns])


# Lists that a loop appends to

LOOP = """(float[2] x, int64 n) => ({result} y) <bool true = {{1}}, int64 last = {{-1}}, int64 zero = {{0}}> {{
    {begin}
    t = Loop(n, true, s) <body = g (int64 i, bool c, seq(float[2]) q) => (bool d, seq(float[2]) r) {{
        d = Identity(c)
        f = CastLike(i, x)
        e = Add(x, f)
        r = SequenceInsert(q, e{position}) }}>
    {end}
}}"""
ENDS: dict[str, tuple[str, str, Any]] = {
    "rows": ("float[A, 2]", "y = ConcatFromSequence<axis = 0, new_axis = 1>(t)", lambda items: np.stack(items)),
    "columns": ("float[2, A]", "y = ConcatFromSequence<axis = -1, new_axis = 1>(t)", lambda items: np.stack(items, -1)),
    "joined": ("float[A]", "y = ConcatFromSequence<axis = 0>(t)", np.concatenate),
    "last": ("float[2]", "y = SequenceAt(t, last)", lambda items: items[-1]),
    "first": ("float[2]", "y = SequenceAt(t, zero)", lambda items: items[0]),
    "length": ("float[2]", "l = SequenceLength(t)\n f = CastLike(l, x)\n y = Mul(x, f)", lambda items: items[0] * len(items)),
}  # fmt: skip


def appending(end: str, begin: str = "s = SequenceEmpty()", position: str = "") -> ModelProto:
    result, code, _ = ENDS[end]
    return model(LOOP.format(result=result, begin=begin, end=code, position=position))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("count", [1, 4])
def test_what_a_loop_appends(end: str, count: int) -> None:
    module = import_onnx(appending(end), bounds={"loop": 8})
    assert any(isinstance(op, nn.LoopOp) for op in module.walk())
    x = RNG.standard_normal(2).astype(np.float32)
    (y,) = run_module(module, [x, np.array(count)])
    np.testing.assert_array_equal(y, ENDS[end][2]([x + np.float32(i) for i in range(count)]))


@pytest.mark.parametrize("end", ["rows", "joined"])
@pytest.mark.parametrize("count", [0, 3])
def test_what_a_loop_appends_to_a_list_with_a_tensor(end: str, count: int) -> None:
    module = import_onnx(appending(end, "b = Neg(x)\n s = SequenceConstruct(b)"), bounds={"loop": 8})
    x = RNG.standard_normal(2).astype(np.float32)
    (y,) = run_module(module, [x, np.array(count)])
    np.testing.assert_array_equal(y, ENDS[end][2]([-x, *(x + np.float32(i) for i in range(count))]))


def test_a_loop_that_inserts_at_the_front_is_refused() -> None:
    with pytest.raises(UnsupportedOpError, match="it carries a sequence"):
        import_onnx(appending("rows", position=", zero"), bounds={"loop": 8})


def test_a_list_that_a_loop_made_is_only_joined_and_read() -> None:
    with pytest.raises(UnsupportedOpError, match="it takes a sequence that a loop appended to"):
        import_onnx(
            model(
                LOOP.format(
                    result="float[2]",
                    begin="s = SequenceEmpty()",
                    end="u = SequenceErase(t)\n y = SequenceAt(u, zero)",
                    position="",
                )
            ),
            bounds={"loop": 8},
        )


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (6, 2)])
def test_images_of_any_size_from_columns(rows: int, columns: int) -> None:
    """Blocks of 2 x 3 with a stride of 1 x 2, and a padded column: each element of a block is added where it lies."""
    text = """(float[2, 12, A, B] c) => (float[2, 2, H, W] y)
        <int64[2] block = {2, 3}, int64[3] flat = {0, 0, -1}, int64[2] scale = {1, 2}, int64[2] more = {1, -1}> {
        counts = Shape<start = 2>(c)
        scaled = Mul(counts, scale)
        shape = Add(scaled, more)
        f = Reshape(c, flat)
        y = Col2Im<strides = [1, 2], pads = [0, 1, 0, 1]>(f, shape, block)
    }"""
    module = import_onnx(model(text), profiles={"A": (1, 4, 8), "B": (1, 3, 6)})
    c = RNG.standard_normal((2, 12, rows, columns)).astype(np.float32)
    (y,) = run_module(module, [c])
    padded = np.zeros((2, 2, rows + 1, 2 * columns + 1), np.float32)
    blocks = c.reshape(2, 2, 2, 3, rows, columns)
    for row in range(rows):
        for column in range(columns):
            padded[:, :, row : row + 2, 2 * column : 2 * column + 3] += blocks[..., row, column]
    np.testing.assert_allclose(y, padded[..., 1:-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [2, 5])
def test_as_many_slices_as_a_dim_has(rows: int) -> None:
    """A loop that only a condition ends makes as many rows as x has; beside x they are joined, and the host checks their number."""
    text = """(float[N, 2] x) => (float[N, 3] y) <int64 zero = {0}, int64 one = {1}, bool true = {1}, int64[1] flat = {-1}> {
        shape = Shape<start = 0, end = 1>(x)
        count = Squeeze(shape)
        s = SequenceEmpty()
        t, last = Loop(, true, s, zero) <body = g (int64 i, bool c, seq(float[1]) q, int64 k) => (bool d, seq(float[1]) r, int64 l) {
            l = Add(k, one)
            d = Less(l, count)
            e = CastLike(k, x)
            f = Reshape(e, flat)
            r = SequenceInsert(q, f) }>
        rows = ConcatFromSequence<axis = 0, new_axis = 1>(t)
        y = Concat<axis = 1>(x, rows)
    }"""
    module = import_onnx(model(text), profiles={"N": (2, 3, 6)})
    assert any(isinstance(op, nn.LoopOp) for op in module.walk())
    assert {low for low, _, _ in nn.symbol_ranges(module).values()} <= {0, 1, 2}
    x = RNG.standard_normal((rows, 2)).astype(np.float32)
    np.testing.assert_array_equal(run_module(module, [x])[0], np.c_[x, np.arange(rows, dtype=np.float32)])
    with pytest.raises(HostValueError, match="sizes_agree"):
        run_module(module, [x[:0]])
