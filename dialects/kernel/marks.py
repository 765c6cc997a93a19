"""Attributes that passes leave on groups and kernels for later ones."""

from __future__ import annotations

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, SymbolRefAttr
from xdsl.ir import Operation

LAUNCHES = "kernel.launches"
"""The attribute of a function that has been lowered and is its kernels' reference semantics: the kernels' names in launch order."""
EARLY = "kernel.early"
"""The attribute of an outlined group, then of its kernels: the operands, by number, that are weights wherever the group is called. Its
kernels wait for the previous launch by themselves, and may touch these, and no other tensor, before."""
SIGNALS = "kernel.signals"
"""The attribute of an outlined group with `kernel.early` whose kernels let the next launch begin when all of their blocks have begun."""
LOWERED = "kernel.lowered"
"""The attribute of a kernel without a body, whose CUDA C comes from an earlier build of the same group."""


def launches_of(function: Operation) -> list[str]:
    """The names of a function's kernels, in launch order; none where it has not been lowered."""
    listed = function.attributes.get(LAUNCHES)
    names = listed.data if isinstance(listed, ArrayAttr) else ()
    return [name.string_value() for name in names if isinstance(name, SymbolRefAttr)]


def early_of(op: Operation) -> frozenset[int] | None:
    """The attribute `kernel.early` of a group or kernel; None without it."""
    listed = op.attributes.get(EARLY)
    return frozenset(listed.iter_values()) if isinstance(listed, DenseArrayBase) else None
