"""Small valid ONNX models, one family of operators each, and random changes to any part of them: for the targets in test/fuzz."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from onnx import ModelProto, parser

BODIES = [
    "(float[N, 3] x) => (float[N, 3] y) <float[3] w = {1, 2, 3}> { t = Add(x, w)\n y = Relu(t) }",
    "(float[2, 4] x, float[4, 3] w) => (float[2, 3] y) { t = MatMul(x, w)\n y = Softmax<axis = 1>(t) }",
    "(float[a, 4] x, float[3, 4] w, float[3] b) => (float[a, 3] y) { y = Gemm<transB = 1, alpha = 2.0>(x, w, b) }",
    "(float[1, 3, 8, H] x, float[4, 3, 3, 3] w) => (float[1, 4, A, B] y) {"
    " t = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(x, w)\n y = MaxPool<kernel_shape = [2, 2]>(t) }",
    "(float[1, 3, 8, 8] x) => (float[1, 3, A, B] y, float[1, 3, 1, 1] z) {"
    " y = AveragePool<kernel_shape = [3, 3], ceil_mode = 1, strides = [2, 2]>(x)\n z = GlobalAveragePool(x) }",
    "(float[batch, seq] x) => (float[A, B] y) <int64[1] i = {1}, int64[1] m = {-1}> {"
    " s = Shape(x)\n g = Gather(s, i)\n c = Concat<axis = 0>(g, m)\n y = Reshape(x, c) }",
    "(float[past, 4] x, float[1, 4] k) => (float[A, 4] y) { t = Concat<axis = 0>(x, k)\n y = Neg(t) }",
    "(float[6, 4] x) => (float[A, 4] y, float[B, 4] z) <int64[2] s = {2, 4}> { y, z = Split<axis = 0>(x, s) }",
    "(float[6, N] x) => (float[A, B] y) <int64[1] s = {1}, int64[1] e = {-1}, int64[1] a = {0}, int64[1] t = {2}> {"
    " y = Slice(x, s, e, a, t) }",
    "(float[2, 3] x) => (float[A, B] y) <int64[2] r = {2, 2}, int64[4] p = {1, 0, 0, 2}, int64[3] e = {2, 1, 1}> {"
    " t = Tile(x, r)\n u = Pad(t, p)\n y = Expand(u, e) }",
    "(float[2, 8] x) => (float[2, A] y) <int64[1] a = {1}> { t = ReduceSum<keepdims = 1>(x, a)\n u = Sub(x, t)\n y = Exp(u) }",
    "(float[2, 8] x, float[8] s, float[8] b) => (float[2, 8] y) { y = LayerNormalization<axis = -1, epsilon = 0.001>(x, s, b) }",
    "(float[1, 2, 4, 4] x, float[2] s, float[2] b, float[2] m, float[2] v) => (float[1, 2, 4, 4] y) {"
    " y = BatchNormalization<epsilon = 0.1>(x, s, b, m, v) }",
    "(float[4, 3] x, int64[2] i) => (float[2, 3] y, float[A] z) <int64[2, 2] n = {0, 1, 2, 0}> {"
    " y = Gather<axis = 0>(x, i)\n z = GatherND(x, n) }",
    "(float[1, 2, 3, 3] x) => (float[1, 2, A, B] y) <float[4] s = {1, 1, 2, 2}> {"
    ' y = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(x, , s) }',
    "(float[2, 3] x, bool[2, 3] c) => (float16[2, 3] y) { n = Neg(x)\n t = Where(c, x, n)\n y = Cast<to = 10>(t) }",
    "(int8[2, 4] x) => (float[2, 4] y) <float s = {0.5}, int8 z = {0}> { y = DequantizeLinear(x, s, z) }",
    "(float[3, 4] x) => (float[A, B] y) { t = Transpose<perm = [1, 0]>(x)\n u = Flatten<axis = 1>(t)\n y = Squeeze(u) }",
    "(float[2] x) => (float[A] y) <int64[1] n = {3}, int64 s = {0}, int64 l = {5}, int64 d = {1}> {"
    " c = ConstantOfShape<value = float[1] {2}>(n)\n r = Range(s, l, d)\n f = Cast<to = 1>(r)\n"
    " t = Concat<axis = 0>(c, f, x)\n y = Abs(t) }",
    "(float[2, 8] x) => (float[2, 8] y) { y = HammingLike.F<k = 0.25>(x) }",
    "(float[2, 3] x, bool c) => (float[2, 3] y) {"
    " y = If(c) <then_branch = g1 () => (float[2, 3] p) { p = Relu(x) }, else_branch = g2 () => (float[2, 3] q) { q = Neg(x) }> }",
    "(float[1, 4, 2, 2] x) => (float[1, 1, 4, 4] y) { y = DepthToSpace<blocksize = 2>(x) }",
    "(float[N, 6] x) => (float[N, 6] y) { k = Constant<value_floats = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]>()\n"
    " t = Mul(x, k)\n u = Clip(t)\n v = CumSum(u, a)\n y = Trilu(v) }".replace("CumSum(u, a)", "Identity(u)"),
    "(float[2, 3] x, float[3] s) => (float[2, 3] y) { t = PRelu(x, s)\n u = Pow(t, t)\n v = Mod<fmod = 1>(u, x)\n y = HardSwish(v) }",
]  # fmt: skip
FUNCTIONS = """<domain: "HammingLike", opset_import: ["" : 17, "HammingLike" : 1]>
F <k> (a) => (c) { t = LeakyRelu<alpha: float = @k>(a)
 c = HammingLike.G(t) }
