"""`merge-siblings` on models of the kinds that have siblings: launches, numbers beside ONNX Runtime, and refits."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper, parser

import trtc
from trtc import BuildOptions
from trtc.passes.remarks import collecting
from trtc.runtime.contents import SIMULATOR

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import zoo

HEAD = '<ir_version: 8, opset_import: ["" : 17]>\n'
INCEPTION = """g (float[N, 32, 6, 6] x) => (float[N, 24, 6, 6] y)
  <float[16, 32, 1, 1] w1, float[16] b1, float[8, 32, 1, 1] w2, float[8] b2, float[8, 32, 1, 1] w3, float[8] b3, float[8, 32, 1, 1] w4,
   float[8] b4, float[16, 8, 3, 3] v2, float[16] c2, float[8, 8, 5, 5] v3, float[8] c3, float[8, 48, 1, 1] u1, float[8, 48, 1, 1] u2,
   float[8, 8, 3, 3] t1, float[8, 8, 3, 3] t2> {
  a1 = Conv(x, w1, b1)    r1 = Relu(a1)
  a2 = Conv(x, w2, b2)    r2 = Relu(a2)
  a3 = Conv(x, w3, b3)    r3 = Relu(a3)
  p = MaxPool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(x)
  a4 = Conv(p, w4, b4)    r4 = Relu(a4)
  d2 = Conv<pads = [1, 1, 1, 1]>(r2, v2, c2)   s2 = Relu(d2)
  d3 = Conv<pads = [2, 2, 2, 2]>(r3, v3, c3)   s3 = Relu(d3)
  c = Concat<axis = 1>(r1, s2, s3, r4)
  e1 = Conv(c, u1)
  e2 = Conv(c, u2)
  f1 = Conv<pads = [1, 1, 1, 1]>(e1, t1)
  f2 = Conv<pads = [1, 1, 1, 1]>(e2, t2)
  q = AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(f1)
  y = Concat<axis = 1>(f1, f2, q)
}"""
ATTENTION = """g (float[N, 5, 32] x) => (float[N, 5, 32] y)
  <float[32, 32] wq, float[32] bq, float[32, 32] wk, float[32, 32] wv, float[32] bv, float[32, 32] wo, float scale,
   int64[4] split = {0, 0, 2, 16}, int64[3] join = {0, 0, 32}> {
  q0 = MatMul(x, wq)    q1 = Add(bq, q0)    q2 = Mul(q1, scale)
  k0 = MatMul(x, wk)
  v0 = MatMul(x, wv)    v1 = Add(bv, v0)
  q3 = Reshape(q2, split)    q = Transpose<perm = [0, 2, 1, 3]>(q3)
  k3 = Reshape(k0, split)    k = Transpose<perm = [0, 2, 3, 1]>(k3)
  v3 = Reshape(v1, split)    v = Transpose<perm = [0, 2, 1, 3]>(v3)
  s = MatMul(q, k)
  p = Softmax<axis = -1>(s)
  m = MatMul(p, v)
  n = Transpose<perm = [0, 2, 1, 3]>(m)
  o = Reshape(n, join)
  y = MatMul(o, wo)
}"""
HEADS = """g (float[N, 16, 5, 5] x) => (float[N, 8, 5, 5] box, float[N, 3, 5, 5] score)
  <float[16, 16, 3, 3] w1, float[16] b1, float[24, 16, 3, 3] w2, float[24] b2, float[8, 16, 1, 1] v1, float[3, 24, 1, 1] v2> {
  a = Conv<pads = [1, 1, 1, 1]>(x, w1, b1)   a1 = Sigmoid(a)   a2 = Mul(a, a1)
  b = Conv<pads = [1, 1, 1, 1]>(x, w2, b2)   c1 = Sigmoid(b)   c2 = Mul(b, c1)
  box = Conv(a2, v1)
  d = Conv(c2, v2)
  score = Sigmoid(d)
}"""
GATED = """g (float[N, 4, 32] x) => (float[N, 4, 32] y)
  <float[32, 64] gate, float[32, 64] up, float[64, 32] down> {
  g1 = MatMul(x, gate)   s = Sigmoid(g1)   h = Mul(g1, s)
  u = MatMul(x, up)
  m = Mul(h, u)
  y = MatMul(m, down)
}"""
RESIDUAL = """g (float[N, 16, 6, 6] x) => (float[N, 16, 6, 6] y)
  <float[16, 16, 1, 1] w1, float[16] b1, float[32, 16, 1, 1] w0, float[32] b0, float[16, 16, 3, 3] w2, float[16] b2,
   float[32, 16, 1, 1] w3, float[32] b3, float[16, 32, 1, 1] w4> {
  a = Conv(x, w1, b1)   a1 = Relu(a)
  s = Conv(x, w0, b0)
  b = Conv<pads = [1, 1, 1, 1]>(a1, w2, b2)   c = Relu(b)
  d = Conv(c, w3, b3)
  e = Add(d, s)
  f = Relu(e)
  y = Conv(f, w4)
}"""
TOWERS = """g (float[N, 16, 6, 6] x) => (float[N, 4, 6, 6] score, float[N, 8, 6, 6] box)
  <float[16, 16, 3, 3] v1, float[16] b1, float[16, 16, 3, 3] w1, float[16] c1, float[16, 16, 3, 3] v2, float[16] b2, float[16, 16, 3, 3] w2,
   float[16] c2, float[16, 16, 3, 3] v3, float[16, 16, 3, 3] w3, float[4, 16, 1, 1] v4, float[8, 16, 1, 1] w4> {
  a1 = Conv<pads = [1, 1, 1, 1]>(x, v1, b1)    p1 = Relu(a1)
  d1 = Conv<pads = [1, 1, 1, 1]>(x, w1, c1)    q1 = Relu(d1)
  a2 = Conv<pads = [1, 1, 1, 1]>(p1, v2, b2)   p2 = Relu(a2)
  d2 = Conv<pads = [1, 1, 1, 1]>(q1, w2, c2)   q2 = Relu(d2)
  a3 = Conv<pads = [1, 1, 1, 1]>(p2, v3)       p3 = Relu(a3)
  d3 = Conv<pads = [1, 1, 1, 1]>(q2, w3)
  s = Conv(p3, v4)   score = Sigmoid(s)
  box = Conv(d3, w4)
}"""
QUANTIZED = """g (float[N, 32, 6, 6] x) => (float[N, 32, 6, 6] y)
  <float s = {0.03}, float t = {0.04}, int8 zero = {0}, int8[16, 32, 1, 1] w1, float[16] s1, float[16] b1,
   int8[16, 32, 1, 1] w2, float[16] s2, float[16] b2, int8[32, 16, 3, 3] w3, float[32] s3, int8[32, 16, 3, 3] w4, float[32] s4> {
  q = QuantizeLinear(x, s, zero)          d = DequantizeLinear(q, s, zero)
  v1 = DequantizeLinear<axis = 0>(w1, s1) a1 = Conv(d, v1, b1)   r1 = Relu(a1)
  v2 = DequantizeLinear<axis = 0>(w2, s2) a2 = Conv(d, v2, b2)   r2 = Relu(a2)
  q1 = QuantizeLinear(r1, t, zero)        d1 = DequantizeLinear(q1, t, zero)
  q2 = QuantizeLinear(r2, t, zero)        d2 = DequantizeLinear(q2, t, zero)
  v3 = DequantizeLinear<axis = 0>(w3, s3) a3 = Conv<pads = [1, 1, 1, 1]>(d1, v3)
  v4 = DequantizeLinear<axis = 0>(w4, s4) a4 = Conv<pads = [1, 1, 1, 1]>(d2, v4)
  y = Add(a3, a4)
}"""
QUANTIZED_PRODUCTS = """g (float[N, 32] x) => (float[N, 32] y)
  <float s = {0.03}, float t = {0.04}, int8 zero = {0}, int8[32, 16] w1, float s1, int8[32, 16] w2, float s2, int8[16, 32] w3, float s3> {
  q = QuantizeLinear(x, s, zero)          d = DequantizeLinear(q, s, zero)
  v1 = DequantizeLinear(w1, s1) a1 = MatMul(d, v1)   r1 = Relu(a1)
  v2 = DequantizeLinear(w2, s2) a2 = MatMul(d, v2)   r2 = Relu(a2)
  q1 = QuantizeLinear(r1, t, zero)        d1 = DequantizeLinear(q1, t, zero)
  q2 = QuantizeLinear(r2, t, zero)        d2 = DequantizeLinear(q2, t, zero)
  v3 = DequantizeLinear(w3, s3) a3 = MatMul(d1, v3)
  m = MatMul(d2, v3)
  y = Add(a3, m)
}"""
MODELS = {
    "quantized": QUANTIZED,
    "quantized products": QUANTIZED_PRODUCTS,
    "towers": TOWERS,
    "residual": RESIDUAL,
    "inception": INCEPTION,
    "attention": ATTENTION,
    "heads": HEADS,
    "gated": GATED,
}


DECLARED = re.compile(r"(float|int64|int8)(?:\[([^\]]*)\])? +(\w+)( = \{[^}]*\})?")


def parts(name: str) -> tuple[str, str, str]:
    """A text before its initializers, these, and after them."""
    text = MODELS[name]
    i, j = text.index("<", text.index("=>")), text.index("> {")
    return text[:i], text[i + 1 : j], text[j + 1 :]


def arrays(name: str, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Seeded numbers for the initializers that a text declares without."""
    rng, found = np.random.default_rng(seed), dict[str, np.ndarray[Any, Any]]()
    for kind, dims, label, value in DECLARED.findall(parts(name)[1]):
        if not value:
            shape = [int(extent) for extent in dims.split(",") if extent]
            fan = {4: float(np.prod(shape[1:])), 2: float(shape[0] if shape else 1)}.get(len(shape), 4.0)
            found[label] = np.asarray(rng.standard_normal(shape) * fan**-0.5 + (not shape), np.float32)
            if kind == "int8":
                found[label] = rng.integers(-63, 64, shape).astype(np.int8)
            elif label.startswith("s") and name.startswith("quantized"):
                found[label] = np.asarray(rng.uniform(0.001, 0.004, shape), np.float32)
    return found


