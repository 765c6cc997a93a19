"""Models and dim expressions that are large and right, in seconds, and where they end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import dims, limits, strided
from trtc.dialects.errors import UnsupportedOpError
from trtc.dialects.meaning import run_module
from trtc.dialects.provenance import location_parts, onnx_names
from trtc.passes.rewriting import MOST_MERGED

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
from hostile import SECONDS, nested_divisions, text

# What is large and right


def test_a_concat_of_20000_operands() -> None:
    model = text(
        f"(float[2] x, float[3] z) => (float[Z] y) {{ y = Concat<axis = 0>({', '.join(['x', 'z'] * 10_000)}) }}"
    )
    start = time.process_time()
    module = import_onnx(model)
    assert time.process_time() - start < SECONDS
    x, z = np.array([1, 2], np.float32), np.array([3, 4, 5], np.float32)
    (y,) = run_module(module, [x, z])
    np.testing.assert_array_equal(y, np.tile([1, 2, 3, 4, 5], 10_000))
    assert sum(1 for _ in module.walk()) < 20


def test_views_of_all_operands_of_a_concat_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each operand anew, it would take quadratic time."""
    from trtc.passes.buffers import places

    counts: list[int] = []

    def counted(op: Any, result: strided.View[Any]) -> Any:
        counts.append(len(op.operands))
        return strided.operand_views(op, result)

    monkeypatch.setattr(places, "operand_views", counted)
    inputs, operands = ", ".join(f"float[4] x{i}" for i in range(40)), ", ".join(f"t{i}" for i in range(40))
    nodes = " ".join(f"t{i} = Exp(x{i})" for i in range(40))  # inputs side by side would be copied together
    module = import_onnx(text(f"({inputs}) => (float[Z] y) {{ {nodes} y = Concat<axis = 0>({operands}) }}"))
    set_target(module, "sm_80")
    run_pipeline(module, trtc.BuildOptions(target="sm_80"), stop_after="memory")
    assert counts == [40]


def test_a_chain_of_nodes_is_linear() -> None:
    def seconds(count: int) -> float:
        nodes = "".join(f"t{i + 1} = Relu(t{i})\n" for i in range(count))
        model = text(f"(float[4] t0) => (float[4] y) {{ {nodes} y = Neg(t{count}) }}")
        start = time.process_time()
        import_onnx(model)
        return time.process_time() - start

    seconds(100)
    assert seconds(2000) < 12 * max(seconds(500), 0.05)


def test_a_chain_that_merges_collects_a_bounded_location() -> None:
    """With all locations of what went before in each op, a chain would take quadratic time and memory."""
    nodes = "".join(f"t{i + 1} = Relu(t{i})\n" for i in range(300))
    module = import_onnx(text(f"(float[4] t0) => (float[4] y) {{ {nodes} y = Neg(t300) }}"))
    load_pass("canonicalize-nn")().apply(make_context(), module)
    assert max(len(location_parts(op.location)) for op in module.walk()) <= MOST_MERGED


def test_functions_compute_what_their_bodies_say() -> None:
    """Attributes, defaults, results that are left out, an operand that is a result, functions in functions, names that collide."""
    body = """(float[3] x) => (float[3] y, float[3] z, float[3] p) {
        [F] a, p = f.F<k = 0.5>(x)
        [F] b = f.F(a)
        y = Neg(b)
        z = f.G(a) }"""
    functions = """<domain: "f", opset_import: ["" : 17, "f" : 1]>
F <k> (a) => (c, a) { b = LeakyRelu<alpha: float = @k>(a)
 c = f.G(b) }
<domain: "f", opset_import: ["" : 17]>
G (a) => (c) { t = Neg(a)
 c = Neg(t) }
"""
    module = import_onnx(text(body, functions=functions))
    x = np.array([-2, 0, 4], np.float32)
    y, z, p = run_module(module, [x])
    np.testing.assert_allclose(z, [-1, 0, 4])
    np.testing.assert_allclose(y, [0.01, 0, -4], rtol=1e-6)
    np.testing.assert_array_equal(p, x)
    assert 'loc("F/LeakyRelu#0")' not in str(module)
    names = {name for op in module.walk() for name in onnx_names(op.location)}
    assert {"F/LeakyRelu#0", "F/G#1/Neg#0", "F.1/LeakyRelu#0", "G#3/Neg#1"} <= names


