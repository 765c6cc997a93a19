"""Valid models that are unusual: odd names, unused parts, outputs listed twice, every IR version, functions and subgraphs in each other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, helper, parser

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.dialects.errors import InvalidModelError, UnsupportedOpError
from trtc.dialects.meaning import run_module
from trtc.passes.remarks import collecting

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
from hostile import function, text

X = np.array([-2, 0, 3], np.float32)


def computed(model: ModelProto, *inputs: Any) -> list[Any]:
    return run_module(import_onnx(model), list(inputs or [X]))


# Names


@pytest.mark.parametrize(
    "name", ["if", "float", "N", "0", "", "x", "a b", "%0", "@main", "日本", "\n", "*/", "main_graph"]
)
def test_names_of_values_and_nodes_may_be_anything(name: str) -> None:
    """Among them those of keywords, dims, other values and other nodes; an empty name of an output says that it is not wanted."""
    model = text("(float[N] x) => (float[N] y) { t = Relu(x)\n y = Neg(t) }")
    first, second = model.graph.node
    first.name = second.name = name
    if name not in ("", "x"):
        first.output[0] = second.input[0] = name
    module = import_onnx(model, profiles={"N": (1, 3, 8)})
    (y,) = run_module(module, [X])
    np.testing.assert_array_equal(y, [0, 0, -3])


def test_names_reach_the_engine_as_they_are() -> None:
    model = text("(float[3] x) => (float[3] y) { y = Neg(x) }")
    model.graph.input[0].name = model.graph.node[0].input[0] = "a/b:0 *"
    model.graph.output[0].name = model.graph.node[0].output[0] = "int"
    engine = trtc.build(model, trtc.BuildOptions(target="sm_80"), cache=None)
    np.testing.assert_array_equal(engine.run({"a/b:0 *": X})["int"], -X)


# What nobody uses


def test_nodes_that_no_output_needs_are_ignored() -> None:
    """Whatever they are: operators of other domains, ones with broken attributes, and loops."""
    body = """(float[3] x) => (float[3] y) <float[2, 2] unused = {1, 2, 3, 4}> {
        [a] u = nobody.Knows(x)
        [b] v = TfIdfVectorizer(u)
        [c] w = Softmax<axis = 7>(x)
        y = Neg(x) }"""
    with collecting() as remarks:
        module = import_onnx(text(body))
    np.testing.assert_array_equal(run_module(module, [X])[0], -X)
    (remark,) = [each for each in remarks if "no output needs it" in each.message]
    assert {"a", "b", "c"} <= set(remark.nodes)


def test_a_result_that_only_a_dead_node_reads_is_not_wanted() -> None:
    body = "(float[1, 1, 4] x) => (float[1, 1, 4] y) { y, mask = Dropout(x)\n d = Not(mask) }"
    np.testing.assert_array_equal(computed(text(body), np.ones((1, 1, 4), np.float32))[0], np.ones((1, 1, 4)))


def test_dead_nodes_of_branches_are_ignored() -> None:
    body = """(float[3] x, bool c) => (float[3] y) {
        y = If(c) <then_branch = g1 () => (float[3] a) { d = nobody.Knows(x)\n a = Neg(x) },
                   else_branch = g2 () => (float[3] b) { b = Relu(x) }> }"""
    np.testing.assert_array_equal(computed(text(body), X, np.array(True))[0], -X)


def test_a_dead_node_that_reads_nothing_known_is_broken() -> None:
    with pytest.raises(InvalidModelError, match="reads 'z', which nothing in the graph makes"):
        import_onnx(text("(float[3] x) => (float[3] y) { y = Neg(x)\n d = Relu(z) }"))


# Inputs and outputs


def test_an_output_listed_twice_is_one() -> None:
    model = text("(float[3] x) => (float[3] y) { y = Neg(x) }")
    model.graph.output.append(model.graph.output[0])
    engine = trtc.build(model, trtc.BuildOptions(target="sm_80"), cache=None)
    assert list(engine.run({"x": X})) == ["y"]


def test_outputs_that_are_inputs_weights_and_constants() -> None:
    body = """(float[3] x) => (float[3] x, float[2] w, int64[1] s, float[3] y) <float[2] w = {1, 2}> {
        s = Shape(x)
        y = Identity(x) }"""
    engine = trtc.build(text(body), trtc.BuildOptions(target="sm_80"), cache=None)
    made = engine.run({"x": X})
    for name, expected in (("x", X), ("w", [1, 2]), ("s", [3]), ("y", X)):
        np.testing.assert_array_equal(made[name], expected)


def test_an_input_that_nobody_reads() -> None:
    model = text("(float[3] x, float[5] unused) => (float[3] y) { y = Neg(x) }")
    engine = trtc.build(model, trtc.BuildOptions(target="sm_80"), cache=None)
    np.testing.assert_array_equal(engine.run({"x": X, "unused": np.zeros(5, np.float32)})["y"], -X)


@pytest.mark.parametrize("version", range(3, 14))
def test_every_ir_version(version: int) -> None:
    """Before version 4 each initializer is an input as well."""
    model = text("(float[3] x) => (float[3] y) <float[3] w = {1, 2, 3}> { y = Add(x, w) }")
    model.ir_version = version
    if version < 4:
        model.graph.input.append(helper.make_tensor_value_info("w", 1, (3,)))
    np.testing.assert_array_equal(computed(model)[0], X + np.array([1, 2, 3]))


# Functions and subgraphs in each other


def test_a_subgraph_in_a_function_captures_its_values_and_attributes() -> None:
    """At two levels, by names that the caller has too."""
    body = """(float[3] x, bool c) => (float[3] y, float[3] z) {
        t = Neg(x)
        y = f.F<k = 2.0>(x, c)
        z = f.F<k = 3.0>(t, c) }"""
    functions = """<domain: "f", opset_import: ["" : 17, "f" : 1]>
