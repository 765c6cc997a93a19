"""What products take in before and after them, and groups of several results, against ONNX Runtime through a whole build to the simulator:
pre-activation blocks, squeeze-and-excitation, residual sums that are normalised and added to later. Each also counts its launches."""

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
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects.fusion import CallOp

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import where
from models.random import graphs

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

Array = np.ndarray[Any, Any]
HEADER = '<ir_version: 8, opset_import: ["" : 18]>\n'
TOLERANCE = {"fp32": 1e-4, "fp16": 1e-2}
TARGETS = where.targets("sm_80", "sm_90a")
SIZES = (1, 2, 4)
SEEDS = range(12)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CubinCache:
    return CubinCache(tmp_path_factory.mktemp("cubins"))


def graph(text: str, weights: Mapping[str, tuple[int, ...]], seed: int = 0) -> onnx.ModelProto:
    """A graph with drawn weights, products with variance kept."""
    rng = np.random.default_rng(seed)
    model = onnx.parser.parse_model(HEADER + text)
    for name, shape in weights.items():
        array = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.5 + rng.random(shape)
        model.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
    onnx.checker.check_model(model)
    return model


def norm(channels: int, *prefixes: str) -> dict[str, tuple[int, ...]]:
    """The parameters of BatchNorms."""
    return {f"{prefix}_{part}": (channels,) for prefix in prefixes for part in ("scale", "bias", "mean", "var")}


DENSE = graph(
    """dense (float[N, 32, 10, 10] i) => (float[N, 8, 10, 10] y) {
      x = Conv<kernel_shape = [1, 1]>(i, w0)
      n1 = BatchNormalization(x, a_scale, a_bias, a_mean, a_var)
      r1 = Relu(n1)
      c1 = Conv<kernel_shape = [1, 1]>(r1, w1)
      n2 = BatchNormalization(c1, b_scale, b_bias, b_mean, b_var)
      r2 = Relu(n2)
      c2 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(r2, w2)
      j = Concat<axis = 1>(x, c2)
      n3 = BatchNormalization(j, c_scale, c_bias, c_mean, c_var)
      r3 = Relu(n3)
      y = Conv<kernel_shape = [1, 1]>(r3, w3)
    }""",
    {
        "w0": (32, 32, 1, 1),
        "w3": (8, 48, 1, 1),
        **norm(48, "c"),
        "w1": (64, 32, 1, 1),
        "w2": (16, 64, 3, 3),
        **norm(32, "a"),
        **norm(64, "b"),
    },
)
PADDED = graph(
    """padded (float[N, 32, 9, 9] i) => (float[N, 16, 9, 9] y) {
      x = MaxPool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(i)
      n1 = BatchNormalization(x, a_scale, a_bias, a_mean, a_var)
      r1 = Sigmoid(n1)
      y = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(r1, w)
    }""",
    {"w": (16, 32, 3, 3), **norm(32, "a")},
)
SQUEEZE = graph(
    """squeeze (float[N, 32, 8, 8] x) => (float[N, 24, 8, 8] y) {
      d0 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = 32>(x, wd)
      d = Relu(d0)
      s0 = GlobalAveragePool(d)
      s1 = Conv<kernel_shape = [1, 1]>(s0, w1)
      s2 = Relu(s1)
      s3 = Conv<kernel_shape = [1, 1]>(s2, w2)
      s = Sigmoid(s3)
      m = Mul(d, s)
      y = Conv<kernel_shape = [1, 1]>(m, w3)
    }""",
    {"wd": (32, 1, 3, 3), "w1": (8, 32, 1, 1), "w2": (32, 8, 1, 1), "w3": (24, 32, 1, 1)},
)
ACTIVATION = graph(
    """activation (float[N, 16, 8, 8] x) => (float[N, 16, 8, 8] y) {
      c1 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(x, w1)
      r1 = Relu(c1)
      c2 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(r1, w2)
      y = Add(c1, c2)
    }""",
    {"w1": (16, 16, 3, 3), "w2": (16, 16, 3, 3)},
)
RESIDUAL = graph(
    """residual (float[N, 12, 64] i, float[N, 12, 64] z) => (float[N, 12, 64] y) {
      x = Softmax<axis = -1>(i)
      s = Add(x, z)
      l = LayerNormalization<axis = -1>(s, g, b)
      m = MatMul(l, w)
      y = Add(s, m)
    }""",
    {"g": (64,), "b": (64,), "w": (64, 64)},
)
ROTARY = graph(
    """rotary (float[N, 6, 32] i, float[6, 8] c, float[6, 8] s) => (float[N, 4, 6, 8] y) {
      m = MatMul(i, w)
      dims = Constant<value_ints = [0, 0, 4, 8]>()
      r = Reshape(m, dims)
      x = Transpose<perm = [0, 2, 1, 3]>(r)
      low, high = Split<axis = 3, num_outputs = 2>(x)
      n = Neg(high)
      j = Concat<axis = 3>(n, low)
      p = Mul(x, c)
      q = Mul(j, s)
      y = Add(p, q)
    }""",
    {"w": (32, 32)},
)
SHORTCUT = graph(
    """shortcut (float[N, 8, 12, 12] i) => (float[N, 32, 6, 6] y) {
      x = Conv<kernel_shape = [1, 1]>(i, w0)
      h0 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]>(x, w1)
      h1 = Relu(h0)
      h2 = Conv<kernel_shape = [1, 1]>(h1, w2, b2)
      s0 = Conv<kernel_shape = [1, 1], strides = [2, 2]>(x, w3, b3)
      a = Add(h2, s0)
      y = Relu(a)
    }""",
    {"w0": (64, 8, 1, 1), "w1": (64, 64, 3, 3), "w2": (32, 64, 1, 1), "b2": (32,), "w3": (32, 64, 1, 1), "b3": (32,)},
)
CASES = {
    "rotary": ROTARY,
    "shortcut": SHORTCUT,
    "dense": DENSE,
    "padded": PADDED,
    "squeeze": SQUEEZE,
    "activation": ACTIVATION,
    "residual": RESIDUAL,
}
LAUNCHES = {
    "rotary": 2,  # the product, and all of the embedding
    "shortcut": 3,  # the convs, the last two as one
    "dense": 4,  # one for each conv
    "padded": 2,  # the pool of the input, then one for the rest
    "squeeze": 3,  # depthwise conv, mean with the two products of the scale, and the projection, which scales as it loads
    "activation": 2,
    "residual": 3,  # the softmax, the sum with its norm, and the product with its sum
}
"""By fusion.call, fp16 for sm_90a."""


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CASES)
def test_blocks(name: str, target: str, precision: str, cache: CubinCache) -> None:
    model = CASES[name]
    options = trtc.BuildOptions(target=target, precision=precision, profiles={"N": SIZES})
    context = trtc.build(model, options, cache=cache).create_context(where.DEVICE, poison=True)
    results: list[Array] = []
    for n in (1, 3):
        inputs = draw(model, n)
        (got,) = (np.asarray(value) for value in context.run(inputs).values())
        (wanted,) = graphs.run_onnxruntime(model, inputs)
        graphs.assert_close(got, wanted, TOLERANCE[precision], "y")
        results.append(got)
    assert not np.allclose(results[0][0], results[1][0]), "another input changes the result"


