"""What ops compute, against ONNX Runtime on random inputs and against float64."""

import math

import ml_dtypes
import numpy as np
import pytest
from xdsl.dialects.builtin import FunctionType, ModuleOp, bf16, f16, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region

from trtc.dialects import fusion, nn, quant
from trtc.dialects.dtypes import element_type_of
from trtc.dialects.errors import InvalidModelError
from trtc.dialects.meaning import STRUCTURAL, erf, evaluate, has_meaning, round_tf32, run_function, run_module

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def compute(build, *arrays: np.ndarray) -> np.ndarray:
    """Build an op on block arguments of the arrays' types, verify it, and compute its first result."""
    block = Block(arg_types=[nn.tensor_type(a.shape, element_type_of(a.dtype)) for a in arrays])
    op: Operation = build(*block.args)
    op.verify()
    (result,) = evaluate(op, arrays)
    dims = [d.as_int() for d in nn.shape_of(op.results[0])]
    assert list(result.shape) == dims
    assert element_type_of(result.dtype) == nn.element_of(op.results[0])
    return result


def onnx_result(op_type: str, arrays: list[np.ndarray], opset: int = 18, **attributes) -> np.ndarray:
    """One ONNX node, run by ONNX Runtime."""
    names = [f"i{i}" for i in range(len(arrays))]
    node = onnx.helper.make_node(op_type, names, ["o"], **attributes)
    inputs = [
        onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in zip(names, arrays, strict=True)
    ]
    graph = onnx.helper.make_graph([node], "g", inputs, [onnx.ValueInfoProto(name="o")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip(names, arrays, strict=True)))[0]


def assert_close(got: np.ndarray, want: np.ndarray, tolerance: float = 1e-5) -> None:
    """Relative error of norms, and shapes."""
    assert got.shape == want.shape
    a, b = got.astype(np.float64), want.astype(np.float64)
    assert np.linalg.norm(a - b) <= tolerance * max(np.linalg.norm(b), 1e-30)
    assert np.linalg.norm(b) > 0


