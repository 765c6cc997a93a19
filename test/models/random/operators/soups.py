"""Activations and norms as exporters write them, with several nodes each."""

from __future__ import annotations

import numpy as np

from ..graphs import Maker
from .shared import first


class _Chain:
    """Nodes one after another; `None` once the maker has refused one."""

    def __init__(self, g: Maker) -> None:
        self.g = g

    def __call__(self, op: str, *operands: str | float | None, **attributes: object) -> str | None:
        if any(operand is None for operand in operands):
            return None
        names = [o if isinstance(o, str) else self.g.constant(o, np.float32) for o in operands if o is not None]
        if op in ("Add", "Mul") and self.g.chance(0.5):
            names.reverse()
        return first(self.g.emit(op, names, **attributes))

    def mean(self, x: str | None) -> str | None:
        """Over the last dim, which stays."""
        if self.g.opset < 18:
            return self("ReduceMean", x, axes=[-1])
        return None if x is None else first(self.g.emit("ReduceMean", [x, self.g.constant([-1], np.int64)]))


def soup(g: Maker) -> None:
    x, n = g.float_value(least=1), _Chain(g)
    match g.word("gelu tanh silu quick swish hard mish softplus layer rms"):
        case "gelu":
            erf = n("Erf", n("Div", x, float(np.sqrt(2))) if g.chance(0.5) else n("Mul", x, float(np.sqrt(0.5))))
            n("Mul", n("Mul", x, n("Add", erf, 1.0)), 0.5) if g.chance(0.5) else n(
                "Mul", n("Mul", x, 0.5), n("Add", erf, 1.0)
            )
        case "tanh":
            cubic = n("Mul", n("Pow", x, 3.0) if g.chance(0.5) else n("Mul", x, n("Mul", x, x)), 0.044715)
            gate = n("Tanh", n("Mul", n("Add", x, cubic), float(np.sqrt(2 / np.pi))))
            n("Mul", n("Mul", x, 0.5), n("Add", gate, 1.0))
        case "silu":
            n("Mul", x, n("Sigmoid", x))
        case "quick":
            n("Mul", x, n("Sigmoid", n("Mul", x, 1.702)))
        case "swish":
            n("Div", x, n("Add", n("Exp", n("Neg", x)), 1.0))
        case "hard":
            gate = n("Clip", n("Add", x, 3.0), 0.0, 6.0)
            n("Div", n("Mul", x, gate), 6.0) if g.chance(0.5) else n("Mul", x, n("Div", gate, 6.0))
        case "mish":
            n("Mul", x, n("Tanh", n("Softplus", x)))
        case "softplus":
            n("Log", n("Add", n("Exp", x), 1.0))
        case kind:
            centred = n("Sub", x, n.mean(x)) if kind == "layer" else x
            variance = n.mean(n("Pow", centred, 2.0))
            root = n("Sqrt", n("Add", variance, 1e-2))
            normal = n("Div", centred, root) if g.chance(0.5) else n("Mul", centred, n("Reciprocal", root))
            width = g.values[x].shape[-1]
            scaled = n("Mul", normal, g.weight([width]) if width else None)
            if kind == "layer":
                n("Add", scaled, g.weight([width]) if width else None)
