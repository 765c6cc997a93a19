"""Dims that a model needs to be equal, though it gives them different names: one symbol, or a check of each run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, parser
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr

import trtc
from trtc import BuildOptions, InputError
from trtc.compiler.frontend import import_onnx
from trtc.dialects import dims, nn
from trtc.dialects.errors import InvalidModelError
from trtc.passes.remarks import collecting

ONE = (1, 2, 8)


def text(head: str, body: str) -> ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> g {head} {{ {body} }}')


def shapes(module: Any) -> list[str]:
    main = next(iter(module.body.block.ops))
    return [", ".join(map(str, nn.shape_of(argument))) for argument in main.body.block.args]


JOINED = text("(float[A, 4] x, float[B, 3] z) => (float[A, 7] y)", "e = Exp(x) f = Exp(z) y = Concat<axis = 1>(e, f)")
SHIFTED = text(
    "(float[A, 4] x, float[B, 3] z) => (float[A, 7] y)",
    """one = Constant<value_ints = [1]>() end = Constant<value_ints = [1000]>() zero = Constant<value_ints = [0]>()
       f = Slice(z, one, end, zero) y = Concat<axis = 1>(x, f)""",
)
"""A is B - 1."""


def test_two_symbols_become_one() -> None:
    with collecting() as remarks:
        module = import_onnx(JOINED, profiles={"A": ONE, "B": ONE})
    assert shapes(module) == ["A, 4", "A, 3"]
    assert nn.symbol_ranges(module) == {"A": ONE}
    assert nn.equal_dims(module) == []
    messages = [each.message for each in remarks]
    assert messages.count("dim B is called A, since the model needs them to be equal") == 1
    assert len(messages) == len(set(messages)), "what the first import remarked is forgotten"


def test_symbols_that_are_equal_by_way_of_others() -> None:
    head = "(float[A, 4] x, float[B, 4] z, float[C, 4] v, float[D, 4] w) => (y)"
    body = (
        "p = Concat<axis = 1>(v, w) q = Concat<axis = 1>(z, v) r = Concat<axis = 1>(x, w) y = Concat<axis = 1>(p, q, r)"
    )
    assert shapes(import_onnx(text(head, body))) == ["A, 4"] * 4


def test_others_stay_apart() -> None:
    head = "(float[A, 4] x, float[B, 4] z) => (y)"
    assert shapes(import_onnx(text(head, "y = Concat<axis = 0>(x, z)"))) == ["A, 4", "B, 4"]


def test_their_profiles_must_agree() -> None:
    with pytest.raises(
        InvalidModelError, match=r"Concat.*operands that agree.*the profile allows A in 1\.\.8, B in 1\.\.9"
    ):
        import_onnx(JOINED, profiles={"A": ONE, "B": (1, 2, 9)})


def test_an_engine_takes_equal_sizes_only() -> None:
    engine = trtc.build(JOINED, BuildOptions(target="sm_90a", profiles={"A": ONE, "B": ONE}), cache=None)
    x, z = np.ones((3, 4), np.float32), np.zeros((3, 3), np.float32)
    np.testing.assert_allclose(engine.run({"x": x, "z": z})["y"], np.exp(np.concatenate([x, z], 1)), rtol=1e-6)
    with pytest.raises(InputError, match=r"input 'z', dim 0: expected 3 \(= A\)"):
        engine.run({"x": x, "z": z[:2]})


def test_expressions_that_must_be_equal_are_checked_at_run() -> None:
    profiles = {"A": ONE, "B": (2, 3, 9)}
    module = import_onnx(SHIFTED, profiles=profiles)
    assert nn.equal_dims(module) == [(dims.symbol("A"), dims.symbol("B") - 1)]
    engine = trtc.build(SHIFTED, BuildOptions(target="sm_90a", profiles=profiles), cache=None)
    x, z = np.ones((3, 4), np.float32), np.zeros((4, 3), np.float32)
    np.testing.assert_array_equal(engine.run({"x": x, "z": z})["y"], np.concatenate([x, z[1:]], 1))
    with pytest.raises(InputError, match=r"expected sizes with A = B - 1, got 3 and 4, for A = 3, B = 5"):
        engine.run({"x": x, "z": np.zeros((5, 3), np.float32)})


def test_what_a_branch_needs_is_not_needed_elsewhere() -> None:
    body = """y = If(c) <then_branch = a () => (float[A, 7] p) { p = Concat<axis = 1>(x, z) },
                         else_branch = b () => (float[A, 4] q) { q = Neg(x) }>"""
    module = import_onnx(text("(float[A, 4] x, float[B, 3] z, bool c) => (y)", body))
    assert shapes(module)[:2] == ["A, 4", "B, 3"]
    assert nn.equal_dims(module) == []


def test_an_attribute_of_another_form_is_refused() -> None:
    module = ModuleOp([])
    module.attributes["nn.equal"] = ArrayAttr([StringAttr("A = B")])
    with pytest.raises(InvalidModelError, match=r"nn.equal: expected a list of #nn.dims<a, b>"):
        nn.equal_dims(module)
