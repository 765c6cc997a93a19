"""One step of a small Llama with a cache, as torch's exporter writes it: rotary embeddings, grouped heads, and a gated feed-forward layer.

A step reads `step` ids after `past` ones, whose keys and values come as `past_key_0` [batch, kept heads, past, size] and so on, and gives
the logits and all keys and values. With `past` = 0 it is a prompt's, with `step` = 1 that of each further token.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent))
from attention_models import Net
from encoders import OPSET
from zoo import Array, Inputs

VOCABULARY, WIDTH, HEADS, KEPT, INNER, LAYERS, MOST = 96, 64, 4, 2, 160, 2, 64
SIZE = WIDTH // HEADS
PROFILES: dict[str, tuple[int, ...]] = {"batch": (1, 1, 4), "step": (1, 1, 16), "past": (0, 16, 40)}
GATES = ("silu", "gelu", "relu", "packed")
"""SwiGLU, GEGLU, ReGLU, and SwiGLU with both projections in one matrix, which is parted afterwards."""


class Step(Net):
    """A network under construction, in `dtype` but for the arithmetic of its norms."""

    def __init__(self, seed: int, dtype: type) -> None:
        super().__init__(seed)
        self.dtype = dtype

    def weight(self, name: str, array: Array) -> str:
        return super().weight(name, array.astype(self.dtype) if array.dtype == np.float32 else array)

    def rms_norm(self, x: str, width: int) -> str:
        wide = self.node("Cast", x, to=TensorProto.FLOAT)
        squares = self.node("ReduceMean", self.node("Mul", wide, wide), axes=[-1], keepdims=1)
        self.weights["epsilon"] = np.array(1e-6, np.float32)
        normed = self.node("Div", wide, self.node("Sqrt", self.node("Add", squares, "epsilon")))
        to = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        return self.node("Mul", self.drawn(width, scale=0.1, mean=1.0), self.node("Cast", normed, to=to))

    def named(self, x: str, name: str) -> str:
        """A value under a name that the model gives it."""
        self.nodes.append(helper.make_node("Identity", [x], [name]))
        return name

    def activation(self, x: str, gate: str) -> str:
        if gate == "gelu":
            return self.gelu(x)
        return self.node("Relu", x) if gate == "relu" else self.node("Mul", x, self.node("Sigmoid", x))

    def feed(self, x: str, gate: str) -> str:
        if gate == "packed":
            both = self.product(x, WIDTH, 2 * INNER)
            first, up = self.slice(both, 2, 0, INNER), self.slice(both, 2, INNER, 2 * INNER)
        else:
            first, up = self.product(x, WIDTH, INNER), self.product(x, WIDTH, INNER)
        return self.product(self.node("Mul", self.activation(first, gate), up), INNER, WIDTH)

    def rotated(self, x: str, cos: str, sin: str) -> str:
        first, second = self.slice(x, 3, 0, SIZE // 2), self.slice(x, 3, SIZE // 2, np.iinfo(np.int64).max)
        turned = self.node("Concat", self.node("Neg", second), first, axis=-1)
        return self.node("Add", self.node("Mul", x, cos), self.node("Mul", turned, sin))

    def repeated(self, x: str) -> str:
        """Keys or values of each kept head for all the heads that read it."""
        batch, length, each = self.extent(x, 0), self.extent(x, 2), HEADS // KEPT
        dims = [batch, self.constant([KEPT]), self.constant([each]), length, self.constant([SIZE])]
        grown = self.node("Expand", self.node("Unsqueeze", x, self.constant([2])), self.node("Concat", *dims, axis=0))
        return self.reshape(grown, batch, HEADS, length, SIZE)


@cache
def proto(gate: str = "silu", dtype: type = np.float32, seed: int = 0) -> ModelProto:
    """The model with one of `GATES`, its weights, ids aside what it reads, and results of one type."""
    g = Step(seed, dtype)
    past, count = g.extent("past_key_0", 2), g.extent("ids", 1)
    total = g.node("Add", past, count)
    angles = np.arange(MOST)[:, None] * 10000.0 ** (-np.arange(0, SIZE, 2) / SIZE)
    angles = np.concatenate([angles, angles], -1)[None, None]
    two, one = g.constant([2]), g.constant([1])
    cos, sin = (
        g.node("Slice", g.constant(table, np.float32), past, total, two, one)
        for table in (np.cos(angles), np.sin(angles))
    )
    places = g.constant(np.arange(MOST)[None, None, None])
    columns = g.slice(places, 3, 0, total)
    rows = g.node("Slice", g.constant(np.arange(MOST)[None, None, :, None]), past, total, two, one)
    mask = g.node("Where", g.node("LessOrEqual", columns, rows), g.number(0.0), g.number(float(np.finfo(dtype).min)))
    x = g.node("Gather", g.drawn(VOCABULARY, WIDTH, scale=1.0), "ids")
    outputs: dict[str, tuple[Any, ...]] = {}
    for layer in range(LAYERS):
        normed = g.rms_norm(x, WIDTH)
        q = g.rotated(g.split_heads(g.product(normed, WIDTH, WIDTH), HEADS, [0, 2, 1, 3]), cos, sin)
        k = g.rotated(g.split_heads(g.product(normed, WIDTH, KEPT * SIZE), KEPT, [0, 2, 1, 3]), cos, sin)
        v = g.split_heads(g.product(normed, WIDTH, KEPT * SIZE), KEPT, [0, 2, 1, 3])
        k = g.node("Concat", f"past_key_{layer}", k, axis=2)
        v = g.node("Concat", f"past_value_{layer}", v, axis=2)
        for kind, value in (("key", k), ("value", v)):
            outputs[g.named(value, f"present_{kind}_{layer}")] = "batch", KEPT, "total", SIZE
        scores = g.node("MatMul", q, g.node("Transpose", g.repeated(k), perm=[0, 1, 3, 2]))
        scores = g.node("Add", g.node("Mul", scores, g.number(SIZE**-0.5)), mask)
        x = g.node("Add", x, g.product(g.mix(scores, g.repeated(v), WIDTH), WIDTH, WIDTH))
        x = g.node("Add", x, g.feed(g.rms_norm(x, WIDTH), gate))
    outputs[g.named(g.product(g.rms_norm(x, WIDTH), WIDTH, VOCABULARY), "logits")] = "batch", "step", VOCABULARY
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    caches = [f"past_{each}_{layer}" for layer in range(LAYERS) for each in ("key", "value")]
    values = [helper.make_tensor_value_info("ids", TensorProto.INT64, ("batch", "step"))]
    values += [helper.make_tensor_value_info(name, kind, ("batch", KEPT, "past", SIZE)) for name in caches]
    results = [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs.items()]
    weights = [numpy_helper.from_array(array, key) for key, array in g.weights.items()]
    graph = helper.make_graph(g.nodes, "llama_step", values, results, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def inputs(seed: int, batch: int, step: int, past: int, dtype: type = np.float32) -> Inputs:
    rng = np.random.default_rng(seed)
    given: Inputs = {"ids": rng.integers(0, VOCABULARY, (batch, step))}
    for layer in range(LAYERS):
        for kind in ("key", "value"):
            given[f"past_{kind}_{layer}"] = rng.standard_normal((batch, KEPT, past, SIZE), np.float32).astype(dtype)
    return given
