"""Small ONNX graphs against ONNX Runtime, through a whole build to the simulator: each was once wrong, refused or a crash.

`random/test_graphs.py` finds such graphs; here they stay, one per line, reduced to what matters.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx.checker
import onnx.numpy_helper
import onnx.parser
import pytest
from onnx import helper

import trtc
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import where
from models.random import graphs

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

Array = np.ndarray[Any, Any]
HEADER = '<ir_version: 8, opset_import: ["" : {opset}]>\n'
PROFILES = {"N": (1, 2, 4)}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CubinCache:
    return CubinCache(tmp_path_factory.mktemp("cubins"))


def parse(text: str, opset: int = 18) -> onnx.ModelProto:
    """`g (float[2] x) => (float[2] y) { y = Relu(x) }` as a model."""
    model = onnx.parser.parse_model(HEADER.format(opset=opset) + text)
    onnx.checker.check_model(model)
    return model


def draw(model: onnx.ModelProto, n: int, seed: int = 0) -> dict[str, Array]:
    """Inputs of the declared types, N being `n`."""
    rng = np.random.default_rng(seed)
    inputs: dict[str, Array] = {}
    for value in model.graph.input:
        tensor = value.type.tensor_type
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        shape = [dim.dim_value or n for dim in tensor.shape.dim]
        array = (
            rng.standard_normal(shape)
            if dtype.kind == "f"
            else rng.integers(0 if dtype.kind in "ub" else -9, 10, shape)
        )
        inputs[value.name] = np.asarray(array).astype(dtype)
    return inputs


def compare(model: onnx.ModelProto, cache: CubinCache, *feeds: dict[str, Array], target: str = "sm_80") -> None:
    """Build, run and compare every output with ONNX Runtime: integers and special values exactly, floats to 1e-4."""
    dynamic = any(dim.dim_param for value in model.graph.input for dim in value.type.tensor_type.shape.dim)
    (target,) = where.targets(target)
    options = trtc.BuildOptions(target=target, profiles=PROFILES if dynamic else {})
    context = trtc.build(model, options, cache=cache).create_context(where.DEVICE, poison=True)
    for inputs in feeds or [draw(model, n) for n in ((1, 3) if dynamic else (1,))]:
        expected = graphs.run_onnxruntime(model, inputs)
        got = context.run(inputs)
        for value, wanted in zip(model.graph.output, expected, strict=True):
            graphs.assert_close(np.asarray(got[value.name]), wanted, 1e-4, value.name)


VIEWS_AS_OUTPUTS = [
    "g (float[24, 2, 1] x) => (float[24, 2] y) <int64[2] s = {24, 2}> { a = Relu(x) y = Reshape(a, s) }",
    "g (float[1, 8, 4, 4] x) => (float[1, 2, 8, 8] y) { y = DepthToSpace<blocksize = 2>(x) }",
    "g (float[N, 4, 2, 2] x) => (float[N, 16, 1, 1] y) { y = SpaceToDepth<blocksize = 2>(x) }",
    "g (float[2, 3] x) => (float[6] y, float[2, 3] a) <int64[1] s = {6}> { a = Relu(x) y = Reshape(a, s) }",
    "g (float[2, 3] x) => (float[6] y, float[3, 2] z) <int64[1] s = {6}, int64[2] t = {3, 2}>"
    " { a = Relu(x) y = Reshape(a, s) z = Reshape(a, t) }",
]


@pytest.mark.parametrize("text", VIEWS_AS_OUTPUTS)
def test_a_view_of_a_result_may_be_an_output(text: str, cache: CubinCache) -> None:
    compare(parse(text), cache)


SLICES = [
    "g (float[3, 4] x) => (float[3, 4] y) <int64[1] s = {-1}, int64[1] e = {-99}, int64[1] a = {1}, int64[1] t = {-1}>"
    " { y = Slice(x, s, e, a, t) }",
    "g (float[5, 4] x) => (float[2, 2] z) <int64[2] s = {-1, 3}, int64[2] e = {0, -99}, int64[2] a = {0, 1}, int64[2] t = {-2, -2}>"
    " { y = Slice(x, s, e, a, t) z = Relu(y) }",
    "g (float[3, 4] x, float[4, 2] w) => (float[3, 2] z)"
    " <int64[1] s = {-1}, int64[1] e = {-99}, int64[1] a = {0}, int64[1] t = {-1}> { y = Slice(x, s, e, a, t) z = MatMul(y, w) }",
    "g (float[N, 2, 5, 4] x) => (float[2, M, 3] y) <int64[2] p = {1, 3}, int64[3] s = {2, -1, 3}>"
    " { a, b = Split<axis = 3>(x, p) y = Reshape(b, s) }",
]  # fmt: skip


@pytest.mark.parametrize("text", SLICES)
def test_slices_may_run_backwards_and_be_reshaped(text: str, cache: CubinCache) -> None:
    compare(parse(text), cache)


SCALARS = [
    "g () => (float y) <float y = {1.5}> { }",
    "g (float[4] x) => (float y, float[4] z) <float[4] a = {1, 2, 3, 4}> { y = MatMul(a, a) z = Relu(x) }",
    "g (float[4] x) => (float z, float[4] y) <float a = {0.7}, float b = {0.2}> { z = Min(a, b) y = Add(x, z) }",
    "g (float x) => (float y) <float a = {0.5}> { b = Erf(a) y = Add(x, b) }",
    "g (float x) => (float y, float z) { y = ReduceSum(x) z = ReduceL2<noop_with_empty_axes = 1>(x) }",
    "g (float[2, 3] x) => (float[2, 3] y, float[2, 3] z)"
    " { y = ReduceSumSquare<noop_with_empty_axes = 1>(x) z = ReduceL1<noop_with_empty_axes = 1>(x) }",
]  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_scalars_and_reductions_over_nothing(text: str, cache: CubinCache) -> None:
    compare(parse(text), cache)


def test_a_shape_with_a_dynamic_dim_is_an_output(cache: CubinCache) -> None:
    compare(parse("g (float[N, 4, 2] x) => (int64[3] y) { y = Shape(x) }"), cache)


def test_depthwise_convolutions_may_have_several_outputs_per_channel(cache: CubinCache) -> None:
    text = "g (float[2, 3, 5, 5] x, float[6, 1, 3, 3] w) => (float[2, 6, 3, 3] y) { y = Conv<group = 3>(x, w) }"
    compare(parse(text), cache)


CUDA_NAMES = "Abs Neg Exp Log Sqrt Erf Tanh Floor Ceil Round Sin Cos Sign Relu Reciprocal Sigmoid"


@pytest.mark.parametrize("operators", [CUDA_NAMES, "Max Min Add Sub Mul Div Pow"])
def test_kernels_may_be_called_like_functions_of_cuda(operators: str, cache: CubinCache) -> None:
    """One group for each operator, called after it."""
    names, operand = operators.split(), "x, x" if "Add" in operators else "x"
    calls = " ".join(f"y{i} = {op}({operand})" for i, op in enumerate(names))
    outputs = ", ".join(f"float[4] y{i}" for i in range(len(names)))
    model = parse(f"g (float[4] x) => ({outputs}) {{ {calls} }}")
    compare(model, cache, {"x": np.float32([0.5, 1.25, 2.0, 3.75])})


def test_a_constant_beside_a_vector_is_transposed(cache: CubinCache) -> None:
    text = "g (float[1] x) => (float[1, 5] y) <float[5, 1] c = {1, 2, 3, 4, 5}> { a = Mul(c, x) y = Transpose<perm = [1, 0]>(a) }"
    compare(parse(text), cache)


@pytest.mark.parametrize("operator", ["Softplus", "Mish"])
def test_softplus_keeps_its_digits_for_large_negative_operands(operator: str, cache: CubinCache) -> None:
    model = parse(f"g (float[4] x) => (float[4] y) {{ y = {operator}(x) }}", opset=18)
    for scale in (1.0, 4.0, 20.0):
        compare(model, cache, {"x": np.float32([-1.0, -2.0, -3.0, -4.0]) * np.float32(scale)})


BYTES = [
    "g (uint8[3, 5] x) => (float[3, 5] y, int8[3, 5] z, int64[3, 5] v, bool[3, 5] b)"
    " { y = Cast<to = 1>(x) z = Cast<to = 3>(x) v = Cast<to = 7>(x) b = Cast<to = 9>(x) }",
    "g (float[3, 5] x) => (uint8[3, 5] y) { a = Abs(x) y = Cast<to = 2>(a) }",
    "g (uint8[3, 5] x, uint8[5] z) => (uint8[3, 5] y) { a = Sub(x, z) b = Mul(a, a) y = Div(b, z) }",
    "g (uint8[3, 5] x, uint8[5] z) => (uint8[3, 5] y, bool[3, 5] b) { y = Max(x, z) b = Less(x, z) }",
    "g (uint8[1, 2, 6, 6] x) => (uint8[1, 2, 3, 3] y) { y = MaxPool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 0, 0]>(x) }",
    "g (uint8[3, 5] x) => (uint8[3] y, uint8[3] z) <int64[1] a = {1}>"
    " { y = ReduceMax<keepdims = 0>(x, a) z = ReduceMin<keepdims = 0>(x, a) }",
    "g (uint8[3, 5] x) => (uint8[2, 5] y, uint8[5, 3] w, uint8[4, 5] z) <int64[2] i = {2, -1}, int64[4] p = {0, 0, 1, 0}>"
    " { y = Gather(x, i) w = Transpose(x) z = Pad(x, p) }",
    "g (uint8[3, 5] x) => (uint8[3, 5] y) <uint8 low = {2}, uint8 high = {200}> { y = Clip(x, low, high) }",
]  # fmt: skip


@pytest.mark.parametrize("text", BYTES)
def test_bytes_without_a_sign(text: str, cache: CubinCache) -> None:
    """Images come as uint8; arithmetic wraps around at 256."""
    model = parse(text)
    inputs = draw(model, 1)
    rng = np.random.default_rng(3)
    inputs = {k: rng.integers(1, 256, v.shape).astype(v.dtype) if v.dtype == np.uint8 else v for k, v in inputs.items()}
    compare(model, cache, inputs)


EMPTY = [
    "g (float[2, 3] x) => (float[2, 0] y) <int64[1] s = {1}, int64[1] e = {1}, int64[1] a = {1}> { y = Slice(x, s, e, a) }",
    "g (float[N, 3] x) => (float[N, 0] z) <int64[1] s = {1}, int64[1] e = {1}, int64[1] a = {1}> { y = Slice(x, s, e, a) z = Relu(y) }",
    "g (float[2, 3] x) => (float[2, 3] z) <int64[1] s = {1}, int64[1] e = {1}, int64[1] a = {1}>"
    " { y = Slice(x, s, e, a) z = Concat<axis = 1>(y, x) }",
    "g (float[2, 3] x) => (float[2, 1] z) <int64[1] s = {1}, int64[1] e = {1}, int64[1] a = {1}>"
    " { y = Slice(x, s, e, a) z = ReduceSum(y, a) }",
    "g (float[2, 3] x) => (float[2, 4] z) <int64[1] s = {1}, int64[1] e = {1}, int64[1] a = {1}, int64[4] p = {0, 1, 0, 3}>"
    " { y = Slice(x, s, e, a) z = Pad(y, p) }",
    "g (float[2, 3] x, float[3, 2] w) => (float[2, 2] z) <int64[1] s = {1}, int64[1] e = {1}, int64[1] a = {1}, int64[1] b = {0}>"
    " { y = Slice(x, s, e, a) v = Slice(w, s, e, b) z = MatMul(y, v) }",
    "g (float[2, 3] x) => (float[0, 3] y) <int64[0] i = {}> { y = Gather(x, i) }",
    "g (float[2, 3] x) => (float[2, 0] z) <int64[1] s = {1}, int64[1] e = {1}, int64[1] a = {1}>"
    " { y = Slice(x, s, e, a) z = Softmax(y) }",
]  # fmt: skip


@pytest.mark.parametrize("text", EMPTY)
def test_tensors_may_be_empty(text: str, cache: CubinCache) -> None:
    compare(parse(text), cache)


SPECIAL = [np.nan, np.inf, -np.inf, 0.0, 1e-40, 3e38, -3e38, 1.0, -1.0, 2.5, -7.0, 88.8, -104.0, 1e-10]
SPECIALS = [
    "y = Sinh(x)", "y = Cosh(x)", "y = Softplus(x)", "y = Mod<fmod = 1>(x, inf)", "y = Max(x, one)", "y = Min(x, one)",
    "y = Clip(x, one, three)", "y = Clip(x, three, one)", "y = Clip(x, minus, three)", "y = Pow(x, three)", "y = Where(k, x, three)",
    "y = Sign(x)", "y = Round(x)", "y = IsInf(x)", "y = IsNaN(x)", "y = LessOrEqual(x, one)", "y = Equal(x, x)",
]  # fmt: skip
CONSTANTS = "float one = {1}, float three = {3}"


@pytest.mark.parametrize("node", SPECIALS)
def test_values_that_are_not_finite(node: str, cache: CubinCache) -> None:
    """NaN goes through, infinities compare and clip, sinh stays finite where exp is not, min > max clips to max."""
    x = np.float32(SPECIAL)
    boolean = node.startswith(("y = Is", "y = Less", "y = Equal"))
    text = f"g (float[14] x, bool[14] k) => ({'bool' if boolean else 'float'}[14] y) <{CONSTANTS}> {{ {node} }}"
    text = text.replace("bool[14] k", "bool[14] k" if "k," in node else "bool[14] unused")
    model = onnx.parser.parse_model(HEADER.format(opset=18) + text)
    for name, number in (("inf", np.inf), ("minus", -np.inf)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(number), name))
    other = model.graph.input[1].name
    compare(model, cache, {"x": x, other: x > 0})


ROWS = [[-np.inf] * 4, [np.inf, 1, 2, 3], [np.nan, 1, 2, 3], [-np.inf, 0, 1, 2], [np.inf, -np.inf, 0, 0], [-1e30] * 4]


@pytest.mark.parametrize(
    "node", ["Softmax<axis = 1>(x)", "LogSoftmax<axis = 1>(x)", "ReduceLogSumExp<keepdims = 1>(x, a)"]
)
def test_rows_of_infinities(node: str, cache: CubinCache) -> None:
    model = parse(
        f"g (float[6, 4] x) => (float[6, {1 if 'Reduce' in node else 4}] y) <int64[1] a = {{1}}> {{ y = {node} }}"
    )
    compare(model, cache, {"x": np.float32(ROWS)})


def test_integer_remainders_and_quotients_of_the_least_integer(cache: CubinCache) -> None:
    text = "g (int8[4] x, int8[4] d) => (int8[4] m, int8[4] f, int8[4] q) { m = Mod(x, d) f = Mod<fmod = 1>(x, d) q = Div(x, d) }"
    compare(parse(text), cache, {"x": np.int8([-128, -128, -7, 127]), "d": np.int8([3, -7, 3, -2])})


INTEGERS = [
    "g (int64[3] x) => (int64[3] y) <int64 low = {-9223372036854775803}, int64 high = {9007199254740993}> { y = Clip(x, low, high) }",
    "g (int64[3] x) => (int64[1] y) <int64[1] a = {0}> { y = ReduceMean(x, a) }",
]  # fmt: skip


@pytest.mark.parametrize("text", INTEGERS)
def test_long_integers_keep_their_digits(text: str, cache: CubinCache) -> None:
    compare(parse(text), cache, {"x": np.array([2**53 + 3, -(2**53) - 1, 7])})


def test_integers_to_the_power_of_floats(cache: CubinCache) -> None:
    compare(
        parse("g (int64[3] x) => (int64[3] y) <float p = {0.5}> { y = Pow(x, p) }"), cache, {"x": np.array([4, 10, 3])}
    )


POOLS = [
    "g (float[1, 2, 7, 6] x) => (float[1, 2, 4, 4] y)"
    " { y = AveragePool<kernel_shape = [2, 3], strides = [2, 2], pads = [0, 1, 0, 1], ceil_mode = 1, count_include_pad = 1>(x) }",
    "g (float[1, 2, 8] x) => (float[1, 2, 5] y)"
    " { y = AveragePool<kernel_shape = [3], strides = [2], pads = [1, 1], ceil_mode = 1, count_include_pad = 1>(x) }",
]  # fmt: skip


@pytest.mark.parametrize("text", POOLS)
def test_averages_count_pads_but_not_what_ceil_mode_adds(text: str, cache: CubinCache) -> None:
    compare(parse(text), cache)


def test_a_slice_runs_backwards_over_a_dynamic_dim(cache: CubinCache) -> None:
    text = (
        "g (float[N, 3] x) => (float[N, 3] y) <int64[1] s = {-1}, int64[1] e = {-9999}, int64[1] a = {0}, int64[1] t = {-1}>"
        " { y = Slice(x, s, e, a, t) }"
    )
    compare(parse(text), cache)


def test_a_factor_that_widens_a_product_stays_outside_its_weights(cache: CubinCache) -> None:
    text = (
        "g (float[N, 2, 3] x) => (float[N, 2, 4] y) <float[3, 1] w = {0.5, -1.5, 2}, float[4] f = {1, 2, -3, 4}>"
        " { v = MatMul(x, w) y = Mul(v, f) }"
    )
    compare(parse(text), cache)


VIEWS = [
    # Each joins all results before it, as a dense block of torch does.
    "g (float[N, 4, 5] x) => (float[N, 16, 5] y) { a = Relu(x) b = Concat<axis = 1>(a, x) c = Sin(b) d = Concat<axis = 1>(a, x, c)"
    " e = Neg(d) p, q = Split<axis = 1, num_outputs = 2>(e) y = Concat<axis = 1>(p, q) }",
    # A part of a concat that is there, in f32 and as integers.
    "g (int32[N, 4] x, int32[N, 3] z) => (int32[N, 11] y, int32[N, 7] w)"
    " { a = Neg(x) b = Abs(z) y = Concat<axis = 1>(a, a, b) w = Concat<axis = 1>(a, b) }",
    # Halves of a tensor joined with what one of them becomes.
    "g (float[N, 8, 3, 3] x, float[4, 4, 1, 1] w) => (float[N, 12, 3, 3] y)"
    " { c = Relu(x) a, b = Split<axis = 1, num_outputs = 2>(c) d = Conv(b, w) y = Concat<axis = 1>(a, b, d) }",
    # Ops between reshapes of leading dims.
    # A product of a vector, which has no dims but that of its elements.
    "g (float[5] x, float[5, 8] w) => (float[8] y) { a = Sin(x) b = MatMul(a, w) c = Tanh(b) y = Exp(c) }",
    "g (float[N, 3, 8] x, float[8, 16] w, float[16] b, float[N, 3, 16] r) => (float[N, 3, 16] y) <int64[2] s = {-1, 8},"
    " int64[3] t = {-1, 3, 16}> { n = Sin(x) a = Reshape(n, s) m = Gemm(a, w, b) d = Reshape(m, t) e = Tanh(d) y = Add(e, r) }",
    "g (float[N, 2, 5, 8] x, float[N, 2, 6, 8] z) => (float[N, 2, 5, 6] y) <int64[3] s = {-1, 5, 8}, int64[3] t = {-1, 6, 8},"
    " int64[4] u = {-1, 2, 5, 6}> { p = Relu(x) q = Neg(z) a = Reshape(p, s) b = Reshape(q, t) c = Transpose<perm = [0, 2, 1]>(b)"
    " d = MatMul(a, c) e = Softmax<axis = -1>(d) y = Reshape(e, u) }",
    "g (float[N, 4, 6] x) => (float[N, 4] y, float[M, 6] z) <int64[2] s = {-1, 6}, int64[2] t = {-1, 4}, int64[1] k = {1}>"
    " { p = Sin(x) a = Reshape(p, s) z = Softmax<axis = -1>(a) r = ReduceSum<keepdims = 0>(z, k) e = Reshape(r, t) y = Exp(e) }",
    # Constants beside a tensor, which are added to its padding; the reciprocal tells zeros of either sign apart.
    "g (float[N, 2, 2] x) => (float[N, 4, 2] y) <float[1, 1, 2] t = {0.5, -0.0}, float[1, 1, 2] u = {-0.5, 0.0}, int64[1] zero = {0},"
    " int64[2] rest = {1, 2}, float[1, 4, 2] p = {-0.5, -0.0, 1, 2, 3, 0, 5, 6}>"
    " { s = Shape(x) n = Gather(s, zero) d = Concat<axis = 0>(n, rest) a = Expand(t, d) b = Expand(u, d) k = Relu(x)"
    " c = Concat<axis = 1>(a, k, b) e = Add(c, p) y = Reciprocal(e) }",
    # Neighbours of a concat, copied at once.
    "g (float[N, 5, 6, 4] x) => (float[N, 5, 6, 4] y) <int64[2] p = {2, 3}, int64[2] q = {4, 2}> { r = Relu(x)"
    " a, b = Split<axis = 1>(r, p) c = Concat<axis = 1>(b, a) d, e = Split<axis = 2>(c, q) f = Concat<axis = 2>(e, d) y = Add(f, r) }",
    # Every other row and column of a part of an image, which are not all of it.
    "g (float[N, 8, 8] x) => (float[N, 4, 2] y, float[N, 6, 4] z) <int64[2] a = {0, 0}, int64[2] b = {1, 0}, int64[2] e = {4, 2},"
    " int64[2] f = {6, 8}, int64[2] i = {1, 2}, int64[2] k = {2, 1}, int64[2] m = {2, 2}> { r = Relu(x) c = Slice(r, a, e, i, k)"
    " d = Slice(r, b, e, i, k) y = Concat<axis = 1>(c, d) g = Slice(r, a, f, i, m) h = Slice(r, b, f, i, m)"
    " z = Concat<axis = 1>(g, h) }",
    # The arithmetic of a mask by numbers of three dims, of which two are left.
    "g (int64[N, 1, 8] m) => (float[N, 8] y) <float[1, 1, 1] one = {1.0}, int64[2] s = {-1, 8}>"
    " { a = Cast<to = 1>(m) b = Sub(one, a) y = Reshape(b, s) }",
    # More operands than one launch copies, and some that are written in place between them.
    "g (float[N, 3] x) => (float[N, 36] y) { a = Neg(x) b = Abs(x) y = Concat<axis = 1>(x, x, a, x, x, x, x, x, x, x, x, b) }",
]


@pytest.mark.parametrize("text", VIEWS)
def test_ops_between_views(text: str, cache: CubinCache) -> None:
    compare(parse(text), cache)


SPLIT_RESULTS = [
    # A step up of a U-Net: the pixels of a transposed convolution beside those of a skip.
    "g (float[N, 8, 3, 5] x, float[N, 4, 6, 10] s, float[8, 4, 2, 2] w, float[4] b, float[4, 8, 1, 1] v) => (float[N, 4, 6, 10] y)"
    " { u = ConvTranspose<strides = [2, 2]>(x, w, b) k = Relu(s) c = Concat<axis = 1>(u, k) y = Conv(c, v) }",
    # The channels of a grouped convolution's groups in turn (ShuffleNet).
    "g (float[N, 8, 5, 6] x, float[12, 4, 1, 1] w, float[12] b, float[12, 1, 3, 3] v) => (float[N, 12, 3, 4] y)"
    " <int64[5] s = {-1, 2, 6, 5, 6}, int64[4] t = {-1, 12, 5, 6}> { c = Conv<group = 2>(x, w, b) r = Relu(c) a = Reshape(r, s)"
    " p = Transpose<perm = [0, 2, 1, 3, 4]>(a) q = Reshape(p, t) y = Conv<group = 12>(q, v) }",
    # Rows of a product that are pixels of windows.
    "g (float[N, 4, 4, 8] x, float[8, 12] w, float[N, 4, 4, 12] r) => (float[N, 4, 4, 12] y) <int64[6] s = {-1, 2, 2, 2, 2, 8},"
    " int64[3] t = {-1, 4, 8}, int64[6] u = {-1, 2, 2, 2, 2, 12}, int64[4] v = {-1, 4, 4, 12}>"
    " { a = Reshape(x, s) c = Transpose<perm = [0, 1, 3, 2, 4, 5]>(a) d = Reshape(c, t) m = MatMul(d, w) e = Softmax<axis = 1>(m)"
    " f = MatMul(e, z) h = Reshape(f, u) i = Transpose<perm = [0, 1, 3, 2, 4, 5]>(h) j = Reshape(i, v) y = Add(j, r) }",
]


@pytest.mark.parametrize("target", ["sm_80", "sm_90a"])
@pytest.mark.parametrize("text", SPLIT_RESULTS)
def test_a_product_is_stored_with_a_stride_for_each_part_of_a_dim(text: str, target: str, cache: CubinCache) -> None:
    compare(parse(text.replace("float[8, 12] w,", "float[8, 12] w, float[12, 12] z,")), cache, target=target)


IMAGE = "float[N, 4, 5, 6] x, float[8, 4, 1, 1] w, float[4, 8, 1, 1] v"
CHANNELS = "float[8, 1, 1] a = {1, 2, -1, 0.5, 3, 1, 1, -2}, float[8, 1, 1] b = {0, 1, 2, -1, 0.5, 0, 3, 1}"
GROUP_NORMS = [
    # As torch exports it, an operator, and one whose result another op reads too, where channels do not lie last.
    f"g ({IMAGE}) => (float[N, 4, 5, 6] y) <int64[3] s = {{0, 2, -1}}, float[2] o = {{1, 2}}, float[2] z = {{0.5, 0}}, {CHANNELS}>"
    " { c = Conv(x, w) r = Reshape(c, s) n = InstanceNormalization(r, o, z) d = Shape(c) q = Reshape(n, d) m = Mul(q, a) p = Add(m, b)"
    " g = Sigmoid(p) t = Mul(p, g) y = Conv(t, v) }",
    f"g ({IMAGE}) => (float[N, 4, 5, 6] y) <float[8] o = {{1, 2, -1, 3, 1, 1, 2, 0.5}}, float[8] z = {{0.5, 0, 1, 2, 0, 0, 1, 0}}>"
    " { c = Conv(x, w) n = GroupNormalization<num_groups = 4>(c, o, z) t = Relu(n) y = Conv(t, v) }",
    "g (float[N, 4, 3] x) => (float[N, 4, 3] y) <int64[3] s = {0, 2, -1}, float[2] o = {1, 2}, float[2] z = {0.5, 0}>"
    " { r = Reshape(x, s) n = InstanceNormalization(r, o, z) d = Shape(x) q = Reshape(n, d) y = Add(q, x) }",
]


@pytest.mark.parametrize("text", GROUP_NORMS)
def test_a_group_norm_computes_over_channels_as_they_lie(text: str, cache: CubinCache) -> None:
    compare(parse(text, 21), cache)


ROLLED = [
    # Windows of two rows by three columns of a rolled image, normalised, and rolled back beside a residual.
    "g (float[N, 4, 6, 8] x, float[8] s, float[8] t) => (float[N, 4, 6, 8] y, float[N, 4, 6, 8] z)"
    " <int64[2] p = {1, 3}, int64[2] q = {4, 2}, int64[2] pp = {3, 1}, int64[2] qq = {2, 4}, int64[6] cut = {0, 2, 2, 2, 3, 8},"
    " int64[4] whole = {-1, 4, 6, 8}> { k = LayerNormalization(x, s, t)"
    " a, b = Split<axis = 1>(k, p) c = Concat<axis = 1>(b, a) d, e = Split<axis = 2>(c, q) f = Concat<axis = 2>(e, d)"
    " w = Reshape(f, cut) v = Transpose<perm = [0, 1, 3, 2, 4, 5]>(w) u = Neg(v) i = Transpose<perm = [0, 1, 3, 2, 4, 5]>(u)"
    " j = Reshape(i, whole) aa, bb = Split<axis = 1>(j, pp) cc = Concat<axis = 1>(bb, aa) dd, ee = Split<axis = 2>(cc, qq)"
    " ff = Concat<axis = 2>(ee, dd) z = Add(x, ff) y = LayerNormalization(z, s, t) }",
    # Patch merging.
    "g (float[N, 4, 6, 8] x, float[32] s, float[32] t) => (float[N, 2, 3, 32] y) <int64[2] f = {0, 0}, int64[2] d = {1, 0},"
    " int64[2] r = {0, 1}, int64[2] b = {1, 1}, int64[2] e = {9, 9}, int64[2] i = {1, 2}, int64[2] k = {2, 2}> { l = Relu(x)"
    " p = Slice(l, f, e, i, k) q = Slice(l, d, e, i, k) u = Slice(l, r, e, i, k) v = Slice(l, b, e, i, k)"
    " c = Concat<axis = 3>(p, q, u, v) y = LayerNormalization(c, s, t) }",
]


@pytest.mark.parametrize("text", ROLLED)
def test_rows_are_read_where_they_are(text: str, cache: CubinCache) -> None:
    compare(parse(text), cache)


def test_a_table_of_which_a_run_reads_a_part_is_narrow_in_the_engine(cache: CubinCache) -> None:
    """Cast at build time: a refit casts it again."""
    text = (
        "g (float[N, 8] x) => (float[N, 4] y) <float[64, 8] table, float[8, 4] w, int64[1] zero = {0}, int64[1] one = {1}>"
        " { s = Shape(x) n = Slice(s, zero, one) t = Slice(table, zero, n, zero) v = Mul(x, t) y = MatMul(v, w) }"
    )
    model = onnx.parser.parse_model(HEADER.format(opset=18) + text)
    rng = np.random.default_rng(0)
    tables = [rng.standard_normal((64, 8)).astype(np.float32) for _ in range(2)]
    weights = rng.standard_normal((8, 4)).astype(np.float32)
    for name, array in (("table", tables[0]), ("w", weights)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    (target,) = where.targets("sm_80")
    options = trtc.BuildOptions(target=target, precision="fp16", refit=True, profiles=PROFILES)
    engine = trtc.build(model, options, cache=cache)
    for table in tables:
        engine.refit({"table": table})
        context = engine.create_context(where.DEVICE, poison=True)
        for n in (1, 3):
            inputs = draw(model, n)
            graphs.assert_close(context.run(inputs)["y"], inputs["x"] * table[:n] @ weights, 1e-2, "y")
