"""Pointwise `nn` ops: NumPy broadcasting; f16 and bf16 compute in f32 and round once to the result type."""

from __future__ import annotations

from ..base import NnOp
from .binary import *  # noqa: F403
from .binary import BINARY, CompareOp, WhereOp
from .unary import *  # noqa: F403
from .unary import UNARY, CastOp, ClipOp, IsNanOp, LeakyReluOp

POINTWISE: tuple[type[NnOp], ...] = (*UNARY, IsNanOp, *BINARY, CompareOp, WhereOp, ClipOp, LeakyReluOp, CastOp)
"""Every pointwise op class of `nn`."""
