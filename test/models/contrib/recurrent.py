"""DynamicQuantizeLSTM against ONNX Runtime, with a thread for each sequence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import zoo

from .node import Array, Case, floats, integers

STEPS, BATCH, INPUTS, HIDDEN = 4, 3, 6, 8


def lstm(dtype: Any, zero: int, columns: bool, **attributes: Any) -> Case:
    """One scale and zero point for each direction, or for each of its columns."""
    both = attributes.get("direction") == "bidirectional"
    d = 2 if both else 1
    shape = (d, 4 * HIDDEN) if columns else (d,)
    scale = (np.abs(floats(*shape)) * 0.002 + 0.001).astype(np.float32)
    operands: dict[str, Array | None] = {
        "x": floats(STEPS, BATCH, INPUTS),
        "w": integers(dtype, d, INPUTS, 4 * HIDDEN),
        "r": integers(dtype, d, HIDDEN, 4 * HIDDEN),
        "b": floats(d, 8 * HIDDEN),
        "lengths": np.array([2, 3, 1], np.int32) if both else None,
        "h": floats(d, BATCH, HIDDEN),
        "c": floats(d, BATCH + 1, HIDDEN)[:, 1:],
        "p": floats(d, 3 * HIDDEN) if both else None,
        "ws": scale,
        "wz": np.full(shape, zero, dtype),
        "rs": scale * np.float32(2),
        "rz": np.full(shape, zero, dtype),
    }
    constants = [name for name in ("w", "r", "b", "ws", "wz", "rs", "rz", "p") if operands[name] is not None]
    case = Case("DynamicQuantizeLSTM", operands, {"hidden_size": HIDDEN, **attributes}, constants, ["y", "yh", "yc"])
    return replace(case, reference=lambda: zoo.session(case.model(), quantized=True).run(None, case.inputs))


CASES: dict[str, Case] = {
    "DynamicQuantizeLSTM, uint8": lstm(np.uint8, 7, columns=False),
    "DynamicQuantizeLSTM, int8 per column": lstm(np.int8, 0, columns=True),
    "DynamicQuantizeLSTM, both directions": lstm(np.uint8, 128, columns=True, direction="bidirectional", clip=1.5),
    "DynamicQuantizeLSTM, reverse": lstm(np.int8, 0, columns=False, direction="reverse", input_forget=1),
}
