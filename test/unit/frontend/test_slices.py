"""Slices of dynamic dims, forwards and backwards, between fixed ends and ends computed from the dim, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from trtc.compiler.frontend import import_onnx
from trtc.dialects.meaning import run_module

FAR = 2**31
BOUNDS = (0, 1, 2, 3, 4, -1, -2, -3, -5, 100, -100, FAR - 1, -FAR, 2**63 - 1, -(2**63))
BODIES = (
    "{ y = Slice(x, s, e, a, t) }",
    "{ h = Shape(x) o = Add(h, k) y = Slice(x, o, e, a, t) }",
    "{ h = Shape(x) o = Add(h, k) y = Slice(x, s, o, a, t) }",
)
"""`o` is negative for some sizes and not for others."""


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("step", [1, 2, 3, -1, -2, -3])
def test_slices_of_a_dynamic_dim(body: str, step: int) -> None:
    rng = np.random.default_rng([BODIES.index(body), step + 3])
    differ = 0
    for _ in range(20):
        start, end = (int(bound) for bound in rng.choice(np.array(BOUNDS, np.int64), 2))
        if step < 0 and end >= FAR - 1:
            continue  # ONNX Runtime takes it for the front, where ONNX has INT_MIN
        low = int(rng.integers(0, 4))
        high = low + int(rng.integers(0, 4))
        model = onnx.parser.parse_model(
            f'<ir_version: 9, opset_import: ["" : 17]> g (float[N] x) => (float[M] y) {body}'
        )
        numbers = {"s": start, "e": end, "a": 0, "t": step, "k": int(rng.integers(-4, 3))}
        model.graph.initializer.extend(numpy_helper.from_array(np.array([v]), name) for name, v in numbers.items())
        module = import_onnx(model, profiles={"N": (low, low, high)})
        for size in range(low, high + 1):
            x = np.arange(size, dtype=np.float32)
            (got,) = run_module(module, [x])
            np.testing.assert_array_equal(
                got, by_onnxruntime(model, x), err_msg=f"{numbers} of {size} in {low}..{high}"
            )
            differ += 0 < got.size < size
    assert differ, "some slice takes a part"


def by_onnxruntime(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]
