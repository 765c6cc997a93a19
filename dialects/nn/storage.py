"""The type in which a value is stored in memory: `nn.stored`, a discardable attribute of an op with one f32 result; of a group with
several results it is a list, with one type for each.

    %1 = nn.relu %0 {nn.stored = f16} : tensor<8x64xf32>

The value is f32, and so is all arithmetic on it; where it is written to memory for its readers, it is written as f16. Inside a group it
stays f32. `assign-precision` writes the attribute, `materialise-storage` turns it into casts at the boundaries of groups. Without it a
value is stored in its own type.

`nn.wide = "reason"` says why a value must not be stored narrow: `analyze-ranges` writes it, `assign-precision` removes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from xdsl.dialects.builtin import ArrayAttr, bf16, f16, f32
from xdsl.ir import Attribute, Operation, SSAValue

from .base import element_of

STORED = "nn.stored"
WIDE = "nn.wide"
NARROW = (f16, bf16)
"""Element types that hold f32 values in half of the bytes."""


def stored_of(value: SSAValue) -> Attribute:
    """The element type in which a tensor is stored in memory."""
    element = element_of(value)
    if element != f32 or not isinstance(value.owner, Operation):
        return element
    stored = value.owner.attributes.get(STORED, element)
    if not isinstance(stored, ArrayAttr):
        return stored
    listed = cast("ArrayAttr[Any]", stored)
    return listed.data[value.owner.results.index(value)]


def set_stored(op: Operation, element: Attribute) -> None:
    """Store the result of an op as `element`; removes the attribute where that is its own type."""
    if element in NARROW and element_of(op.results[0]) == f32:
        op.attributes[STORED] = element
    else:
        op.attributes.pop(STORED, None)


def copy_stored_results(values: Sequence[SSAValue], to: Operation) -> None:
    """Let the results of an op that takes the place of `values` be stored as these are."""
    elements = [stored_of(value) for value in values]
    if all(element == element_of(value) for element, value in zip(elements, values, strict=True)):
        return
    to.attributes[STORED] = elements[0] if len(elements) == 1 else ArrayAttr(elements)


def copy_stored(source: Operation, to: Operation) -> None:
    """Copy `nn.stored` to an op that replaces `source`."""
    if STORED in source.attributes:
        to.attributes[STORED] = source.attributes[STORED]


__all__ = ["NARROW", "STORED", "WIDE", "copy_stored", "copy_stored_results", "set_stored", "stored_of"]
