"""Dims keep what the model calls them: names of any text, expressions with their relation, and extents of 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, parser

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.network import Network
from trtc.dialects import dims, nn
from trtc.dialects.dims.solving import is_linear, solved, sources
from trtc.dialects.errors import InvalidModelError, OptionError, TrtcError, UnsupportedOpError
from trtc.dialects.meaning import run_module


def model(*inputs: list[str | int | None]) -> ModelProto:
    """A Relu for each input `x0, x1, ...` of these dims."""
    nodes = [helper.make_node("Relu", [f"x{i}"], [f"y{i}"]) for i in range(len(inputs))]
    given = [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, shape) for i, shape in enumerate(inputs)]
    made = [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, None) for i in range(len(inputs))]
    return helper.make_model(
        helper.make_graph(nodes, "g", given, made), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )


def shapes(module: Any) -> list[str]:
    main = next(iter(module.body.block.ops))
    return [", ".join(map(str, nn.shape_of(argument))) for argument in main.body.block.args]


@pytest.mark.parametrize(
    ("inputs", "seen"),
    [
        ([["past", 3], ["past + 1", 3]], ["past, 3", "past + 1, 3"]),
        ([["past_seq+1"], ["past_seq"]], ["past_seq + 1", "past_seq"]),
        ([["16*H", "16*W"]], ["16*H, 16*W"]),
        ([["n+1"], ["n_1"]], ['"n+1"', "n_1"]),
        ([["N + 1"], ["2*N"]], ['"N + 1"', '2*"N + 1" - 2']),
        ([["batch size"], ["batch size"]], ['"batch size"', '"batch size"']),
        ([["a*b"]], ['"a*b"']),
        ([["a*b"], ["a"], ["b"]], ["a*b", "a", "b"]),
        ([["a*b"], ["a"]], ["a*b", "a"]),
        ([["s // 2"], ["s"]], ["s floordiv 2", "s"]),
        ([["s // 2"]], ['"s // 2"']),
        ([["min"], ["1N"], ["é"], ["a.b"]], ['"min"', '"1N"', '"é"', '"a.b"']),
        ([["7"]], ["7"]),
        ([[0, 4]], ["0, 4"]),
        ([["?", "?"], [None, "-1"]], ["x0_d0, x0_d1", "x1_d0, x1_d1"]),
        ([["x0_d1", None]], ["x0_d1, x0_d1_"]),
        ([["(" * 300 + "N" + ")" * 300]], [f'"{"(" * 300}N{")" * 300}"']),
        ([["*".join(["(A+B)"] * 100)]], [f'"{"*".join(["(A+B)"] * 100)}"']),
    ],
)
def test_dims_are_what_the_model_calls_them(inputs: list[list[str | int | None]], seen: list[str]) -> None:
    assert shapes(import_onnx(model(*inputs))) == seen


@pytest.mark.parametrize(
    ("inputs", "profiles", "ranges"),
    [
        ([["past"], ["past + 1"]], {"past": (1, 4, 8)}, {"past": (1, 4, 8)}),
        ([["past"], ["past + 1"]], {"past + 1": (2, 5, 9)}, {"past": (1, 4, 8)}),
        ([["past"], ["past + 1"]], {"past": (1, 4, 8), "past + 1": (2, 5, 9)}, {"past": (1, 4, 8)}),
        ([["16*H"]], {"16*H": (16, 32, 64)}, {"H": (1, 2, 4)}),
        ([["16*H"]], {"H": (1, 2, 4)}, {"H": (1, 2, 4)}),
        ([["N+1"]], {"N+1": (1, 4, 8)}, {"N+1": (1, 4, 8)}),
        ([["batch size"]], {"batch size": (1, 4, 8)}, {"batch size": (1, 4, 8)}),
        ([["?"], ["?"]], {"?": (1, 2, 3), "x1_d0": (2, 2, 4)}, None),
        ([["a", "a*b"]], {"x0": ((1, 3), (2, 8), (4, 20))}, {"a": (1, 2, 4), "b": (3, 4, 5)}),
        ([["past"], ["past + 1"]], {"past": (3, 3, 3)}, {}),
        ([["?", "?"]], {"?": (1, 2, 3)}, {"x0_d0": (1, 2, 3), "x0_d1": (1, 2, 3)}),
    ],
)
def test_profiles_speak_the_same_names(
    inputs: list[list[str | int | None]], profiles: dict[str, Any], ranges: dict[str, Any] | None
) -> None:
    if ranges is None:
        with pytest.raises(OptionError, match="has the ranges"):
            import_onnx(model(*inputs), profiles=profiles)
    else:
        assert nn.symbol_ranges(import_onnx(model(*inputs), profiles=profiles, require_profiles=True)) == ranges


@pytest.mark.parametrize(
    ("inputs", "profiles", "message"),
    [
        (
            [["past"], ["past + 1"]],
            {"past": (1, 4, 8), "past + 1": (1, 4, 8)},
            r"'past \+ 1' has the ranges \(2, 5, 9\)",
        ),
        ([["16*H"]], {"16*H": (16, 17, 64)}, r"expected sizes that are 16\*H, got \(16, 17, 64\)"),
        ([["past"], ["past - 4"]], {"past": (1, 4, 8)}, "a dim past - 4, which would be -3; raise its minimum"),
        ([["batch size", "16*H"]], {}, r"--profile 'batch size=1,8,32' --profile H=1,8,32\)"),
        ([["N"]], {"M": (1, 2, 3)}, "no dynamic dim or input 'M'; dynamic dims: N; inputs: x0"),
        ([["N"]], {"x0": (1, 2, 3)}, "no dynamic dim or input 'x0'"),
    ],
)
def test_profiles_that_contradict(inputs: list[list[str | int | None]], profiles: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        import_onnx(model(*inputs), profiles=profiles, require_profiles=True)


def test_an_input_that_contradicts_the_relation_is_refused_at_run_time() -> None:
    body = """g (float[past, 4] cache, float[1, 4] x, float[rest] m) => (float[Z, 4] y) {
        t = Concat<axis=0>(cache, x)
        y = Add(t, m) }"""
    decoder = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{body}')
    decoder.graph.input[2].type.tensor_type.shape.dim[0].dim_param = "past + 1"
    decoder.graph.input[2].type.tensor_type.shape.dim.add(dim_value=1)
    engine = trtc.build(decoder, trtc.BuildOptions(target="sm_80", profiles={"past": (1, 2, 8)}), cache=None)
    cache, x = np.ones((3, 4), np.float32), np.ones((1, 4), np.float32)
    (y,) = engine.run({"cache": cache, "x": x, "m": np.arange(4, dtype=np.float32)[:, None]}).values()
    np.testing.assert_array_equal(y, 1 + np.arange(4)[:, None] * np.ones((1, 4)))
    with pytest.raises(TrtcError, match=r"input 'm', dim 0: expected 4 \(= past \+ 1\)"):
        engine.run({"cache": cache, "x": x, "m": np.ones((3, 1), np.float32)})


def test_a_dim_is_solved_for_its_symbol() -> None:
    module = import_onnx(model(["16*H", 2]), profiles={"16*H": (16, 32, 64)})
    (y,) = run_module(module, [np.ones((48, 2), np.float32)])
    assert y.shape == (48, 2)
    with pytest.raises(InvalidModelError, match=r"expected a dim 16\*H, got 17"):
        run_module(module, [np.ones((17, 2), np.float32)])
    engine = trtc.build(
        model(["16*H", 2]), trtc.BuildOptions(target="sm_80", profiles={"16*H": (16, 32, 64)}), cache=None
    )
    assert engine.run({"x0": np.ones((48, 2), np.float32)})["y0"].shape == (48, 2)
    with pytest.raises(TrtcError, match=r"input 'x0', dim 0: expected a size that is 16\*H, got 17"):
        engine.run({"x0": np.ones((17, 2), np.float32)})


def test_what_dims_determine() -> None:
    a, b = dims.symbol("a"), dims.symbol("b")
    assert sources([a * b, b]) == {"b": 1, "a": 0}
    assert sources([a * a]) == sources([a * b]) == sources([a // 2]) == {}
    assert is_linear(3 * a * b + a + 1, "a") and not is_linear(a * a, "a") and not is_linear(a // 2 + a, "a")
    assert not is_linear(b, "a")
    assert solved(3 * a + b, "a", 11, {"b": 2}) == 3
    assert solved(3 * a, "a", 11, {}) is None and solved(a * b, "a", 4, {"b": 0}) is None


def test_layers_need_dims_that_tell_their_symbols() -> None:
    net = Network()
    net.mark_output(net.add_unary("relu", net.add_input("x", "f32", ("a*b",))), "y")
    net.symbols(a=(1, 2, 3), b=(1, 2, 3))
    with pytest.raises(InvalidModelError, match="dynamic dim a: no input has a dim that tells it"):
        net.module()


def test_dims_that_may_agree_are_not_called_invalid() -> None:
    body = "g (float[a, 3] x, float[b, 3] y) => (float[a, 3] z) { z = Add(x, y) }"
    add = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{body}')
    with pytest.raises(
        UnsupportedOpError, match=r"if a and b are always equal, give them one name in the model, or fix"
    ):
        import_onnx(add)
    assert shapes(import_onnx(add, profiles={"a": (2, 2, 2), "b": (2, 2, 2)})) == ["2, 3", "2, 3"]


HALVED_TWICE = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 1, H, 4] x) => (float[A, B, C, D] y) {
    a = MaxPool<kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1>(x)
    b = MaxPool<kernel_shape = [2, 1], strides = [2, 1], ceil_mode = 1>(a)
    c = Concat<axis = 2>(b, b)
    y = Add(a, c)
}"""


