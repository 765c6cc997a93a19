"""Transformer encoders, built here node by node as exporters write them: `model("minilm_fp32")` gives a `zoo.Model`.

`minilm_fp32` is all-MiniLM-L6-v2, whose published weights are no ONNX file; BERT-base and ViT-B/16 have drawn weights. Matrices are drawn
with variance 1 / inputs, so that the scores of attention have deviation 1 and what a position reads depends on the others.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from trtc.compiler.tools.fetch_models import fetch

sys.path.insert(0, str(Path(__file__).parent))
import zoo
from zoo import Array, Inputs, Model

OPSET = 17
LEAST = float(np.finfo(np.float32).min)
"""What exporters add to the scores of positions that a mask hides."""


@dataclass
class Graph:
    """Nodes and weights of a model under construction; a method returns the name of what it makes."""

    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, Array] = field(default_factory=dict)

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        made = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [made], made, **attributes))
        return made

    def constant(self, value: Any, dtype: type = np.int64) -> str:
        name = f"constant_{len(self.weights)}"
        return self.weight(name, np.array(value, dtype))

    def weight(self, name: str, array: Array) -> str:
        self.weights[name] = array
        return name

    def linear(self, x: str, weight: Array, bias: Array, name: str) -> str:
        """`weight` is [outputs, inputs], as torch keeps it."""
        product = self.node("MatMul", x, self.weight(f"{name}.weight", np.ascontiguousarray(weight.T)))
        return self.node("Add", self.weight(f"{name}.bias", bias), product)

    def layer_norm(self, x: str, scale: Array, bias: Array, epsilon: float, name: str) -> str:
        weights = (self.weight(f"{name}.weight", scale), self.weight(f"{name}.bias", bias))
        return self.node("LayerNormalization", x, *weights, axis=-1, epsilon=epsilon)

    def gelu(self, x: str) -> str:
        """By the error function, in the five nodes that exporters make of it."""
        half = self.node("Erf", self.node("Div", x, self.constant(np.sqrt(2.0), np.float32)))
        grown = self.node("Mul", x, self.node("Add", half, self.constant(1.0, np.float32)))
        return self.node("Mul", grown, self.constant(0.5, np.float32))

    def heads(self, x: str, count: int, permutation: list[int]) -> str:
        """[batch, positions, width] with the width split, permuted."""
        return self.node("Transpose", self.node("Reshape", x, self.constant([0, 0, count, -1])), perm=permutation)

    def attention(self, q: str, k: str, v: str, count: int, width: int, mask: str | None = None) -> str:
        """Of projected [batch, positions, width] by `count` heads; `mask` is added to the scores."""
        scores = self.node("MatMul", self.heads(q, count, [0, 2, 1, 3]), self.heads(k, count, [0, 2, 3, 1]))
        scores = self.node("Div", scores, self.constant(np.sqrt(width / count), np.float32))
        if mask is not None:
            scores = self.node("Add", scores, mask)
        mixed = self.node("MatMul", self.node("Softmax", scores, axis=-1), self.heads(v, count, [0, 2, 1, 3]))
        merged = self.node("Transpose", mixed, perm=[0, 2, 1, 3])
        return self.node("Reshape", merged, self.constant([0, 0, width]))

    def model(self, name: str, inputs: list[Any], outputs: dict[str, tuple[str, tuple[Any, ...]]]) -> ModelProto:
        """`outputs`: for each name the value that it is, and its shape, of f32."""
        nodes = [*self.nodes, *(helper.make_node("Identity", [value], [to]) for to, (value, _) in outputs.items())]
        results = [helper.make_tensor_value_info(to, TensorProto.FLOAT, shape) for to, (_, shape) in outputs.items()]
        weights = [numpy_helper.from_array(array, key) for key, array in self.weights.items()]
        graph = helper.make_graph(nodes, name, inputs, results, weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def bert(name: str, weights: Mapping[str, Array], layers: int, heads: int) -> ModelProto:
    """BERT by weights of its published names: the last hidden states, and their mean over what the mask shows, of length 1."""
    g, width = Graph(), weights["embeddings.word_embeddings.weight"].shape[1]

    def linear(x: str, key: str) -> str:
        return g.linear(x, weights[f"{key}.weight"], weights[f"{key}.bias"], key)

    def norm(x: str, key: str) -> str:
        return g.layer_norm(x, weights[f"{key}.weight"], weights[f"{key}.bias"], 1e-12, key)

    def embedded(ids: str, key: str) -> str:
        return g.node("Gather", g.weight(key, weights[f"embeddings.{key}_embeddings.weight"]), ids, axis=0)

    length = g.node("Slice", g.node("Shape", "input_ids"), g.constant([1]), g.constant([2]))
    positions = g.node(
        "Slice", g.constant(np.arange(512)[None]), g.constant([0]), length, g.constant([1]), g.constant([1])
    )
    x = g.node("Add", embedded("input_ids", "word"), embedded("token_type_ids", "token_type"))
    x = norm(g.node("Add", x, embedded(positions, "position")), "embeddings.LayerNorm")
    shown = g.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    hidden = g.node("Sub", g.constant(1.0, np.float32), g.node("Unsqueeze", shown, g.constant([1, 2])))
    mask = g.node("Mul", hidden, g.constant(LEAST, np.float32))
    for number in range(layers):
        layer = f"encoder.layer.{number}"
        q, k, v = (linear(x, f"{layer}.attention.self.{part}") for part in ("query", "key", "value"))
        mixed = linear(g.attention(q, k, v, heads, width, mask), f"{layer}.attention.output.dense")
        x = norm(g.node("Add", mixed, x), f"{layer}.attention.output.LayerNorm")
        grown = g.gelu(linear(x, f"{layer}.intermediate.dense"))
        x = norm(g.node("Add", linear(grown, f"{layer}.output.dense"), x), f"{layer}.output.LayerNorm")
    column = g.node("Unsqueeze", shown, g.constant([2]))
    total = g.node("ReduceSum", g.node("Mul", x, column), g.constant([1]), keepdims=0)
    mean = g.node("Div", total, g.node("ReduceSum", column, g.constant([1]), keepdims=0))
    embedding = g.node("Div", mean, g.node("ReduceL2", mean, axes=[1], keepdims=1))
    inputs = [
        helper.make_tensor_value_info(each, TensorProto.INT64, ("batch", "sequence"))
        for each in ("input_ids", "attention_mask", "token_type_ids")
    ]
    outputs: dict[str, tuple[str, tuple[Any, ...]]] = {
        "last_hidden_state": (x, ("batch", "sequence", width)),
        "sentence_embedding": (embedding, ("batch", width)),
    }
    return g.model(name, inputs, outputs)


def vit(name: str, seed: int, layers: int, width: int, heads: int, patch: int, size: int) -> ModelProto:
    """A vision transformer with drawn weights: pixels f32 [batch, 3, size, size] to 1,000 logits."""
    rng, g = np.random.default_rng(seed), Graph()

    def linear(x: str, outputs: int, inputs: int, key: str) -> str:
        return g.linear(x, _drawn(rng, outputs, inputs), _drawn(rng, outputs, scale=0.1), key)

    def norm(x: str, key: str) -> str:
        return g.layer_norm(x, 1 + _drawn(rng, width, scale=0.1), _drawn(rng, width, scale=0.1), 1e-6, key)

    kernel = _drawn(rng, width, 3 * patch**2).reshape(width, 3, patch, patch)
    weights = (g.weight("patches.weight", kernel), g.weight("patches.bias", _drawn(rng, width, scale=0.1)))
    patches = g.node("Conv", "pixels", *weights, kernel_shape=[patch] * 2, strides=[patch] * 2)
    x = g.node("Transpose", g.node("Reshape", patches, g.constant([0, width, -1])), perm=[0, 2, 1])
    batch = g.node("Slice", g.node("Shape", "pixels"), g.constant([0]), g.constant([1]))
    shape = g.node("Concat", batch, g.constant([1, width]), axis=0)
    token = g.node("Expand", g.weight("token", _drawn(rng, 1, 1, width, scale=1)), shape)
    positions = _drawn(rng, 1, (size // patch) ** 2 + 1, width, scale=0.5)
    x = g.node("Add", g.node("Concat", token, x, axis=1), g.weight("positions", positions))
    for number in range(layers):
        normed = norm(x, f"{number}.before")
        q, k, v = (linear(normed, width, width, f"{number}.{part}") for part in "qkv")
        x = g.node("Add", x, linear(g.attention(q, k, v, heads, width), width, width, f"{number}.mix"))
        grown = g.gelu(linear(norm(x, f"{number}.after"), 4 * width, width, f"{number}.up"))
        x = g.node("Add", x, linear(grown, width, 4 * width, f"{number}.down"))
    first = g.node("Gather", norm(x, "last"), g.constant(0), axis=1)
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ("batch", 3, size, size))
    return g.model(name, [pixels], {"logits": (linear(first, 1000, width, "head"), ("batch", 1000))})


def read_safetensors(path: Path) -> dict[str, Array]:
    """The f32 tensors of a file: 8 bytes with the length of a JSON header, the header, the data."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    found: dict[str, Array] = {}
    for name, entry in json.loads(data[8:start]).items():
        if entry.get("dtype") == "F32":
            first, end = (start + offset for offset in entry["data_offsets"])
            found[name] = np.frombuffer(data[first:end], np.float32).reshape(entry["shape"])
    return found


