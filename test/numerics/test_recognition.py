"""What exporters write for activations and norms becomes one op and one launch, and computes what ONNX Runtime does.

The forms are those of torch's two exporters, of tf2onnx and of paddle2onnx.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx.parser
import onnxruntime
import pytest
from xdsl.dialects.builtin import ModuleOp, f16, f32, f64
from xdsl.ir import Attribute

import trtc
from trtc.compiler.debug.check_numerics import NumericsObserver, relative_error
from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.compiler.universe import make_context
from trtc.dialects import kernel, nn
from trtc.dialects.dtypes import numpy_dtype
from trtc.dialects.meaning import run_module
from trtc.passes.graph.decompose_activations import DecomposeActivationsPass

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import where

Array = np.ndarray[Any, Any]
ROWS = "mean = ReduceMean<axes = [-1]>(x)\nd = Sub(x, mean)\n"
ROOT = "v = ReduceMean<axes = [-1]>(p)\ne = Add(v, epsilon)\ns = Sqrt(e)\n"
ACTIVATIONS = {
    "gelu of torch": ("nn.gelu", "a = Div(x, root2)\nb = Erf(a)\nc = Add(b, one)\nd = Mul(x, c)\ny = Mul(d, half)"),
    "gelu of torch's new exporter": (
        "nn.gelu",
        "a = Mul(x, root_half)\nb = Erf(a)\nc = Add(b, one)\nd = Mul(half, c)\ny = Mul(x, d)",
    ),
    "gelu of tf2onnx": (
        "nn.gelu",
        "a = Mul(x, root_half)\nb = Erf(a)\nc = Add(one, b)\nd = Mul(half, x)\ny = Mul(d, c)",
    ),
    "gelu distributed": (
        "nn.gelu",
        "h = Mul(x, half)\na = Mul(x, root_half)\nb = Erf(a)\nc = Mul(h, b)\ny = Add(h, c)",
    ),
    "gelu by tanh of torch": (
        "nn.gelu",
        "p = Pow(x, three)\nq = Mul(p, cubic)\nr = Add(x, q)\ns = Mul(r, scale)\nt = Tanh(s)\n"
        "u = Add(t, one)\nv = Mul(x, half)\ny = Mul(v, u)",
    ),
    "gelu by tanh of transformers": (
        "nn.gelu",
        "p = Mul(x, x)\nq = Mul(p, x)\nr = Mul(cubic, q)\ns = Add(x, r)\nt = Mul(scale, s)\nu = Tanh(t)\nv = Add(one, u)\n"
        "w = Mul(half, x)\ny = Mul(w, v)",
    ),
    "quick gelu": ("nn.silu", "a = Mul(x, quick)\nb = Sigmoid(a)\ny = Mul(x, b)"),
    "silu": ("nn.silu", "a = Sigmoid(x)\ny = Mul(a, x)"),
    "silu of exp": ("nn.silu", "a = Neg(x)\nb = Exp(a)\nc = Add(b, one)\ny = Div(x, c)"),
    "sigmoid of exp": ("nn.sigmoid", "a = Neg(x)\nb = Exp(a)\nc = Add(one, b)\ny = Div(one, c)"),
    "hard-swish of torch": (
        "nn.hard_swish",
        "a = Add(x, three)\nb = Clip(a, zero, six)\nc = Mul(x, b)\ny = Div(c, six)",
    ),
    "hard-swish of hard-sigmoid": (
        "nn.hard_swish",
        "a = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x)\ny = Mul(x, a)",
    ),
    "hard-sigmoid of paddle": ("nn.hard_sigmoid", "a = Add(x, three)\nb = Clip(a, zero, six)\ny = Div(b, six)"),
    "mish": ("nn.mish", "a = Softplus(x)\nb = Tanh(a)\ny = Mul(x, b)"),
    "softplus": ("nn.softplus", "a = Exp(x)\nb = Add(a, one)\ny = Log(b)"),
}
NORMS = {
    "layer norm of torch": (
        "nn.layer_norm",
        ROWS + "p = Pow(d, two)\n" + ROOT + "n = Div(d, s)\nm = Mul(n, gamma)\ny = Add(m, beta)",
    ),
    "layer norm with two differences": (
        "nn.layer_norm",
        ROWS + "d2 = Sub(x, mean)\np = Mul(d2, d2)\n" + ROOT + "n = Div(d, s)\nm = Mul(n, gamma)\ny = Add(m, beta)",
    ),
    "rms norm of torch": (
        "nn.normalize",
        "p = Pow(x, two)\n" + ROOT + "r = Div(one, s)\nn = Mul(x, r)\ny = Mul(gamma, n)",
    ),
    "rms norm of torch's new exporter": (
        "nn.normalize",
        "p = Pow(x, two)\n" + ROOT + "r = Reciprocal(s)\nn = Mul(x, r)\ny = Mul(n, gamma)",
    ),
    "layer norm of tf2onnx": (
        "nn.layer_norm",
        ROWS + "p = Mul(d, d)\nv = ReduceMean<axes = [-1]>(p)\ne = Add(v, epsilon)\ns = Sqrt(e)\nr = Reciprocal(s)\n"
        "f = Mul(r, gamma)\nt = Mul(x, f)\nu = Mul(mean, f)\nw = Sub(beta, u)\ny = Add(t, w)",
    ),
    "F.normalize of torch": (
        "nn.l2_normalize",
        "l = ReduceL2<axes = [-1], keepdims = 1>(x)\nc = Clip(l, tiny)\nd = Shape(x)\ne = Expand(c, d)\ny = Div(x, e)",
    ),
    "F.normalize of torch's new exporter": (
        "nn.l2_normalize",
        "l = ReduceL2<axes = [-1], keepdims = 1>(x)\nm = Max(l, tiny)\ny = Div(x, m)",
    ),
    "l2_normalize of tf2onnx": (
        "nn.l2_normalize",
        "q = Mul(x, x)\ns = ReduceSum(q, last)\nm = Max(s, tiny)\nt = Sqrt(m)\nr = Reciprocal(t)\ny = Mul(x, r)",
    ),
    "length 1": (
        "nn.l2_normalize",
        "l = ReduceL2<axes = [-1], keepdims = 0>(x)\nu = Unsqueeze(l, last)\ny = Div(x, u)",
    ),
    "LpNormalization": ("nn.l2_normalize", "y = LpNormalization(x)"),
    "log-softmax": (
        "nn.log_softmax",
        "m = ReduceMax<axes = [-1]>(x)\nd = Sub(x, m)\ne = Exp(d)\ns = ReduceSum(e, last)\nl = Log(s)\ny = Sub(d, l)",
    ),
    "softmax": (
        "nn.softmax",
        "m = ReduceMax<axes = [-1]>(x)\nd = Sub(x, m)\ne = Exp(d)\ns = ReduceSum(e, last)\ny = Div(e, s)",
    ),
}
NUMBERS = {
    "half": 0.5, "one": 1.0, "two": 2.0, "three": 3.0, "six": 6.0, "zero": 0.0, "root2": np.sqrt(2.0), "root_half": np.sqrt(0.5),
    "cubic": 0.044715, "scale": np.sqrt(2.0 / np.pi), "quick": 1.702, "epsilon": 1e-5, "tiny": 1e-4,
}  # fmt: skip
CASES = {**ACTIVATIONS, **NORMS}


def model(nodes: str, dtype: str) -> onnx.ModelProto:
    """The nodes from x to y, of any number of rows of 64, with numbers as initializers."""
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
    g ({dtype}[N, 64] x) => ({dtype}[N, 64] y) {{ {nodes} }}"""
    made = onnx.parser.parse_model(text.replace("\n", " "))
    element = np.float16 if dtype == "float16" else np.float32
    rng = np.random.default_rng(3)
    tensors: dict[str, Array] = {name: np.array(number, element) for name, number in NUMBERS.items()}
    tensors |= {"gamma": (rng.random(64) + 0.5).astype(element), "beta": rng.standard_normal(64).astype(element)}
    tensors["last"] = np.array([-1], np.int64)
    used = {name for node in made.graph.node for name in node.input}
    made.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in tensors.items() if n in used)
    return made


