"""Small models of one or more float types, made node by node."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TYPES = {
    "i64": TensorProto.INT64,
    "i1": TensorProto.BOOL,
    "f16": TensorProto.FLOAT16,
    "f32": TensorProto.FLOAT,
    "f64": TensorProto.DOUBLE,
}
DTYPES = {"i64": TensorProto.INT64, "i1": TensorProto.BOOL, "f16": np.float16, "f32": np.float32, "f64": np.float64}
Feeds: TypeAlias = dict[str, np.ndarray]


def model(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, tuple[str, list[int]]],
    outputs: dict[str, tuple[str, list[int]]],
    weights: Feeds,
) -> onnx.ModelProto:
    """A model of typed inputs and outputs."""
    made = [
        [helper.make_tensor_value_info(name, TYPES[kind], shape) for name, (kind, shape) in values.items()]
        for values in (inputs, outputs)
    ]
    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "g", made[0], made[1], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def node(kind: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), [output], **attributes)