def nchw(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def test_every_op_has_a_meaning() -> None:
    missing = [
        op.name for op in [*nn.NN.operations, *quant.QUANT.operations] if not has_meaning(op) and op not in STRUCTURAL
    ]
    assert missing == []


def test_erf_is_exact_to_the_last_bits() -> None:
    x = np.concatenate([np.linspace(-6.5, 6.5, 20001), np.logspace(-300, 0, 400)])
    want = np.array([math.erf(v) for v in x])
    assert np.max(np.abs(erf(x) - want) / np.maximum(np.abs(want), 1e-320)) < 1e-15
    assert np.array_equal(erf(np.array([np.inf, -np.inf, 0.0])), [1.0, -1.0, 0.0])
    assert np.isnan(erf(np.array([np.nan])))[0]


CONVS = {
    "plain": dict(x=(2, 9, 8, 5), w=(7, 3, 3, 5)),
    "stem": dict(x=(1, 17, 19, 3), w=(8, 7, 7, 3), strides=(2, 2), pads=(3, 3, 3, 3)),
    "pads differ": dict(x=(1, 9, 8, 4), w=(6, 3, 2, 4), pads=(0, 1, 2, 0), strides=(1, 2)),
    "dilated": dict(x=(1, 12, 11, 4), w=(6, 3, 3, 4), dilations=(2, 3), pads=(2, 3, 2, 3)),
    "grouped": dict(x=(2, 6, 6, 8), w=(12, 3, 3, 2), groups=4, pads=(1, 1, 1, 1)),
    "depthwise": dict(x=(2, 7, 7, 6), w=(6, 3, 3, 1), groups=6, strides=(2, 2), pads=(1, 1, 1, 1)),
    "depthwise times two": dict(x=(2, 7, 7, 6), w=(12, 3, 3, 1), groups=6),
    "pointwise": dict(x=(3, 5, 4, 16), w=(8, 1, 1, 16)),
}


@pytest.mark.parametrize("case", CONVS)
def test_conv(case: str) -> None:
    options = dict(CONVS[case])
    x = rng(1).standard_normal(options.pop("x"), np.float32)
    w = rng(2).standard_normal(options.pop("w"), np.float32)
    got = compute(lambda a, b: nn.ConvOp(a, b, **options), x, w)
    attributes = {"group" if k == "groups" else k: v for k, v in options.items()}
    assert_close(nchw(got), onnx_result("Conv", [nchw(x), nchw(w)], **attributes))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_narrow_conv_and_matmul_accumulate_in_f32_and_round_once(dtype) -> None:
    x = rng(1).standard_normal((1, 6, 6, 32), np.float32).astype(dtype)
    w = rng(2).standard_normal((8, 3, 3, 32), np.float32).astype(dtype)
    wide = compute(lambda a, b: nn.ConvOp(a, b), x.astype(np.float32), w.astype(np.float32))
    assert np.array_equal(compute(lambda a, b: nn.ConvOp(a, b), x, w), wide.astype(dtype))
    kept = compute(lambda a, b: nn.ConvOp(a, b, element_type=f32), x, w)
    assert np.array_equal(kept, wide)
    a, b = x.reshape(36, 32), w.reshape(72, 32).T.copy()
    product = a.astype(np.float32) @ b.astype(np.float32)
    assert np.array_equal(compute(nn.MatmulOp, a, b), product.astype(dtype))


def test_integer_conv_and_matmul_are_exact() -> None:
    x = rng(1).integers(-128, 128, (1, 5, 5, 300), np.int8)
    w = rng(2).integers(-128, 128, (4, 3, 3, 300), np.int8)
    got = compute(nn.ConvOp, x, w)
    assert got.dtype == np.int32
    exact = np.zeros((3, 3, 4), np.int64)
    for row in range(3):
        for column in range(3):
            window = x[0, row : row + 3, column : column + 3].astype(np.int64)
            exact[row, column] = np.einsum("rsc,orsc->o", window, w.astype(np.int64))
    assert np.array_equal(got[0], exact)
    a, b = x.reshape(25, 300), w.reshape(36, 300)
    product = compute(lambda p, q: nn.MatmulOp(p, q, transpose_b=True), a, b)
    assert np.array_equal(product, a.astype(np.int64) @ b.astype(np.int64).T)


def test_tf32_rounds_operands_to_ten_mantissa_bits() -> None:
    x = np.array([1 + 2**-10, 1 + 2**-11, 1 + 2**-12, -(1 + 2**-11), np.inf, 0], np.float32)
    assert np.array_equal(round_tf32(x), np.array([1 + 2**-10, 1 + 2**-10, 1, -(1 + 2**-10), np.inf, 0], np.float32))
    a, b = rng(1).standard_normal((2, 8, 16), np.float32), rng(2).standard_normal((2, 16, 4), np.float32)
    got = compute(lambda p, q: nn.MatmulOp(p, q, math="tf32"), a, b)
    assert_close(got, round_tf32(a).astype(np.float64) @ round_tf32(b).astype(np.float64), 1e-6)
    assert not np.array_equal(got, compute(nn.MatmulOp, a, b))


@pytest.mark.parametrize("shapes", [((5, 6), (6, 7)), ((2, 1, 5, 6), (3, 6, 7)), ((4, 5, 6), (6, 7))])
def test_matmul(shapes) -> None:
    a, b = (rng(i).standard_normal(s, np.float32) for i, s in enumerate(shapes))
    assert_close(compute(nn.MatmulOp, a, b), onnx_result("MatMul", [a, b]))
    swapped = np.ascontiguousarray(np.swapaxes(b, -1, -2))
    assert_close(compute(lambda p, q: nn.MatmulOp(p, q, transpose_b=True), a, swapped), np.matmul(a, b))


POOLS = {
    "plain": dict(kernel=(3, 3), strides=(2, 2)),
    "padded": dict(kernel=(3, 2), strides=(1, 2), pads=(1, 0, 1, 1)),
}


@pytest.mark.parametrize("case", POOLS)
def test_pools(case: str) -> None:
    options = POOLS[case]
    x = rng(3).standard_normal((2, 9, 8, 5), np.float32) - 3  # below zero, so that a padding of 0 would win
    attributes = {"kernel_shape" if k == "kernel" else k: v for k, v in options.items()}
    assert_close(
        nchw(compute(lambda a: nn.MaxPoolOp(a, **options), x)), onnx_result("MaxPool", [nchw(x)], **attributes)
    )
    for inside in (False, True):
        got = compute(lambda a, inside=inside: nn.AvgPoolOp(a, **options, count_include_pad=inside), x)
        assert_close(nchw(got), onnx_result("AveragePool", [nchw(x)], **attributes, count_include_pad=int(inside)))


def test_dilated_max_pool() -> None:
    x = rng(3).standard_normal((1, 9, 9, 2), np.float32)
    got = compute(lambda a: nn.MaxPoolOp(a, (2, 2), dilations=(2, 2)), x)
    assert_close(nchw(got), onnx_result("MaxPool", [nchw(x)], kernel_shape=(2, 2), dilations=(2, 2)))


@pytest.mark.parametrize("size", [3, 5])
def test_lrn(size: int) -> None:
    x = rng(4).standard_normal((1, 3, 2, 9), np.float32)
    options = dict(alpha=0.5, beta=0.7, bias=1.5)
    got = compute(lambda a: nn.LrnOp(a, size, **options), x)
    assert_close(nchw(got), onnx_result("LRN", [nchw(x)], size=size, **options))


def test_a_window_of_even_size_reaches_further_forward() -> None:
    """As ONNX defines lrn; ONNX Runtime has odd sizes only."""
    x = rng(4).standard_normal((1, 1, 1, 6), np.float32)
    sums = [sum(x[0, 0, 0, j] ** 2 for j in range(max(0, c - 1), min(6, c + 3))) for c in range(6)]
    got = compute(lambda a: nn.LrnOp(a, 4, alpha=0.5, beta=0.7, bias=1.5), x)
    assert_close(got, x / (1.5 + 0.5 / 4 * np.array(sums)) ** 0.7)


def test_moments_normalise_rows_and_products_of_them() -> None:
    rng = np.random.default_rng(0)
    x, b = (30 + rng.standard_normal((3, 5, 96))).astype(np.float32), rng.standard_normal((96, 7)).astype(np.float32)
    d = x.astype(np.float64) - x.mean(-1, keepdims=True, dtype=np.float64)
    want = d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-3)
    moments = compute(lambda x: nn.RowMomentsOp(x, 32), x)
    assert moments.shape == (2, 3, 5, 3) and moments.dtype == np.float32
    np.testing.assert_allclose(moments[0], x.reshape(3, 5, 3, 32).mean(-1), rtol=1e-6)
    got = compute(lambda x, m: nn.ApplyMomentsOp(x, m, columns=32, epsilon=1e-3), x, moments)
    np.testing.assert_allclose(got, want, atol=1e-4)
    applied = lambda y, m, u: nn.ApplyMomentsOp(y, m, u, columns=32, epsilon=1e-3)  # noqa: E731
    np.testing.assert_allclose(compute(applied, x @ b, moments, b.sum(0)), want @ b, atol=1e-3)
    square = compute(lambda x, m: nn.ApplyMomentsOp(x, m, columns=32, epsilon=1e-3, centred=False), x, moments)
    np.testing.assert_allclose(square, x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-3), rtol=1e-5)


