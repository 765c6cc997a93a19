"""What recurrences compute: one step after the other, states in f32 (f64 for f64)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .. import nn
from .linear import rounded
from .registry import Env, defines, is_narrow, result_dtype, widen

Activation = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _softplus(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """log(1 + exp(x)) without overflow, as kernels compute it."""
    return np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x)))


ACTIVATIONS: dict[str, Activation] = {
    "affine": lambda x, a, b: a * x + b,
    "elu": lambda x, a, b: np.where(x >= 0, x, a * (np.exp(x) - 1)),
    "hard_sigmoid": lambda x, a, b: np.maximum(np.minimum(a * x + b, 1), 0),
    "leaky_relu": lambda x, a, b: np.where(x >= 0, x, a * x),
    "relu": lambda x, a, b: np.maximum(x, 0),
    "scaled_tanh": lambda x, a, b: a * np.tanh(b * x),
    "sigmoid": lambda x, a, b: 1 / (1 + np.exp(-x)),
    "softplus": _softplus,
    "softsign": lambda x, a, b: x / (1 + np.abs(x)),
    "tanh": lambda x, a, b: np.tanh(x),
    "thresholded_relu": lambda x, a, b: np.where(x > a, x, 0),
}
"""x, alpha and beta to the activation, all of one type."""


def quantized(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The step of each sequence's h [N, H], of 255 over its range with 0, and h as integers of that step, as uint8 less its zero point."""
    byte = h.dtype.type(255)
    low, high = np.minimum(h.min(-1, keepdims=True), 0), np.maximum(h.max(-1, keepdims=True), 0)
    step = np.where(low == high, 1, (high - low) / byte).astype(h.dtype)
    zero = np.rint(np.clip(-low / step, 0, byte))
    return step, np.clip(np.rint(h / step), -zero, byte - zero)


@dataclass(frozen=True)
class _Cell:
    """One direction: its operands in the type that it computes in."""

    op: nn.RnnOp
    weights: np.ndarray
    narrow: np.dtype | None
    """The type that h is rounded to before it is multiplied; None for its own or `math`."""
    bias: np.ndarray | None
    peepholes: np.ndarray | None
    scales: np.ndarray | None

    def multiply(self, h: np.ndarray, gates: slice) -> np.ndarray:
        """h R^T of some gates [N, gates * H]."""
        units = h.shape[-1]
        r = self.weights[gates.start * units : gates.stop * units]
        if self.scales is not None:
            step, integers = quantized(h)
            return (integers @ r.T) * (step * self.scales)
        if self.narrow is not None:
            h = h.astype(self.narrow).astype(r.dtype)
        if self.op.math is not None:
            h, r = (rounded(x, self.op.math.data) for x in (h, r))
        return h @ r.T

    def activate(self, number: int, x: np.ndarray) -> np.ndarray:
        name, alpha, beta = self.op.functions[number]
        if self.op.clip is not None and number < 2:  # not h, as in ONNX Runtime
            bound = x.dtype.type(self.op.clip.value.data)
            x = np.minimum(np.maximum(x, -bound), bound)
        return ACTIVATIONS[name](x, x.dtype.type(alpha), x.dtype.type(beta)).astype(x.dtype, copy=False)

    def lstm(self, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        i, o, f, g = np.split(x + self.multiply(h, slice(0, 4)), 4, axis=-1)
        p = [None] * 3 if self.peepholes is None else np.split(self.peepholes, 3)
        peek = lambda gate, weight, state: gate if weight is None else gate + weight * state  # noqa: E731
        i = self.activate(0, peek(i, p[0], c))
        f = 1 - i if self.op.coupled is not None else self.activate(0, peek(f, p[2], c))
        c = f * c + i * self.activate(1, g)
        return self.activate(0, peek(o, p[1], c)) * self.activate(2, c), c

    def gru(self, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        xz, xr, xh = np.split(x, 3, axis=-1)
        rz, rr = np.split(self.multiply(h, slice(0, 2)), 2, axis=-1)
        z, r = self.activate(0, xz + rz), self.activate(0, xr + rr)
        if self.op.reset_after is not None:
            recurrent = self.multiply(h, slice(2, 3))
            candidate = xh + r * (recurrent if self.bias is None else recurrent + self.bias)
        else:
            candidate = xh + self.multiply(r * h, slice(2, 3))
        return (1 - z) * self.activate(1, candidate) + z * h, c

    def rnn(self, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.activate(0, x + self.multiply(h, slice(0, 1))), c


@defines(nn.RnnOp)
def rnn(op: nn.RnnOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    given = iter(operands)
    inputs, weights = widen(next(given)), next(given)
    optional = (op.hidden, op.cell, op.lengths, op.bias, op.peepholes, op.scales)
    hidden, cell, lengths, bias, peepholes, scales = (None if value is None else next(given) for value in optional)
    narrow = weights.dtype if is_narrow(weights.dtype) else None
    steps, batch, directions, _ = inputs.shape
    units, lstm = weights.shape[-1], op.cell_kind is nn.RnnKind.LSTM
    result = np.zeros((steps + (2 if lstm else 1), batch, directions, units), inputs.dtype)
    for d in range(directions):
        parameters = (None if value is None else widen(value[d]) for value in (bias, peepholes, scales))
        one = _Cell(op, widen(weights[d]), narrow, *parameters)
        start = np.zeros((batch, units), inputs.dtype)
        h, c = (start if value is None else widen(value[d]) for value in (hidden, cell))
        step = {nn.RnnKind.LSTM: one.lstm, nn.RnnKind.GRU: one.gru, nn.RnnKind.RNN: one.rnn}[op.cell_kind]
        backward = d == 1 or op.direction.data is nn.RnnDirection.REVERSE
        for t in reversed(range(steps)) if backward else range(steps):
            counts = np.ones((batch, 1), bool) if lengths is None else (t < lengths)[:, None]
            new_h, new_c = step(inputs[t, :, d], h, c)
            h, c = np.where(counts, new_h, h), np.where(counts, new_c, c)
            result[t, :, d] = np.where(counts, h, 0)
        result[steps, :, d] = h
        if lstm:
            result[steps + 1, :, d] = c
    rows = result if op.without_last is None else result[:steps]
    return [rows.astype(result_dtype(op), copy=False)]
