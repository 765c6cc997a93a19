"""DynamicQuantizeLSTM, beside an LSTM with the numbers that its weights stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx.reference
from onnx import helper

from .node import Array, Case, floats, integers

STEPS, BATCH, INPUTS, HIDDEN = 5, 2, 6, 8


def lstm(dtype: Any, scales: int) -> Case:
    """Forwards; one scale, or `scales` of them, one per column."""
    shape = (1,) if scales == 1 else (1, scales)
    w, r = integers(dtype, 1, INPUTS, 4 * HIDDEN), integers(dtype, 1, HIDDEN, 4 * HIDDEN)
    scale = (np.abs(floats(*shape)) * 0.002 + 0.001).astype(np.float32)
    zero = np.full(shape, 7, dtype)
    x, bias, h, c = (
        floats(STEPS, BATCH, INPUTS),
        floats(1, 8 * HIDDEN),
        floats(1, BATCH, HIDDEN),
        floats(2, BATCH, HIDDEN)[:1],
    )

    def reference() -> list[Array]:
        held = scale.reshape(1, 1, -1)
        real = [((q.astype(np.float32) - 7) * held).swapaxes(1, 2) for q in (w, r)]
        names = ["x", "w", "r", "b", "", "h", "c"]
        given = dict(zip(filter(None, names), (x, *real, bias, h, c), strict=True))
        node = helper.make_node("LSTM", names, ["y", "yh", "yc"], hidden_size=HIDDEN)
        inputs = [helper.make_tensor_value_info(name, 1, array.shape) for name, array in given.items()]
        outputs = [helper.make_tensor_value_info(name, 1, None) for name in ("y", "yh", "yc")]
        model = helper.make_model(
            helper.make_graph([node], "g", inputs, outputs), opset_imports=[helper.make_opsetid("", 14)]
        )
        return [np.asarray(result) for result in onnx.reference.ReferenceEvaluator(model).run(None, given)]

    operands = {
        "x": x, "w": w, "r": r, "b": bias, "lengths": None, "h": h, "c": c, "p": None, "ws": scale, "wz": zero, "rs": scale,
        "rz": zero,
    }  # fmt: skip
    return Case(
        "DynamicQuantizeLSTM", operands, {"hidden_size": HIDDEN}, ["w", "r", "b", "ws", "wz", "rs", "rz"], ["y", "yh", "yc"],
        reference=reference,
    )  # fmt: skip


CASES: dict[str, Case] = {
    "DynamicQuantizeLSTM, uint8": lstm(np.uint8, 1),
    "DynamicQuantizeLSTM, int8 per column": lstm(np.int8, 4 * HIDDEN),
}