def proto(name: str, seed: int = 0) -> Any:
    before, declared, after = parts(name)
    kept = ", ".join(found[0] for found in re.finditer(DECLARED, declared) if found[4])
    made = parser.parse_model(HEAD + before + (f"<{kept}>" if kept else "") + after)
    for label, array in arrays(name, seed).items():
        made.graph.initializer.append(numpy_helper.from_array(array, label))
    return made


@cache
def built(name: str, seed: int = 0, **options: Any) -> tuple[trtc.Engine, list[str]]:
    """The engine, and what the pass said."""
    with collecting() as remarks:
        engine = trtc.build(proto(name, seed), BuildOptions(profiles={"N": (1, 2, 4)}, **options), cache=None)
    return engine, [str(r) for r in remarks if r.pass_name == "merge-siblings"]


def drawn(name: str, n: int, seed: int) -> Mapping[str, np.ndarray[Any, Any]]:
    shape = [dim.dim_value or n for dim in proto(name).graph.input[0].type.tensor_type.shape.dim]
    return {"x": np.random.default_rng(seed).standard_normal(shape).astype(np.float32)}


TARGETS = [("fp32", "sm_80"), ("fp16", "sm_90a")]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("precision", "target"), TARGETS)
def test_numbers_are_those_of_onnx_runtime(name: str, precision: str, target: str) -> None:
    engine, said = built(name, precision=precision, target=target)
    assert any(line.startswith("applied") for line in said) == (name != "gated"), said
    context = engine.create_context(SIMULATOR)
    for n in (1, 4):
        given, other = drawn(name, n, n), drawn(name, n, n + 10)
        got, want = context.run(given), zoo.run_onnxruntime(proto(name), dict(given))
        again = context.run(other)
        for label, array in want.items():
            assert zoo.relative_error(got[label], array) <= {"fp32": 1e-5, "fp16": 5e-3}[precision], label
            zoo.assert_input_matters(got[label], again[label])


@pytest.mark.parametrize("name", ["inception", "attention", "heads", "residual", "towers"])
@pytest.mark.parametrize("precision", ["fp16"])
def test_a_refit_is_a_build(name: str, precision: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"precision": precision, "target": "sm_80", "refit": True}
    engine, said = built(name, 7, **options)
    assert any(line.startswith("applied") for line in said)
    engine.save(tmp_path / "old")
    loaded = trtc.load(tmp_path / "old")
    loaded.refit(arrays(name, 8))
    loaded.save(tmp_path / "new")
    built(name, 8, **options)[0].save(tmp_path / "wanted")
    assert (tmp_path / "new").read_bytes() == (tmp_path / "wanted").read_bytes() != (tmp_path / "old").read_bytes()