@pytest.mark.parametrize("name", CASES)
def test_launches(name: str) -> None:
    options = trtc.BuildOptions(target="sm_90a", precision="fp16", profiles={"N": SIZES})
    module = import_onnx(CASES[name], profiles=options.profiles)
    set_target(module, options.target)
    run_pipeline(module, options, stop_after="fuse")
    assert sum(isinstance(op, CallOp) for op in module.walk()) == LAUNCHES[name]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_blocks(seed: int, cache: CubinCache) -> None:
    """Values with several readers on every side of products: what joins which group is drawn."""
    model = random_blocks(seed)
    precision, target = ("fp16", "fp32")[seed % 2], TARGETS[seed // 2 % len(TARGETS)]
    options = trtc.BuildOptions(target=target, precision=precision, profiles={"N": SIZES})
    context = trtc.build(model, options, cache=cache).create_context(where.DEVICE, poison=True)
    inputs = draw(model, 1 + seed % 3)
    got = context.run(inputs)
    for value, wanted in zip(model.graph.output, graphs.run_onnxruntime(model, inputs), strict=True):
        graphs.assert_close(np.asarray(got[value.name]), wanted, 2 * TOLERANCE[precision], value.name)


def random_blocks(seed: int) -> onnx.ModelProto:
    """Convs, norms, activations, gates and sums of values that all have one shape; some values in the middle are outputs, too."""
    rng = np.random.default_rng(seed)
    shape, lines, weights = (
        "float[N, 16, 6, 6]",
        ["v0 = Conv<kernel_shape = [1, 1]>(i, first)"],
        {"first": (16, 16, 1, 1), "half": (1,)},
    )
    for k in range(1, 10):
        a, b = (f"v{max(0, k - 1 - int(rng.integers(0, 3)))}" for _ in range(2))
        weights |= {f"w{k}": (16, 16, 1, 1), f"u{k}": (16, 16, 1, 1), f"t{k}": (16, 16, 3, 3), **norm(16, f"n{k}")}
        statistics = ", ".join(f"n{k}_{part}" for part in ("scale", "bias", "mean", "var"))
        lines += {
            0: [f"v{k} = Conv<kernel_shape = [1, 1]>({a}, w{k})"],
            1: [f"v{k} = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>({a}, t{k})"],
            2: [f"m{k} = BatchNormalization({a}, {statistics})", f"v{k} = Relu(m{k})"],
            3: [f"v{k} = Sigmoid({a})"],
            4: [f"a{k} = Add({a}, {b})", f"v{k} = Mul(a{k}, half)"],
            5: [
                f"c{k} = Conv<kernel_shape = [1, 1]>({a}, w{k})",
                f"d{k} = Conv<kernel_shape = [1, 1]>({b}, u{k})",
                f"v{k} = Add(c{k}, d{k})",
            ],
            6: [f"g{k} = GlobalAveragePool({a})", f"s{k} = Sigmoid(g{k})", f"v{k} = Mul({b}, s{k})"],
            7: [f"v{k} = MaxPool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>({a})"],
        }[int(rng.integers(0, 8))]
    outputs = ["v9", *(f"v{k}" for k in range(1, 9) if rng.random() < 0.2)]
    text = "\n".join(lines)
    return graph(
        f"""blocks ({shape} i) => ({", ".join(f"{shape} {name}" for name in outputs)}) {{ {text} }}""", weights, seed
    )


def draw(model: onnx.ModelProto, n: int) -> dict[str, Array]:
    """Inputs of `n` images."""
    rng = np.random.default_rng(n)
    shapes = {v.name: [d.dim_value or n for d in v.type.tensor_type.shape.dim] for v in model.graph.input}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