def test_softmax_layer_norm_and_batch_norm() -> None:
    x = rng(5).standard_normal((3, 4, 6), np.float32) * 20
    for axis in (-1, 1):
        assert_close(compute(lambda a, axis=axis: nn.SoftmaxOp(a, axis), x), onnx_result("Softmax", [x], axis=axis))
    scale, bias = rng(6).standard_normal((4, 6), np.float32), rng(7).standard_normal((4, 6), np.float32)
    got = compute(lambda a, s, b: nn.LayerNormOp(a, s, b, axis=1, epsilon=1e-3), x, scale, bias)
    assert_close(got, onnx_result("LayerNormalization", [x, scale, bias], axis=1, epsilon=1e-3))
    image = rng(8).standard_normal((2, 3, 3, 4), np.float32)
    p = [rng(9 + i).standard_normal(4, np.float32) for i in range(3)] + [rng(12).random(4, np.float32) + 0.5]
    got = compute(lambda *v: nn.BatchNormOp(*v, epsilon=1e-2), image, *p)
    assert_close(nchw(got), onnx_result("BatchNormalization", [nchw(image), *p], epsilon=1e-2))


@pytest.mark.parametrize("kind, name", [("sum", "Sum"), ("mean", "Mean"), ("max", "Max"), ("min", "Min"), ("prod", "Prod"),
                                        ("sumsq", "SumSquare")])  # fmt: skip
