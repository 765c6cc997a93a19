"""Models of any float type, mixed ones too, under every precision: built whole, run on the simulator (or a GPU if $TRTC_TEST_GPU is set)
and compared with ONNX Runtime, on inputs of two seeds.

A model keeps its own types whatever is asked for; only f32 is narrowed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator

import trtc
from trtc.compiler.options import PRECISIONS

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import where
from models.random.graphs import assert_close
from typed_models import DTYPES, TYPES, Feeds, model, node


def weights(kind: str, **shapes: tuple[int, ...]) -> Feeds:
    random = np.random.default_rng(5)
    return {name: (random.standard_normal(shape) / 4).astype(DTYPES[kind]) for name, shape in shapes.items()}


def relu(kind: str) -> onnx.ModelProto:
    return model([node("Relu", "x", "y")], {"x": (kind, [2, 8])}, {"y": (kind, [2, 8])}, {})


def pointwise(kind: str) -> onnx.ModelProto:
    nodes = [node("Mul", "x w", "a"), node("Sigmoid", "a", "b"), node("Add", "b x", "y")]
    return model(nodes, {"x": (kind, [2, 8])}, {"y": (kind, [2, 8])}, weights(kind, w=(8,)))


def rows(kind: str) -> onnx.ModelProto:
    nodes = [node("Softmax", "x", "a", axis=-1), node("ReduceMean", "a", "m", axes=[1]), node("Sub", "a m", "y")]
    return model(nodes, {"x": (kind, [3, 9])}, {"y": (kind, [3, 9])}, {})


def dense(kind: str) -> onnx.ModelProto:
    nodes = [node("MatMul", "x w", "a"), node("Add", "a b", "c"), node("Relu", "c", "d"), node("MatMul", "d v", "y")]
    return model(nodes, {"x": (kind, [4, 8])}, {"y": (kind, [4, 3])}, weights(kind, w=(8, 16), b=(16,), v=(16, 3)))


def images(kind: str) -> onnx.ModelProto:
    nodes = [
        node("Conv", "x w", "a", pads=[1, 1, 1, 1]),
        node("Relu", "a", "b"),
        node("MaxPool", "b", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "p v", "c", pads=[1, 1, 1, 1]),
        node("Add", "c p", "d"),
        node("GlobalAveragePool", "d", "g"),
        node("Flatten", "g", "y"),
    ]  # fmt: skip
    shapes = {"w": (8, 3, 3, 3), "v": (8, 8, 3, 3)}
    return model(nodes, {"x": (kind, [1, 3, 8, 8])}, {"y": (kind, [1, 8])}, weights(kind, **shapes))


def half_body(_: str) -> onnx.ModelProto:
    """An f32 input and output around f16 products."""
    cast = {"f16": TensorProto.FLOAT16, "f32": TensorProto.FLOAT}
    nodes = [
        node("Cast", "x", "h", to=cast["f16"]), node("MatMul", "h w", "a"), node("Relu", "a", "b"), node("Cast", "b", "y", to=cast["f32"]),
    ]  # fmt: skip
    return model(nodes, {"x": ("f32", [4, 8])}, {"y": ("f32", [4, 8])}, weights("f16", w=(8, 8)))


def wide_island(_: str) -> onnx.ModelProto:
    """f16 products, an f32 softmax between them, and an f64 sum of their own."""
    nodes = [
        node("MatMul", "x w", "a"), node("Cast", "a", "f", to=TensorProto.FLOAT), node("Softmax", "f", "s", axis=-1),
        node("Cast", "s", "h", to=TensorProto.FLOAT16), node("MatMul", "h w", "y"),
        node("Cast", "f", "d", to=TensorProto.DOUBLE), node("ReduceSum", "d", "z"),
    ]  # fmt: skip
    outputs = {"y": ("f16", [4, 8]), "z": ("f64", [1, 1])}
    return model(nodes, {"x": ("f16", [4, 8])}, outputs, weights("f16", w=(8, 8)))


MODELS: list[tuple[Callable[[str], onnx.ModelProto], str]] = [
    *((made, kind) for made in (relu, pointwise, rows, dense, images) for kind in ("f16", "f32", "f64")),
    (half_body, ""), (wide_island, ""),
]  # fmt: skip


def feeds(proto: onnx.ModelProto, seed: int) -> Feeds:
    random = np.random.default_rng(seed)
    dtypes = {TYPES[kind]: dtype for kind, dtype in DTYPES.items()}
    return {
        value.name: random.standard_normal([d.dim_value for d in value.type.tensor_type.shape.dim]).astype(
            dtypes[value.type.tensor_type.elem_type]
        )
        for value in proto.graph.input
    }


def tolerance(proto: onnx.ModelProto, precision: str) -> float:
    """That of the narrowest type, the model's own or the one asked for; f64 is not narrowed, whatever is asked for."""
    own = {value.type.tensor_type.elem_type for value in (*proto.graph.input, *proto.graph.output)}
    own |= {tensor.data_type for tensor in proto.graph.initializer}
    if own == {TensorProto.DOUBLE}:
        return 1e-12
    asked = {"fp32": 1e-4, "tf32": 1e-2, "fp16": 1e-2, "bf16": 1e-1}[precision]
    return max(asked, 1e-2) if TensorProto.FLOAT16 in own else asked


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("make", "kind"), MODELS, ids=lambda v: getattr(v, "__name__", v) or "mixed")
def test_any_float_type_under_every_precision(
    make: Callable[[str], onnx.ModelProto], kind: str, precision: str
) -> None:
    proto = make(kind)
    engine = trtc.build(proto, trtc.BuildOptions(precision=precision, target=where.targets("sm_80")[0]))
    context = engine.create_context(where.DEVICE, poison=True)
    # ONNX Runtime has no conv and no pools of f64.
    session = (
        ReferenceEvaluator(proto)
        if (make, kind) == (images, "f64")
        else onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    )
    results: list[Feeds] = []
    for seed in (1, 2):
        given = feeds(proto, seed)
        results.append({name: np.asarray(array) for name, array in context.run(given).items()})
        for value, wanted in zip(proto.graph.output, session.run(None, given), strict=True):
            got = results[-1][value.name]
            assert got.dtype == wanted.dtype
            assert_close(got, wanted, tolerance(proto, precision), value.name)
    assert all(not np.array_equal(results[0][name], results[1][name]) for name in results[0])


def test_a_half_precision_network_multiplies_on_tensor_cores_by_default() -> None:
    engine = trtc.build(images("f16"), trtc.BuildOptions(target="sm_80"))
    sources = [
        bytes(section.data).decode() for name, section in engine.variant().sections.items() if name.endswith(".cu")
    ]
    assert sum("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32" in source for source in sources) == 2
