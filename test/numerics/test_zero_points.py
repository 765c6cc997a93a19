"""Q/DQ networks with zero points compute their products on integers, and agree with ONNX Runtime within one step."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from xdsl.dialects.builtin import ModuleOp, i8

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.targets import set_target
from trtc.dialects import nn

ort = pytest.importorskip("onnxruntime")
Array = np.ndarray[Any, Any]


class Graph:
    """A Q/DQ model of one product under construction."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, array: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [name := f"v{len(self.nodes)}"], **attributes))
        return name

    def activation(self, x: str, dtype: Any, zero: int) -> str:
        marks = [self.constant(np.array(0.03, np.float32)), self.constant(np.array(zero, dtype))]
        return self.add("DequantizeLinear", self.add("QuantizeLinear", x, *marks), *marks)

    def weights(self, dtype: Any, zero: int, shape: tuple[int, ...], axis: int | None) -> str:
        """Dequantized, with one scale and zero point or one for each index of `axis`."""
        info, extents = np.iinfo(dtype), () if axis is None else (shape[axis],)
        q = self.constant(self.rng.integers(info.min, info.max + 1, shape).astype(dtype))
        scale = self.constant(self.rng.uniform(0.002, 0.006, extents).astype(np.float32))
        marks = [scale, self.constant(np.full(extents, zero, dtype))]
        return self.add("DequantizeLinear", q, *marks, **({} if axis is None else {"axis": axis}))

    def model(self, shape: tuple[int, ...], y: str) -> onnx.ModelProto:
        marks = [self.constant(np.array(0.05, np.float32)), self.constant(np.array(31, np.uint8))]
        y = self.add("QuantizeLinear", self.add("Relu", y), *marks)
        x = helper.make_tensor_value_info("x", 1, ["N", *shape[1:]])
        graph = helper.make_graph(self.nodes, "g", [x], [helper.make_tensor_value_info(y, 2, None)], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


FORMS = {
    "uint8 by int8": (np.uint8, 113, np.int8, 0),
    "uint8 by uint8": (np.uint8, 7, np.uint8, 128),
    "uint8 by uint8, both zero points": (np.uint8, 128, np.uint8, 100),
    "int8 by int8, both zero points": (np.int8, -9, np.int8, 5),
}


def conv(form: str, axis: bool, groups: int) -> tuple[onnx.ModelProto, Array]:
    g, (x, zx, w, zw) = Graph(groups), FORMS[form]
    shape = (2, 6, 9, 8)
    filters = g.weights(w, zw, (12, 6 // groups, 3, 2), 0 if axis else None)
    bias = g.constant(g.rng.standard_normal(12).astype(np.float32))
    y = g.add("Conv", g.activation("x", x, zx), filters, bias, group=groups, pads=[1, 0, 2, 1], strides=[2, 1])
    return g.model(shape, y), g.rng.standard_normal(shape).astype(np.float32)


def matmul(form: str, axis: bool, kind: str) -> tuple[onnx.ModelProto, Array]:
    g, (x, zx, w, zw) = Graph(len(kind)), FORMS[form]
    shape = (3, 40) if kind != "MatMul" else (2, 3, 40)
    turned = kind == "Gemm, turned"
    columns = (0 if turned else 1) if axis else None
    weights = g.weights(w, zw, (17, 40) if turned else (40, 17), columns)
    operands = [g.activation("x", x, zx), weights]
    if kind == "MatMul":
        y = g.add("MatMul", *operands)
    else:
        y = g.add("Gemm", *operands, g.constant(g.rng.standard_normal(17).astype(np.float32)), transB=int(turned))
    return g.model(shape, y), g.rng.standard_normal(shape).astype(np.float32)


CASES = {
    **{f"Conv, {f}, {a}, {n} groups": (conv, f, a, n) for f in FORMS for a in (False, True) for n in (1, 2, 6)},
    **{f"{k}, {f}, {a}": (matmul, f, a, k) for f in FORMS for a in (False, True) for k in ("MatMul", "Gemm", "Gemm, turned")},
}  # fmt: skip


def wanted(model: onnx.ModelProto, x: Array) -> Array:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def products(module: ModuleOp) -> list[nn.ConvOp | nn.MatmulOp]:
    return [op for op in module.walk() if isinstance(op, nn.ConvOp | nn.MatmulOp)]


def assert_one_step(got: Array, reference: Array) -> None:
    assert (got.dtype, got.shape) == (reference.dtype, reference.shape)
    assert len(np.unique(reference)) > 10
    assert np.abs(got.astype(int) - reference.astype(int)).max() <= 1
    assert np.mean(got != reference) < 0.02


@pytest.mark.parametrize("name", CASES)
def test_imported_graph(name: str) -> None:
    make, *arguments = CASES[name]
    model, x = make(*arguments)
    module = import_onnx(model, profiles={"N": (1, 2, 4)})
    assert all(nn.element_of(op.operands[0]) == i8 for op in products(module))
    (got,) = execute(module, {"x": x}).values()
    assert_one_step(got, wanted(model, x))


@pytest.mark.parametrize("name", [name for name in CASES if "2 groups" in name or "Gemm, turned" in name])
def test_kernels_on_the_simulator(name: str) -> None:
    make, *arguments = CASES[name]
    model, x = make(*arguments)
    engine = trtc.build(model, trtc.BuildOptions(target="sm_90a", profiles={"N": (1, 2, 4)}))
    (got,) = engine.run({"x": x}).values()
    assert_one_step(np.asarray(got), wanted(model, x))


def test_symmetric_networks_are_left_to_the_passes() -> None:
    g = Graph(0)
    y = g.add("MatMul", g.activation("x", np.int8, 0), g.weights(np.int8, 0, (40, 17), 1))
    module = import_onnx(g.model((3, 40), y))
    set_target(module, "sm_90a")
    (product,) = products(module)
    assert nn.element_of(product.a) != i8