F <k> (a, c) => (r) {
    t = Constant<value_float: float = @k>()
    r = If(c) <then_branch = g1 () => (float[3] u) {
                   u = If(c) <then_branch = g2 () => (float[3] v) { v = f.G(a, t) },
                              else_branch = g3 () => (float[3] v) { v = Identity(a) }> },
               else_branch = g4 () => (float[3] u) { u = Neg(a) }> }
<domain: "f", opset_import: ["" : 17]>
G (a, t) => (r) { r = Mul(a, t) }
"""
    model = text(body, functions=functions)
    for c, factors in ((True, (2, -3)), (False, (-1, 1))):
        made = computed(model, X, np.array(c))
        for got, factor in zip(made, factors, strict=True):
            np.testing.assert_array_equal(got, X * factor)


def test_functions_of_the_domains_that_torch_writes() -> None:
    """Some have overloads, and a name may be that of an operator of ONNX."""
    model = text(
        "(float[3] x) => (float[3] y) { y = f.Relu(x) }", functions=function("Relu", "(a) => (r)", "r = Neg(a)")
    )
    model.functions[0].domain = model.graph.node[0].domain = "pkg.onnxscript.torch_lib"
    model.opset_import[1].domain = "pkg.onnxscript.torch_lib"
    model.functions[0].overload = model.graph.node[0].overload = "default"
    np.testing.assert_array_equal(computed(model)[0], -X)


# Sequences

SEQUENCES = {
    "at": ("s = SequenceConstruct(x, a, x)\n y = SequenceAt(s, two)", lambda x: x),
    "negative": ("s = SequenceConstruct(x, a)\n y = SequenceAt(s, last)", abs),
    "insert": ("s0 = SequenceEmpty()\n s = SequenceInsert(s0, x)\n t = SequenceInsert(s, a, last)\n y = SequenceAt(t, zero)", abs),
    "erase": ("s = SequenceConstruct(x, a)\n t = SequenceErase(s, zero)\n y = SequenceAt(t, zero)", abs),
    "length": ("s = SequenceConstruct(x, a)\n n = SequenceLength(s)\n f = CastLike(n, x)\n y = Mul(x, f)", lambda x: 2 * x),
    "stack": ("s = SequenceConstruct(x, a)\n y = ConcatFromSequence<axis = -1, new_axis = 1>(s)", lambda x: np.stack([x, abs(x)], -1)),
    "split": ("s = SplitToSequence<axis = 0>(x, two)\n t = SequenceAt(s, last)\n y = Neg(t)", lambda x: -x[2:]),
    "sizes": ("s = SplitToSequence(x, sizes)\n y = SequenceAt(s, last)", lambda x: x[1:]),
    "scalars": ("s = SplitToSequence<keepdims = 0>(x)\n y = SequenceAt(s, last)", lambda x: x[2]),
    "constants": ("s = SplitToSequence(sizes)\n t = SequenceAt(s, last)\n f = CastLike(t, x)\n y = Mul(x, f)", lambda x: 2 * x),
    "map": (
        """s = SequenceConstruct(x, a)
        t = SequenceMap(s, a) <body = g (float[3] u, float[3] v) => (float[3] w) { w = Sub(u, v) }>
        y = SequenceAt(t, zero)""",
        lambda x: x - abs(x),
    ),
    "loop": (
        """s = SequenceEmpty()
        t = Loop(two, true, s) <body = g (int64 i, bool c, seq(float[3]) q) => (bool d, seq(float[3]) r) {
            d = Identity(c)
            f = CastLike(i, x)
            e = Add(x, f)
            r = SequenceInsert(q, e) }>
        y = ConcatFromSequence<axis = 0>(t)""",
        lambda x: np.concatenate([x, x + 1]),
    ),
    "branch": (
        """s = SequenceConstruct(x, a)
        y = If(c) <then_branch = g1 () => (float[3] u) { u = SequenceAt(s, last) },
                   else_branch = g2 () => (float[3] u) { u = SequenceAt(s, zero) }>""",
        abs,
    ),
}  # fmt: skip


def with_sequence(body: str) -> ModelProto:
    head = "(float[3] x, bool c) => (y) <int64 zero = {0}, int64 two = {2}, int64 last = {-1}, int64[2] sizes = {1, 2}, bool true = {1}>"
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\ng {head} {{ a = Abs(x)\n {body} }}')


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences_of_known_lengths(name: str) -> None:
    body, expected = SEQUENCES[name]
    (y,) = computed(with_sequence(body), X, np.array(True))
    np.testing.assert_array_equal(y, expected(X))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("y = SequenceConstruct(x)", "'y' is a sequence of 1 tensors, which only exists at import"),
        ("s = SequenceConstruct(x)\n y = Neg(s)", "'s' is a sequence of 1 tensors"),
        ("s = SequenceConstruct(x)\n n = Cast<to = 7>(c)\n y = SequenceAt(s, n)", r"its position \('n'\) is computed from data"),
        (
            """s = SequenceConstruct(x)
            n = Cast<to = 7>(c)
            t = Loop(n, , s) <body = g (int64 i, bool d, seq(float[3]) q) => (bool d, seq(float[3]) q) { }>
            y = SequenceAt(t, zero)""",
            "it carries a sequence",
        ),
        (
            """s = SequenceEmpty()
            n = Cast<to = 7>(c)
            t = Loop(n, , s) <body = g (int64 i, bool d, seq(float[3]) q) => (bool e, seq(float[3]) r) {
                e = Identity(d)
                r = SequenceInsert(q, x) }>
            y = Neg(t)""",
            r"'t' is a sequence of the tensors \[3\] that the iterations of a loop appended",
        ),
    ],
)  # fmt: skip
def test_sequences_that_data_decides(body: str, message: str) -> None:
    with pytest.raises(UnsupportedOpError, match=message):
        import_onnx(with_sequence(body))


def test_a_position_outside_a_sequence() -> None:
    with pytest.raises(InvalidModelError, match="its position is 2, and the sequence has 1 tensors"):
        import_onnx(with_sequence("s = SequenceConstruct(x)\n y = SequenceAt(s, two)"))
