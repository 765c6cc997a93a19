"""Pointwise `nn` ops: NumPy broadcasting; f16 and bf16 compute in f32 and round once to the result type."""

from __future__ import annotations

from ..base import NnOp
from .activations import *  # noqa: F403
from .activations import ACTIVATIONS
from .activations import GeluFormAttr as GeluFormAttr
from .binary import *  # noqa: F403
from .binary import BINARY, CompareOp, WhereOp
from .bits import *  # noqa: F403
from .bits import BITS, BitcastOp, BitNotOp
from .unary import *  # noqa: F403
from .unary import UNARY, CastOp, ClipOp, IsNanOp, LeakyReluOp

POINTWISE: tuple[type[NnOp], ...] = (
    *UNARY, BitNotOp, IsNanOp, *BINARY, *BITS, CompareOp, WhereOp, ClipOp, LeakyReluOp, *ACTIVATIONS, CastOp,
    BitcastOp,
)  # fmt: skip
"""Every pointwise op class of `nn`."""