@pytest.mark.parametrize("keepdims", [True, False])
def test_reduce(kind: str, name: str, keepdims: bool) -> None:
    x = rng(13).standard_normal((3, 4, 5), np.float32)
    got = compute(lambda a: nn.ReduceOp(a, kind, (0, -1), keepdims), x)
    axes = np.array([0, 2], np.int64)
    assert_close(got, onnx_result(f"Reduce{name}", [x, axes], keepdims=int(keepdims)))


UNARY = {
    nn.NegOp: "Neg", nn.AbsOp: "Abs", nn.ExpOp: "Exp", nn.LogOp: "Log", nn.SqrtOp: "Sqrt", nn.ReciprocalOp: "Reciprocal",
    nn.ErfOp: "Erf", nn.TanhOp: "Tanh", nn.SigmoidOp: "Sigmoid", nn.ReluOp: "Relu", nn.FloorOp: "Floor", nn.CeilOp: "Ceil",
    nn.RoundOp: "Round", nn.SignOp: "Sign", nn.SinOp: "Sin", nn.CosOp: "Cos",
}  # fmt: skip


@pytest.mark.parametrize("op_class", UNARY)
def test_unary(op_class) -> None:
    x = rng(14).standard_normal((7, 9), np.float32) * 4
    if op_class in (nn.LogOp, nn.SqrtOp):
        x = np.abs(x) + 0.01
    want = onnx_result(UNARY[op_class], [x])
    assert_close(compute(op_class, x), want)
    narrow = x.astype(ml_dtypes.bfloat16)
    wide = compute(op_class, narrow.astype(np.float32))
    assert np.array_equal(compute(op_class, narrow), wide.astype(ml_dtypes.bfloat16))


def test_round_takes_halves_to_even_and_rsqrt_inverts() -> None:
    x = np.array([-1.5, -0.5, 0.5, 1.5, 2.5], np.float32)
    assert np.array_equal(compute(nn.RoundOp, x), [-2, 0, 0, 2, 2])
    y = np.array([0.25, 4.0, 16.0], np.float32)
    assert np.array_equal(compute(nn.RsqrtOp, y), [2, 0.5, 0.25])


@pytest.mark.parametrize("op_class, name", [(nn.AddOp, "Add"), (nn.SubOp, "Sub"), (nn.MulOp, "Mul"), (nn.DivOp, "Div"),
                                            (nn.MinOp, "Min"), (nn.MaxOp, "Max"), (nn.PowOp, "Pow")])  # fmt: skip
def test_binary_broadcasts(op_class, name: str) -> None:
    a, b = rng(15).random((2, 1, 5), np.float32) + 0.5, rng(16).random((4, 1), np.float32) + 0.5
    assert_close(compute(op_class, a, b), onnx_result(name, [a, b]))


