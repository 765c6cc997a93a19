"""Convolutions and pools whose padding depends on dynamic dims, Indices, and LpPool, beside ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx.helper as helper
import onnxruntime
import pytest

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.dialects.meaning import run_module

L, M = (3, 9, 40), (3, 10, 40)
RNG = np.random.default_rng(11)


def model(
    op: str, spatial: int, outputs: int = 1, weights: np.ndarray | None = None, **attributes: Any
) -> onnx.ModelProto:
    """One node over [2, 3, L, M, 4...]."""
    shape = [2, 3, "L", "M", 4][: 2 + spatial]
    names = ["y", "i"][:outputs]
    node = helper.make_node(op, ["x"] if weights is None else ["x", "w"], names, **attributes)
    types = [onnx.TensorProto.FLOAT, onnx.TensorProto.INT64]
    results = [helper.make_tensor_value_info(name, type_, None) for name, type_ in zip(names, types, strict=False)]
    known = [] if weights is None else [onnx.numpy_helper.from_array(weights, "w")]
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", types[0], shape)], results, known)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def check(
    made: onnx.ModelProto, *, simulate: bool, sizes: Sequence[tuple[int, int]] = ((9, 10), (4, 5), (3, 13))
) -> None:
    """A model at several sizes of one import or engine against ONNX Runtime."""
    shape = [d.dim_param or d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim]
    profiles = {name: ranges for name, ranges in (("L", L), ("M", M)) if name in shape}
    session = onnxruntime.InferenceSession(made.SerializeToString())
    engine = trtc.build(made, trtc.BuildOptions(target="sm_90a", profiles=profiles)) if simulate else None
    module = import_onnx(made, profiles=profiles)
    for length, m in sizes:
        x = RNG.standard_normal([{"L": length, "M": m}.get(str(d), d) for d in shape]).astype(np.float32)
        want = session.run(None, {"x": x})
        if engine is None:
            got = run_module(module, [x])
        else:
            found = engine.run({"x": x})
            got = [np.asarray(found[output.name]) for output in made.graph.output]
        for a, b in zip(got, want, strict=True):
            assert a.shape == b.shape
            if b.dtype == np.int64:
                np.testing.assert_array_equal(a, b)
            else:
                np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (2, 3), (1, 2), (5, 3)])
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "counted", "LpPool", "Conv"])
def test_same_padding_of_dynamic_dims(op: str, kernel: int, stride: int, mode: str) -> None:
    attributes = {"strides": [stride, 1], "auto_pad": mode}
    if op == "Conv":
        made = model(op, 2, weights=RNG.standard_normal((4, 3, kernel, 2)).astype(np.float32), **attributes)
    else:
        extra = {"count_include_pad": 1} if op == "counted" else {}
        made = model("AveragePool" if extra else op, 2, kernel_shape=[kernel, 2], **attributes, **extra)
    # ONNX Runtime refuses sizes at which windows leave a remainder.
    sizes = {1: (9, 5, 3), 2: (10, 4, 13)}.get(kernel, (9, 4, 12))
    check(made, simulate=kernel == 3, sizes=tuple((size, size + 1) for size in sizes))


@pytest.mark.parametrize(("kernel", "stride", "pad"), [(3, 2, (0, 0)), (3, 2, (1, 1)), (2, 3, (1, 1)), (3, 3, (0, 2))])
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "counted"])
def test_ceil_mode_of_dynamic_dims(op: str, kernel: int, stride: int, pad: tuple[int, int]) -> None:
    extra = {"count_include_pad": 1} if op == "counted" else {}
    made = model(
        "AveragePool" if extra else op, 1, kernel_shape=[kernel], strides=[stride], pads=pad, ceil_mode=1, **extra
    )
    check(made, simulate=False, sizes=tuple((size, 0) for size in range(3, 15)))
    check(made, simulate=True, sizes=((7, 0), (8, 0)))


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]},
        {"kernel_shape": [2, 3], "strides": [2, 3], "auto_pad": "SAME_LOWER"},
        {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1, "dilations": [1, 2]},
    ],
)
def test_indices(attributes: dict[str, Any], order: int) -> None:
    check(model("MaxPool", 2, 2, storage_order=order, **attributes), simulate=True)


@pytest.mark.parametrize("simulate", [False, True])
def test_indices_of_one_and_three_dims(simulate: bool) -> None:
    check(model("MaxPool", 1, 2, kernel_shape=[3], strides=[2]), simulate=simulate)
    check(model("MaxPool", 3, 2, kernel_shape=[2, 3, 2], strides=[2, 1, 1], pads=[0, 1, 0, 0, 1, 1]), simulate=simulate)


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("op", ["LpPool", "GlobalLpPool"])
def test_lp_pools(op: str, p: int) -> None:
    extra = {"kernel_shape": [2, 3], "pads": [1, 1, 0, 1], "strides": [1, 2]} if op == "LpPool" else {}
    check(model(op, 2, p=p, **extra), simulate=True)


@pytest.mark.parametrize("simulate", [False, True])
@pytest.mark.parametrize("wanted", [None, [2, 3, 9, 11], [2, 3, 7, 10]])
def test_max_unpool_puts_maxima_back(wanted: list[int] | None, simulate: bool) -> None:
    """The zeros after them, or the crop, that an output shape asks for."""
    window = {"kernel_shape": [2, 3], "strides": [2, 2]}
    nodes = [
        helper.make_node("MaxPool", ["x"], ["m", "i"], **window),
        helper.make_node("MaxUnpool", ["m", "i", *([] if wanted is None else ["s"])], ["y"], **window),
    ]
    known = [] if wanted is None else [onnx.numpy_helper.from_array(np.array(wanted, np.int64), "s")]
    types = [
        helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in (("x", [2, 3, 8, 11]), ("y", None))
    ]
    made = helper.make_model(
        helper.make_graph(nodes, "g", types[:1], types[1:], known),
        opset_imports=[helper.make_opsetid("", 19)],
        ir_version=9,
    )
    x = RNG.standard_normal((2, 3, 8, 11)).astype(np.float32)
    pooled = np.lib.stride_tricks.sliding_window_view(x, (2, 3), (2, 3))[:, :, ::2, ::2].max((-1, -2))
    want = np.where(np.isin(x, pooled), x, 0)
    if wanted is not None:
        want = np.pad(want[:, :, : wanted[2], : wanted[3]], [(0, 0), (0, 0), (0, max(wanted[2] - 8, 0)), (0, 0)])
        want = want[:, :, :, : wanted[3]]
    got = (
        np.asarray(trtc.build(made, trtc.BuildOptions(target="sm_90a")).run({"x": x})["y"])
        if simulate
        else run_module(import_onnx(made), [x])[0]
    )
    np.testing.assert_array_equal(got, want)