def _drawn(rng: np.random.Generator, *shape: int, scale: float | None = None) -> Array:
    """Normal numbers of deviation `scale`, by default that of a matrix [outputs, inputs]."""
    return rng.standard_normal(shape, np.float32) * np.float32(shape[-1] ** -0.5 if scale is None else scale)


def _bert_weights(seed: int, layers: int, width: int, vocabulary: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    found: dict[str, Array] = {}

    def linear(key: str, outputs: int, inputs: int) -> None:
        found[f"{key}.weight"] = _drawn(rng, outputs, inputs)
        found[f"{key}.bias"] = _drawn(rng, outputs, scale=0.1)

    def norm(key: str) -> None:
        found[f"{key}.weight"] = 1 + _drawn(rng, width, scale=0.1)
        found[f"{key}.bias"] = _drawn(rng, width, scale=0.1)

    for key, count in (("word", vocabulary), ("position", 512), ("token_type", 2)):
        found[f"embeddings.{key}_embeddings.weight"] = _drawn(rng, count, width, scale=1)
    norm("embeddings.LayerNorm")
    for number in range(layers):
        layer = f"encoder.layer.{number}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            linear(f"{layer}.attention.{part}", width, width)
        linear(f"{layer}.intermediate.dense", 4 * width, width)
        linear(f"{layer}.output.dense", width, 4 * width)
        norm(f"{layer}.attention.output.LayerNorm")
        norm(f"{layer}.output.LayerNorm")
    return found


def _pixels(rng: np.random.Generator, batch: int = 1) -> Inputs:
    return {"pixels": zoo.images(rng, batch, 3, 224, 224)}


_TEXTS: dict[str, Any] = {
    "make_inputs": zoo.sentences,
    "profiles": {"batch": (1, 2, 8), "sequence": (1, 64, 256)},
    "sizes": ({"batch": 1, "sequence": 7}, {"batch": 3, "sequence": 33}, {"batch": 8, "sequence": 128}),
}
_PIXELS: dict[str, Any] = {
    "make_inputs": _pixels,
    "profiles": {"batch": (1, 1, 4)},
    "sizes": ({"batch": 1}, {"batch": 3}, {"batch": 4}),
}
_MAKERS: dict[str, tuple[Callable[[bool], ModelProto], dict[str, Any]]] = {
    "minilm_fp32": (
        lambda download: bert("minilm", read_safetensors(fetch("minilm_fp32", download=download)), 6, 12),
        _TEXTS,
    ),
    "bert_base": (lambda _: bert("bert_base", _bert_weights(0, 12, 768, 30522), 12, 12), _TEXTS),
    "vit_b16": (lambda _: vit("vit_b16", 0, 12, 768, 12, 16, 224), _PIXELS),
}
NAMES = tuple(_MAKERS)
PROFILES: dict[str, dict[str, tuple[int, ...]]] = {name: more["profiles"] for name, (_, more) in _MAKERS.items()}


@cache
def model(name: str, *, download: bool = True) -> Model:
    """One of `NAMES`. Raises `TrtcError` where its weights cannot be had."""
    make, more = _MAKERS[name]
    return Model(name, make(download), **more)
