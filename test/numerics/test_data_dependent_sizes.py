"""Operators whose results have as many elements as data decides, on random shapes, types and special values, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import helper, numpy_helper
from onnx.helper import np_dtype_to_tensor_dtype

from trtc.compiler.frontend import import_onnx
from trtc.dialects.errors import OptionError, UnsupportedOpError
from trtc.dialects.host.control import HostValueError
from trtc.dialects.meaning import run_module

Array = np.ndarray[Any, Any]
TYPES = (np.float32, np.float16, np.int64, np.int32, np.int8, np.bool_)
SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1.0], np.float32)


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: type, few: bool = False) -> Array:
    """An array with many zeros and equal elements, and, of floats, with special values."""
    if np.dtype(dtype).kind == "f":
        values = rng.choice(SPECIAL, shape) if few else np.where(rng.random(shape) < 0.5, 0, rng.standard_normal(shape))
        return np.asarray(values).astype(dtype)
    return rng.integers(0, 2 if dtype is np.bool_ else 4, shape).astype(dtype)


def run(op: str, inputs: dict[str, Array], outputs: int, constants: dict[str, Array], **attributes: Any) -> list[Array]:
    """The results of one node, by the reference semantics of what it is imported as."""
    names = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, [*inputs, *constants], names, **attributes)
    given = [
        helper.make_tensor_value_info(name, np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ]
    made = [helper.make_empty_tensor_value_info(name) for name in names]
    weights = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph([node], op, given, made, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return run_module(import_onnx(model), list(inputs.values()))


def shape_of(rng: np.random.Generator, least: int = 0) -> tuple[int, ...]:
    return tuple(int(extent) for extent in rng.integers(0 if rng.random() < 0.2 else 1, 6, rng.integers(least, 4)))


@pytest.mark.parametrize("seed", range(40))
def test_non_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = draw(rng, shape_of(rng, 1), TYPES[seed % len(TYPES)], few=seed % 3 == 0)
    (found,) = run("NonZero", {"x": x}, 1, {})
    np.testing.assert_array_equal(found, np.array(np.nonzero(x)))
    assert found.dtype == np.int64


@pytest.mark.parametrize("seed", range(40))
def test_compress(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = draw(rng, tuple(extent or 1 for extent in shape_of(rng, 1)), TYPES[seed % len(TYPES)])
    axis = int(rng.integers(-x.ndim, x.ndim)) if seed % 2 else None
    length = x.size if axis is None else x.shape[axis]
    condition = rng.random(rng.integers(0, length + 1)) < rng.random()
    given = {} if axis is None else {"axis": axis}
    constant = {"c": condition} if seed % 5 == 0 else {}
    inputs = {"x": x} if constant else {"x": x, "c": condition}
    (found,) = run("Compress", inputs, 1, constant, **given)
    np.testing.assert_array_equal(found, np.compress(condition, x, axis))


@pytest.mark.parametrize("seed", range(40))
def test_unique(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dtype = (np.float32, np.int64, np.int8, np.float16)[seed % 4]
    axis = int(rng.integers(-2, 2)) if seed % 2 else None
    x = draw(rng, tuple(int(extent) for extent in rng.integers(1, 5, 2)), dtype, few=seed % 3 == 0 and axis is None)
    is_sorted = int(seed % 5 != 0)
    given = {"sorted": is_sorted} | ({} if axis is None else {"axis": axis})
    found = run("Unique", {"x": x}, 4, {}, **given)
    values, indices, inverse, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    inverse = inverse.reshape(-1)
    if not is_sorted:
        order = np.argsort(indices)
        rank = np.argsort(order)
        values, indices, counts = np.take(values, order, axis or 0), indices[order], counts[order]
        inverse = rank[inverse]
    for ours, theirs in zip(found, (values, indices, inverse, counts), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def suppressed(boxes: Array, scores: Array, most: int, overlap: float, least: float) -> Array:
    """Greedy suppression, box by box."""
    chosen: list[tuple[int, int, int]] = []
    for batch in range(scores.shape[0]):
        low = np.minimum(boxes[batch, :, :2], boxes[batch, :, 2:])
        high = np.maximum(boxes[batch, :, :2], boxes[batch, :, 2:])
        area = (high - low).prod(1)
        for group in range(scores.shape[1]):
            kept: list[int] = []
            for box in np.argsort(-scores[batch, group], kind="stable"):
                if len(kept) == most or not scores[batch, group, box] > least:
                    break
                common = np.maximum(np.minimum(high[box], high[kept]) - np.maximum(low[box], low[kept]), 0).prod(1)
                if not (common / (area[box] + area[kept] - common) > overlap).any():
                    kept.append(int(box))
            chosen += [(batch, group, box) for box in kept]
    return np.array(chosen, np.int64).reshape(-1, 3)


@pytest.mark.parametrize("seed", range(20))
def test_non_max_suppression(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch, classes, count = int(rng.integers(1, 3)), int(rng.integers(1, 4)), int(rng.integers(1, 12))
    boxes = rng.random((batch, count, 4)).astype(np.float32)
    scores = rng.random((batch, classes, count)).astype(np.float32)
    most, overlap, least = int(rng.integers(0, 6)), np.float32(rng.random()), np.float32(rng.random() / 2)
    constants = {"most": np.array([most]), "overlap": np.array([overlap]), "least": np.array([least])}
    inputs = {"boxes": boxes, "scores": scores}
    if seed % 2:
        inputs |= constants
        constants = {}
    (found,) = run("NonMaxSuppression", inputs, 1, constants)
    np.testing.assert_array_equal(found, suppressed(boxes, scores, most, float(overlap), float(least)))


@pytest.mark.parametrize("seed", range(40))
def test_range(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dtype = (np.int64, np.int32, np.float32, np.float64)[seed % 4]
    start, limit = (np.array(value, dtype) for value in rng.integers(-20, 20, 2))
    step = np.array(rng.choice([-3, -1, 1, 2, 7]), dtype)
    (found,) = run("Range", {"start": start, "limit": limit, "step": step}, 1, {})
    expected = np.arange(int(start), int(limit), int(step)).astype(dtype)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(60))
def test_slice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = draw(rng, tuple(int(extent) for extent in rng.integers(1, 7, rng.integers(1, 4))), np.float32)
    axes = rng.permutation(x.ndim)[: rng.integers(1, x.ndim + 1)]
    ends = [-(2**63), -8, -2, -1, 0, 1, 3, 8, 2**63 - 1]
    starts, stops = (np.array([int(rng.choice(np.array(ends, object))) for _ in axes], np.int64) for _ in range(2))
    steps = np.array([rng.choice([-2, -1, 1, 3]) for _ in axes], np.int64)
    index = [slice(None)] * x.ndim
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        low, high = (int(end) for end in (start, stop))
        if step < 0 and low < -x.shape[axis]:
            low = 0  # where NumPy would begin before the front, ONNX begins at it
        past = step < 0 and high < -x.shape[axis]
        index[axis] = slice(low, None if past else high, int(step))
    inputs = {"x": x, "starts": starts, "ends": stops}
    constants = {"axes": axes.astype(np.int64), "steps": steps}
    if seed % 2:
        inputs |= constants
        constants = {}
    (found,) = run("Slice", inputs, 1, constants)
    np.testing.assert_array_equal(found, x[tuple(index)])


SIZED = """<ir_version: 9, opset_import: ["" : 18]>
g (float[2, 3] x, int64[2] size) => (float[2, H, W] y)
<int64[1] one = {1}, int64 zero = {0}, int64 step = {1}, int64[2] shape = {2, -1}> {
    h, w = Split<num_outputs = 2>(size)
    rows = ConstantOfShape(size)
    last = Squeeze(w)
    columns = Range(zero, last, step)
    line = Cast<to = 1>(columns)
    grid = Add(rows, line)
    sums = ReduceSum<keepdims = 0>(x, one)
    each = Unsqueeze(sums, axes)
    y = Add(grid, each)
}"""
"""The last dim of `rows` is w and that of `columns` as many numbers as there are below w: equal where w is a size."""


def sized(text: str = SIZED) -> onnx.ModelProto:
    model = onnx.parser.parse_model(text)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 2]), "axes"))
    return model


@pytest.mark.parametrize("profile", [(1, 4, 9), ((3, 1), (3, 4), (3, 9))])
def test_an_input_with_a_range_is_read_once(profile: Any) -> None:
    module = import_onnx(sized(), profiles={"size": profile})
    x = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
    for width in (1, 5, 9):
        (y,) = run_module(module, [x, np.array([3, width])])
        np.testing.assert_allclose(y, x.sum(1)[:, None, None] + np.arange(width) + np.zeros((3, 1)), rtol=1e-5)


def test_a_number_outside_its_range_is_an_error() -> None:
    module = import_onnx(sized(), profiles={"size": ((3, 1), (3, 4), (3, 9))})
    for size in ([3, 10], [4, 4]):
        with pytest.raises(HostValueError, match="size_"):
            run_module(module, [np.zeros((2, 3), np.float32), np.array(size)])


def test_without_a_range_sizes_are_taken_as_equal() -> None:
    module = import_onnx(sized())
    x = np.random.default_rng(1).standard_normal((2, 3)).astype(np.float32)
    for height, width in ((3, 5), (1, 9)):
        (y,) = run_module(module, [x, np.array([height, width])])
        np.testing.assert_allclose(y, x.sum(1)[:, None, None] + np.arange(width) + np.zeros((height, 1)), rtol=1e-5)


def test_without_a_range_the_error_names_the_input_that_decides() -> None:
    """Neither 2 w nor 3 times as many as there are numbers below w is one size, which could be taken as the other."""
    joined = """pairs = Concat<axis = -1>(rows, rows)
    lines = Concat<axis = 0>(line, line, line)
    grid = Add(pairs, lines)"""
    with pytest.raises(
        UnsupportedOpError, match=r"equal, decided by input 'size'; bind it .* profiles=\{'size': \(min, opt, max\)\}"
    ):
        import_onnx(sized(SIZED.replace("grid = Add(rows, line)", joined)))
    with pytest.raises(OptionError, match="a range is of at most"):
        text = "g (int64[N] s) => (int64[N] y) { y = Neg(s) }"
        import_onnx(
            onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 18]>{text}'), profiles={"s": (1, 2, 3)}
        )


@pytest.mark.parametrize("op", ["HannWindow", "HammingWindow", "BlackmanWindow"])
@pytest.mark.parametrize("periodic", [0, 1])
def test_windows(op: str, periodic: int) -> None:
    constants = {
        "HannWindow": (0.5, 0.5, 0),
        "HammingWindow": (25 / 46, 21 / 46, 0),
        "BlackmanWindow": (0.42, 0.5, 0.08),
    }
    for size in (0, 2, 3, 10, 400):
        (found,) = run(op, {"size": np.array(size)}, 1, {}, periodic=periodic)
        a, b, c = constants[op]
        turn = 2 * np.pi * np.arange(size) / max(size - 1 + periodic, 1)
        np.testing.assert_allclose(found, a - b * np.cos(turn) + c * np.cos(2 * turn), atol=1e-7)
        (known,) = run(op, {}, 1, {"size": np.array(size)}, periodic=periodic)
        assert found.dtype == np.float32 and np.array_equal(found, known)


@pytest.mark.parametrize("sizes", [(1, 2, 4), (0, 7, 0), (5, 1, 1)])
def test_parts_of_a_sequence(sizes: tuple[int, ...]) -> None:
    text = """g (float[2, 7] x, int64[3] sizes) => (float[2, N] y) <int64 at = {1}, int64 last = {-1}> {
        parts = SplitToSequence<axis = 1>(x, sizes)
        middle = SequenceAt(parts, at)
        back = SequenceAt(parts, last)
        y = Concat<axis = 1>(back, middle)
    }"""
    module = import_onnx(onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 18]>{text}'))
    x = np.random.default_rng(1).standard_normal((2, 7)).astype(np.float32)
    (y,) = run_module(module, [x, np.array(sizes)])
    parts = np.split(x, np.cumsum(sizes)[:-1], 1)
    np.testing.assert_array_equal(y, np.concatenate([parts[2], parts[1]], 1))
