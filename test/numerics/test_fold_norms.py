"""Norms that are folded into products (`fold-norms`), through a whole build to the simulator against float64: as exact as norms that are
launches of their own, whatever the rows are like. Each also counts its launches."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.checker
import onnx.parser
import pytest
from onnx import numpy_helper

import trtc
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache
from trtc.compiler.debug.check_numerics import NumericsObserver
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import nn
from trtc.dialects.fusion import CallOp

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import where

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

Array = np.ndarray[Any, Any]
HEADER = '<ir_version: 8, opset_import: ["" : 18]>\n'
TOLERANCE = {"fp16": 2e-3, "bf16": 1e-2}
EPSILON = 1e-5
WIDTH, INNER = 192, 256


def graph(text: str, seed: int = 0, **weights: tuple[int, ...]) -> onnx.ModelProto:
    """A graph with drawn weights, products with variance kept."""
    rng = np.random.default_rng(seed)
    model = onnx.parser.parse_model(HEADER + text)
    square = WIDTH, WIDTH
    model.graph.initializer.append(numpy_helper.from_array(np.eye(WIDTH, dtype=np.float32), "eye"))
    for name, shape in {"w0": square, "w00": square, **weights}.items():
        array = rng.standard_normal(shape) / np.sqrt(shape[0]) if len(shape) > 1 else 0.5 + rng.random(shape)
        model.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
    onnx.checker.check_model(model)
    return model


ROWS = "i0 = MatMul(i, w0)\n i1 = Relu(i0)\n x0 = MatMul(i1, w00)\n r1 = MatMul(r, eye)\n x = Add(x0, r1)\n"
"""Rows that a product computes, stored narrow: those of `r` where `i` is zero."""
SIGNATURE = f"(float[N, 5, {WIDTH}] i, float[N, 5, {WIDTH}] r) => "
PRE = graph(
    f"""pre {SIGNATURE}(float[N, 5, 40] y) {{
      {ROWS}
      n = LayerNormalization<epsilon = {EPSILON}>(x, scale, bias)
      u0 = MatMul(n, w1)
      u = Add(u0, b1)
      g = Relu(u)
      h0 = MatMul(g, w2)
      h = Add(h0, b2)
      z = Add(x, h)
      y = MatMul(z, w3)
    }}""",
    w3=(WIDTH, 40), scale=(WIDTH,), bias=(WIDTH,), w1=(WIDTH, INNER), b1=(INNER,), w2=(INNER, WIDTH), b2=(WIDTH,),
)  # fmt: skip
POST = graph(
    f"""post {SIGNATURE}(float[N, 5, 40] y) {{
      {ROWS}
      n = LayerNormalization<epsilon = {EPSILON}>(x, scale, bias)
      u = MatMul(n, w1)
      g = Relu(u)
      h0 = MatMul(g, w2)
      h = Add(h0, b2)
      z = Add(h, n)
      m = LayerNormalization<epsilon = {EPSILON}>(z, scale2, bias2)
      y = MatMul(m, w3)
    }}""",
    scale=(WIDTH,), bias=(WIDTH,), w1=(WIDTH, INNER), w2=(INNER, WIDTH), b2=(WIDTH,), scale2=(WIDTH,),
    bias2=(WIDTH,), w3=(WIDTH, 40),
)  # fmt: skip
RMS = graph(
    f"""rms {SIGNATURE}(float[N, 5, {INNER}] y, float[N, 5, 40] z) {{
      two = Constant<value_float = 2.0>()
      epsilon = Constant<value_float = {EPSILON:f}>()
      last = Constant<value_ints = [-1]>()
      {ROWS}
      p = Pow(x, two)
      q = ReduceMean(p, last)
      e = Add(q, epsilon)
      d = Sqrt(e)
      n0 = Div(x, d)
      n = Mul(scale, n0)
      y = MatMul(n, w1)
      z0 = MatMul(n, w2)
      z = Sigmoid(z0)
    }}""",
    scale=(WIDTH,), w1=(WIDTH, INNER), w2=(WIDTH, 40),
)  # fmt: skip
MODELS = {"pre": PRE, "post": POST, "rms": RMS}
LAUNCHES = {"pre": 6, "post": 6, "rms": 5}
"""The most by fusion.call: one for each product."""


def weights_of(model: onnx.ModelProto) -> dict[str, Array]:
    return {t.name: numpy_helper.to_array(t).astype(np.float64) for t in model.graph.initializer}


def layer_norm(x: Array, scale: Array, bias: Array) -> Array:
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + EPSILON) * scale + bias


def reference(name: str, inputs: Mapping[str, Array]) -> list[Array]:
    """The results in float64."""
    w = weights_of(MODELS[name])
    x = np.maximum(inputs["i"].astype(np.float64) @ w["w0"], 0) @ w["w00"] + inputs["r"]
    if name == "pre":
        hidden = np.maximum(layer_norm(x, w["scale"], w["bias"]) @ w["w1"] + w["b1"], 0)
        return [(x + hidden @ w["w2"] + w["b2"]) @ w["w3"]]
    if name == "post":
        n = layer_norm(x, w["scale"], w["bias"])
        z = np.maximum(n @ w["w1"], 0) @ w["w2"] + w["b2"] + n
        return [layer_norm(z, w["scale2"], w["bias2"]) @ w["w3"]]
    n = x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * w["scale"]
    return [n @ w["w1"], 1 / (1 + np.exp(-(n @ w["w2"])))]


def rows(kind: str, n: int) -> dict[str, Array]:
    """Inputs that make rows of a kind; all but the plain ones are numbers that bf16 holds, and go through the first product unchanged."""
    rng = np.random.default_rng(n)
    drawn, shape = rng.standard_normal((n, 5, WIDTH)), (n, 5, WIDTH)
    if kind == "plain":
        return {"i": rng.standard_normal(shape).astype(np.float32), "r": drawn.astype(np.float32)}
    if kind == "large mean":
        values = np.clip(28 + drawn, 24.125, 31.875)
    elif kind == "outliers":
        values = np.clip(drawn, -3, 3) * np.where(np.arange(WIDTH) % 61 == 7, 64.0, 1.0)
    else:
        values = np.where(np.arange(5)[:, None] % 2, 1.5, np.clip(drawn, -3, 3))
    if kind != "large mean":
        values = values.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        return {"i": np.zeros(shape, np.float32), "r": values.view(np.float32)}
    return {"i": np.zeros(shape, np.float32), "r": (np.round(values * 8) / 8).astype(np.float32)}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CubinCache:
    return CubinCache(tmp_path_factory.mktemp("cubins"))


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("target", where.targets("sm_80", "sm_90a"))
@pytest.mark.parametrize("name", MODELS)
def test_rows(name: str, target: str, precision: str, cache: CubinCache) -> None:
    options = trtc.BuildOptions(target=target, precision=precision, profiles={"N": (1, 8, 8)})
    context = trtc.build(MODELS[name], options, cache=cache).create_context(where.DEVICE, poison=True)
    results: list[Array] = []
    for n, kind in ((8, "plain"), (1, "plain"), (3, "large mean"), (5, "outliers"), (2, "constant")):
        inputs = rows(kind, n)
        got = [np.asarray(value).astype(np.float64) for value in context.run(inputs).values()]
        for value, wanted in zip(got, reference(name, inputs), strict=True):
            error = np.linalg.norm(value - wanted, axis=-1) / np.linalg.norm(wanted, axis=-1)
            assert error.max() <= TOLERANCE[precision], f"{kind}: relative error of a row {error.max()}"
        results.append(got[0])
    assert not np.allclose(results[0][0], results[1][0]), "another input changes the result"


@pytest.mark.parametrize("target", ("sm_80", "sm_90a"))
@pytest.mark.parametrize("name", MODELS)
def test_launches(name: str, target: str) -> None:
    options = trtc.BuildOptions(target=target, precision="fp16", profiles={"N": (1, 8, 8)})
    module = import_onnx(MODELS[name], profiles=options.profiles)
    set_target(module, target)
    run_pipeline(module, options, stop_after="fuse")
    assert sum(isinstance(op, CallOp) for op in module.walk()) <= LAUNCHES[name]
    assert not any(isinstance(op, nn.LayerNormOp | nn.NormalizeOp) for op in module.walk())
    kinds = {op.attributes["fusion.anchor"].data for op in module.walk() if "fusion.anchor" in op.attributes}  # pyright: ignore
    assert kinds == {"matmul"}


@pytest.mark.parametrize("name", MODELS)
def test_refit_is_rebuild(name: str, cache: CubinCache, tmp_path: Path) -> None:
    """What is folded into weights are ops of `@weights`: those of new scales, biases and matrices are made of them again."""
    options = trtc.BuildOptions(target="sm_80", precision="fp16", profiles={"N": (1, 8, 8)}, refit=True)
    engine = trtc.build(MODELS[name], options, cache=cache)
    old, new = weights_of(MODELS[name]), onnx.ModelProto()
    new.CopyFrom(MODELS[name])
    for tensor in new.graph.initializer:
        array = (numpy_helper.to_array(tensor) * 1.25 + 0.125).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    assert {"scale", "w1"} <= set(engine.weights) <= set(old)
    engine.refit({t.name: numpy_helper.to_array(t) for t in new.graph.initializer if t.name in engine.weights})
    engine.save(tmp_path / "refitted")
    trtc.build(new, options, cache=cache).save(tmp_path / "rebuilt")
    assert (tmp_path / "refitted").read_bytes() == (tmp_path / "rebuilt").read_bytes()


@pytest.mark.parametrize("name", MODELS)
def test_every_pass_keeps_the_numbers(name: str, tmp_path: Path) -> None:
    """The pass itself is allowed other roundings; what is made of it later is not."""
    options = trtc.BuildOptions(target="sm_90a", precision="fp16", profiles={"N": (1, 8, 8)})
    module = import_onnx(MODELS[name], profiles=options.profiles)
    set_target(module, options.target)
    observer = NumericsObserver(seed=0, directory=tmp_path)
    run_pipeline(module, options, stop_after="kernels", observers=[observer])
    (folded,) = [number for step, number in observer.checked.items() if step.endswith("fold-norms")]
    assert folded[1] > 0