def test_a_step_makes_rounded_dims_equal() -> None:
    """(H + 1) // 2 is 2 * ((H + 3) // 4) where H is a multiple of 4, and not elsewhere."""
    halved = parser.parse_model(HALVED_TWICE)
    with pytest.raises(UnsupportedOpError, match=r"or say there that sizes are multiples: \(min, opt, max, step\)"):
        import_onnx(halved, profiles={"N": (1, 1, 1), "H": (4, 8, 32)})
    options = trtc.BuildOptions(target="sm_80", profiles={"N": (1, 1, 1), "H": (4, 8, 32, 4)})
    engine = trtc.build(halved, options, cache=None)
    for height in (4, 20, 32):
        x = np.random.default_rng(height).standard_normal((1, 1, height, 4), np.float32)
        a = x.reshape(1, 1, height // 2, 2, 2, 2).max((3, 5))
        b = a.reshape(1, 1, height // 4, 2, 2).max(3)
        np.testing.assert_array_equal(engine.run({"x": x})["y"], a + np.concatenate([b, b], 2))
    with pytest.raises(trtc.InputError, match="4"):
        engine.run({"x": np.ones((1, 1, 6, 4), np.float32)})


def test_a_step_needs_a_dim_of_one_name() -> None:
    with pytest.raises(
        trtc.OptionError, match=r"a step needs a dynamic dim that is one name, got 'H'; dynamic dims: N"
    ):
        import_onnx(model(["N", 2]), profiles={"H": (4, 8, 32, 4)})
    module = import_onnx(model(["N + 1", 2], ["N", 2]), profiles={"N": (4, 8, 32, 4)})
    assert shapes(module)[:2] == ['4*"N/4" + 1, 2', '4*"N/4", 2']


ZERO = np.zeros
ONE = np.ones


@pytest.mark.parametrize(
    ("body", "inputs", "expected"),
    [
        ("(float[2,0,4] p, float[2,3,4] k) => (float[A,B,C] y) { y = Concat<axis=1>(p, k) }",
         [ZERO((2, 0, 4)), ONE((2, 3, 4))], ONE((2, 3, 4))),
        ("(float[2,0] a, float[0,3] b) => (float[A,B] y) { y = MatMul(a, b) }", [ZERO((2, 0)), ZERO((0, 3))], ZERO((2, 3))),
        ("(float[0,3] a, float[3,2] b) => (float[A,B] y) { y = MatMul(a, b) }", [ZERO((0, 3)), ZERO((3, 2))], ZERO((0, 2))),
        ("(float[4,0] a) => (float[A,B] y) { y = Softmax(a) }", [ZERO((4, 0))], ZERO((4, 0))),
        ("(float[4,0] a) => (float[A,B] y) <int64[1] x = {1}> { y = ReduceSum(a, x) }", [ZERO((4, 0))], ZERO((4, 1))),
        ("(float[4,0] a) => (float[A,B] y) { y = ReduceMax<axes = [1]>(a) }", [ZERO((4, 0))], np.full((4, 1), -np.inf)),
        ("(float[4,3] a) => (float[A,B] y) <int64[1] s = {1}> { y = Slice(a, s, s, s) }", [ONE((4, 3))], ZERO((4, 0))),
    ],
)  # fmt: skip
def test_extents_of_0_are_static(body: str, inputs: list[np.ndarray], expected: np.ndarray) -> None:
    zero = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\ng {body}')
    (y,) = run_module(import_onnx(zero), [array.astype(np.float32) for array in inputs])
    assert y.shape == expected.shape
    np.testing.assert_array_equal(y, expected)


def test_a_decoder_without_a_past_builds_and_runs() -> None:
    body = """(float[1,0,8] past, float[1,1,8] k, float[1,1,8] q) => (float[A,B,C] y, float[D,E,F] present) {
        present = Concat<axis=1>(past, k)
        t = Transpose<perm=[0,2,1]>(present)
        s = MatMul(q, t)
        p = Softmax(s)
        y = MatMul(p, present) }"""
    step = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\ng {body}')
    engine = trtc.build(step, trtc.BuildOptions(target="sm_80"), cache=None)
    k = np.arange(8, dtype=np.float32).reshape(1, 1, 8)
    got = engine.run({"past": np.zeros((1, 0, 8), np.float32), "k": k, "q": k})
    np.testing.assert_array_equal(got["present"], k)
    np.testing.assert_allclose(got["y"], k, rtol=1e-6)
