"""Folding of shape arithmetic: what it decides is what ONNX computes, and what it cannot decide stays an op on data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
import pytest

from trtc.compiler.frontend import folding, import_onnx
from trtc.compiler.frontend.folding import Undecidable, as_int, clamp, compare, elements
from trtc.dialects import dims, nn
from trtc.dialects.errors import UnsupportedOpError
from trtc.dialects.meaning import run_module

RANGES = {"N": (1, 4, 8), "S": (2, 16, 64)}
N, S = dims.symbol("N"), dims.symbol("S")


def test_division_of_expressions() -> None:
    assert folding.fold_div(6 * N, 3, RANGES) == 2 * N
    assert folding.fold_exact_div(6 * N, 3, RANGES) == 2 * N
    with pytest.raises(Undecidable):
        folding.fold_exact_div(N, 2, RANGES)
    for zero in (0, N - 1):
        with pytest.raises(Undecidable):
            folding.fold_div(N, zero, RANGES)


@pytest.mark.parametrize("divisor", [-3, 2, N, -N])
@pytest.mark.parametrize("dividend", [N - 5, 5 - N, N, -7, 7])
def test_symbolic_quotients_and_remainders_are_those_of_the_meaning(dividend: Any, divisor: Any) -> None:
    """Division truncates towards zero also where a dividend may be negative."""
    quotient = dims.as_expr(folding.fold_div(dividend, divisor, RANGES))
    rest = dims.as_expr(folding.fold_fmod(dividend, divisor, RANGES))
    for n in range(1, 9):
        a, b = (dims.as_expr(e).evaluate({"N": n}) for e in (dividend, divisor))
        assert (quotient.evaluate({"N": n}), rest.evaluate({"N": n})) == (int(a / b), int(math.fmod(a, b)))
        if b > 0 and not isinstance(divisor, int):
            assert dims.as_expr(folding.fold_mod(dividend, divisor, RANGES)).evaluate({"N": n}) == a % b


@pytest.mark.parametrize(
    ("predicate", "a", "b", "verdict"),
    [
        ("eq", N, N, True), ("eq", N, -1, False), ("eq", N, 9, False), ("lt", N, 9, True), ("lt", N, 1, False),
        ("ge", S, 2, True), ("gt", S, 64, False), ("le", N + 1, 9, True), ("eq", 3, 3, True), ("ne", N, 0, True), ("ne", 0, 0, False),
        ("ne", -1, 0, True),
    ],
)  # fmt: skip
def test_comparisons_that_the_ranges_decide(predicate: str, a: Any, b: Any, verdict: bool) -> None:
    assert compare(predicate, RANGES)(a, b) is verdict


@pytest.mark.parametrize(
    ("predicate", "a", "b"), [("eq", N, 4), ("lt", N, 4), ("ge", S, N), ("eq", N, S), ("ne", N, 4)]
)
def test_comparisons_that_they_do_not(predicate: str, a: Any, b: Any) -> None:
    with pytest.raises(Undecidable):
        compare(predicate, RANGES)(a, b)


def test_clamp_drops_what_the_ranges_make_needless() -> None:
    assert clamp(S, 0, 512, RANGES) == S
    assert str(clamp(S, 0, 32, RANGES)) in ("min(32, S)", "min(S, 32)")
    assert clamp(700, 0, 512, RANGES) == 512
    assert clamp(S - 100, 0, 512, RANGES) == 0


def test_elements_keep_expressions_and_ints_apart() -> None:
    array = elements([N, dims.const(3), 4], (3, 1))
    assert [as_int(element) for element in array.reshape(-1)] == [None, 3, 4]
    assert array.dtype == object and array.shape == (3, 1)


def imported(body: str, opset: int = 17, **arguments: Any) -> Any:
    return import_onnx(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{body}'), **arguments)


def op_names(module: Any) -> list[str]:
    return [op.name for op in module.walk() if op.name.startswith("nn.")]


def test_arithmetic_through_floats_is_exact_or_left_to_data() -> None:
    double = """g (float[N, 4] x) => (float[A] y) <float two = {2}, int64[1] at = {0}> {
        s = Shape(x)  n = Gather(s, at)  f = Cast<to = 1>(n)  d = Mul(f, two)  e = Floor(d)  i = Cast<to = 7>(e)
        y = Reshape(x, s4) four = Constant<value_ints = [2]>() s4 = Concat<axis = 0>(i, four) }"""
    (reshape,) = [op for op in imported(double).walk() if isinstance(op, nn.ReshapeOp)]
    assert [str(extent) for extent in nn.shape_of(reshape.result)] == ["2*N", "2"]

    ratio = """g (float[N, M] x) => (float[N, M] y) <int64 zero = {0}, int64 one = {1}> {
        s = Shape(x) n = Gather(s, zero) m = Gather(s, one) f = Cast<to = 1>(n) g = Cast<to = 1>(m)
        r = Div(f, g) y = Mul(x, r) }"""
    module = imported(ratio)
    assert "nn.div" in op_names(module)
    (got,) = run_module(module, [np.ones((3, 4), np.float32)])
    np.testing.assert_allclose(got, np.full((3, 4), 0.75))


def test_powers_of_sizes_fold() -> None:
    """As torch.export writes what SymPy made of a product of equal sizes."""
    body = """g (float[N, S] x) => (float[A, B] y) <int64 two = {2}, int64[1] i = {1}, int64[1] rest = {-1}> {
        s = Shape<start = 1>(x)
        square = Pow(s, two)
        n = Shape<end = 1>(x)
        left = Mul(square, n)
        size = Div(left, square)
        to = Concat<axis = 0>(size, rest)
        y = Reshape(x, to) }"""
    module = imported(body)
    assert not {"nn.pow", "nn.shape_value"} & set(op_names(module))
    (output,) = next(op for op in module.walk() if op.name == "func.return").operands
    assert [str(extent) for extent in nn.shape_of(output)] == ["N", "S"]


def test_the_expand_mask_of_older_exporters_folds() -> None:
    """Where(Equal(shape, -1), ones, shape), as torch writes `expand`."""
    body = """g (float[N, 1] x) => (float[N, S] y) <int64[1] at = {0}, int64[1] three = {3}, int64[2] minus = {-1, -1}> {
        s = Shape(x) n = Gather(s, at) t = Concat<axis = 0>(n, three) q = Equal(t, minus)
        o = ConstantOfShape<value = int64[1] {1}>(two) two = Constant<value_ints = [2]>() w = Where(q, o, t)
        y = Expand(x, w) }"""
    assert op_names(imported(body)) == ["nn.broadcast_to"]


def test_slices_of_dynamic_dims() -> None:
    body = """g (float[S, 4] x, float[512, 4] t) => (float[A, 4] y, float[B, 4] z)
        <int64[1] zero = {0}, int64[1] one = {1}, int64[1] last = {-1}, int64[1] big = {9223372036854775807}> {
        s = Shape(x) n = Slice(s, zero, one) y = Slice(t, zero, n) z = Slice(x, last, big) }"""
    module = imported(body, profiles={"S": (1, 8, 512)})
    slices = [op for op in module.walk() if isinstance(op, nn.SliceOp)]
    assert [str(nn.shape_of(op.result)[0]) for op in slices] == ["S", "1"]
    x, table = np.arange(12, dtype=np.float32).reshape(3, 4), np.arange(2048, dtype=np.float32).reshape(512, 4)
    y, z = run_module(module, [x, table])
    np.testing.assert_array_equal(y, table[:3])
    np.testing.assert_array_equal(z, x[-1:])


def test_a_shape_computed_from_data_is_refused() -> None:
    body = "g (float[N, 4] x) => (float[A] y) { m = ReduceMax<keepdims = 0>(x) y = Expand(x, m) }"
    with pytest.raises(UnsupportedOpError, match=r"its shape \('m'\) is computed from data"):
        imported(body)


def test_reshape_divides_dynamic_dims_out() -> None:
    body = """g (float[N, S, 12, 32] x) => (float[N, S, 384] y, float[A, 32] z)
        <int64[3] keep = {0, 0, -1}, int64[2] rows = {-1, 32}> { y = Reshape(x, keep) z = Reshape(x, rows) }"""
    shapes = [nn.shape_of(op.results[0]) for op in imported(body).walk() if op.name == "nn.reshape"]
    assert [[str(extent) for extent in shape] for shape in shapes] == [["N", "S", "384"], ["12*N*S", "32"]]


@pytest.mark.parametrize(
    ("op", "operands", "dtype", "want"),
    [
        ("Cast<to = 9>(a)", [np.array([0, 1, -1, -(2**40)], np.int64)], np.bool_, [False, True, True, True]),
        ("Cast<to = 9>(a)", [np.array([0, -0.0, 0.5, np.nan], np.float32)], np.bool_, [False, False, True, True]),
        ("Cast<to = 6>(a)", [np.array([2**33 + 5, -(2**31) - 1], np.int64)], np.int32, [5, 2**31 - 1]),
        ("Cast<to = 3>(a)", [np.array([200, -129], np.int64)], np.int8, [-56, 127]),
        ("Mod<fmod = 1>(a, b)", [np.array([5, -5, 5, -5], np.int64), np.array([3, 3, -3, -3], np.int64)], np.int64, [2, -2, 2, -2]),
        ("Mod(a, b)", [np.array([5, -5, 5, -5], np.int64), np.array([3, 3, -3, -3], np.int64)], np.int64, [2, 1, -1, -2]),
        ("Div(a, b)", [np.array([-7, 7], np.int32), np.array([2, -2], np.int32)], np.int32, [-3, -3]),
        ("Add(a, a)", [np.array([2**31 - 1], np.int32)], np.int32, [-2]),
        ("Neg(a)", [np.array([0.0], np.float32)], np.float32, [-0.0]),
    ],
)  # fmt: skip
def test_small_constants_are_folded_at_import_by_the_reference_semantics(
    op: str, operands: list[Any], dtype: Any, want: list[Any]
) -> None:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\ng () => (float[N] y) {{ y = {op} }}')
    model.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in zip("ab", operands, strict=False))
    model.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info("y", onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), None)
    )
    module = import_onnx(model)
    assert op_names(module) == ["nn.constant"]
    (got,) = run_module(module, [])
    assert got.dtype == dtype and got.tobytes() == np.array(want, dtype).tobytes()


def test_symbols_that_a_type_may_not_hold_are_not_folded() -> None:
    """An int8 of a dim up to 512 wraps where it runs; an int64 does not."""
    body = "g (float[N, 4] x) => (int8[2] y, int64[2] z) { s = Shape(x) y = Cast<to = 3>(s) z = Mul(s, s) }"
    assert op_names(imported(body, profiles={"N": (1, 2, 512)})) == ["nn.shape_value", "nn.cast", "nn.shape_value"]


@pytest.mark.parametrize("value", [7, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), -(2**63) + 1])
def test_integers_are_padded_with_every_digit(value: int) -> None:
    body = f"g (int64[N] x) => (int64[M] y) <int64[2] p = {{1, 2}}, int64 v = {{{value}}}> {{ y = Pad(x, p, v) }}"
    (got,) = run_module(imported(body), [np.array([5, -5])])
    assert got.tolist() == [value, 5, -5, value, value]


def test_a_range_of_floats_is_start_plus_steps() -> None:
    body = "g () => (float[N] y) <float a = {0.1}, float b = {1.0}, float c = {0.1}> { y = Range(a, b, c) }"
    (got,) = run_module(imported(body), [])
    step = np.float32(0.1)
    assert got.tobytes() == (np.arange(9).astype(np.float32) * step + step).tobytes()
