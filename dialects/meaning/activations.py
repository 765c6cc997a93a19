"""What activations compute, step by step as kernels do where they do not approximate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import nn
from .arithmetic import maximum, minimum, relu
from .erf import erf
from .registry import Env, defines, result_dtype, widen

Array: TypeAlias = np.ndarray
TANH_CUBIC, TANH_SCALE = 0.044715, float(np.sqrt(2.0 / np.pi))
"""Of GELU's form with tanh: the factor of x ** 3, and that of the sum."""
ROOT_HALF = float(np.sqrt(0.5))


def sigmoid(x: Array) -> Array:
    one = x.dtype.type(1)
    return one / (one + np.exp(-x))  # where exp overflows, 1 / inf is the 0 that it should be


def gelu(op: nn.GeluOp, x: Array) -> Array:
    number = x.dtype.type
    if op.approximate.data == nn.GeluForm.TANH:
        cubic = x * x * x * number(TANH_CUBIC)
        gate = np.tanh((x + cubic) * number(TANH_SCALE))
    else:
        gate = erf(x * number(ROOT_HALF)).astype(x.dtype)
    return x * number(0.5) * (gate + number(1))


def silu(op: nn.SiluOp, x: Array) -> Array:
    return x * sigmoid(x * x.dtype.type(op.alpha.value.data))


def softplus(op: nn.NnOp, x: Array) -> Array:
    return relu(x) + np.log1p(np.exp(-np.abs(x)))


def mish(op: nn.NnOp, x: Array) -> Array:
    return x * np.tanh(softplus(op, x))


def _between_0_and_1(x: Array, alpha: float, beta: float) -> Array:
    number = x.dtype.type
    return minimum(maximum(x * number(alpha) + number(beta), number(0)), number(1))


def hard_sigmoid(op: nn.HardSigmoidOp, x: Array) -> Array:
    return _between_0_and_1(x, op.alpha.value.data, op.beta.value.data)


def hard_swish(op: nn.NnOp, x: Array) -> Array:
    return x * _between_0_and_1(x, 1 / 6, 0.5)


_FUNCTIONS: dict[type[nn.NnOp], Callable[[Any, Array], Array]] = {
    nn.GeluOp: gelu,
    nn.SiluOp: silu,
    nn.SoftplusOp: softplus,
    nn.MishOp: mish,
    nn.HardSigmoidOp: hard_sigmoid,
    nn.HardSwishOp: hard_swish,
}


@defines(*_FUNCTIONS)
def activation(op: nn.NnOp, operands: Sequence[Array], env: Env) -> list[Array]:
    return [_FUNCTIONS[type(op)](op, widen(operands[0])).astype(result_dtype(op), copy=False)]