def test_integer_div_truncates_and_mod_follows_the_divisor() -> None:
    a, b = np.array([7, -7, 7, -7, 6], np.int64), np.array([2, 2, -2, -2, 3], np.int64)
    assert np.array_equal(compute(nn.DivOp, a, b), [3, -3, -3, 3, 2])
    assert np.array_equal(compute(nn.ModOp, a, b), onnx_result("Mod", [a, b]))
    x, y = np.array([5.5, -5.5], np.float32), np.array([3.0, 3.0], np.float32)
    assert np.array_equal(compute(nn.ModOp, x, y), onnx_result("Mod", [x, y], fmod=1))


def test_logic_compare_where_clip_and_casts() -> None:
    a, b = rng(17).standard_normal((3, 4), np.float32), rng(18).standard_normal((4,), np.float32)
    b[0] = a[0, 0]
    names = {"eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual"}
    for predicate, name in names.items():
        got = compute(lambda x, y, predicate=predicate: nn.CompareOp(x, y, predicate), a, b)
        assert np.array_equal(got, onnx_result(name, [a, b]))
    condition = a > 0
    assert np.array_equal(compute(nn.WhereOp, condition, a, b), onnx_result("Where", [condition, a, b]))
    other = b > 0
    for op_class, name in ((nn.LogicalAndOp, "And"), (nn.LogicalOrOp, "Or"), (nn.LogicalXorOp, "Xor")):
        assert np.array_equal(compute(op_class, condition, other), onnx_result(name, [condition, other]))
    assert np.array_equal(compute(nn.LogicalNotOp, condition), ~condition)
    assert np.array_equal(
        compute(lambda x: nn.ClipOp(x, -0.5, 0.25), a), np.clip(a, np.float32(-0.5), np.float32(0.25))
    )
    assert_close(compute(lambda x: nn.LeakyReluOp(x, 0.1), a), onnx_result("LeakyRelu", [a], alpha=0.1))
    assert np.array_equal(compute(lambda x: nn.CastOp(x, f16), a), a.astype(np.float16))
    back = compute(lambda x: nn.CastOp(x, f16), a.astype(ml_dtypes.bfloat16))
    assert np.array_equal(back, a.astype(ml_dtypes.bfloat16).astype(np.float16))
    assert nn.element_of(nn.CastOp(Block(arg_types=[nn.tensor_type([2], f32)]).args[0], bf16).result) == bf16
    nan = np.array([1, np.nan], np.float32)
    assert np.array_equal(compute(nn.IsNanOp, nan), [False, True])
    assert np.isnan(compute(nn.ReluOp, nan)[1])
    assert np.isnan(compute(lambda x: nn.ClipOp(x, -0.5, 0.5), nan)[1])
    far = np.array([-1e4, -89, 0, 89, 1e4, np.inf, -np.inf], np.float32)
    with np.errstate(over="ignore"):
        assert_close(compute(nn.SigmoidOp, far), np.array([0, 0, 0.5, 1, 1, 1, 0], np.float32))


def test_gathers() -> None:
    x = rng(19).standard_normal((4, 5, 6), np.float32)
    indices = np.array([[0, -1], [3, 2]], np.int64)
    for axis in (0, 1, 2):
        got = compute(lambda a, i, axis=axis: nn.GatherOp(a, i, axis), x, indices)
        assert np.array_equal(got, onnx_result("Gather", [x, indices], axis=axis))
    places = np.array([[[0, 1], [2, -1]], [[1, 1], [0, 0]], [[3, 4], [2, 2]], [[0, 3], [1, 0]]], np.int64)
    assert np.array_equal(compute(nn.GatherNdOp, x, places), onnx_result("GatherND", [x, places]))
    got = compute(lambda a, i: nn.GatherNdOp(a, i, batch_dims=1), x, places)
    assert np.array_equal(got, onnx_result("GatherND", [x, places], batch_dims=1))
    outside = compute(nn.GatherOp, x, np.array([-5, -4, 3, 4, 2**32], np.int64))
    assert np.array_equal(outside, [np.zeros((5, 6)), x[0], x[3], *[np.zeros((5, 6))] * 2])
    outside = compute(nn.GatherNdOp, x, np.array([[0, 5], [3, -5], [-5, 0]], np.int64))
    assert np.array_equal(outside, [np.zeros(6), x[3, 0], np.zeros(6)])


