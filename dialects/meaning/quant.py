"""What quantization computes: symmetric, zero point 0, round half to even, saturate to [-128, 127], NaN to 127; arithmetic in f32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import quant
from .registry import Env, defines, result_dtype, widen


def _scale(op: quant.ScaledOp, x: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The scale, shaped to broadcast against x."""
    scale = widen(scale)
    if op.axis is None:
        return scale
    return scale.reshape([-1 if axis == op.axis.value.data else 1 for axis in range(x.ndim)])


def saturate_i8(x: np.ndarray) -> np.ndarray:
    """Rounded half to even and clamped to [-128, 127]; NaN becomes 127, as if it were the greatest number."""
    return np.nan_to_num(np.clip(np.rint(x), -128, 127), nan=127.0).astype(np.int8)


@defines(quant.QuantizeOp)
def quantize(op: quant.QuantizeOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, scale = operands
    return [saturate_i8(widen(x) / _scale(op, x, scale))]


@defines(quant.DequantizeOp)
def dequantize(op: quant.DequantizeOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, scale = operands
    factor = _scale(op, x, scale)
    return [(x.astype(factor.dtype) * factor).astype(result_dtype(op), copy=False)]


@defines(quant.RequantizeOp)
def requantize(op: quant.RequantizeOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, scale = operands
    factor = _scale(op, x, scale)
    return [saturate_i8(x.astype(factor.dtype) * factor)]


@defines(quant.ObserveOp)
def observe(op: quant.ObserveOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [operands[0]]