<domain: "HammingLike", opset_import: ["" : 17]>
G (a) => (c) { c = Tanh(a) }
"""
INTEGERS = [
    0, 1, 2, 3, 4, 5, 7, 10, 16, 17, 63, 64, 100, 999, 4096, 5000, 65536, -1, -2, -4, -100, 2**31 - 1, 2**31, 2**32, 10**9, 10**12,
    2**62, 2**63 - 1, -(2**31), -(2**63),
]  # fmt: skip
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, 1e-45, 1e10, 3.4e38, float("inf"), -float("inf"), float("nan")]
TEXTS = [
    "", "x", "y", "t", "w", "a", "N", "batch size", "past + 1", "16*H", "a*b", "-1", "?", "N floordiv 0", "min(a, b)", "a//2", "((((", "é",
    "a\0b", "a\nb", "*/", "\x1b[31m", "n" * 3000, "Relu", "Add", "If", "Loop", "Gather", "Reshape", "Expand", "MatMul", "Conv", "Softmax",
    "Concat", "Shape", "Range", "Tile", "Pad", "Cast", "ReduceMean", "Attention", "ai.onnx", "com.microsoft", "HammingLike", "axis",
]  # fmt: skip


@cache
def _model(index: int) -> bytes:
    imports = '["" : 17, "HammingLike" : 1]'
    functions = FUNCTIONS if "HammingLike" in BODIES[index] else ""
    return parser.parse_model(
        f"<ir_version: 8, opset_import: {imports}>\ng {BODIES[index]}\n{functions}"
    ).SerializeToString()


def valid_model(rng: random.Random) -> ModelProto:
    """One of the models, as it is."""
    return ModelProto.FromString(_model(rng.randrange(len(BODIES))))


def messages(message: Any) -> Iterator[Any]:
    """A message and all within it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                yield from messages(each)


def change(rng: random.Random, model: ModelProto) -> None:
    """Change one part: a number, a text, an entry that is dropped, doubled, moved, or taken from elsewhere in the model."""
    listed = list(messages(model))
    message = rng.choice(listed)
    field = rng.choice(message.DESCRIPTOR.fields)
    if rng.random() < 0.7 and message.ListFields():  # more often a part that is there
        field = rng.choice(message.ListFields())[0]
    if field.is_repeated:
        _change_list(rng, getattr(message, field.name), field, listed)
    elif field.message_type is not None:
        others = [each for each in listed if each.DESCRIPTOR is field.message_type and each is not message]
        if others and rng.random() < 0.7:
            copy = type(others[0])()
            copy.CopyFrom(rng.choice(others))
            getattr(message, field.name).CopyFrom(copy)
        else:
            message.ClearField(field.name)
    elif rng.random() < 0.15:
        message.ClearField(field.name)
    else:
        _assign(rng, lambda value: setattr(message, field.name, value), field)


def _change_list(rng: random.Random, entries: Any, field: Any, listed: list[Any]) -> None:
    kind = rng.randrange(5)
    if kind == 0 and len(entries):
        del entries[rng.randrange(len(entries))]
    elif field.message_type is not None:
        others = [each for each in listed if each.DESCRIPTOR is field.message_type]
        copy = field.message_type._concrete_class()
        if others:
            copy.CopyFrom(rng.choice(others))
        for _ in range(rng.choice([1, 1, 1, 2, 40])):
            entries.append(copy)
    elif kind == 1 and len(entries):
        for _ in range(rng.choice([1, 2, 60])):
            entries.append(rng.choice(list(entries)))
    elif kind == 2 and len(entries):
        index = rng.randrange(len(entries))
        _assign(rng, lambda value: entries.__setitem__(index, value), field)
    elif kind == 3:
        shuffled = list(entries)
        rng.shuffle(shuffled)
        entries[:] = shuffled
    else:
        _assign(rng, entries.append, field)


def _assign(rng: random.Random, put: Any, field: Any) -> None:
    """Put a value of the field's type; what protobuf does not take is left out."""
    values = {
        field.CPPTYPE_STRING: [text.encode() if field.type == field.TYPE_BYTES else text for text in TEXTS],
        field.CPPTYPE_FLOAT: FLOATS,
        field.CPPTYPE_DOUBLE: FLOATS,
    }.get(field.cpp_type, INTEGERS)
    try:
        put(rng.choice(values))
    except (ValueError, TypeError):
        return