def compiled(made: onnx.ModelProto, precision: str, folder: Path) -> ModuleOp:
    (target,) = where.targets("sm_80")
    module = import_onnx(made)
    set_target(module, target)
    checks = NumericsObserver(seed=5, directory=folder)
    run_pipeline(
        module, trtc.BuildOptions(target=target, precision=precision), stop_after="kernels", observers=[checks]
    )
    return module


@pytest.mark.parametrize(
    "dtype, precision, tolerance", [("float", "fp32", 1e-5), ("float", "fp16", 3e-3), ("float16", "fp32", 3e-3)]
)
@pytest.mark.parametrize("name", CASES)
def test_one_op_and_one_launch(name: str, dtype: str, precision: str, tolerance: float, tmp_path: Path) -> None:
    op, nodes = CASES[name]
    made = model(nodes, dtype)
    module = compiled(made, precision, tmp_path)
    kernels = [inner for inner in module.walk() if isinstance(inner, kernel.FuncOp)]
    assert len(kernels) == 1
    assert op in {inner.name for inner in module.walk()}
    reference = onnxruntime.InferenceSession(
        model(nodes, "float").SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for seed, rows in ((0, 1), (1, 5)):
        x = (np.random.default_rng(seed).standard_normal((rows, 64)) * 3).astype(np.float16).astype(np.float32)
        (wanted,) = reference.run(None, {"x": x})
        got = execute(module, {"x": x.astype(np.float16 if dtype == "float16" else np.float32)})["y"]
        assert relative_error(got, np.asarray(wanted)) < tolerance


@pytest.mark.parametrize("element", [f64, f32, f16], ids=str)
@pytest.mark.parametrize("op", nn.ACTIVATIONS)
def test_a_decomposition_computes_what_the_op_does(op: type[nn.NnOp], element: Attribute) -> None:
    values = [0.0, -0.0, 1e-4, -1e-4, *np.linspace(-12, 12, 97), 80.0, -80.0, np.inf, np.nan]
    x = np.array(values).astype(numpy_dtype(element))
    net = trtc.Network()
    net.mark_output(net.insert(op(net.add_input("x", element, x.shape))), "y")
    module = net.module()
    (wanted,) = run_module(module, [x])
    DecomposeActivationsPass().apply(make_context(), module)
    assert not any(isinstance(inner, op) for inner in module.walk())
    (got,) = run_module(module, [x])
    tolerance = {"f64": 1e-13, "f32": 1e-6, "f16": 1e-3}[str(element)]
    np.testing.assert_allclose(got.astype(np.float64), wanted.astype(np.float64), rtol=tolerance, atol=tolerance)
