"""Networks of attention as torch's exporter writes them, full-size, with seeded weights: `model("gpt2")` gives a `zoo.Model`.

Their attention differs in what surrounds the two products: a causal mask and one projection for all three (GPT-2), rotated and shared keys
(Llama), scaled queries (Whisper), windows, a position bias and shifts (Swin), no scale (T5), a scale on either side (CLIP), keys of another
sequence (DETR). Matrices are drawn with variance 1 / inputs, as in encoders.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent))
import zoo
from encoders import LEAST, Graph
from zoo import Array, Inputs, Model

VOCABULARY = 8192
"""Of all text models; the published ones have more, which changes no launch and only takes time to draw."""


class Net(Graph):
    """A network under construction."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def drawn(self, *shape: int, scale: float, mean: float = 0.0) -> str:
        array = np.float32(mean) + np.float32(scale) * self.rng.standard_normal(shape, np.float32)
        return self.weight(f"weight_{len(self.weights)}", array.astype(np.float32))

    def product(self, x: str, inputs: int, outputs: int, gain: float = 1.0) -> str:
        """A Linear without a bias, of any rank."""
        return self.node("MatMul", x, self.drawn(inputs, outputs, scale=gain * inputs**-0.5))

    def dense(self, x: str, inputs: int, outputs: int) -> str:
        return self.node("Add", self.drawn(outputs, scale=0.1), self.product(x, inputs, outputs))

    def norm(self, x: str, width: int, epsilon: float = 1e-5) -> str:
        drawn = (self.drawn(width, scale=0.1, mean=mean) for mean in (1.0, 0.0))
        return self.node("LayerNormalization", x, *drawn, axis=-1, epsilon=epsilon)

    def rms_norm(self, x: str, width: int) -> str:
        """As transformers writes it out."""
        squares = self.node("ReduceMean", self.node("Pow", x, self.number(2.0)), axes=[-1], keepdims=1)
        root = self.node("Sqrt", self.node("Add", squares, self.number(1e-6)))
        normed = self.node("Mul", x, self.node("Div", self.number(1.0), root))
        return self.node("Mul", self.drawn(width, scale=0.1, mean=1.0), normed)

    def number(self, value: float) -> str:
        return self.constant(value, np.float32)

    def extent(self, x: str, axis: int) -> str:
        """One dim of a value, [1]: Shape, Gather, Unsqueeze."""
        dim = self.node("Gather", self.node("Shape", x), self.constant(axis), axis=0)
        return self.node("Unsqueeze", dim, self.constant([0]))

    def reshape(self, x: str, *dims: int | str) -> str:
        """To dims that are numbers or values of `extent`."""
        if all(isinstance(dim, int) for dim in dims):
            return self.node("Reshape", x, self.constant(dims))
        parts = [dim if isinstance(dim, str) else self.constant([dim]) for dim in dims]
        return self.node("Reshape", x, self.node("Concat", *parts, axis=0))

    def slice(self, x: str, axis: int, start: int, end: int | str, step: int = 1) -> str:
        stop = end if isinstance(end, str) else self.constant([end])
        return self.node("Slice", x, self.constant([start]), stop, self.constant([axis]), self.constant([step]))

    def split_heads(self, x: str, heads: int, permutation: list[int]) -> str:
        batch, length = self.extent(x, 0), self.extent(x, 1)
        return self.node("Transpose", self.reshape(x, batch, length, heads, -1), perm=permutation)

    def merge_heads(self, x: str, width: int) -> str:
        merged = self.node("Transpose", x, perm=[0, 2, 1, 3])
        return self.reshape(merged, self.extent(merged, 0), self.extent(merged, 1), width)

    def mix(self, scores: str, v: str, width: int) -> str:
        """Softmax of the scores, product with values [batch, heads, keys, size], heads side by side."""
        return self.merge_heads(self.node("MatMul", self.node("Softmax", scores, axis=-1), v), width)

    def sdpa(self, q: str, k: str, v: str, heads: int, width: int, mask: str | None = None) -> str:
        """F.scaled_dot_product_attention, whose exporter scales both factors by the root of the scale."""
        root = self.number((width / heads) ** -0.25)
        left = self.node("Mul", self.split_heads(q, heads, [0, 2, 1, 3]), root)
        right = self.node("Mul", self.split_heads(k, heads, [0, 2, 3, 1]), root)
        scores = self.node("MatMul", left, right)
        scores = scores if mask is None else self.node("Add", scores, mask)
        return self.mix(scores, self.split_heads(v, heads, [0, 2, 1, 3]), width)

    def causal_mask(self, ids: str, mask: str, most: int) -> str:
        """[batch, 1, positions, positions]: 0 where a position sees another that the mask shows, else the lowest float."""
        length = self.extent(ids, 1)
        columns = self.slice(self.constant(np.arange(most)[None, None, None]), 3, 0, length)
        rows = self.slice(self.constant(np.arange(most)[None, None, :, None]), 2, 0, length)
        shown = self.node("Unsqueeze", self.node("Cast", mask, to=TensorProto.BOOL), self.constant([1, 2]))
        seen = self.node("And", self.node("LessOrEqual", columns, rows), shown)
        return self.node("Where", seen, self.number(0.0), self.number(LEAST))


