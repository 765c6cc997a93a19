"""ONNX models for the records of builds, written without torch: BERT-base, and a model of any size with external data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS, WIDTH, HEADS, INNER, SEQUENCE, WORDS = 12, 768, 12, 3072, 128, 30522


class _Bert:
    """BERT-base as torch exports it with eager attention; weights drawn from a seed."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Any) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name: str, *shape: int) -> str:
        return self.constant(name, self.rng.standard_normal(shape, np.float32) * np.float32(0.02))

    def node(self, op: str, *operands: str, **attributes: Any) -> str:
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, operands, [f"{name}_out"], name=name, **attributes))
        return f"{name}_out"

    def dense(self, x: str, name: str, inputs: int, outputs: int) -> str:
        product = self.node("MatMul", x, self.weight(f"{name}.weight", inputs, outputs))
        return self.node("Add", product, self.weight(f"{name}.bias", outputs))

    def norm(self, x: str, name: str) -> str:
        gain = self.constant(f"{name}.weight", 1 + 0.1 * self.rng.standard_normal(WIDTH, np.float32))
        return self.node("LayerNormalization", x, gain, self.weight(f"{name}.bias", WIDTH), axis=-1, epsilon=1e-12)

    def heads(self, x: str, order: tuple[int, ...]) -> str:
        return self.node("Transpose", self.node("Reshape", x, "heads"), perm=order)

    def layer(self, x: str, mask: str, name: str) -> str:
        q, k, v = (self.dense(x, f"{name}.{part}", WIDTH, WIDTH) for part in ("query", "key", "value"))
        q, k, v = self.heads(q, (0, 2, 1, 3)), self.heads(k, (0, 2, 3, 1)), self.heads(v, (0, 2, 1, 3))
        scores = self.node("Add", self.node("Mul", self.node("MatMul", q, k), "scale"), mask)
        mixed = self.node("MatMul", self.node("Softmax", scores, axis=-1), v)
        flat = self.node("Reshape", self.node("Transpose", mixed, perm=(0, 2, 1, 3)), "flat")
        x = self.norm(self.node("Add", self.dense(flat, f"{name}.attention", WIDTH, WIDTH), x), f"{name}.norm1")
        wide = self.dense(x, f"{name}.inner", WIDTH, INNER)
        erf = self.node("Add", self.node("Erf", self.node("Div", wide, "sqrt2")), "one")
        gelu = self.node("Mul", self.node("Mul", wide, erf), "half")
        return self.norm(self.node("Add", self.dense(gelu, f"{name}.outer", INNER, WIDTH), x), f"{name}.norm2")

    def model(self) -> onnx.ModelProto:
        for name, value in (("half", 0.5), ("one", 1.0), ("sqrt2", 2**0.5), ("scale", (WIDTH // HEADS) ** -0.5)):
            self.constant(name, np.float32(value))
        for name, shape in (("heads", (0, 0, HEADS, WIDTH // HEADS)), ("flat", (0, 0, WIDTH)), ("axes", (1, 2))):
            self.constant(name, np.array(shape, np.int64))
        words = self.node("Gather", self.weight("words", WORDS, WIDTH), "input_ids")
        kinds = self.node("Gather", self.weight("kinds", 2, WIDTH), "token_type_ids")
        placed = self.node("Add", self.node("Add", words, kinds), self.weight("positions", 1, SEQUENCE, WIDTH))
        x = self.norm(placed, "embeddings")
        given = self.node("Unsqueeze", self.node("Cast", "attention_mask", to=TensorProto.FLOAT), "axes")
        mask = self.node("Mul", self.node("Sub", "one", given), self.constant("lowest", np.float32(-10000)))
        for number in range(LAYERS):
            x = self.layer(x, mask, f"layer{number}")
        names = ("input_ids", "attention_mask", "token_type_ids")
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", SEQUENCE]) for name in names]
        output = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", SEQUENCE, WIDTH])
        graph = helper.make_graph(self.nodes, "bert", inputs, [output], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def bert_base(path: Path) -> Path:
    """Writes BERT-base (12 layers, 768 wide, sequence 128, 434 MB)."""
    onnx.save(_Bert().model(), path)
    return path


def two_products(path: Path, size: int) -> Path:
    """Writes a model of two matmuls whose weights, `size` bytes together, lie in a file next to it."""
    depth, columns = 8192, size // 2 // 4 // 8192
    rng = np.random.default_rng(0)
    tensors: list[onnx.TensorProto] = []
    with (path.parent / "weights.bin").open("wb") as file:
        for name, shape in (("a", (depth, columns)), ("b", (columns, depth))):
            tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", "weights.bin"), ("offset", file.tell()), ("length", 4 * depth * columns)):
                tensor.external_data.add(key=key, value=str(value))
            for _ in range(shape[0]):
                file.write(rng.standard_normal(shape[1], np.float32).tobytes())
            tensors.append(tensor)
    nodes = [helper.make_node("MatMul", ["x", "a"], ["h"]), helper.make_node("MatMul", ["h", "b"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [16, depth]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "products", ends[:1], ends[1:], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
