"""LSTM, GRU and RNN layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xdsl.ir import SSAValue

from ....dialects import nn
from ....dialects.dims import Expr
from ....dialects.errors import InvalidModelError
from ..arguments import check_kind, checked
from ..graph import Array
from .rows import RowLayers

DEFAULTS = {"lstm": ("sigmoid", "tanh", "tanh"), "gru": ("sigmoid", "tanh"), "rnn": ("tanh",)}
"""The activations of a cell that names none."""
PARAMETERS = {
    "affine": (1.0, 0.0),
    "elu": (1.0, None),
    "hard_sigmoid": (0.2, 0.5),
    "leaky_relu": (0.01, None),
    "scaled_tanh": (1.0, 1.0),
    "thresholded_relu": (1.0, None),
}
"""alpha and beta where none is given, of the activations that have them; None for one that it does not have."""


class States(NamedTuple):
    """What a recurrent layer gives."""

    hidden: SSAValue
    """The hidden states of all steps: [T, N, D, H]."""
    last_hidden: SSAValue
    """[N, D, H]."""
    last_cell: SSAValue | None
    """[N, D, H], of an LSTM."""


class RecurrentLayers(RowLayers):
    """Layers over sequences."""

    @checked
    def add_rnn(
        self,
        kind: str,
        x: SSAValue,
        weights: SSAValue | Array | None,
        recurrent_weights: SSAValue | Array,
        bias: SSAValue | Array | None = None,
        *,
        direction: str = "forward",
        hidden: SSAValue | Array | None = None,
        cell: SSAValue | Array | None = None,
        lengths: SSAValue | Array | None = None,
        peepholes: SSAValue | Array | None = None,
        scales: SSAValue | Array | None = None,
        activations: Sequence[str] = (),
        alphas: Sequence[float] = (),
        betas: Sequence[float] = (),
        clip: float | None = None,
        reset_after: bool = False,
        coupled: bool = False,
    ) -> States:
        """
        An `lstm`, `gru` or `rnn` over x [T, N, I], `forward`, `reverse` or `bidirectional` (D = 2, else 1).

        As in ONNX: weights [D, G H, I], recurrent weights [D, G H, H] and bias [D, 2 G H] (input biases, then recurrent ones) with G
        gates (LSTM: input, output, forget, cell; GRU: update, reset, hidden); hidden and cell [D, N, H], lengths [N], peepholes
        [D, 3 H]. `activations` are for each direction 3 of an LSTM, 2 of a GRU, 1 of an RNN; `alphas` and `betas` give in order the
        parameters of those that have some. `clip` bounds what the activations of gates read; `reset_after` (GRU) is ONNX's
        linear_before_reset, `coupled` (LSTM) its input_forget.

        Without `weights` x [T, N, D G H] is projected already, but for the bias. With `scales` [D, 4 H] (LSTM) the recurrent weights are
        integers in f16, and states are rounded to 8 bits where they are multiplied: see `nn.rnn`.
        """
        check_kind("rnn", kind, tuple(nn.RnnKind))
        check_kind("rnn direction", direction, tuple(nn.RnnDirection))
        both = direction == "bidirectional"
        functions = _functions(kind, 2 if both else 1, activations, alphas, betas)
        w, r = None if weights is None else self.operand(weights), self.operand(recurrent_weights)
        wanted = 2 if both else 1
        for name, value in (("weights", w), ("recurrent weights", r)):
            if value is None:
                continue
            shape = nn.shape_of(value)
            if len(shape) != 3 or shape[0] != wanted:
                raise InvalidModelError(f"rnn: expected {name} [{wanted}, .., ..] for {direction}, got {value.type}")
        if nn.rank_of(x) != 3:
            raise InvalidModelError(f"rnn: expected x [T, N, I], got {x.type}")
        projected, recurrent_bias = self._projected(kind, x, w, r, bias, reset_after=reset_after)
        given = {"hidden": hidden, "cell": cell, "bias": recurrent_bias, "peepholes": peepholes, "scales": scales}
        states = {name: self.operand(value) for name, value in given.items() if value is not None}
        times = None if lengths is None else self.operand(lengths)

        def steps(way: str, inputs: SSAValue, w: SSAValue, states: dict[str, SSAValue], number: int) -> SSAValue:
            chosen, get = functions[number], states.get
            return self.insert(
                nn.RnnOp(
                    kind, way, inputs, w, hidden=get("hidden"), cell=get("cell"), lengths=times, bias=get("bias"),
                    peepholes=get("peepholes"), scales=get("scales"), activations=[f[0] for f in chosen], alphas=[f[1] for f in chosen],
                    betas=[f[2] for f in chosen], clip=clip, reset_after=reset_after, coupled=coupled,
                )
            )  # fmt: skip

        if both and functions[0] != functions[1]:
            # One op has one set of activations.
            def alone(d: int, way: str) -> SSAValue:
                own = {name: self._part(value, 0, d) for name, value in states.items()}
                return steps(way, self._part(projected, 2, d), self._part(r, 0, d), own, d)

            parts = [alone(d, way) for d, way in enumerate(("forward", "reverse"))]
            result = self.add_concat(parts, 2)
        else:
            result = steps(direction, projected, r, states, 0)
        rows = nn.shape_of(x)[0]
        last = self._rows(result, rows, 1)
        return States(
            self._rows(result, 0, rows),
            self.add_reshape(last, nn.shape_of(last)[1:]),
            None if kind != "lstm" else self.add_reshape(self._rows(result, rows + 1, 1), nn.shape_of(last)[1:]),
        )

    def _projected(
        self,
        kind: str,
        x: SSAValue,
        w: SSAValue | None,
        r: SSAValue,
        bias: SSAValue | Array | None,
        *,
        reset_after: bool,
    ) -> tuple[SSAValue, SSAValue | None]:
        """x W^T with all biases but the recurrent one of a hidden gate that is reset after its product, and that one."""
        d, rows, _ = nn.shape_of(r if w is None else w)
        steps, batch, _ = nn.shape_of(x)
        product = x
        if w is None and nn.shape_of(x)[2] != d * rows:
            raise InvalidModelError(f"rnn: expected x [T, N, {d * rows}] where there are no weights, got {x.type}")
        if w is not None:
            product = self.add_matmul(x, self.add_reshape(w, (d * rows, nn.shape_of(w)[2])), transpose_b=True)
        apart = None
        if bias is not None:
            b = self.operand(bias)
            halves = [self._span(b, start, rows) for start in (0, rows)]
            if kind == "gru" and reset_after:
                units = nn.shape_of(r)[-1]
                gates = self._span(halves[1], 0, units * 2)
                apart = self._span(halves[1], units * 2, units)
                halves[1] = self.add_concat([gates, self.add_full(0, (d, units), nn.element_of(b))], 1)
            total = self.add_reshape(self.add_binary("add", halves[0], halves[1]), (d * rows,))
            product = self.add_binary("add", product, total)
        return self.add_reshape(product, (steps, batch, d, rows)), apart

    def _span(self, x: SSAValue, start: Expr | int, size: Expr) -> SSAValue:
        """Columns of a matrix."""
        return self.add_slice(x, (0, start), (nn.shape_of(x)[0], size))

    def _part(self, x: SSAValue, axis: int, index: int) -> SSAValue:
        """One index of an axis, which stays as 1."""
        shape = list(nn.shape_of(x))
        starts = [index if a == axis else 0 for a in range(len(shape))]
        return self.add_slice(x, starts, [1 if a == axis else extent for a, extent in enumerate(shape)])

    def _rows(self, x: SSAValue, first: Expr | int, count: Expr | int) -> SSAValue:
        rest = nn.shape_of(x)[1:]
        return self.add_slice(x, (first, *(0 for _ in rest)), (count, *rest))


def _functions(
    kind: str, directions: int, names: Sequence[str], alphas: Sequence[float], betas: Sequence[float]
) -> list[list[tuple[str, float, float]]]:
    """For each direction the activations with alpha and beta. Raises InvalidModelError for unknown ones, or too few or many."""
    count = len(DEFAULTS[kind])
    listed = list(names) or list(DEFAULTS[kind]) * directions
    if len(listed) != count * directions:
        raise InvalidModelError(
            f"rnn: expected {count * directions} activations, got {len(listed)}: {', '.join(listed)}"
        )
    more = [iter(alphas), iter(betas)]
    functions: list[tuple[str, float, float]] = []
    for name in listed:
        check_kind("rnn activation", name, nn.RNN_ACTIVATIONS)
        defaults = PARAMETERS.get(name, (None, None))
        alpha, beta = (
            0.0 if default is None else next(given, default) for given, default in zip(more, defaults, strict=True)
        )
        functions.append((name, alpha, beta))
    return [functions[d * count : (d + 1) * count] for d in range(directions)]