def gpt2(g: Net, layers: int = 12, width: int = 768, heads: int = 12) -> str:
    def conv1d(x: str, inputs: int, outputs: int) -> str:
        flat = g.reshape(x, -1, inputs)
        weights = (g.drawn(inputs, outputs, scale=inputs**-0.5), g.drawn(outputs, scale=0.1))
        return g.reshape(g.node("Gemm", flat, *weights), g.extent(x, 0), g.extent(x, 1), outputs)

    def gelu_new(x: str) -> str:
        cubed = g.node("Mul", g.node("Pow", x, g.number(3.0)), g.number(0.044715))
        inner = g.node("Mul", g.node("Add", x, cubed), g.number(np.sqrt(2 / np.pi)))
        return g.node("Mul", g.node("Mul", x, g.number(0.5)), g.node("Add", g.node("Tanh", inner), g.number(1.0)))

    words = g.drawn(VOCABULARY, width, scale=1.0)
    places = g.slice(g.constant(np.arange(1024)[None]), 1, 0, g.extent("input_ids", 1))
    x = g.node("Gather", words, "input_ids")
    x = g.node("Add", x, g.node("Gather", g.drawn(1024, width, scale=0.5), places))
    mask = g.causal_mask("input_ids", "attention_mask", 1024)
    for _ in range(layers):
        joined = conv1d(g.norm(x, width), width, 3 * width)
        q, k, v = (g.slice(joined, 2, part * width, (part + 1) * width) for part in range(3))
        scores = g.node("MatMul", g.split_heads(q, heads, [0, 2, 1, 3]), g.split_heads(k, heads, [0, 2, 3, 1]))
        scores = g.node("Add", g.node("Mul", scores, g.number((width / heads) ** -0.5)), mask)
        mixed = g.mix(scores, g.split_heads(v, heads, [0, 2, 1, 3]), width)
        x = g.node("Add", conv1d(mixed, width, width), x)
        grown = gelu_new(conv1d(g.norm(x, width), width, 4 * width))
        x = g.node("Add", x, conv1d(grown, 4 * width, width))
    return g.product(g.norm(x, width), width, VOCABULARY)