def test_a_function_has_an_opset_of_its_own() -> None:
    body = '<domain: "f", opset_import: ["" : 12]>\nF (a) => (c) { c = Unsqueeze<axes = [0]>(a) }\n'
    module = import_onnx(text("(float[3] x) => (float[1, 3] y) { y = f.F(x) }", functions=body))
    (y,) = run_module(module, [np.zeros(3, np.float32)])
    assert y.shape == (1, 3)


def test_small_integers_wrap_around_after_a_reduction() -> None:
    model = text(
        "(int8[2, 8] x, int8[1] d) => (int8[2, 1] y) { t = ReduceMax<axes = [1]>(x)\n u = Add(t, d)\n y = Div(u, d) }"
    )
    engine = trtc.build(model, trtc.BuildOptions(target="sm_80"), cache=None)
    x = np.array([[100] * 8, [-7] * 8], np.int8)
    got = engine.run({"x": x, "d": np.array([100], np.int8)})["y"]
    np.testing.assert_array_equal(got, [[0], [0]])
    np.testing.assert_array_equal(engine.run({"x": x, "d": np.array([3], np.int8)})["y"], [[34], [-1]])


# Dim expressions


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda a, b: dims.product([a + b] * 40 + [a - b + 1] * 40), "has 261 terms"),
        (lambda a, b: dims.product([a] * 70), "multiplies 65 dims"),
        (lambda a, b: dims.maximum(*(dims.symbol(f"s{i}") for i in range(100))), "takes the max of 100 values"),
        (lambda a, b: sum((dims.symbol(f"s{i}") for i in range(300)), dims.const(0)), "has 257 terms"),
        (lambda a, b: dims.product([a + 2**63] * 5), "has a factor that no 64-bit integer holds"),
    ],
)
def test_dim_expressions_stay_small(make: Callable[[dims.Expr, dims.Expr], Any], message: str) -> None:
    start = time.process_time()
    with pytest.raises(UnsupportedOpError, match=f"a dim expression {message}"):
        make(dims.symbol("a"), dims.symbol("b"))
    assert time.process_time() - start < SECONDS


def test_shared_parts_do_not_double_the_text() -> None:
    a, b = dims.symbol("a"), dims.symbol("b")
    with pytest.raises(UnsupportedOpError, match="a dim expression nests"):
        for _ in range(200):
            a, b = dims.minimum(a, 2 * b) + b, dims.maximum(a, b) + a
    assert len(str(a)) < 20 * limits.MAX_ATOMS


def test_real_expressions_are_far_from_the_limits() -> None:
    """A deep network of strided windows, padded and sliced."""
    height = dims.symbol("H")
    for _ in range(30):
        height = dims.maximum((height + 2 - 3) // 2 + 1, 1)
    assert height.evaluate({"H": 7}) == 1


def test_what_is_just_within_the_limit_builds_and_runs() -> None:
    """64 minima and maxima in each other, through every pass, the CUDA C, the engine file and a run."""
    model = nested_divisions(31)
    model.graph.node[-1].input[0] = model.graph.node[-2].output[0]
    profiles = {"A": (1, 2, 4), "B": (1, 2, 4), "C": (1, 2, 4)}
    engine = trtc.build(model, trtc.BuildOptions(target="sm_80", profiles=profiles), cache=None)
    assert engine.run({"x": np.zeros((2, 3, 4), np.float32)})["y"].shape == (16,)
