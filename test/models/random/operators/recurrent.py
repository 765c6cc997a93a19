"""Recurrent layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graphs import Maker

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_STATES = {"LSTM": 2, "GRU": 1, "RNN": 1}


def recur(g: Maker) -> None:
    """Steps forwards, backwards or both, with lengths and initial states or without; of the results, one or all."""
    op = g.word("LSTM LSTM GRU RNN")
    x = g.float_value(3)
    steps, batch, features = g.values[x].shape
    if not batch:  # which ends ONNX Runtime's process
        return
    hidden, gates = g.choice((1, 2, 5, 8, 16)), _GATES[op]
    direction = g.word("forward reverse bidirectional")
    d = 2 if direction == "bidirectional" else 1
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": direction}
    if op == "GRU":
        attributes["linear_before_reset"] = g.number(0, 1)
    if g.chance(0.2):
        attributes["clip"] = float(g.choice((0.5, 2.0)))
    operands = [x, g.weight([d, gates * hidden, features], 0.4), g.weight([d, gates * hidden, hidden], 0.4)]
    operands.append(g.weight([d, 2 * gates * hidden], 0.4) if g.chance(0.7) else "")
    static = steps > 0 and g.values[x].static
    lengths = g.constant(g.rng.integers(1, steps + 1, batch), np.int32) if static and g.chance(0.4) else ""
    states = [g.weight([d, batch, hidden]) if g.values[x].static and g.chance(0.4) else "" for _ in range(_STATES[op])]
    peepholes = [g.weight([d, 3 * hidden], 0.4)] if op == "LSTM" and g.chance(0.3) else []
    g.emit(op, [*operands, lengths, *states, *peepholes], g.number(1, 1 + _STATES[op]), **attributes)