def test_gathers_of_one_index() -> None:
    """Neither the index nor what it takes has dims."""
    x = rng(19).standard_normal(4, np.float32)
    for index in (2, -1, 4, -5):
        wanted = x[index] if -4 <= index < 4 else 0
        assert compute(nn.GatherOp, x, np.array(index, np.int64)) == wanted
        assert compute(nn.GatherNdOp, x, np.array([index], np.int64)) == wanted


def test_data_movement() -> None:
    x = rng(20).standard_normal((4, 5, 6), np.float32)
    got = compute(lambda a: nn.SliceOp(a, [1, 4, 0], [2, 3, 2], [1, -2, 4]), x)
    assert np.array_equal(got, x[1:3, 4::-2, 0:6:4])
    assert np.array_equal(compute(lambda a: nn.TransposeOp(a, (2, 0, 1)), x), x.transpose(2, 0, 1))
    assert np.array_equal(compute(lambda a: nn.ReshapeOp(a, (20, 6)), x), x.reshape(20, 6))
    assert np.array_equal(
        compute(lambda a, b: nn.ConcatOp([a, b], 1), x, x[:, :2].copy()), np.concatenate([x, x[:, :2]], 1)
    )
    padded = compute(lambda a: nn.PadOp(a, (0, 1, 2), (1, 0, 0), -2.0), x)
    assert np.array_equal(padded, np.pad(x, ((0, 1), (1, 0), (2, 0)), constant_values=-2))
    rolled = compute(lambda a: nn.RollOp(a, (1, 0, -8)), x)
    assert np.array_equal(rolled, np.roll(x, (1, -8), (0, 2)))
    assert rolled[0, 0, 0] == x[3, 0, 2]
    wide = compute(lambda a: nn.BroadcastToOp(a, (3, 4, 5, 6)), x)
    assert np.array_equal(wide, np.broadcast_to(x, (3, 4, 5, 6)))
    assert np.array_equal(compute(lambda: nn.IotaOp((2, 3), f32, 1)), [[0, 1, 2], [0, 1, 2]])


def test_quantization_rounds_half_to_even_and_saturates() -> None:
    x = np.array([[0.5, 1.5, -0.5, 300.0], [-300.0, 0.26, np.nan, 1.0]], np.float32)
    q = compute(quant.QuantizeOp, x, np.array(1.0, np.float32))
    assert np.array_equal(q, [[0, 2, 0, 127], [-128, 0, 127, 1]])
    scales = np.array([0.5, 0.25], np.float32)
    q = compute(lambda a, s: quant.QuantizeOp(a, s, axis=0), x, scales)
    back = compute(lambda a, s: quant.DequantizeOp(a, s, axis=0), q, scales)
    assert np.array_equal(back, [[0.5, 1.5, -0.5, 63.5], [-32.0, 0.25, 31.75, 1]])
    accumulator = np.array([[1000, -3, 5, 100000]], np.int32)
    r = compute(lambda a, s: quant.RequantizeOp(a, s), accumulator, np.array(0.1, np.float32))
    assert np.array_equal(r, [[100, 0, 0, 127]])
    random = rng(21).standard_normal((4, 6), np.float32)
    want = onnx_result("QuantizeLinear", [random, np.array(0.02, np.float32), np.array(0, np.int8)])
    assert np.array_equal(compute(quant.QuantizeOp, random, np.array(0.02, np.float32)), want)


def dynamic_function() -> tuple[ModuleOp, FuncOp]:
    """relu and doubling inside a group, then a reshape, on [N, 8]."""
    ty = nn.tensor_type(["N", 8], f32)
    group_block = Block(arg_types=[ty])
    relu = nn.ReluOp(group_block.args[0])
    total = nn.AddOp(relu, relu)
    group_block.add_ops([relu, total, fusion.YieldOp(total.result)])
    block = Block(arg_types=[ty])
    group = fusion.GroupOp("pointwise", [block.args[0]], [ty], Region(group_block))
    flat = nn.ReshapeOp(group.outputs[0], ["2*N", 4])
    block.add_ops([group, flat, ReturnOp(flat)])
    func = FuncOp("main", FunctionType.from_lists([ty], [flat.result.type]), Region(block))
    module = ModuleOp([func])
    module.verify()
    return module, func


