"""If whose branches take what follows it into them, and what they know of sizes that its condition decides."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto, parser

from trtc.compiler.frontend import import_onnx, importer
from trtc.dialects.errors import InvalidModelError, UnsupportedOpError
from trtc.dialects.host.control import HostValueError
from trtc.dialects.meaning import run_module
from trtc.passes.remarks import collecting

X = np.array([[-1.5], [0.5], [2.0]], np.float32)


def text(body: str, head: str = "(float[3, 1] x, bool c) => (float[3, 3] z)") -> ModelProto:
    weights = "<int64[1] one = {1}, int64 zero = {0}, int64[2] square = {3, 3}, int64[1] nine = {9}>"
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : 18]>\ng {head} {weights} {{ {body} }}')


FORK = """e = Exp(x)
    [fork] y = If(c) <then_branch = a () => (float[3] p) { p = Squeeze(e, one) },
                      else_branch = b () => (float[3, 1] q) { q = Neg(e) }>"""
"""`y` is [3] where `c` holds, else [3, 1]."""


def test_what_follows_is_in_both_branches() -> None:
    module = import_onnx(text(f"{FORK} z = Expand(y, square)"))
    for c, want in ((True, np.tile(np.exp(X).T, (3, 1))), (False, np.tile(-np.exp(X), (1, 3)))):
        np.testing.assert_allclose(run_module(module, [X, np.array(c)])[0], want, rtol=1e-6)


def test_two_such_nodes_in_a_row() -> None:
    again = """w = If(d) <then_branch = f () => (float[3, 1] r) { r = Reshape(y, tall) }, else_branch = g () => (s) { s = Sin(y) }>"""
    head = "(float[3, 1] x, bool c, bool d) => (float[3, 3] z)"
    body = f"{FORK} tall = Constant<value_ints = [3, 1]>() {again} z = Expand(w, square)"
    module = import_onnx(text(body, head))
    for c, d in ((True, True), (True, False), (False, True), (False, False)):
        y = np.exp(X)[:, 0] if c else -np.exp(X)
        want = np.broadcast_to(y.reshape(3, 1) if d else np.sin(y), (3, 3))
        np.testing.assert_allclose(run_module(module, [X, np.array(c), np.array(d)])[0], want, rtol=1e-6)


def test_outputs_from_before_and_of_the_node_itself() -> None:
    head = "(float[3, 1] x, bool c) => (float[3, 1] e, float[3, 3] y)"
    fork = """e = Exp(x)
        k, y = If(c) <then_branch = a () => (float[3] p, float[3, 3] r) { p = Squeeze(e, one) r = Expand(e, square) },
                      else_branch = b () => (float[3, 1] q, float[3, 3] s) { q = Neg(e) s = Expand(q, square) }>"""
    module = import_onnx(text(f"{fork} unread = Exp(k)", head))
    made = run_module(module, [X, np.array(False)])
    np.testing.assert_allclose(made[0], np.exp(X), rtol=1e-6)
    np.testing.assert_allclose(made[1], np.tile(-np.exp(X), (1, 3)), rtol=1e-6)


def test_a_loop_takes_in_what_follows_in_its_body() -> None:
    body = """three = Constant<value_int = 3>()
        z = Loop(three, , x) <body = l (int64 i, bool on, float[3, 1] v) => (bool go, float[3, 1] n) {
            go = Identity(on)
            y = If(c) <then_branch = a () => (float[3] p) { p = Squeeze(v, one) }, else_branch = b () => (float[3, 1] q) { q = Neg(v) }>
            t = Sin(y)
            tall = Constant<value_ints = [3, 1]>()
            n = Reshape(t, tall) }>"""
    module = import_onnx(text(body, "(float[3, 1] x, bool c) => (float[3, 1] z)"))
    for c in (True, False):
        want = X
        for _ in range(3):
            want = np.sin(want if c else -want)
        np.testing.assert_allclose(run_module(module, [X, np.array(c)])[0], want, rtol=1e-6)


def test_sequences_of_branches() -> None:
    body = """e = Exp(x)
        y = If(c) <then_branch = a () => (seq(float[3, 1]) p) { p = SequenceConstruct(e, x) },
                   else_branch = b () => (seq(float[3, 1]) q) { q = SequenceConstruct(x, e, e) }>
        z = SequenceAt(y, zero)"""
    module = import_onnx(text(body, "(float[3, 1] x, bool c) => (float[3, 1] z)"))
    for c in (True, False):
        np.testing.assert_allclose(run_module(module, [X, np.array(c)])[0], np.exp(X) if c else X, rtol=1e-6)


def test_the_only_valid_branch_is_taken_and_checked_at_run() -> None:
    """A vector is no operand of Gemm."""
    body = """e = Exp(x)
        [fork] y = If(c) <then_branch = a () => (float[9] p) { p = Reshape(e, nine) },
                          else_branch = b () => (float[3, 3] q) { q = Neg(e) }>
        z = Gemm(y, e)"""
    with collecting() as remarks:
        module = import_onnx(text(body, "(float[3, 3] x, bool c) => (float[3, 3] z)"))
    assert [each.nodes for each in remarks if "checked at run" in each.message] == [("fork",)]
    x = np.arange(9, dtype=np.float32).reshape(3, 3) / 9
    np.testing.assert_allclose(run_module(module, [x, np.array(False)])[0], -np.exp(x) @ np.exp(x), rtol=1e-5)
    with pytest.raises(HostValueError, match="expected 0, the only one that is valid for these shapes, got 1"):
        run_module(module, [x, np.array(True)])


@pytest.mark.parametrize("compare", ["Equal(h, one)", "Equal(one, h)", "Not(u)"])
def test_a_branch_knows_the_size_that_its_condition_says(compare: str) -> None:
    """[n] times [3, n] is valid for any n, squeezing the n of [3, n] for 1 alone."""
    body = f"""e = Exp(x)
        h = Shape<start = 1>(e)
        u = Equal(h, one)
        u = Not(u)
        d = {compare}
        z = If(d) <then_branch = a () => (float[3] p) {{ p = Squeeze(e, one) }},
                   else_branch = b () => (float[3] q) {{ q = ReduceSum<keepdims = 0>(e, one) }}>"""
    body = body.replace("u = Equal", "v = Equal").replace("Not(u)\n        d", "Not(v)\n        d")
    module = import_onnx(text(body, "(float[3, n] x) => (float[3] z)"), profiles={"n": (1, 2, 4)})
    for n in (1, 3):
        x = np.random.default_rng(n).standard_normal((3, n)).astype(np.float32)
        np.testing.assert_allclose(run_module(module, [x])[0], np.exp(x).sum(1), rtol=1e-6)


def test_without_that_condition_the_size_is_not_known() -> None:
    body = """z = If(c) <then_branch = a () => (float[3] p) { p = Squeeze(x, one) },
                         else_branch = b () => (float[3] q) { q = ReduceSum<keepdims = 0>(x, one) }>"""
    with pytest.raises(InvalidModelError, match=r"expected as many elements.*the profile allows n in 1\.\.4"):
        import_onnx(text(body, "(float[3, n] x, bool c) => (float[3] z)"), profiles={"n": (1, 2, 4)})


def test_outputs_of_different_ranks_are_refused() -> None:
    with pytest.raises(
        UnsupportedOpError, match=r"fork \(If, opset 18\): output 0 has the shapes .* of different ranks"
    ):
        import_onnx(text(f"{FORK} z = Sin(y)"))


def test_what_both_branches_take_in_is_reported_once() -> None:
    with pytest.raises(UnsupportedOpError, match="a node is not supported") as caught:
        import_onnx(text(f"{FORK} t = Bernoulli<dtype = 8>(y) z = Expand(t, square)"))
    assert str(caught.value).count("Bernoulli") == 1


def test_what_branches_may_take_in_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MAX_REPEATED_NODES", 1)
    import_onnx(text(f"{FORK} z = Expand(y, square)"))
    with pytest.raises(UnsupportedOpError, match=r"fork \(If, opset 18\): .* of different ranks"):
        import_onnx(text(f"{FORK} t = Sin(y) z = Expand(t, square)"))