def llama(g: Net, layers: int = 4, width: int = 1024, heads: int = 16, kept: int = 4, inner: int = 4096) -> str:
    """Four layers of a Llama of half the width of that of 1B; `kept` heads of keys and values."""
    size, length = width // heads, g.extent("input_ids", 1)
    angles = np.arange(512)[:, None] * 10000.0 ** (-np.arange(0, size, 2) / size)
    angles = np.concatenate([angles, angles], -1)[None, None]
    cos, sin = (g.slice(g.constant(table, np.float32), 2, 0, length) for table in (np.cos(angles), np.sin(angles)))

    def rotated(x: str) -> str:
        first, second = g.slice(x, 3, 0, size // 2), g.slice(x, 3, size // 2, np.iinfo(np.int64).max)
        turned = g.node("Concat", g.node("Neg", second), first, axis=-1)
        return g.node("Add", g.node("Mul", x, cos), g.node("Mul", turned, sin))

    def repeated(x: str) -> str:
        batch, each = g.extent(x, 0), heads // kept
        dims = [batch, g.constant([kept]), g.constant([each]), length, g.constant([size])]
        grown = g.node("Expand", g.node("Unsqueeze", x, g.constant([2])), g.node("Concat", *dims, axis=0))
        return g.reshape(grown, batch, heads, length, size)

    x = g.node("Gather", g.drawn(VOCABULARY, width, scale=1.0), "input_ids")
    mask = g.causal_mask("input_ids", "attention_mask", 512)
    for _ in range(layers):
        normed = g.rms_norm(x, width)
        q = rotated(g.split_heads(g.product(normed, width, width), heads, [0, 2, 1, 3]))
        k = rotated(g.split_heads(g.product(normed, width, kept * size), kept, [0, 2, 1, 3]))
        v = g.split_heads(g.product(normed, width, kept * size), kept, [0, 2, 1, 3])
        scores = g.node("MatMul", q, g.node("Transpose", repeated(k), perm=[0, 1, 3, 2]))
        scores = g.node("Add", g.node("Mul", scores, g.number(size**-0.5)), mask)
        x = g.node("Add", x, g.product(g.mix(scores, repeated(v), width), width, width))
        normed = g.rms_norm(x, width)
        gate, up = g.product(normed, width, inner), g.product(normed, width, inner)
        grown = g.node("Mul", g.node("Mul", gate, g.node("Sigmoid", gate)), up)
        x = g.node("Add", x, g.product(grown, inner, width))
    return g.product(g.rms_norm(x, width), width, VOCABULARY)


def whisper_encoder(g: Net, layers: int = 4, width: int = 384, heads: int = 6) -> str:
    """Whisper tiny's: log-mel spectra [batch, 80, 3000] to 1,500 positions."""

    def conv(x: str, inputs: int, stride: int) -> str:
        weights = (g.drawn(width, inputs, 3, scale=(3 * inputs) ** -0.5), g.drawn(width, scale=0.1))
        return g.gelu(g.node("Conv", x, *weights, kernel_shape=[3], strides=[stride], pads=[1, 1]))

    x = g.node("Transpose", conv(conv("mel", 80, 1), width, 2), perm=[0, 2, 1])
    x = g.node("Add", x, g.drawn(1500, width, scale=0.5))
    for _ in range(layers):
        normed = g.norm(x, width)
        q = g.node("Mul", g.dense(normed, width, width), g.number((width / heads) ** -0.5))
        k, v = g.product(normed, width, width), g.dense(normed, width, width)
        scores = g.node("MatMul", g.split_heads(q, heads, [0, 2, 1, 3]), g.split_heads(k, heads, [0, 2, 3, 1]))
        x = g.node("Add", x, g.dense(g.mix(scores, g.split_heads(v, heads, [0, 2, 1, 3]), width), width, width))
        grown = g.gelu(g.dense(g.norm(x, width), width, 4 * width))
        x = g.node("Add", x, g.dense(grown, 4 * width, width))
    return g.norm(x, width)


WINDOW = 7


def swin_t(g: Net, blocks: Sequence[int] = (2, 2, 6, 2), width: int = 96, side: int = 56) -> str:
    """torchvision's; a shifted block rolls by two slices and a concat along each side. `blocks` per stage, heads of 32 channels, and
    `side` patches of 4 x 4 pixels along each side of the image."""

    def roll(x: str, by: int) -> str:
        for axis in (1, 2):
            x = g.node("Concat", g.slice(x, axis, by, np.iinfo(np.int64).max), g.slice(x, axis, 0, by), axis=axis)
        return x

    def attend(x: str, width: int, heads: int, side: int, shift: int) -> str:
        count, area, size = side // WINDOW, WINDOW**2, width // heads
        windows = g.reshape(roll(x, shift) if shift else x, -1, count, WINDOW, count, WINDOW, width)
        windows = g.reshape(g.node("Transpose", windows, perm=[0, 1, 3, 2, 4, 5]), -1, area, width)
        joined = g.reshape(g.dense(windows, width, 3 * width), -1, area, 3, heads, size)
        joined = g.node("Transpose", joined, perm=[2, 0, 3, 1, 4])
        q, k, v = (g.node("Gather", joined, g.constant(part), axis=0) for part in range(3))
        q = g.node("Mul", q, g.number(size**-0.5))
        scores = g.node("MatMul", q, g.node("Transpose", k, perm=[0, 1, 3, 2]))
        bias = g.node("Gather", g.drawn((2 * WINDOW - 1) ** 2, heads, scale=0.5), g.constant(_pairs().reshape(-1)))
        bias = g.node("Transpose", g.reshape(bias, area, area, heads), perm=[2, 0, 1])
        scores = g.node("Add", scores, g.node("Unsqueeze", bias, g.constant([0])))
        if shift:
            grouped = g.reshape(scores, -1, count**2, heads, area, area)
            apart = g.constant(_apart(side, shift)[None, :, None], np.float32)
            scores = g.reshape(g.node("Add", grouped, apart), -1, heads, area, area)
        mixed = g.node("MatMul", g.node("Softmax", scores, axis=-1), v)
        mixed = g.reshape(g.node("Transpose", mixed, perm=[0, 2, 1, 3]), -1, area, width)
        mixed = g.reshape(g.dense(mixed, width, width), -1, count, count, WINDOW, WINDOW, width)
        mixed = g.reshape(g.node("Transpose", mixed, perm=[0, 1, 3, 2, 4, 5]), -1, side, side, width)
        return roll(mixed, side - shift) if shift else mixed

    weights = (g.drawn(width, 3, 4, 4, scale=48**-0.5), g.drawn(width, scale=0.1))
    x = g.node("Conv", "pixels", *weights, kernel_shape=[4, 4], strides=[4, 4])
    x = g.norm(g.node("Transpose", x, perm=[0, 2, 3, 1]), width)
    for stage, count in enumerate(blocks):
        if stage:
            parts = [g.slice(g.slice(x, 1, row, side, 2), 2, column, side, 2) for column in (0, 1) for row in (0, 1)]
            x = g.product(g.norm(g.node("Concat", *parts, axis=-1), 4 * width), 4 * width, 2 * width)
            width, side = 2 * width, side // 2
        for number in range(count):
            shift = WINDOW // 2 if number % 2 and side > WINDOW else 0
            x = g.node("Add", x, attend(g.norm(x, width), width, width // 32, side, shift))
            grown = g.gelu(g.dense(g.norm(x, width), width, 4 * width))
            x = g.node("Add", x, g.dense(grown, 4 * width, width))
    last = g.node("Transpose", g.norm(x, width), perm=[0, 3, 1, 2])
    flat = g.node("Flatten", g.node("GlobalAveragePool", last), axis=1)
    return g.node("Gemm", flat, g.drawn(1000, width, scale=width**-0.5), g.drawn(1000, scale=0.1), transB=1)


def _pairs() -> Array:
    """The row of the bias table for each two positions of a window."""
    at = np.stack(np.meshgrid(np.arange(WINDOW), np.arange(WINDOW), indexing="ij")).reshape(2, -1)
    rows, columns = at[:, :, None] - at[:, None] + WINDOW - 1
    return (rows * (2 * WINDOW - 1) + columns).astype(np.int64)


def _apart(side: int, shift: int) -> Array:
    """-100 for each two positions of a window that were no neighbours before the roll, [windows, area, area]."""
    part = np.digitize(np.arange(side), [side - WINDOW, side - shift])
    parts = (3 * part[:, None] + part).reshape(side // WINDOW, WINDOW, side // WINDOW, WINDOW)
    parts = parts.transpose(0, 2, 1, 3).reshape(-1, WINDOW**2)
    return np.where(parts[:, None] == parts[:, :, None], 0.0, -100.0)


def clip_text(g: Net, layers: int = 12, width: int = 512, heads: int = 8, length: int = 77) -> str:
    x = g.node("Gather", g.drawn(VOCABULARY, width, scale=1.0), "input_ids")
    x = g.node("Add", x, g.node("Gather", g.drawn(length, width, scale=0.5), g.constant(np.arange(length)[None])))
    mask = g.constant(np.triu(np.full((1, 1, length, length), LEAST), 1), np.float32)
    for _ in range(layers):
        normed = g.norm(x, width)
        q, k, v = (g.dense(normed, width, width) for _ in range(3))
        x = g.node("Add", x, g.dense(g.sdpa(q, k, v, heads, width, mask), width, width))
        grown = g.dense(g.norm(x, width), width, 4 * width)
        quick = g.node("Mul", grown, g.node("Sigmoid", g.node("Mul", grown, g.number(1.702))))
        x = g.node("Add", x, g.dense(quick, 4 * width, width))
    return g.norm(x, width)


def t5_encoder(g: Net, layers: int = 6, width: int = 512, heads: int = 8, length: int = 128) -> str:
    """T5-small's: no scale, no biases, and a bias of relative positions that all layers share."""
    x = g.node("Gather", g.drawn(VOCABULARY, width, scale=1.0), "input_ids")
    table = g.node("Gather", g.drawn(32, heads, scale=0.5), g.constant(_buckets(length)))
    bias = g.node("Unsqueeze", g.node("Transpose", table, perm=[2, 0, 1]), g.constant([0]))
    shown = g.node("Unsqueeze", g.node("Cast", "attention_mask", to=TensorProto.FLOAT), g.constant([1, 2]))
    hidden = g.node("Mul", g.node("Sub", g.number(1.0), shown), g.number(LEAST))
    bias = g.node("Add", bias, hidden)
    for _ in range(layers):
        normed = g.rms_norm(x, width)
        # Without a scale it is the weights of the queries that keep scores small.
        q, k, v = (g.product(normed, width, width, gain) for gain in ((width / heads) ** -0.5, 1.0, 1.0))
        scores = g.node("MatMul", g.split_heads(q, heads, [0, 2, 1, 3]), g.split_heads(k, heads, [0, 2, 3, 1]))
        scores = g.node("Add", scores, bias)
        mixed = g.mix(scores, g.split_heads(v, heads, [0, 2, 1, 3]), width)
        x = g.node("Add", x, g.product(mixed, width, width))
        grown = g.node("Relu", g.product(g.rms_norm(x, width), width, 4 * width))
        x = g.node("Add", x, g.product(grown, 4 * width, width))
    return g.rms_norm(x, width)


def _buckets(length: int, buckets: int = 32, most: int = 128) -> Array:
    """The row of T5's bias table for each query and key: half of the rows for keys on either side, near ones by distance."""
    far = np.arange(length)[None] - np.arange(length)[:, None]
    half, exact = buckets // 2, buckets // 4
    distance = np.abs(far)
    log = np.log(np.maximum(distance, 1) / exact) / np.log(most / exact) * (half - exact)
    near = np.where(distance < exact, distance, np.minimum(exact + log.astype(int), half - 1))
    return (near + half * (far > 0)).astype(np.int64)


def detr(g: Net, layers: int = 6, width: int = 256, heads: int = 8, queries: int = 100) -> str:
    """DETR's transformer and heads: features [batch, 2048, 25, 34] to classes and boxes, side by side. Positions are added to queries and
    keys alone; norms follow each sum."""

    def attend(to: str, at: str, source: str, placed: str, values: str) -> str:
        q, k = (g.dense(g.node("Add", x, where), width, width) for x, where in ((to, at), (source, placed)))
        return g.dense(g.sdpa(q, k, g.dense(values, width, width), heads, width), width, width)

    def feed(x: str) -> str:
        grown = g.dense(g.node("Relu", g.dense(x, width, 2048)), 2048, width)
        return g.norm(g.node("Add", x, grown), width)

    weights = (g.drawn(width, 2048, 1, 1, scale=2048**-0.5), g.drawn(width, scale=0.1))
    flat = g.reshape(g.node("Conv", "features", *weights, kernel_shape=[1, 1]), g.extent("features", 0), width, -1)
    x = g.node("Transpose", flat, perm=[0, 2, 1])
    places = g.drawn(1, 25 * 34, width, scale=0.5)
    for _ in range(layers):
        x = feed(g.norm(g.node("Add", x, attend(x, places, x, places, x)), width))
    memory, asked = x, g.drawn(1, queries, width, scale=0.5)
    shape = g.node("Concat", g.extent("features", 0), g.constant([queries]), g.constant([width]), axis=0)
    x = g.node("ConstantOfShape", shape)
    for _ in range(layers):
        x = g.norm(g.node("Add", x, attend(x, asked, x, asked, x)), width)
        x = feed(g.norm(g.node("Add", x, attend(x, asked, memory, places, memory)), width))
    x = g.norm(x, width)
    boxes = g.node("Relu", g.dense(g.node("Relu", g.dense(x, width, width)), width, width))
    return g.node("Concat", g.dense(x, width, 92), g.node("Sigmoid", g.dense(boxes, width, 4)), axis=-1)


def _texts(rng: np.random.Generator, batch: int = 1, sequence: int = 128) -> Inputs:
    """Ids, and a mask that hides the end of all sentences but the first."""
    lengths = rng.integers(max(1, sequence // 2), sequence + 1, batch)
    lengths[0] = sequence
    mask = (np.arange(sequence) < lengths[:, None]).astype(np.int64)
    return {"input_ids": rng.integers(3, VOCABULARY, (batch, sequence)), "attention_mask": mask}


def _plain_texts(rng: np.random.Generator, batch: int = 1) -> Inputs:
    return {"input_ids": rng.integers(3, VOCABULARY, (batch, 77))}


def _spectra(rng: np.random.Generator, batch: int = 1) -> Inputs:
    return {"mel": zoo.images(rng, batch, 1, 80, 3000)[:, 0]}


def _pixels(rng: np.random.Generator, batch: int = 1) -> Inputs:
    return {"pixels": zoo.images(rng, batch, 3, 224, 224)}


def _features(rng: np.random.Generator, batch: int = 1) -> Inputs:
    return {"features": np.maximum(zoo.images(rng, batch, 2048, 25, 34), 0)}


_BATCH: dict[str, Any] = {
    "profiles": {"batch": (1, 1, 4)},
    "sizes": ({"batch": 1}, {"batch": 3}, {"batch": 4}),
}
_TEXTS: dict[str, Any] = {
    "profiles": {"batch": (1, 1, 4), "sequence": (1, 128, 256)},
    "sizes": ({"batch": 1, "sequence": 128}, {"batch": 3, "sequence": 33}, {"batch": 4, "sequence": 1}),
}
_MAKERS: dict[str, tuple[Callable[[Net], str], Callable[..., Inputs], tuple[Any, ...], dict[str, Any]]] = {
    # name -> what builds it, its inputs, the shape of its result, profiles and sizes
    "gpt2": (gpt2, _texts, ("batch", "sequence", VOCABULARY), _TEXTS),
    "llama": (llama, _texts, ("batch", "sequence", VOCABULARY), _TEXTS),
    "whisper_encoder": (whisper_encoder, _spectra, ("batch", 1500, 384), _BATCH),
    "swin_t": (swin_t, _pixels, ("batch", 1000), _BATCH),
    "clip_text": (clip_text, _plain_texts, ("batch", 77, 512), _BATCH),
    "t5_encoder": (t5_encoder, _texts, ("batch", 128, 512), _BATCH),
    "detr": (detr, _features, ("batch", 100, 96), _BATCH),
}
NAMES = tuple(_MAKERS)
PROFILES: dict[str, dict[str, tuple[int, ...]]] = {name: more["profiles"] for name, (*_, more) in _MAKERS.items()}


@cache
def model(name: str, seed: int = 0) -> Model:
    """One of `NAMES`."""
    make, inputs, shape, more = _MAKERS[name]
    g = Net(seed)
    made = make(g)
    values: list[Any] = []
    for key, array in inputs(np.random.default_rng(0)).items():
        dims = ["batch", *array.shape[1:]]
        if "sequence" in more["profiles"]:
            dims[1] = "sequence"
        values.append(helper.make_tensor_value_info(key, helper.np_dtype_to_tensor_dtype(array.dtype), dims))
    return Model(name, g.model(name, values, {"out": (made, shape)}), inputs, **more)


def proto(name: str, seed: int = 0) -> ModelProto:
    return model(name, seed).proto