def test_run_function_binds_symbols_and_reports_values_inside_groups() -> None:
    _, func = dynamic_function()
    seen: list[tuple[str, int]] = []
    for n in (1, 3):
        x = rng(n).standard_normal((n, 8), np.float32)
        (got,) = run_function(func, [x], on_result=lambda op, index, array: seen.append((op.name, array.size)))
        assert np.array_equal(got, 2 * np.maximum(x, 0).reshape(2 * n, 4))
    assert seen[:3] == [("nn.relu", 8), ("nn.add", 8), ("fusion.group", 8)]


def test_run_function_refuses_inputs_that_do_not_fit() -> None:
    _, func = dynamic_function()
    with pytest.raises(InvalidModelError, match="expected a tensor of type"):
        run_function(func, [np.zeros((2, 7), np.float32)])
    with pytest.raises(InvalidModelError, match="expected dtype float32"):
        run_function(func, [np.zeros((2, 8), np.float64)])
    with pytest.raises(InvalidModelError, match="expected 1 inputs, got 0"):
        run_function(func, [])


def test_weights_and_calls_run() -> None:
    ty = nn.tensor_type([3], f32)
    weights = Block()
    constant = nn.ConstantOp(np.array([1, 2, 3], np.float32))
    doubled = nn.AddOp(constant, constant)
    weights.add_ops([constant, doubled, nn.ExportOp("w", doubled), ReturnOp()])
    body = Block(arg_types=[ty, ty])
    product = nn.MulOp(*body.args)
    body.add_ops([product, ReturnOp(product)])
    main = Block(arg_types=[ty])
    weight = nn.WeightOp("w", ty)
    call = fusion.CallOp("mul_0", [main.args[0], weight], [ty])
    main.add_ops([weight, call, ReturnOp(call)])
    module = ModuleOp([
        FuncOp("weights", FunctionType.from_lists([], []), Region(weights)),
        FuncOp("main", FunctionType.from_lists([ty], [ty]), Region(main)),
        FuncOp("mul_0", FunctionType.from_lists([ty, ty], [ty]), Region(body), visibility="private"),
    ])  # fmt: skip
    module.verify()
    (got,) = run_module(module, [np.array([1, 10, 100], np.float32)])
    assert np.array_equal(got, [2, 40, 600])


def test_integers_are_summed_exactly() -> None:
    a, b = np.full((1, 1100), 127, np.int8), np.full((1100, 1), 127, np.int8)
    b[3] = 126
    assert compute(nn.MatmulOp, a, b).tolist() == [[1099 * 127 * 127 + 127 * 126]]
    wide = np.array([2**53, 1], np.int64)
    assert compute(lambda x: nn.ReduceOp(x, "sum", (0,), False), wide) == 2**53 + 1


def test_softmax_of_large_scores() -> None:
    x = np.array([[1000, 999, -1000], [-1e4, -1e4, -1e4]], np.float32)
    e = np.exp(np.float32(-1))
    expected = np.array([[1 / (1 + e), e / (1 + e), 0], [1 / 3] * 3], np.float32)
    assert_close(compute(lambda a: nn.SoftmaxOp(a, 1), x), expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_indices_just_outside_give_zero(axis: int) -> None:
    x = np.arange(1, 17, dtype=np.float32).reshape(4, 4)
    got = compute(lambda a, i: nn.GatherOp(a, i, axis), x, np.array([-5, -4, 3, 4], np.int64))
    kept = np.take(x, [0, 3], axis)
    zero = np.zeros_like(np.take(x, [0], axis))
    np.testing.assert_array_equal(got, np.concatenate([zero, kept, zero], axis))
