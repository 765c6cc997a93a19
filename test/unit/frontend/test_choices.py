"""Axes that are data: one branch for each choice, on every choice, against ONNX's reference implementation."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx.reference import ReferenceEvaluator

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.dialects.errors import UnsupportedOpError
from trtc.dialects.host.control import HostValueError
from trtc.dialects.meaning import run_module

RNG = np.random.default_rng(0)


def parsed(body: str, opset: int = 18) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : {opset}]> g {body}')


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMax", "ReduceMean", "ReduceLogSumExp", "ReduceL2"])
def test_reductions_along_any_two_axes(op: str, keepdims: int) -> None:
    model = parsed(f"(float[N, 3, 4] x, int64[2] a) => (float[A] y) {{ y = {op}<keepdims = {keepdims}>(x, a) }}")
    module, reference = import_onnx(model, profiles={"N": (1, 2, 5)}), ReferenceEvaluator(model)
    for axes in permutations(range(-3, 3), 2):
        x = RNG.standard_normal((5, 3, 4)).astype(np.float32)
        if (axes[0] - axes[1]) % 3 == 0:
            with pytest.raises(HostValueError, match="axes_are_valid"):
                run_module(module, [x, np.array(axes)])
            continue
        (got,) = run_module(module, [x, np.array(axes)])
        want: Any = reference.run(None, {"x": x, "a": np.array(axes)})
        assert got.shape == want[0].shape
        np.testing.assert_allclose(got, want[0], rtol=1e-4, atol=1e-5)


def test_unit_dims_come_and_go_anywhere() -> None:
    module = import_onnx(
        parsed(
            "(float[1, 3, 1] x, int64[1] a, int64[2] b) => (float[A] y, float[B] z) { y = Squeeze(x, a) z = Unsqueeze(x, b) }"
        )
    )
    x = RNG.standard_normal((1, 3, 1)).astype(np.float32)
    for axis in (0, 2, -1, -3):
        for new in permutations(range(5), 2):
            y, z = run_module(module, [x, np.array([axis]), np.array(new)])
            np.testing.assert_array_equal(y, np.squeeze(x, axis))
            np.testing.assert_array_equal(z, np.expand_dims(x, new))
    with pytest.raises(HostValueError, match="axes_are_valid"):
        run_module(module, [x, np.array([1]), np.array([0, 1])])  # that dim has three elements


def test_one_engine_reduces_along_each_axis_and_captures_what_it_needs() -> None:
    body = """(float[N, 3, 4] x, int64[1] a) => (float[A] y) <float[4] w = {1, 2, 3, 4}> {
        t = Mul(x, w)
        s = ReduceSum(t, a)
        y = Exp(s)
    }"""
    engine = trtc.build(parsed(body), trtc.BuildOptions(target="sm_90a", profiles={"N": (1, 2, 5)}), cache=None)
    x = RNG.standard_normal((2, 3, 4)).astype(np.float32)
    t = x * np.arange(1, 5, dtype=np.float32)
    context = engine.create_context(poison=True)
    for axis in (1, -1, 0):
        got = np.asarray(context.run({"x": x, "a": np.array([axis])})["y"])
        np.testing.assert_allclose(got, np.exp(t.sum(axis, keepdims=True)), rtol=1e-4, atol=1e-5)


def test_too_many_choices_are_refused() -> None:
    with pytest.raises(UnsupportedOpError, match=r"its axes \('a'\) is computed from data"):
        import_onnx(parsed("(float[1, 2, 1, 2, 1, 2, 1] x, int64[3] a) => (float[A] y) { y = ReduceSum(x, a) }"))
